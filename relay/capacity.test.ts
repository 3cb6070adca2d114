/** What a process takes on never exceeds what the system gives it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { capacityFor, memoryLimit, openFilesLimit } from './capacity.ts';

const WANTED = { sessions: 5_000, pending: 500, passed: 2_000 };
const GB = 1024 ** 3;

describe('open files', () => {
  it('are enough for everything at once, whatever their limit is', () => {
    fc.assert(
      fc.property(fc.integer({ min: 64, max: 2_000_000 }), (files) => {
        const { sessions, pending, passed, connections } = capacityFor(WANTED, files, GB);
        expect(Math.min(sessions, pending, passed, connections)).toBeGreaterThan(0);
        // Each page's socket is one of the server's connections; each conversation has two files besides.
        expect(connections + 2 * sessions + passed).toBeLessThan(files);
        expect(sessions + pending + passed).toBeLessThanOrEqual(connections);
      }),
    );
  });

  it('lower nothing where there are plenty, or nobody knows', () => {
    expect(capacityFor(WANTED, 1_048_576, GB)).toMatchObject(WANTED);
    expect(capacityFor(WANTED, null, GB)).toMatchObject({ ...WANTED, connections: Infinity });
  });

  it('are few by default in a shell: fewer conversations then, and never more for a higher limit', () => {
    expect(capacityFor(WANTED, 1_024, GB)).toMatchObject({ sessions: 170, pending: 64, passed: 64 });
    fc.assert(
      fc.property(fc.integer({ min: 64, max: 100_000 }), fc.nat(1_000), (files, more) => {
        const few = capacityFor(WANTED, files, GB);
        // A share is a whole number: one step of it may cost a conversation.
        expect(capacityFor(WANTED, files + more, GB).sessions).toBeGreaterThanOrEqual(few.sessions - 2);
      }),
    );
  });

  it('are read from the system, and unknown where it does not say', () => {
    const limits =
      'Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 4096                 files\n';
    expect(openFilesLimit(() => limits)).toBe(1_024);
    expect(openFilesLimit(() => limits.replace('1024', 'unlimited'))).toBeNull();
    expect(
      openFilesLimit(() => {
        throw new Error('no such file');
      }),
    ).toBeNull();
    expect(openFilesLimit() ?? 1).toBeGreaterThan(0);
  });
});

describe('memory', () => {
  it("is the container's where it has a limit, else the machine's", () => {
    expect(memoryLimit(GB, 8 * GB)).toBe(GB);
    expect(memoryLimit(0, 8 * GB)).toBe(8 * GB);
    expect(memoryLimit(2 ** 63, 8 * GB)).toBe(8 * GB);
    expect(memoryLimit()).toBeGreaterThan(0);
  });

  it('gives a quarter of itself to what waits, and never less than one conversation may hold', () => {
    expect(capacityFor(WANTED, null, 2 * GB).heldBytes).toBe(GB / 2);
    expect(capacityFor(WANTED, null, 1).heldBytes).toBe(64 * 1024 * 1024);
  });
});
