/** Places of a process that died, and of one that was only slow. */
import { describe, expect, it } from 'vitest';
import { virtualClock } from '../testing/virtual-clock.ts';
import { createLeaseBook, LEASE_TTL_MS } from './lease-book.ts';
import { memorySharedState } from './memory.ts';

/** Two instances that share their places; one whose clock is not moved is dead. */
function two() {
  const book = createLeaseBook();
  const clocks = [virtualClock(), virtualClock()] as const;
  return { clocks, states: clocks.map((clock) => memorySharedState({ clock, book })) };
}

describe('places that instances share', () => {
  it('are kept as long as their holder lives, however long that is', async () => {
    const { clocks, states } = two();
    const release = await states[0]!.lease('t', 1);
    for (let at = 0; at < 20 * LEASE_TTL_MS; at += 1_000) for (const clock of clocks) clock.advance(1_000);
    expect(await states[1]!.lease('t', 1)).toBeUndefined();
    release!();
    expect(await states[1]!.lease('t', 1)).toBeDefined();
    expect(clocks[0].pending).toBe(0);
  });

  it('of one that died are free half a minute later, and not sooner', async () => {
    const { clocks, states } = two();
    await states[0]!.lease('t', 2);
    await states[0]!.lease('t', 2);
    clocks[1].advance(LEASE_TTL_MS - 1);
    expect(await states[1]!.lease('t', 2)).toBeUndefined();
    clocks[1].advance(1);
    expect(await states[1]!.leased('t')).toBe(0);
    expect(await states[1]!.lease('t', 2)).toBeDefined();
  });

  it('are had again by one that was only slow, and given back by it once', async () => {
    const { clocks, states } = two();
    const release = await states[0]!.lease('t', 1);
    clocks[1].advance(LEASE_TTL_MS);
    expect(await states[1]!.leased('t')).toBe(0);
    clocks[0].advance(LEASE_TTL_MS);
    expect(await states[1]!.leased('t')).toBe(1);
    release!();
    release!();
    expect(await states[1]!.leased('t')).toBe(0);
  });
});
