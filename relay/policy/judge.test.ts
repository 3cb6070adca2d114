import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPolicyJudge, type PhraseRule, type Ruling } from './judge.ts';
import { comparable } from './phrases.ts';
import { speakingMs } from './speaking-time.ts';

const PHRASES = ['guaranteed returns', 'Mörder!', "don't sue", 'ass', '投资保证', 'no refunds'];
const rules = (phrases: string[]): PhraseRule[] =>
  phrases.map((phrase) => ({
    phrase,
    violation: { decision: 'refuse', reason: 'disallowed_phrase', severity: 'medium' },
  }));
const judge = (disallowed = PHRASES) => createPolicyJudge({ rules: rules(disallowed) });
/** The words that a ruling lets out, and why it stops the response. */
const shownOf = ({ shown }: Ruling) =>
  shown
    .filter(({ isWhole }) => !isWhole)
    .map(({ text }) => text)
    .join('');
const reasonOf = ({ violation }: Ruling) => violation?.reason ?? null;

/** Feeds `text` in pieces and says whether it was blocked. */
function blocked(pieces: string[], disallowed = PHRASES): boolean {
  const one = judge(disallowed);
  const rulings = pieces.map((piece) => one.text('r', 'i', piece));
  rulings.push(one.textDone('r', 'i', pieces.join('')));
  return rulings.some((ruling) => reasonOf(ruling) === 'disallowed_phrase');
}

describe('a disallowed phrase', () => {
  it.each([
    ['as it stands', ['I offer guaranteed returns today']],
    ['over the border of two deltas', ['guaran', 'teed ret', 'urns.']],
    ['in capitals', ['GUARANTEED RETURNS']],
    ['with punctuation between', ['guaranteed... — returns']],
    ['without its diacritics', ['the morder did it']],
    ['with an accent it does not have', ['the mörder did it']],
    ['with another apostrophe', ['Don’t sue us']],
    ['at the very end', ['what an ass']],
    ['with something invisible in it', ['no re\u200bfunds']],
    ['where no spaces are written', ['我们的', '投资', '保证很好']],
    ['over a line break', ['guaranteed\n\nreturns']],
  ])('is found %s', (_, pieces) => {
    expect(blocked(pieces)).toBe(true);
  });

  it.each([
    ['inside another word', ['they pass the assembly']],
    ['when the word goes on in the next delta', ['ass', 'ume that']],
    ['in two halves with something between', ['guaranteed good returns']],
    [
      'inside another word, long after the beginning',
      Array.from('so they pass, and pass, and pass, and pass on again'),
    ],
    ['when only its beginning is said', ['they are guaranteed']],
  ])('is not found %s', (_, pieces) => {
    expect(blocked(pieces)).toBe(false);
  });

  it('is found however the text is cut', () => {
    const text = 'So I say: guaranteed returns, my friend.';
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: text.length - 1 }), { maxLength: 12 }), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), text.length];
        expect(blocked(at.slice(1).map((end, i) => text.slice(at[i], end)))).toBe(true);
      }),
    );
  });

  it('that spans two items of a response is found', () => {
    const one = judge();
    one.text('r', 'a', 'guaranteed');
    expect(reasonOf(one.textDone('r', 'a', 'guaranteed'))).toBeNull();
    expect(reasonOf(one.text('r', 'b', 'returns '))).toBe('disallowed_phrase');
  });

  it('is counted for its own response only', () => {
    const one = judge();
    one.text('r1', 'a', 'guaranteed ');
    expect(reasonOf(one.text('r2', 'b', 'returns '))).toBeNull();
    expect(reasonOf(one.text('r1', 'a', 'returns '))).toBe('disallowed_phrase');
  });

  it('blocks once, and nothing is cleared or shown afterwards', () => {
    const one = judge();
    one.sound('r', 'i', 100);
    expect(reasonOf(one.text('r', 'i', 'no refunds '))).toBe('disallowed_phrase');
    expect(one.text('r', 'i', 'no refunds ')).toEqual({
      ...{ violation: null, shown: [], clearedMs: 0 },
      awaitsWords: false,
    });
    expect(one.sound('r', 'i', 100).clearedMs).toBe(0);
  });
});

