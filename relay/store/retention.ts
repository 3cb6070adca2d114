/** Records of conversations are kept for some days and then removed, by the relay itself. */
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../clock.ts';

const DAY_MS = 86_400_000;
/** How often old records are looked for, in milliseconds. */
const LOOK_EVERY_MS = 3_600_000;

/**
 * Removes the files of `dir` that were not written to for `days`.
 *
 * @param nowMs - Milliseconds since 1970.
 * @returns how many were removed; a folder that does not exist has none.
 */
export async function removeOlder(dir: string, days: number, nowMs: number): Promise<number> {
  const names = await readdir(dir).catch((error: unknown) => {
    if ((error as { code?: string }).code === 'ENOENT') return [];
    throw error;
  });
  let removed = 0;
  for (const name of names) {
    const file = join(dir, name);
    const info = await stat(file).catch(() => undefined);
    if (info?.isFile() !== true || nowMs - info.mtimeMs <= days * DAY_MS) continue;
    await rm(file, { force: true });
    removed += 1;
  }
  return removed;
}

/**
 * Does so now and every hour. @returns what ends that.
 *
 * @param onProblem - Told when it failed; it is tried again an hour later.
 */
export function keepRecent(dir: string, days: number, clock: Clock, onProblem: (error: unknown) => void): () => void {
  let cancel = () => undefined as void;
  const look = () => {
    removeOlder(dir, days, clock.wallNow()).catch(onProblem);
    cancel = clock.wakeAt(clock.now() + LOOK_EVERY_MS, look);
  };
  look();
  return () => cancel();
}
