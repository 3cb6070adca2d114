import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CATEGORIES, REASONS, reasonText, severityOf, violationOf } from './decisions.ts';

describe('flagged categories', () => {
  it('come to nothing where the settings name none of them', () => {
    expect(violationOf([], { hate: 'refuse' })).toBeNull();
    expect(violationOf(['violence'], { hate: 'refuse' })).toBeNull();
  });

  it('are decided by their own name, else by the name before the slash', () => {
    const actions = { hate: 'refuse', 'hate/threatening': 'cancel_output' } as const;
    expect(violationOf(['hate/threatening'], actions)).toMatchObject({ decision: 'cancel_output', severity: 'high' });
    expect(violationOf(['violence/graphic'], { violence: 'rewrite' })).toEqual({
      decision: 'rewrite',
      reason: 'flagged_category',
      severity: 'high',
      detail: 'violence/graphic',
    });
  });

  it('are decided by the worst of them', () => {
    const actions = { harassment: 'rewrite', sexual: 'refuse' } as const;
    expect(violationOf(['harassment', 'sexual/minors'], actions)).toMatchObject({ severity: 'critical' });
    expect(violationOf(['sexual/minors', 'harassment'], actions)).toMatchObject({ detail: 'sexual/minors' });
  });

  it('of self-harm are escalated whatever is set', () => {
    for (const category of CATEGORIES.filter((name) => name.startsWith('self-harm'))) {
      expect(violationOf(['violence', category], { violence: 'refuse', 'self-harm': 'rewrite' })).toMatchObject({
        decision: 'escalate',
        reason: 'self_harm',
        severity: 'critical',
      });
    }
  });
});

it('a severity is known for every category', () => {
  expect(CATEGORIES.map(severityOf).filter((one) => one === 'critical')).toHaveLength(4);
  expect(severityOf('harassment')).toBe('medium');
});

it('a reason is written with its detail', () => {
  expect(reasonText({ decision: 'refuse', reason: 'regulated_topic', severity: 'medium', detail: 'funds' })).toBe(
    'regulated_topic:funds',
  );
  expect(reasonText({ decision: 'refuse', reason: 'disallowed_phrase', severity: 'medium' })).toBe('disallowed_phrase');
});

it('every reason code is in the README, with its meaning', () => {
  const readme = readFileSync(new URL('./README.md', import.meta.url), 'utf8').replaceAll(/ +/g, ' ');
  for (const [code, meaning] of Object.entries(REASONS)) expect(readme).toContain(`| \`${code}\` | ${meaning} |`);
});
