import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Ruling } from './judge.ts';
import type { ModerationAnswer, Moderator } from './moderation.ts';
import { createOutputPolicy, type OutputPolicyOptions } from './output-policy.ts';
import { speakingMs } from './speaking-time.ts';

interface Question {
  text: string;
  answer(answer: ModerationAnswer): Promise<void>;
}

function underTest(more: Partial<OutputPolicyOptions> = {}) {
  const rulings: Ruling[] = [];
  const questions: Question[] = [];
  const abort = new AbortController();
  const moderator: Moderator = {
    isResting: false,
    check: (text) =>
      new Promise((resolve) => {
        questions.push({
          text,
          async answer(answer) {
            resolve(answer);
            await Promise.resolve();
            await Promise.resolve();
          },
        });
      }),
  };
  const policy = createOutputPolicy({
    rules: [
      { phrase: 'no refunds', violation: { decision: 'refuse', reason: 'disallowed_phrase', severity: 'medium' } },
    ],
    actions: { hate: 'rewrite' },
    moderator,
    opening: 0,
    timeoutMs: 400,
    silenceBlocks: true,
    signal: abort.signal,
    now: () => 0,
    run: (job) => job(),
    onRuling: (_, ruling) => rulings.push(ruling),
    ...more,
  });
  const cleared = () => rulings.at(-1)?.clearedMs ?? 0;
  const shown = () =>
    rulings
      .flatMap((ruling) => ruling.shown)
      .filter(({ isWhole }) => !isWhole)
      .map(({ text }) => text)
      .join('');
  const violations = () => rulings.flatMap(({ violation }) => violation ?? []);
  return { policy, rulings, questions, abort, cleared, shown, violations };
}
const GOOD: ModerationAnswer = { ok: true, flagged: [] };
const BAD: ModerationAnswer = { ok: true, flagged: ['hate'] };

describe('an answer under moderation', () => {
  it('is neither shown nor cleared before its verdict', async () => {
    const { policy, questions, cleared, shown } = underTest();
    policy.created('r', false);
    policy.sound('r', 'i', 300);
    policy.text('r', 'i', 'Good ');
    policy.text('r', 'i', 'morning');
    expect([cleared(), shown()]).toEqual([0, '']);
    expect(questions.map(({ text }) => text)).toEqual(['Good ']);
    await questions[0]!.answer(GOOD);
    expect(shown()).toBe('Good ');
    expect(cleared()).toBe(Math.min(300, speakingMs('Good ', 'fast')));
  });

  it('is asked about in windows of whole words, with what came before, several at a time', async () => {
    const { policy, questions, shown } = underTest();
    policy.created('r', false);
    policy.text('r', 'i', 'One two');
    policy.text('r', 'i', ' three');
    policy.text('r', 'i', ' four five');
    policy.text('r', 'i', ` ${'and so on '.repeat(8)}`);
    policy.text('r', 'i', 'and more '.repeat(20));
    expect(questions).toHaveLength(3);
    expect(questions[0]!.text).toBe('One ');
    expect(questions[1]!.text).toBe('One two three four ');
    expect(questions[2]!.text).toMatch(/^One two .*so on $/);
    // The second verdict first: the mark does not jump over the first.
    await questions[1]!.answer(GOOD);
    expect(shown()).toBe('');
    await questions[0]!.answer(GOOD);
    expect(shown()).toBe('One two three four ');
    expect(questions).toHaveLength(4);
  });

  it('is cleared whole when its text is complete and all of it is judged', async () => {
    const { policy, questions, rulings, cleared } = underTest();
    policy.created('r', false);
    policy.sound('r', 'i', 5_000);
    policy.text('r', 'i', 'Good morn');
    policy.textDone('r', 'i', 'Good morning');
    expect(questions.map(({ text }) => text)).toEqual(['Good ', 'Good morning']);
    await questions[0]!.answer(GOOD);
    expect(cleared()).toBeLessThan(5_000);
    await questions[1]!.answer(GOOD);
    expect(cleared()).toBe(5_000);
    expect(rulings.flatMap(({ shown }) => shown).at(-1)).toEqual({ item: 'i', text: 'Good morning', isWhole: true });
    expect(policy.textOf('r')).toBe('Good morning');
  });

  it('of no words needs no verdict', () => {
    const { policy, questions, cleared } = underTest();
    policy.created('r', false);
    policy.sound('r', 'i', 200);
    policy.textDone('r', 'i', '');
    expect([questions.length, cleared()]).toEqual([0, 200]);
    policy.textDone('r', 'j', ' … ');
    expect(questions).toHaveLength(1);
    policy.created('s', false);
    policy.textDone('s', 'i', '  ');
    expect(questions).toHaveLength(1);
  });

  it('is stopped once, by the first that finds something', async () => {
    const { policy, questions, violations, cleared } = underTest();
    policy.created('r', false);
    policy.text('r', 'i', 'All of them. ');
    policy.text('r', 'i', 'There are no refunds ');
    await questions[0]!.answer(BAD);
    expect(violations()).toMatchObject([{ reason: 'disallowed_phrase' }]);
    policy.created('s', false);
    policy.sound('s', 'i', 100);
    policy.text('s', 'i', 'Hateful words. ');
    await questions.at(-1)!.answer(BAD);
    expect(violations().at(-1)).toMatchObject({ decision: 'rewrite', reason: 'flagged_category', detail: 'hate' });
    policy.text('s', 'i', 'And no refunds at all. ');
    policy.sound('s', 'i', 100);
    expect(violations()).toHaveLength(2);
    expect(cleared()).toBe(0);
  });

  it('without a verdict is stopped where silence blocks, and goes on where not', async () => {
    const closed = underTest();
    closed.policy.created('r', false);
    closed.policy.text('r', 'i', 'Hello there. ');
    await closed.questions[0]!.answer({ ok: false });
    expect(closed.violations()).toMatchObject([{ decision: 'refuse', reason: 'moderation_unavailable' }]);
    const open = underTest({ silenceBlocks: false });
    open.policy.created('r', false);
    open.policy.text('r', 'i', 'Hello there. ');
    await open.questions[0]!.answer({ ok: false });
    expect(open.shown()).toBe('Hello there. ');
  });

  it('is heard at its beginning on the phrases’ word alone where that is set', () => {
    const { policy, shown, cleared } = underTest({ opening: 12 });
    policy.created('r', false);
    policy.sound('r', 'i', 2_000);
    policy.text('r', 'i', 'Good morning to you. ');
    expect(shown()).toBe('Good morning');
    expect(cleared()).toBe(speakingMs('Good morning', 'fast'));
  });

  it('tells nothing after the session is over', async () => {
    const { policy, questions, rulings, abort } = underTest();
    policy.created('r', false);
    policy.text('r', 'i', 'Hello there. ');
    const before = rulings.length;
    abort.abort();
    await questions[0]!.answer(BAD);
    expect(rulings).toHaveLength(before);
  });

  it('forgets its oldest responses', () => {
    const { policy, questions } = underTest();
    for (let count = 0; count < 18; count++) policy.text(`r${count}`, 'i', 'Hello there. ');
    policy.text('r0', 'i', 'Again. ');
    expect(questions.at(-1)!.text).toBe('Again. ');
  });
});