describe('sound', () => {
  it('is cleared as it comes when nothing is disallowed', () => {
    const one = judge([]);
    expect(one.sound('r', 'i', 250).clearedMs).toBe(250);
    expect(one.text('r', 'i', 'anything')).toEqual({
      violation: null,
      shown: [{ item: 'i', text: 'anything', isWhole: false }],
      clearedMs: 250,
      awaitsWords: false,
    });
    expect(one.textDone('r', 'i', 'anything at all').shown).toEqual([
      { item: 'i', text: ' at all', isWhole: false },
      { item: 'i', text: 'anything at all', isWhole: true },
    ]);
  });

  it('is cleared whole while its text has run ahead', () => {
    const one = judge();
    one.text('r', 'i', 'It will be sunny all day, and warm. ');
    expect(one.sound('r', 'i', 900).clearedMs).toBe(900);
    expect(one.sound('r', 'i', 600).clearedMs).toBe(1500);
  });

  it('waits for its text when the text is late, and is cleared when the text is complete', () => {
    const one = judge();
    expect(one.sound('r', 'i', 500).clearedMs).toBe(0);
    expect(one.sound('r', 'i', 2_500).clearedMs).toBe(0);
    expect(one.text('r', 'i', 'Well, ').clearedMs).toBeLessThan(1_500);
    expect(one.textDone('r', 'i', 'Well, here we are.').clearedMs).toBe(3_000);
  });

  it('stops before words that may become a disallowed phrase, and goes on when they do not', () => {
    const one = judge();
    const before = 'The funds are ';
    one.text('r', 'i', before);
    expect(one.text('r', 'i', 'guaranteed').shown).toEqual([]);
    expect(one.sound('r', 'i', 5_000).clearedMs).toBe(speakingMs(before, 'fast'));
    const after = one.text('r', 'i', ' to exist, and so on, and so on, and so on for long.');
    expect(shownOf(after).startsWith('guaranteed to exist')).toBe(true);
    expect(after.clearedMs).toBeGreaterThan(speakingMs(before, 'slow'));
  });

  it('that is held for words to come says so with each word that prolongs the hold, and with nothing else', () => {
    const one = judge(['never ever say this']);
    const awaits = (text: string) => one.text('r', 'i', text).awaitsWords;
    expect([awaits('I '), awaits('never '), awaits('ever'), awaits('...'), awaits(''), awaits(' say ')]).toEqual([
      ...[false, true, true, false, false, true],
    ]);
    expect(one.sound('r', 'i', 100).awaitsWords).toBe(false);
    expect(awaits('that. ')).toBe(false);
    expect(awaits('never ever say this ')).toBe(false);
    expect(awaits('never ')).toBe(false);
    const waiting = createPolicyJudge({ rules: [], waits: true });
    expect(waiting.text('r', 'i', 'never ').awaitsWords).toBe(false);
  });

  it('is counted over the response: a later item waits for the one before', () => {
    const one = judge();
    one.sound('r', 'a', 400);
    one.text('r', 'b', 'Good morning to everybody here. ');
    expect(one.sound('r', 'b', 300).clearedMs).toBe(0);
    expect(one.textDone('r', 'a', 'Hi.').clearedMs).toBe(700);
  });

  it('never loses a mark that it gave', () => {
    const anyCall = fc.oneof(
      fc.record({ is: fc.constant('text' as const), text: fc.constantFrom('guaranteed ', 'a', ' ', 'no ', 'fine. ') }),
      fc.record({ is: fc.constant('sound' as const), ms: fc.integer({ min: 1, max: 500 }) }),
    );
    fc.assert(
      fc.property(fc.array(anyCall, { maxLength: 30 }), (calls) => {
        const one = judge();
        let last = 0;
        let received = 0;
        for (const call of calls) {
          if (call.is === 'sound') received += call.ms;
          const { clearedMs } = call.is === 'text' ? one.text('r', 'i', call.text) : one.sound('r', 'i', call.ms);
          expect(clearedMs).toBeGreaterThanOrEqual(last);
          expect(clearedMs).toBeLessThanOrEqual(received);
          last = clearedMs;
        }
      }),
    );
  });

  it('of the oldest responses is forgotten', () => {
    const one = judge();
    one.text('r0', 'i', 'guaranteed ');
    for (let i = 1; i <= 16; i++) one.text(`r${i}`, 'i', 'x ');
    expect(reasonOf(one.text('r0', 'i', 'returns '))).toBeNull();
  });
});

describe('words', () => {
  it('of a phrase are not shown while it grows over several deltas', () => {
    const one = judge();
    const rulings = ['It gives', ' you', ' guaranteed', ' returns', ' of'].map((delta) => one.text('r', 'i', delta));
    expect(rulings.map(shownOf)).toEqual(['It gives', ' you', ' ', '', '']);
    expect(reasonOf(rulings.at(-1)!)).toBe('disallowed_phrase');
  });

  it('are shown in order and once, whatever is held in between', () => {
    const text = 'I am guaranteed a seat; no, no refunded tickets, ass\u00adume that.';
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), (size) => {
        const one = judge();
        let shown = '';
        for (let at = 0; at < text.length; at += size) shown += shownOf(one.text('r', 'i', text.slice(at, at + size)));
        shown += shownOf(one.textDone('r', 'i', text));
        expect(shown).toBe(text);
      }),
    );
  });

  it('that differ from their final text are judged again', () => {
    const one = judge();
    one.text('r', 'i', 'All good');
    expect(reasonOf(one.textDone('r', 'i', 'No refunds'))).toBe('disallowed_phrase');
  });
});

describe('comparable text', () => {
  it('has no case, punctuation, diacritics or doubled spaces', () => {
    expect(comparable('  Ça VA?! — "L’Été", №5 ﬁn İstanbul ')).toBe('ca va lete no5 fin istanbul');
  });
});

describe('the time that text takes', () => {
  it('is longer for digits and ideographs than for letters, and for a slow voice than for a fast one', () => {
    expect(speakingMs('2026', 'slow')).toBeGreaterThan(speakingMs('four', 'slow'));
    expect(speakingMs('投资', 'slow')).toBeGreaterThan(speakingMs('in', 'slow'));
    for (const text of ['word, word.', '投资', '42 %', 'a\nb']) {
      expect(speakingMs(text, 'slow')).toBeGreaterThan(speakingMs(text, 'fast'));
    }
  });
});
