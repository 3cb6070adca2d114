import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Slab } from './slab.ts';

it('gives every caller bytes of its own, all zero and aligned, whatever was asked for before', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 40 }), (lengths) => {
      const slab = new Slab(1024);
      const given = lengths.map((bytes, at) => {
        const one = slab.take(bytes);
        expect([...one]).toEqual(Array<number>(bytes).fill(0));
        expect(one.byteOffset % 8).toBe(0);
        return one.fill(at + 1);
      });
      for (const [at, one] of given.entries()) expect([...new Set(one)]).toEqual(one.length === 0 ? [] : [at + 1]);
    }),
  );
});

it('copies samples, so that their owner may write to them again', () => {
  const slab = new Slab(1024);
  const mine = Int16Array.of(1, -2, 300);
  const copies = [slab.copyOf(mine), slab.copyOf(mine)];
  mine.fill(0);
  expect(copies).toEqual([Int16Array.of(1, -2, 300), Int16Array.of(1, -2, 300)]);
});

it('keeps little alive: what is small lies together, what is large lies alone', () => {
  const slab = new Slab(1024);
  const [first, second] = [slab.take(100), slab.take(100)];
  expect(first.buffer).toBe(second.buffer);
  expect(slab.take(257).buffer.byteLength).toBe(257);
});