describe('an answer that is held', () => {
  it('clears and shows nothing until it is released, and then all that is judged', () => {
    const { policy, cleared, shown, rulings } = underTest({ actions: {} });
    policy.created('r', true);
    policy.sound('r', 'i', 400);
    policy.text('r', 'i', 'Hello there. ');
    policy.textDone('r', 'i', 'Hello there. ');
    policy.textDone('r', 'j', '');
    expect([cleared(), shown()]).toEqual([0, '']);
    policy.release('r');
    expect([cleared(), shown()]).toEqual([400, 'Hello there. ']);
    const before = rulings.length;
    policy.release('r');
    policy.release('unknown');
    expect(rulings).toHaveLength(before);
  });

  it('is held also where it has no words', () => {
    const { policy, cleared, rulings } = underTest();
    policy.created('r', true);
    policy.sound('r', 'i', 100);
    policy.textDone('r', 'i', '');
    expect([cleared(), rulings.flatMap(({ shown }) => shown)]).toEqual([0, []]);
    policy.release('r');
    expect([cleared(), rulings.at(-1)?.shown]).toEqual([100, [{ item: 'i', text: '', isWhole: true }]]);
  });

  it('without moderation and phrases is cleared as it comes', () => {
    const { policy, cleared } = underTest({ actions: {}, rules: [], moderator: null });
    policy.created('r', false);
    policy.sound('r', 'i', 400);
    expect(cleared()).toBe(400);
  });
});

describe('whatever the order of verdicts', () => {
  it('no word is shown that has none, and all are when all have', async () => {
    const text =
      'So here is a long answer. It has many words, and sentences of different length! Does it end? It does.';
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(fc.nat(2)), fc.integer({ min: 1, max: 30 }), async (picks, size) => {
        const { policy, questions, shown } = underTest();
        policy.created('r', false);
        const done = new Set<Question>();
        let asked = '';
        const verdict = async () => {
          const open = questions.filter((one) => !done.has(one));
          const one = open[(picks.next().value ?? 0) % Math.max(1, open.length)];
          if (!one) return;
          done.add(one);
          await one.answer(GOOD);
        };
        for (let at = 0; at < text.length; at += size) {
          policy.text('r', 'i', text.slice(at, at + size));
          if (at % 3 === 0) await verdict();
          asked = [...done].reduce((most, { text: one }) => (one.length > most.length ? one : most), '');
          expect(text.startsWith(shown())).toBe(true);
          expect(shown().length).toBeLessThanOrEqual(asked.length);
        }
        policy.textDone('r', 'i', text);
        for (let rounds = 0; done.size < questions.length && rounds < 50; rounds++) await verdict();
        expect(shown()).toBe(text);
      }),
      { numRuns: 100 },
    );
  });
});
