/** Who changed what. */
import * as v from 'valibot';
import { Count, Time } from './common.ts';

export const AuditEntry = v.object({
  seq: Count,
  at: Time,
  /** `user:…`, `key:…`, `operator`, `relay`. */
  actor: v.string(),
  action: v.string(),
  target: v.string(),
  /** Null when it was erased. */
  payload: v.unknown(),
  payloadHash: v.string(),
  previousHash: v.string(),
  hash: v.string(),
});
export const AuditVerdict = v.object({
  entries: Count,
  isWhole: v.boolean(),
  /** Number of the first entry that does not hold. */
  brokenAt: v.optional(Count),
});
