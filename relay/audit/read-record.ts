/**
 * Reads a session's record back, a page at a time, as it stands in its file: also while the session
 * lives and the file grows. Knows names of sessions and no tenants; who may read is asked before.
 */
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { AuditHead, AuditRecord } from './audit.ts';

/** What a session may be called: its name is part of a path. */
const SESSION = /^ses_[0-9a-z]{1,60}$/;

export interface RecordPage {
  session: string;
  startedAt: number;
  config: Record<string, unknown>;
  rows: AuditRecord[];
  /** Records that could not be written, up to here. */
  lost: number;
  /** Absent on the last page that there is now. */
  next?: string;
}

/**
 * The parts of a session's record that are in this folder: one for each time that it went on after its
 * relay was lost. @returns their numbers, rising; 0 is the beginning.
 */
export async function recordParts(dir: string, session: string): Promise<number[]> {
  if (!SESSION.test(session)) return [];
  const names = await readdir(dir).catch((error: unknown) => {
    if ((error as { code?: string }).code === 'ENOENT') return [];
    throw error;
  });
  const parts = names.flatMap((name) => {
    if (!name.startsWith(session)) return [];
    const part = /^(?:-(\d{1,15}))?\.jsonl$/.exec(name.slice(session.length));
    return part === null ? [] : [Number(part[1] ?? 0)];
  });
  return parts.sort((a, b) => a - b);
}

/**
 * @param page - `after` counts records of that part that are skipped.
 * @param part - As {@link recordParts} numbers them.
 * @returns undefined where there is no such record (any more).
 */
export async function readRecord(
  dir: string,
  session: string,
  page: { after: number; limit: number },
  part = 0,
): Promise<RecordPage | undefined> {
  if (!SESSION.test(session)) return undefined;
  const stream = createReadStream(join(dir, `${session}${part === 0 ? '' : `-${part}`}.jsonl`), 'utf8');
  const lines = createInterface({ input: stream, crlfDelay: Infinity });
  let head: AuditHead | undefined;
  let [seen, lost, isMore] = [0, 0, false];
  const rows: AuditRecord[] = [];
  try {
    for await (const line of lines) {
      if (head === undefined) {
        head = JSON.parse(line) as AuditHead;
        continue;
      }
      const record = readLine(line);
      // The last line may be half written.
      if (record === undefined) continue;
      if ('lost' in record) {
        lost += record.lost;
        continue;
      }
      seen += 1;
      if (seen <= page.after) continue;
      if (rows.length === page.limit) {
        isMore = true;
        break;
      }
      rows.push(record);
    }
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return undefined;
    throw error;
  } finally {
    lines.close();
    stream.destroy();
  }
  if (head === undefined) return undefined;
  return {
    ...{ session, startedAt: head.startedAt, config: { ...head.config }, rows, lost },
    ...(isMore && { next: String(page.after + rows.length) }),
  };
}

function readLine(line: string): AuditRecord | { lost: number } | undefined {
  try {
    return JSON.parse(line) as AuditRecord | { lost: number };
  } catch {
    return undefined;
  }
}
