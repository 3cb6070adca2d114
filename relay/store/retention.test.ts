import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { virtualClock } from '../testing/virtual-clock.ts';
import { keepRecent, removeOlder } from './retention.ts';

const DAY = 86_400_000;
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'vjj-old-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));
function record(name: string, atMs: number): void {
  writeFileSync(join(dir, name), '{}');
  utimesSync(join(dir, name), atMs / 1000, atMs / 1000);
}

describe('records of conversations', () => {
  it('are removed when they are older than the days they are kept, and not before', async () => {
    const now = virtualClock().wallNow();
    record('old.jsonl', now - 7 * DAY - 1_000);
    record('recent.jsonl', now - 7 * DAY + 1_000);
    mkdirSync(join(dir, 'folder'));
    expect(await removeOlder(dir, 7, now)).toBe(1);
    expect(readdirSync(dir).sort()).toEqual(['folder', 'recent.jsonl']);
    expect(await removeOlder(join(dir, 'none'), 7, now)).toBe(0);
  });

  it('are looked through at once and every hour, until that is ended', async () => {
    const clock = virtualClock();
    record('a.jsonl', clock.wallNow() - 2 * DAY);
    record('b.jsonl', clock.wallNow() - DAY + 1_800_000);
    const stop = keepRecent(dir, 1, clock, () => undefined);
    await vi.waitFor(() => expect(readdirSync(dir)).toEqual(['b.jsonl']));
    clock.advance(3_600_000);
    await vi.waitFor(() => expect(readdirSync(dir)).toEqual([]));
    stop();
    expect(clock.pending).toBe(0);
  });

  it('that cannot be looked through are reported', async () => {
    writeFileSync(join(dir, 'file'), '');
    const failed = new Promise((resolve) => {
      keepRecent(join(dir, 'file'), 1, virtualClock(), resolve);
    });
    expect(await failed).toMatchObject({ code: 'ENOTDIR' });
  });
});
