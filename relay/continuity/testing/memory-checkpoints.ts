/** A store of checkpoints in memory that a test can hold up, break and watch; the real ones have the contract suite. */
import type { Checkpoints, FoundCheckpoint } from '../../store/checkpoints.ts';

export interface TestCheckpoints extends Checkpoints {
  readonly rows: Map<string, FoundCheckpoint & { document: string; takenFrom: string | null }>;
  /** Documents in the order in which they were written. */
  readonly written: string[];
  /** Thrown by every call while set. */
  failing: Error | undefined;
  /** Writes wait until it is called, each of them. */
  hold(): { release: () => void; waiting: () => number };
}

export function memoryCheckpoints(): TestCheckpoints {
  const rows: TestCheckpoints['rows'] = new Map();
  const written: string[] = [];
  let gate: { waiting: (() => void)[] } | null = null;
  const pass = async () => {
    if (gate) await new Promise<void>((resolve) => gate?.waiting.push(resolve));
    if (store.failing !== undefined) throw store.failing;
  };
  const isSame = (a: { holder: string | null; version: number }, b: { holder: string | null; version: number }) =>
    a.holder === b.holder && a.version === b.version;
  const store: TestCheckpoints = {
    rows,
    written,
    failing: undefined,
    hold() {
      const mine = (gate = { waiting: [] as (() => void)[] });
      return {
        waiting: () => mine.waiting.length,
        release() {
          if (gate === mine) gate = null;
          for (const go of mine.waiting.splice(0)) go();
        },
      };
    },
    async save(row, document) {
      await pass();
      const known = rows.get(row.sessionId);
      if (known && !isSame(known, row)) return false;
      rows.set(row.sessionId, { takenFrom: null, ...known, ...row, document, holderUrl: null, holderSeenAt: null });
      written.push(document);
      return true;
    },
    async find(session) {
      await pass();
      const row = rows.get(session);
      return row ? [{ ...row }] : [];
    },
    async take(found, holder) {
      await pass();
      const row = rows.get(found.sessionId);
      if (!row || row.version !== found.version) return undefined;
      const taken = { ...row, takenFrom: row.holder, holder, version: row.version + 1 };
      rows.set(found.sessionId, { ...taken, holderUrl: null, holderSeenAt: null });
      return row.document;
    },
    async takenFrom(holder) {
      await pass();
      return [...rows.values()].filter((row) => row.takenFrom === holder).map(({ sessionId }) => sessionId);
    },
    async letGo(hold, at) {
      await pass();
      const row = rows.get(hold.sessionId);
      if (row && isSame(row, hold)) rows.set(hold.sessionId, { ...row, holder: null, savedAt: at });
    },
    async remove(hold) {
      await pass();
      const row = rows.get(hold.sessionId);
      if (row && isSame(row, hold)) rows.delete(hold.sessionId);
    },
    async removeOld(before) {
      await pass();
      let removed = 0;
      for (const [id, row] of rows) if (row.savedAt < before && rows.delete(id)) removed += 1;
      return removed;
    },
  };
  return store;
}
