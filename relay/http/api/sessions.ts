/** Conversations as they are kept, and what ends one. */
import * as v from 'valibot';
import { Count, Money, PageQuery, QueryCount, Text, Time } from './common.ts';

export const Session = v.object({
  id: v.string(),
  subject: v.string(),
  assistantId: v.string(),
  assistantVersion: Count,
  origin: v.nullable(v.string()),
  instance: v.string(),
  locale: v.nullable(v.string()),
  startedAt: Time,
  /** Null while it lives. */
  endedAt: v.nullable(Time),
  closeCode: v.nullable(v.number()),
  turns: Count,
  interruptions: Count,
  /** How long somebody could be heard, in milliseconds. */
  talkMs: v.number(),
  cost: Money,
  /** How the person found it, 1 to 5; null: not said. */
  rating: v.nullable(Count),
  /** Null where nothing was said, the tenant keeps no words, or they were erased. */
  comment: v.nullable(v.string()),
});
export const SessionsQuery = v.object({
  ...PageQuery.entries,
  /** Part of a subject, of an id, or of what was said. */
  search: v.optional(Text(200)),
  /** Started at or after, and before; milliseconds since 1970. */
  from: v.optional(QueryCount),
  to: v.optional(QueryCount),
  live: v.optional(v.picklist(['true', 'false'], 'must be true or false')),
});
export const Turn = v.object({
  turn: v.string(),
  /** From the start of the session, in milliseconds. */
  startedMs: v.number(),
  endedMs: v.number(),
  outcome: v.string(),
  /** Null where the tenant keeps no words, or they were erased. */
  userText: v.nullable(v.string()),
  heardText: v.nullable(v.string()),
  unheardText: v.nullable(v.string()),
  /** By name, such as `first_b_ms`, in milliseconds. */
  figures: v.record(v.string(), v.unknown()),
  cost: Money,
  rating: v.nullable(Count),
  comment: v.nullable(v.string()),
});
export const Usage = v.object({
  lane: v.picklist(['A', 'B', 'C']),
  kind: v.string(),
  quantity: v.number(),
  unit: v.picklist(['tokens', 'seconds', 'requests']),
  cost: Money,
  priceDate: v.string(),
  at: Time,
});
export const SessionDetail = v.object({ ...Session.entries, turnRows: v.array(Turn), usage: v.array(Usage) });

export const RecordQuery = v.object({
  /** The former page's `next`. */
  after: v.optional(QueryCount),
  /** 1 to 5000; 2000 without it. */
  limit: v.optional(v.pipe(v.string(), v.regex(/^([1-9]\d{0,2}|[1-4]\d{3}|5000)$/, 'must be 1 to 5000'))),
});
/** The arbiter's record: every event with its effects, in order, as the arbiter's vocabulary has them. Holds no words. */
export const SessionRecordPage = v.object({
  session: v.string(),
  /**
   * Of a conversation that went on after its relay was lost there is a part for each relay, and a page is of
   * one part; each replays from its own beginning. From 0.
   */
  part: Count,
  /** Parts that are there. */
  parts: Count,
  /** Wall-clock milliseconds at the record's `t` of 0. */
  startedAt: Time,
  /** The arbiter's knobs in that session. */
  config: v.record(v.string(), v.unknown()),
  rows: v.array(
    v.object({
      event: v.looseObject({ type: v.string(), t: v.number() }),
      effects: v.array(v.looseObject({ type: v.string() })),
    }),
  ),
  /** Records that could not be written. */
  lost: Count,
  next: v.optional(v.string()),
});
export const SessionEnd = v.object({
  /** False: it had ended meanwhile, or the instance that has it does not answer. */
  isEnded: v.boolean(),
});

export const Revocation = v.object({
  kind: v.picklist(['token', 'subject', 'key', 'tenant']),
  value: v.string(),
  /** Tokens issued before this are refused; those of a revoked `jti` always. */
  issuedBefore: Time,
  /** When it may be forgotten. */
  expiresAt: Time,
  createdAt: Time,
});
export const NewRevocation = v.strictObject({
  kind: v.picklist(['token', 'subject', 'key', 'tenant'], 'must be token, subject, key or tenant'),
  /** The `jti`, `sub`, `kid`, or the tenant's id. */
  value: v.pipe(Text(256), v.minLength(1, 'must not be empty')),
});
