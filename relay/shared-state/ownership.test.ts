/** Who holds a conversation, in memory: with a clock that the test moves. */
import { describe, expect, it } from 'vitest';
import { virtualClock } from '../testing/virtual-clock.ts';
import { LEASE_TTL_MS } from './lease-book.ts';
import { createOwnershipBook, memoryOwnership, RENEW_EVERY_MS } from './memory-ownership.ts';

const owner = (name: string) => ({ instance: `ins_${name}`, url: `http://${name}.internal:3000` });

function two() {
  const book = createOwnershipBook();
  const clocks = [virtualClock(), virtualClock()] as const;
  const [a, b] = [
    memoryOwnership({ self: owner('a'), clock: clocks[0], book }),
    memoryOwnership({ self: owner('b'), clock: clocks[1], book }),
  ];
  return { a, b, clocks };
}

describe('the holder of a conversation', () => {
  it('keeps it as long as it lives, however long that is, and is known to all', async () => {
    const { a, b, clocks } = two();
    expect(await a.claim('s')).toBe(true);
    for (let at = 0; at < 10 * LEASE_TTL_MS; at += 1_000) for (const clock of clocks) clock.advance(1_000);
    expect(await b.ownerOf('s')).toEqual(owner('a'));
    expect(await b.claim('s')).toBe(false);
    a.release('s');
    expect(await b.ownerOf('s')).toBeUndefined();
    expect(clocks[0].pending).toBe(0);
    expect(await b.claim('s')).toBe(true);
  });

  it('that died has lost it half a minute later, and not sooner', async () => {
    const { a, b, clocks } = two();
    await a.claim('s');
    clocks[1].advance(LEASE_TTL_MS - 1);
    expect(await b.claim('s')).toBe(false);
    clocks[1].advance(1);
    expect(await b.ownerOf('s')).toBeUndefined();
    expect(await b.claim('s')).toBe(true);
  });

  it('that was found dead is taken over from at once, by who names it, and learns of it if it lives', async () => {
    const { a, b, clocks } = two();
    const taken: string[] = [];
    const stop = a.onTaken((session) => taken.push(session));
    await a.claim('s');
    await a.claim('t');
    expect(await b.claim('s', 'ins_c')).toBe(false);
    expect(await b.claim('s', 'ins_a')).toBe(true);
    expect(await a.ownerOf('s')).toEqual(owner('b'));
    for (const clock of clocks) clock.advance(RENEW_EVERY_MS);
    expect(taken).toEqual(['s']);
    a.release('s');
    expect(await a.ownerOf('s')).toEqual(owner('b'));
    expect(await a.claim('t')).toBe(true);
    stop();
    await b.claim('t', 'ins_a');
    clocks[0].advance(RENEW_EVERY_MS);
    expect(taken).toEqual(['s']);
    a.close();
    expect(clocks[0].pending).toBe(0);
  });
});
