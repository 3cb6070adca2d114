import fc from 'fast-check';
import { expect, it } from 'vitest';
import { heardShare, heardText } from '../heard-words.ts';
import { HISTORY_ENTRIES, History } from './history.ts';

it('keeps whole words only', () => {
  expect(heardText('one two three', 0.5)).toBe('one');
  expect(heardText('one two three', 7 / 13)).toBe('one two');
  expect(heardText('one two three', 0.99)).toBe('one two');
  expect(heardText('one two three', 1)).toBe('one two three');
  expect(heardText('one two three', -1)).toBe('');
});

it('never keeps more than was heard, and never half a word', () => {
  fc.assert(
    fc.property(fc.string(), fc.double({ min: 0, max: 1, noNaN: true }), (text, share) => {
      const kept = heardText(text, share);
      expect(text.startsWith(kept)).toBe(true);
      if (share < 1) expect(kept.length).toBeLessThanOrEqual(text.length * share);
      expect(kept === '' || kept.length === text.length || /\s/.test(text.charAt(kept.length))).toBe(true);
    }),
  );
});

it('guesses the length of unfinished sound from its text, as words run ahead', () => {
  expect(heardShare(1_000, 2_000, 100, true)).toBe(0.5);
  expect(heardShare(1_000, 2_000, 100, false)).toBeCloseTo(1_000 / 5_500);
  expect(heardShare(0, 0, 0, true)).toBe(0);
  expect(heardShare(3_000, 2_000, 0, true)).toBe(1);
});

it('replays nothing empty, and calls and outputs only as pairs', () => {
  const history = new History();
  history.add({ is: 'user', id: 'u1', text: '' });
  history.add({ is: 'user', id: 'u2', text: 'weather?' });
  history.add({ is: 'call', id: 'c1', call: 'k1', name: 'weather', arguments: '{}' });
  history.add({ is: 'call', id: 'c2', call: 'k2', name: 'weather', arguments: '{}' });
  history.add({ is: 'output', id: 'o1', call: 'k1', output: 'sun' });
  history.add({ is: 'output', id: 'o3', call: 'k3', output: 'orphan' });
  expect(history.replay().map(({ id }) => id)).toEqual(['u2', 'c1', 'o1']);
  expect(history.before('o1')).toBe('c1');
  expect(history.before('u2')).toBeUndefined();
});

it('puts an entry where the provider has it', () => {
  const history = new History();
  history.add({ is: 'user', id: 'a', text: 'a' });
  history.add({ is: 'user', id: 'c', text: 'c' });
  history.add({ is: 'agent', id: 'b', text: 'b' }, 'a');
  history.add({ is: 'agent', id: 'd', text: 'd' }, 'nobody');
  history.add({ is: 'agent', id: 'b', text: 'again' });
  expect(history.replay().map((entry) => ('text' in entry ? entry.text : ''))).toEqual(['a', 'b', 'c', 'd']);
});

it('forgets the oldest beyond its bound', () => {
  const history = new History();
  for (let i = 0; i <= HISTORY_ENTRIES; i += 1) history.add({ is: 'user', id: `u${i}`, text: 'x' });
  expect(history.replay()).toHaveLength(HISTORY_ENTRIES);
  expect(history.has('u0')).toBe(false);
  history.setText('u0', 'gone');
  history.appendText('u0', 'gone');
  expect(history.text('u0')).toBe('');
});
