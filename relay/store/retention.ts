/** Records of conversations are kept for some days and then removed, by the relay itself. */
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import type { Records } from './records.ts';

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

/** How long what was sent to webhooks is kept at most, answers to repeated requests, and that somebody was erased, in days. */
const DELIVERIES_DAYS = 30;
const ANSWERS_DAYS = 1;
const ERASURES_DAYS = 30;

/**
 * Takes out of the store what its time has passed for: words of conversations and whose they were after `days`,
 * sign-ins, revocations that meet no living token, deliveries (which may hold words, too) and repeated
 * answers. What was used stays counted.
 */
export async function forgetOld(
  store: Pick<Records, 'sessions' | 'subjects' | 'people' | 'revocations' | 'idempotency' | 'webhooks'>,
  days: number,
  nowMs: number,
): Promise<void> {
  await store.sessions.forgetTexts(null, nowMs - days * DAY_MS);
  await store.sessions.forgetSubjects(nowMs - days * DAY_MS);
  await store.subjects.forgetErasures(nowMs - ERASURES_DAYS * DAY_MS);
  await store.webhooks.forgetOlder(nowMs - days * DAY_MS);
  await store.people.forget(nowMs);
  await store.revocations.forget(nowMs);
  await store.idempotency.forget(nowMs - ANSWERS_DAYS * DAY_MS);
  await store.webhooks.forgetSettled(nowMs - DELIVERIES_DAYS * DAY_MS);
  await store.subjects.overwrite();
}

/**
 * Keeps records of conversations for so many days, and no longer than an hour more: files of `auditDir`
 * and what {@link forgetOld} names. @returns what ends that.
 */
export const keepRecent = (
  { store, auditDir, days }: { store: Parameters<typeof forgetOld>[0]; auditDir: string; days: number },
  clock: Clock,
  onProblem: (error: unknown) => void,
): (() => void) =>
  everyHour(clock, [(now) => removeOlder(auditDir, days, now), (now) => forgetOld(store, days, now)], onProblem);

/**
 * Does each of `jobs` now and every hour. @returns what ends that.
 *
 * @param onProblem - Told when one failed; it is tried again an hour later.
 */
export function everyHour(
  clock: Clock,
  jobs: readonly ((nowMs: number) => Promise<unknown>)[],
  onProblem: (error: unknown) => void,
): () => void {
  let cancel = () => undefined as void;
  const look = () => {
    for (const job of jobs) job(clock.wallNow()).catch(onProblem);
    cancel = clock.wakeAt(clock.now() + LOOK_EVERY_MS, look);
  };
  look();
  return () => cancel();
}
