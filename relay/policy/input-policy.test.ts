import { describe, expect, it } from 'vitest';
import { createInputPolicy } from './input-policy.ts';
import type { ModerationAnswer, Moderator } from './moderation.ts';
import { completePolicy, type PolicyDocument } from './settings.ts';

const least: PolicyDocument = { disallowed: ['never'], refusal: 'No.', fallback: 'Sorry.' };
function underTest(more: Partial<PolicyDocument>, answer: ModerationAnswer | null = null, silenceBlocks = true) {
  const asked: string[] = [];
  const moderator: Moderator | null = answer && {
    isResting: false,
    check(text) {
      asked.push(text);
      return Promise.resolve(answer);
    },
  };
  const { signal } = new AbortController();
  const policy = completePolicy({ ...least, ...more });
  return { asked, input: createInputPolicy({ policy, moderator, timeoutMs: 400, silenceBlocks, signal }) };
}
const topics: PolicyDocument['topics'] = [
  { name: 'law', words: ['lawsuit'], action: 'refuse' },
  { name: 'pills', words: ['an overdose'], action: 'escalate' },
  { name: 'funds', words: ['fund'], action: 'disclaim', disclaimer: 'Capital is at risk.' },
  { name: 'ours', words: ['margin'], on: 'output', action: 'refuse' },
];
const moderation = { input: { violence: 'rewrite' } } as const;

describe('a question', () => {
  it('needs no judging where nothing is set for it', () => {
    const { input } = underTest({});
    expect(input.isNeeded).toBe(false);
    expect(input.check('never say that')).toEqual({ violation: null, topics: [] });
  });

  it('is judged by the words of topics at once', () => {
    const { input } = underTest({ topics });
    expect(input.isNeeded).toBe(true);
    expect(input.check('I want a LAWSUIT!')).toMatchObject({ violation: { decision: 'refuse', detail: 'law' } });
    expect(input.check('What is your margin?')).toEqual({ violation: null, topics: [] });
    expect(input.check('Is your fund good?')).toEqual({ violation: null, topics: ['funds'] });
  });

  it('is judged by moderation, a little later', async () => {
    const { input, asked } = underTest({ moderation, topics }, { ok: true, flagged: ['violence'] });
    const ruling = input.check('I will hit the fund');
    expect(ruling).toBeInstanceOf(Promise);
    expect(await ruling).toMatchObject({ violation: { decision: 'rewrite', detail: 'violence' }, topics: ['funds'] });
    expect(asked).toEqual(['I will hit the fund']);
    expect(input.check(' ')).toEqual({ violation: null, topics: [] });
    expect(input.check('took an overdose')).toMatchObject({ violation: { decision: 'escalate' } });
    expect(asked).toHaveLength(1);
  });

  it('of self-harm is escalated over what a topic says of it', async () => {
    const harm = underTest({ moderation, topics }, { ok: true, flagged: ['self-harm'] });
    expect(await harm.input.check('a lawsuit')).toMatchObject({ violation: { reason: 'self_harm' } });
    const other = underTest({ moderation, topics }, { ok: true, flagged: [] });
    expect(await other.input.check('a lawsuit')).toMatchObject({ violation: { detail: 'law' } });
  });

  it('without a verdict is refused where silence blocks, and allowed where not', async () => {
    expect(await underTest({ moderation }, { ok: false }).input.check('Hello')).toMatchObject({
      violation: { decision: 'refuse', reason: 'moderation_unavailable' },
    });
    expect(await underTest({ moderation }, { ok: false }, false).input.check('Hello')).toEqual({
      violation: null,
      topics: [],
    });
  });
});
