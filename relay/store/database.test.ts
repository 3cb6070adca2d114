/** Whatever overlaps, each query belongs to its own transaction or to none, and outside of transactions nothing is watched. */
import { createHook, executionAsyncId } from 'node:async_hooks';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { sql, type Kysely } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDatabase, type Database } from './database.ts';
import type { Tables } from './schema.ts';
import { createSeal } from './sealing.ts';
import { openSqlite } from './sqlite.ts';

let dir: string;
let root: Kysely<Tables>;
let database: Database;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'database-'));
  root = openSqlite(join(dir, 'x.db'));
  const seal = createSeal(Buffer.alloc(32, 1).toString('base64'));
  database = createDatabase(root, { dialect: 'sqlite', seal, now: () => 0 });
  await sql`CREATE TABLE marks (name TEXT PRIMARY KEY)`.execute(root);
});
afterEach(async () => {
  await root.destroy();
  rmSync(dir, { recursive: true });
});

const mark = (name: string) => sql`INSERT INTO marks (name) VALUES (${name})`.execute(database.db());
const marks = async () => {
  const { rows } = await sql<{ name: string }>`SELECT name FROM marks ORDER BY name`.execute(database.db());
  return rows.map(({ name }) => name);
};
const turn = () => new Promise((resolve) => setImmediate(resolve));
/** What lets go, and what is held until then. */
function held(): [() => void, Promise<void>] {
  let letGo = () => undefined as void;
  const until = new Promise<void>((resolve) => (letGo = resolve));
  return [letGo, until];
}
const no = new Error('no');

/** Node numbers what runs after an `await` only while somebody watches promises. */
async function isWatched(): Promise<boolean> {
  const before = executionAsyncId();
  await Promise.resolve();
  return executionAsyncId() !== before;
}

type Act = { do: 'mark' } | { do: 'turn' } | { do: 'fail' } | { do: 'within' | 'both'; acts: Act[] };
const { act: anyAct } = fc.letrec<{ act: Act }>((tie) => ({
  act: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    { arbitrary: fc.constant<Act>({ do: 'mark' }), weight: 4 },
    { arbitrary: fc.constant<Act>({ do: 'turn' }), weight: 3 },
    { arbitrary: fc.constant<Act>({ do: 'fail' }), weight: 1 },
    {
      arbitrary: fc.record({
        do: fc.constantFrom('within' as const, 'both' as const),
        acts: fc.array(tie('act'), { maxLength: 4 }),
      }),
      weight: 3,
    },
  ),
}));

describe('transactions', () => {
  it('hold what was asked within them and nothing else, however they overlap with each other and with plain queries', async () => {
    let names = 0;
    /** Does it, and says what has to be there afterwards. Marks outside of transactions stay, whatever happens then. */
    async function perform(act: Act, kept: Set<string>): Promise<void> {
      switch (act.do) {
        case 'mark': {
          names += 1;
          const name = `m${names}`;
          await mark(name);
          kept.add(name);
          return;
        }
        case 'turn':
          await turn();
          return;
        case 'fail':
          throw no;
        case 'both': {
          // All of them have ended before anything is said of them.
          const ends = await Promise.allSettled(act.acts.map((each) => perform(each, kept)));
          if (ends.some(({ status }) => status === 'rejected')) throw no;
          return;
        }
        case 'within': {
          const inside = new Set<string>();
          await database.within(async () => {
            for (const each of act.acts) await perform(each, inside);
            const there = await marks();
            expect([...inside].filter((name) => !there.includes(name))).toEqual([]);
          });
          for (const name of inside) kept.add(name);
        }
      }
    }
    await fc.assert(
      fc.asyncProperty(fc.array(anyAct, { minLength: 1, maxLength: 5 }), async (acts) => {
        await sql`DELETE FROM marks`.execute(root);
        const kept = new Set<string>();
        const ends = await Promise.allSettled(acts.map((act) => perform(act, kept)));
        for (const end of ends) if (end.status === 'rejected') expect(end.reason).toBe(no);
        expect(await marks()).toEqual([...kept].sort());
        expect(await isWatched()).toBe(false);
      }),
      { numRuns: 150 },
    );
  });

  it('are joined by what is nested or parallel in them, also by the next one after all have ended', async () => {
    for (const round of ['1', '2']) {
      const failed = database.within(async () => {
        await Promise.all([mark(`a${round}`), database.within(() => mark(`b${round}`))]);
        await turn();
        await database.within(() => mark(`c${round}`));
        throw no;
      });
      const other = database.within(() => mark(`d${round}`));
      await Promise.all([expect(failed).rejects.toBe(no), other]);
    }
    expect(await marks()).toEqual(['d1', 'd2']);
  });

  it('leave what they began and did not wait for on its own, also while the next one is under way', async () => {
    const [letGo, late] = held();
    const left: Promise<unknown>[] = [];
    await database.within(async () => {
      left.push(late.then(() => mark('late')));
      await mark('first');
    });
    const failed = database.within(async () => {
      await mark('second');
      letGo();
      await turn();
      throw no;
    });
    await expect(failed).rejects.toBe(no);
    await Promise.all(left);
    expect(await marks()).toEqual(['first', 'late']);
  });

  it("cost the process's promises and callbacks nothing while none is under way", async () => {
    expect(await isWatched()).toBe(false);
    const [letGo, slow] = held();
    const first = database.within(() => slow);
    await turn();
    const second = database.within(() => Promise.reject(no));
    letGo();
    await first;
    await expect(second).rejects.toBe(no);
    await turn();
    expect(await isWatched()).toBe(false);
    const watcher = createHook({ init: () => undefined }).enable();
    expect(await isWatched()).toBe(true);
    watcher.disable();
  });
});
