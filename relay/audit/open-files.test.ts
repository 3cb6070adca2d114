/** Files that stay open: what was appended is in them, and no more of them are open than may be. */
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { appendLines } from './line-file.ts';
import { createOpenFiles, type AppendedFile } from './open-files.ts';

const IDLE_MS = 5_000;

let dir: string;
beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'open-files-')));
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(dir, { recursive: true });
});

const at = (name: string) => join(dir, name);
const text = (name: string) => readFileSync(at(name), 'utf8');

/** Files below the folder that this process has open, as the system tells; a removed one says so in its name. */
function open(): string[] {
  const targets = readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      // The one that lists them.
      return [];
    }
  });
  return targets.flatMap((target) => (target.startsWith(`${dir}/`) ? [target.slice(dir.length + 1)] : [])).sort();
}

describe('a file that is appended to', () => {
  it('stays open between writes, for its owner alone, and is closed when it is said to', async () => {
    const files = createOpenFiles();
    const file = files.at(at('a'));
    expect(open()).toEqual([]);
    await file.append('1');
    expect([text('a'), open(), files.kept]).toEqual(['1', ['a'], 1]);
    expect(statSync(at('a')).mode & 0o777).toBe(0o600);
    await file.append('2ü');
    expect([text('a'), open()]).toEqual(['12ü', ['a']]);
    await file.close();
    await file.close();
    expect([open(), files.kept, vi.getTimerCount()]).toEqual([[], 0, 0]);
    await file.append('3');
    expect([text('a'), open()]).toEqual(['12ü3', ['a']]);
    await file.close();
  });

  it('is closed when nothing was written to it for a while, and opened again by the next write', async () => {
    const files = createOpenFiles({ most: 9, idleMs: IDLE_MS });
    const [quiet, busy] = [files.at(at('quiet')), files.at(at('busy'))];
    await quiet.append('1');
    for (let round = 0; round < 3; round++) {
      await busy.append('1');
      vi.advanceTimersByTime(IDLE_MS);
    }
    await vi.waitUntil(() => open().length < 2);
    expect(open()).toEqual(['busy']);
    await quiet.append('2');
    expect([text('quiet'), open()]).toEqual(['12', ['busy', 'quiet']]);
    vi.advanceTimersByTime(2 * IDLE_MS);
    await vi.waitUntil(() => open().length === 0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is opened for each write where as many as may be are open, until one of those goes', async () => {
    const files = createOpenFiles({ most: 2, idleMs: IDLE_MS });
    const [a, b, c] = ['a', 'b', 'c'].map((name) => files.at(at(name))) as [AppendedFile, AppendedFile, AppendedFile];
    for (const file of [a, b, c, c]) await file.append('1');
    expect([text('c'), open(), files.kept]).toEqual(['11', ['a', 'b'], 2]);
    await a.close();
    await c.append('2');
    expect([text('c'), open()]).toEqual(['112', ['b', 'c']]);
    await Promise.all([b.close(), c.close()]);
  });

  it('that somebody removed is let go: what comes then is in a new file', async () => {
    const file = createOpenFiles().at(at('a'));
    await file.append('1');
    rmSync(at('a'));
    expect(open()).toEqual(['a (deleted)']);
    await file.append('2');
    expect([text('a'), open()]).toEqual(['2', ['a']]);
    await file.close();
  });

  it('that somebody removed is not held when nothing more comes', async () => {
    const file = createOpenFiles({ most: 9, idleMs: IDLE_MS }).at(at('a'));
    await file.append('1');
    rmSync(at('a'));
    vi.advanceTimersByTime(2 * IDLE_MS);
    await vi.waitUntil(() => open().length === 0);
    expect(readdirSync(dir)).toEqual([]);
  });

  it('that somebody renames goes on under its new name, and one that is cut short at its new end', async () => {
    const file = createOpenFiles().at(at('a'));
    await file.append('1');
    renameSync(at('a'), at('b'));
    await file.append('2');
    expect(text('b')).toBe('12');
    truncateSync(at('b'));
    await file.append('3');
    expect(text('b')).toBe('3');
    await file.close();
  });

  it('says what the system says, and is not open then', async () => {
    symlinkSync('/dev/full', at('full'));
    const files = createOpenFiles();
    const before = readdirSync('/proc/self/fd').length;
    await expect(files.at(at('full')).append('1')).rejects.toMatchObject({ code: 'ENOSPC' });
    await expect(files.at(at('no/folder')).append('1')).rejects.toMatchObject({ code: 'ENOENT' });
    expect(readdirSync('/proc/self/fd')).toHaveLength(before);
    expect([files.kept, vi.getTimerCount()]).toEqual([0, 0]);
  });

  it('has all that came since it was last removed, in order, whatever is done to it and to others', async () => {
    const names = ['a', 'b', 'c', 'd'];
    const step = fc.record({
      name: fc.constantFrom(...names),
      does: fc.constantFrom('append', 'append', 'append', 'append', 'close', 'remove', 'wait'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(step, { minLength: 1, maxLength: 6 }), { maxLength: 8 }), async (rounds) => {
        const files = createOpenFiles({ most: 2, idleMs: IDLE_MS });
        const all = new Map(names.map((name) => [name, files.at(at(name))]));
        const expected = new Map<string, string>();
        let count = 0;
        // What is in one round is done at the same time, but for each file one after the other.
        for (const round of rounds) {
          const perform = async (name: string, does: string) => {
            const file = all.get(name)!;
            if (does === 'wait') vi.advanceTimersByTime(IDLE_MS);
            else if (does === 'close') await file.close();
            else if (does === 'remove') {
              rmSync(at(name), { force: true });
              expected.delete(name);
            } else {
              count += 1;
              const line = `${count}\n`;
              await file.append(line);
              expected.set(name, (expected.get(name) ?? '') + line);
            }
          };
          await Promise.all(
            names.map(async (name) => {
              for (const step of round) if (step.name === name) await perform(name, step.does);
            }),
          );
          expect(files.kept).toBeLessThanOrEqual(2);
          await vi.waitUntil(() => open().length === files.kept, { interval: 1 });
        }
        expect(new Map(readdirSync(dir).map((name) => [name, text(name)]))).toEqual(expected);
        for (const [name, file] of all) {
          await file.close();
          rmSync(at(name), { force: true });
        }
        expect([open(), vi.getTimerCount()]).toEqual([[], 0]);
      }),
      { numRuns: 60 },
    );
  });
});

describe('a file of lines that is kept open', () => {
  const never = (error: unknown): void => {
    throw error;
  };

  it('is open from its first line until it is closed', async () => {
    const file = appendLines(dir, 'x.jsonl', never);
    file.append('a');
    await vi.waitUntil(() => open().length === 1);
    file.append('b');
    await file.close();
    expect([text('x.jsonl'), open()]).toEqual(['a\nb\n', []]);
  });

  it('is closed after all that comes while it is being closed', async () => {
    const file = appendLines(dir, 'x.jsonl', never);
    file.append('a');
    await vi.waitUntil(() => open().length === 1);
    const much = 'm'.repeat(300_000);
    const end = file.close();
    file.append(much);
    await end;
    expect(text('x.jsonl') === `a\n${much}\n`).toBe(true);
    expect(open()).toEqual([]);
  });

  it('says once that the disk is full, and holds nothing', async () => {
    symlinkSync('/dev/full', at('x.jsonl'));
    const problems: unknown[] = [];
    const file = appendLines(dir, 'x.jsonl', (error) => problems.push(error));
    file.append('a');
    await vi.waitUntil(() => problems.length === 1);
    file.append('b');
    await file.close();
    expect(problems).toMatchObject([{ code: 'ENOSPC' }]);
  });
});
