/**
 * Scalars and shapes that routes share. Times are milliseconds since 1970, money is millionths of a
 * US dollar. This folder is the contract between the relay's API, the console and `vjj`: it runs in
 * browsers too and imports nothing but the schema library.
 */
import * as v from 'valibot';

/** One line of text for people. */
export const Label = v.pipe(
  v.string('must be a text'),
  v.trim(),
  v.minLength(1, 'must not be empty'),
  v.maxLength(100, 'must have at most 100 characters'),
);
export const Slug = v.pipe(
  v.string('must be a text'),
  v.regex(/^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/, 'must be 1 to 40 of a-z 0-9 and -, without - at the ends'),
);
export const Email = v.pipe(
  v.string('must be a text'),
  v.trim(),
  v.toLowerCase(),
  v.maxLength(254, 'must have at most 254 characters'),
  v.regex(/^[^\s@]+@[^\s@]+$/, 'must be an e-mail address'),
);
/** A whole number of 0 or more. */
export const Count = v.pipe(
  v.number('must be a number'),
  v.integer('must be whole'),
  v.minValue(0, 'must be 0 or more'),
);
/** Milliseconds since 1970. */
export const Time = Count;
/** Millionths of a US dollar. */
export const Money = v.number();
export const Text = (longest: number) =>
  v.pipe(v.string('must be a text'), v.maxLength(longest, `must have at most ${longest} characters`));
/** `2026-11-23`, in UTC. */
export const Day = v.pipe(v.string('must be a text'), v.isoDate('must be a day such as 2026-11-23'));

const digits = (means: string) => v.pipe(v.string(), v.regex(/^\d{1,15}$/, means));
/** In a query: text that is a whole number. */
export const QueryCount = digits('must be a whole number');

/** What every list takes: where it goes on, and how many rows a page has (1 to 200; 50 without it). */
export const PageQuery = v.object({
  after: v.optional(Text(400)),
  limit: v.optional(v.pipe(v.string(), v.regex(/^([1-9]\d?|1\d\d|200)$/, 'must be 1 to 200'))),
});

/** What every list answers; `next` is the `after` of the next page, absent on the last one. */
export const list = <const S extends v.GenericSchema>(row: S) =>
  v.object({ rows: v.array(row), next: v.optional(v.string()) });
