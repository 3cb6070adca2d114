/**
 * Lists in pages. A cursor names the last row that was seen by its order, so that rows which come
 * or go meanwhile shift nothing. It grants nothing: every list asks for its tenant again.
 */
import { sql, type RawBuilder } from 'kysely';
import { RelayError } from '../errors.ts';
import type { Page, PageRequest } from './records.ts';

const LONGEST_PAGE = 200;

/** Where a row stands: by this number, and among equals by this text. */
export type Place = readonly [order: number, id: string];

/** @throws {RelayError} `bad-request` at `after`. */
export function placeOf(after: string): Place {
  try {
    const place: unknown = JSON.parse(Buffer.from(after, 'base64url').toString());
    if (Array.isArray(place) && Number.isSafeInteger(place[0]) && typeof place[1] === 'string' && place.length === 2)
      return [place[0] as number, place[1]];
  } catch {
    // Said below, as for any other text that is no cursor.
  }
  throw new RelayError('bad-request', 'not a cursor of a page', { at: 'after' });
}

/** A condition for what follows the cursor, newest first. */
export function olderThan(after: string | undefined, order: string, id: string): RawBuilder<boolean> {
  if (after === undefined) return sql<boolean>`1 = 1`;
  const [at, name] = placeOf(after);
  return sql<boolean>`(${sql.ref(order)}, ${sql.ref(id)}) < (${at}, ${name})`;
}

/** How many rows to ask for: one more than the page has, which tells whether another follows. */
export const rowsToAsk = ({ limit }: PageRequest): number => pageLength(limit) + 1;

const pageLength = (limit: number) => Math.min(LONGEST_PAGE, Math.max(1, Math.floor(limit)));

export function pageOf<R, T>(
  found: R[],
  { limit }: PageRequest,
  place: (row: R) => Place,
  read: (row: R) => T,
): Page<T> {
  const shown = found.slice(0, pageLength(limit));
  const last = shown.at(-1);
  const rows = shown.map(read);
  if (last === undefined || found.length <= shown.length) return { rows };
  return { rows, next: Buffer.from(JSON.stringify(place(last))).toString('base64url') };
}
