import { describe, expect, it } from 'vitest';
import { disclaimRules, isModerated, phraseRules } from './rules.ts';
import { DEFAULT_HANDOVER, checkPolicy, completePolicy, type PolicyDocument } from './settings.ts';
import { instructionsWith, rewriteInstruction, sayInstruction } from './told.ts';

const least: PolicyDocument = { disallowed: [], refusal: 'I cannot say that.', fallback: 'Sorry.' };
const full: PolicyDocument = {
  ...least,
  disallowed: ['guaranteed returns'],
  onDisallowed: 'rewrite',
  moderation: { input: { 'self-harm': 'escalate' }, output: { hate: 'cancel_output' }, opening: 24 },
  topics: [
    { name: 'funds', words: ['fund', 'funds'], action: 'disclaim', disclaimer: 'Capital is at risk.' },
    { name: 'law', words: ['lawsuit'], on: 'output', action: 'refuse', guidance: 'Name a lawyer.' },
    { name: 'pills', words: ['dose'], on: 'input', action: 'escalate' },
  ],
  required: [
    { text: 'This is a machine.', when: 'first_answer' },
    { text: 'Over.', when: 'every_answer' },
  ],
  pii: { kinds: ['email'], names: ['Ada'] },
  handover: 'One moment, a colleague takes over.',
};

describe('a policy', () => {
  it('is fine at its least and at its most', () => {
    expect(checkPolicy(least)).toEqual([]);
    expect(checkPolicy(full)).toEqual([]);
  });

  it.each([
    [{ disallowed: ['...'] }, 'policy.disallowed.0', 'holds no word'],
    [{ onDisallowed: 'shout' }, 'policy.onDisallowed', /must be one of rewrite/],
    [
      { moderation: { input: { rudeness: 'refuse' } } },
      'policy.moderation.input.rudeness',
      'is no category of moderation',
    ],
    [
      { moderation: { output: { 'self-harm/intent': 'refuse' } } },
      'policy.moderation.output',
      'self-harm is always escalated',
    ],
    [{ topics: [{ name: 'a b', words: ['x'], action: 'refuse' }] }, 'policy.topics.0.name', /must be 1 to 40/],
    [{ topics: [{ name: 'a', words: [], action: 'refuse' }] }, 'policy.topics.0.words', 'must hold a word'],
    [
      { topics: [{ name: 'a', words: ['x'], action: 'disclaim' }] },
      'policy.topics.0.disclaimer',
      'is what disclaim says',
    ],
    [{ pii: { names: ['a+'] } }, 'policy.pii.names.0', /bound/],
    [{ refusal: ' ' }, 'policy.refusal', 'holds no word'],
    [{ extra: 1 }, 'policy.extra', /never/],
  ])('with %j is refused where it is wrong', (change, at, message) => {
    expect(checkPolicy({ ...least, ...change })).toContainEqual({
      at,
      message: typeof message === 'string' ? message : (expect.stringMatching(message) as string),
    });
  });

  it('that is none is refused whole', () => {
    expect(checkPolicy('no', 'assistant')).toMatchObject([{ at: 'assistant' }]);
  });

  it('has every default once it is complete', () => {
    expect(completePolicy(least)).toMatchObject({
      onDisallowed: 'refuse',
      moderation: { input: {}, output: {}, opening: 0, holdForInput: false },
      topics: [],
      required: [],
      pii: { names: [] },
      handover: DEFAULT_HANDOVER,
    });
    expect(completePolicy(full)).toMatchObject({
      handover: full.handover,
      pii: { kinds: ['email'], names: [/Ada/gu] },
    });
  });
});

describe('its rules', () => {
  const policy = completePolicy(full);
  it('look for each side’s phrases, topics that are only disclaimed aside', () => {
    expect(phraseRules(policy, 'output').map(({ phrase, violation }) => [phrase, violation.decision])).toEqual([
      ['guaranteed returns', 'rewrite'],
      ['lawsuit', 'refuse'],
    ]);
    expect(phraseRules(policy, 'input')).toMatchObject([
      { phrase: 'dose', violation: { decision: 'escalate', reason: 'regulated_topic', detail: 'pills' } },
    ]);
    expect(disclaimRules(policy, 'input')).toEqual([
      { topic: 'funds', words: ['fund', 'funds'], text: 'Capital is at risk.' },
    ]);
    expect([isModerated(policy, 'input'), isModerated(completePolicy(least), 'input')]).toEqual([true, false]);
  });

  it('are told to the model before it speaks', () => {
    const told = instructionsWith('Be brief.', policy);
    expect(told).toMatch(/^Be brief\.\n/);
    for (const words of [
      'guaranteed returns',
      'Capital is at risk.',
      'Name a lawyer.',
      'This is a machine.',
      'Over.',
    ]) {
      expect(told).toContain(words);
    }
    expect(told).not.toContain('pills');
    expect(instructionsWith('Be brief.', completePolicy(least))).toBe('Be brief.');
  });

  it('are told to it again when it broke one', () => {
    const severity = 'medium';
    const decision = 'rewrite';
    expect(rewriteInstruction({ decision, reason: 'disallowed_phrase', severity }, policy)).toContain(
      '"guaranteed returns"',
    );
    const law = rewriteInstruction({ decision, reason: 'regulated_topic', severity, detail: 'law' }, policy);
    expect(law).toMatch(/law\..*Name a lawyer\./s);
    expect(rewriteInstruction({ decision, reason: 'flagged_category', severity, detail: 'hate' }, policy)).toContain(
      'hate',
    );
    expect(rewriteInstruction({ decision, reason: 'flagged_category', severity }, policy)).toContain(
      'against the rules',
    );
    expect(sayInstruction(['One.', 'Say "two".'])).toContain('say exactly: "One. Say \\"two\\"."');
  });
});
