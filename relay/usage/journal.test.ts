/** The record on its way to a store that comes and goes, over real files. */
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { virtualClock, type VirtualClock } from '../testing/virtual-clock.ts';
import { createJournal, type Journal } from './journal.ts';
import { openSpool, type Spool } from './spool.ts';

let dir: string;
let clock: VirtualClock;
/** What the store has, in the order of its coming. */
let stored: string[];
let store: 'up' | 'away' | 'hangs';
let problems: string[];
let behind: boolean[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'vjj-spool-'));
  clock = virtualClock();
  stored = [];
  store = 'up';
  problems = [];
  behind = [];
});
afterEach(() => rmSync(dir, { recursive: true }));

class Away extends Error {}
const seal = (text: string) => `x${Buffer.from(text).toString('base64url')}`;
const unseal = (sealed: string) => {
  if (!sealed.startsWith('x')) throw new Error('not ours');
  return Buffer.from(sealed.slice(1), 'base64url').toString();
};
const spool = (instance = 'ins_1', mostBytes?: number): Spool<string> =>
  openSpool({ dir, instance, seal, unseal, ...(mostBytes !== undefined && { mostBytes }) });

async function write(entry: string): Promise<void> {
  if (entry === 'bad') throw new Error('never');
  if (store === 'away') throw new Away();
  if (store === 'hangs') await new Promise(() => undefined);
  if (!stored.includes(entry)) stored.push(entry);
}
function journal(to: Spool<string> | null = spool(), most?: number): Journal<string> {
  return createJournal({
    ...{ clock, write, isAway: (error: unknown) => error instanceof Away },
    ...(to !== null && { spool: to }),
    ...(most !== undefined && { most }),
    onProblem: ({ what, lost }) => problems.push(`${what} ${lost}`),
    onBehind: (isBehind) => behind.push(isBehind),
  });
}
const files = () => readdirSync(dir);
/** Lets time pass and the disk work, until it is so. */
async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; !isSo(); tries += 1) {
    expect(tries).toBeLessThan(3_000);
    clock.advance(50);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

describe('the record of what happened', () => {
  it('goes to the store in its order, and to the disk while that is away, and then to the store', async () => {
    const books = journal();
    books.start();
    books.add('1');
    await books.settled();
    expect(stored).toEqual(['1']);
    store = 'away';
    for (const entry of ['2', '3', '4']) books.add(entry);
    await until(() => books.waiting === 0);
    expect(books.isBehind).toBe(true);
    expect(files()).toHaveLength(1);
    expect(statSync(join(dir, files()[0]!)).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(dir, files()[0]!), 'utf8')).not.toContain('"2"');
    books.add('5');
    await until(() => books.waiting === 0);
    store = 'up';
    books.retry();
    books.add('6');
    await until(() => !books.isBehind);
    books.add('7');
    await books.settled();
    expect(stored).toEqual(['1', '2', '3', '4', '5', '6', '7']);
    expect(files()).toEqual([]);
    expect(behind).toEqual([true, false]);
    await books.stop();
    expect(clock.pending).toBe(0);
  });

  it('of a process that died is written by the next one, whole lines only', async () => {
    store = 'away';
    const first = journal();
    for (const entry of ['1', '2']) first.add(entry);
    await until(() => first.waiting === 0);
    appendFileSync(join(dir, files()[0]!), 'half a li');
    store = 'up';
    const next = journal(spool('ins_2'));
    next.start();
    next.add('3');
    await until(() => !next.isBehind);
    await next.settled();
    expect(stored).toEqual(['1', '2', '3']);
    expect(problems).toContain('damaged 1');
    // And what the first still knows harms nobody.
    first.retry();
    await until(() => !first.isBehind);
    expect(stored).toEqual(['1', '2', '3']);
    await Promise.all([first.stop(), next.stop()]);
  });

  it('is on the disk within seconds when the store hangs, and at the end of the process', async () => {
    store = 'hangs';
    const books = journal();
    books.add('1');
    const put = books.put('2');
    let isKept = false;
    void put.then(() => (isKept = true));
    await until(() => isKept);
    expect(books.isBehind).toBe(true);
    books.add('3');
    await books.stop();
    store = 'up';
    const next = journal(spool('ins_2'));
    next.start();
    await until(() => !next.isBehind);
    expect(stored.sort()).toEqual(['1', '2', '3']);
    await next.stop();
  });

  it('keeps on the disk what the store took only half of, and goes on where it stopped', async () => {
    store = 'away';
    const books = journal();
    const entries = Array.from({ length: 20 }, (_, at) => String(at));
    for (const entry of entries) books.add(entry);
    await until(() => books.waiting === 0);
    await books.stop();
    let left = 7;
    const flaky = createJournal<string>({
      ...{ clock, spool: spool('ins_2'), isAway: (error: unknown) => error instanceof Away },
      async write(entry) {
        if (left === 0) {
          left = 20;
          throw new Away();
        }
        left -= 1;
        stored.push(entry);
      },
    });
    flaky.start();
    await until(() => !flaky.isBehind);
    expect(stored).toEqual(entries);
    await flaky.stop();
  });

  it('gives up what fails for a reason of its own, and holds up nothing else for ever', async () => {
    const books = journal();
    for (const entry of ['1', 'bad', '2']) books.add(entry);
    await until(() => stored.length === 2);
    expect(problems).toEqual(['write 0', 'write 1']);
    store = 'away';
    for (const entry of ['3', 'bad', '4']) books.add(entry);
    await until(() => books.waiting === 0);
    store = 'up';
    await until(() => !books.isBehind);
    expect(stored).toEqual(['1', '2', '3', '4']);
    expect(problems).toEqual(['write 0', 'write 1', 'write 1']);
    await expect(books.put('bad')).rejects.toThrow('never');
    await books.stop();
  });

  it('has its bounds, in memory and on the disk, and says so once', async () => {
    const small = journal(null, 2);
    store = 'away';
    for (const entry of ['a', 'b', 'c', 'd']) small.add(entry);
    await small.stop();
    expect(problems.filter((problem) => problem === 'full 1')).toHaveLength(1);
    problems.length = 0;
    const books = journal(spool('ins_3', 100));
    for (let at = 0; at < 50; at += 1) books.add(`an entry of some length ${at}`);
    await until(() => books.waiting === 0);
    expect(problems).toHaveLength(1);
    await expect(books.put('an entry that does not fit either, as it is much too long')).rejects.toThrow('full');
    store = 'up';
    await until(() => !books.isBehind);
    expect(stored.length).toBeGreaterThan(0);
    await books.stop();
  });

  it('stays in memory while neither the store nor the disk takes it', async () => {
    const books = journal({
      append: () => Promise.reject(new Error('read-only')),
      replay: () => Promise.resolve(0),
      bytes: 0,
    });
    store = 'away';
    books.add('1');
    const put = expect(books.put('2')).rejects.toThrow('read-only');
    await until(() => problems.includes('disk 0'));
    await put;
    store = 'up';
    await until(() => stored.includes('1'));
    await books.stop();
  });

  it('is in the store once each and in order, however store and process come and go', async () => {
    const step = fc.constantFrom('add', 'add', 'add', 'away', 'up', 'restart', 'pause');
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        stored = [];
        store = 'up';
        let run = 0;
        let books = journal(spool('ins_p0'));
        let added = 0;
        for (const one of steps) {
          if (one === 'add') books.add(String((added += 1)));
          else if (one === 'away' || one === 'up') store = one;
          else if (one === 'pause') await until(() => books.waiting === 0);
          else {
            await books.stop();
            books = journal(spool(`ins_p${(run += 1)}`));
            books.start();
          }
        }
        store = 'up';
        await until(() => !books.isBehind && books.waiting === 0);
        await books.settled();
        await books.stop();
        expect(stored).toEqual(Array.from({ length: added }, (_, at) => String(at + 1)));
      }),
      { numRuns: 30 },
    );
  });
});
