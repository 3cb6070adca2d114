/** What an operator sees of the whole: instances, conversations under way, how quick and how sound it is. */
import * as v from 'valibot';
import { Count, Time } from './common.ts';

export const LiveSession = v.object({
  id: v.string(),
  tenant: v.string(),
  /** Absent where the tenant is not known any more. */
  tenantName: v.optional(v.string()),
  /** The arbiter's, such as `LISTENING` or `B_PLAYING`. */
  state: v.string(),
  since: Time,
  /** Whether the model's provider is connected, and its address or name. */
  isProviderUp: v.boolean(),
  provider: v.string(),
  instance: v.string(),
});

export const Circuit = v.object({
  /** The address without path. */
  provider: v.string(),
  /** A digest; the key itself is kept nowhere. */
  credential: v.string(),
  is: v.picklist(['closed', 'open', 'half-open']),
  since: Time,
  why: v.optional(v.picklist(['unreachable', 'refused', 'throttled'])),
  reason: v.optional(v.string()),
});

/** What an instance says of itself. */
export const InstanceGlance = v.object({
  sessions: Count,
  /** The newest of them. */
  rows: v.array(v.omit(LiveSession, ['tenantName', 'instance'])),
  isDraining: v.boolean(),
  /** `openai` or `emulator`. */
  provider: v.string(),
  model: v.string(),
  circuits: v.array(Circuit),
  isStoreUp: v.boolean(),
  isSharedStateUp: v.boolean(),
});

export const Instance = v.object({
  id: v.string(),
  /** By which other instances reach it. */
  url: v.string(),
  version: v.string(),
  sessions: Count,
  startedAt: Time,
  /** When it last said that it lives. */
  seenAt: Time,
  /** `silent`: it did not answer; its figures are the last that it told. */
  state: v.picklist(['active', 'draining', 'silent']),
  /** The one that answers this request. */
  isThis: v.boolean(),
  provider: v.nullable(v.string()),
  model: v.nullable(v.string()),
  circuits: v.array(Circuit),
  isStoreUp: v.nullable(v.boolean()),
  isSharedStateUp: v.nullable(v.boolean()),
});

export const Operations = v.object({
  at: Time,
  /** Conversations under way, over all instances. */
  sessions: Count,
  /** The newest of them, at most 200. */
  rows: v.array(LiveSession),
  instances: v.array(Instance),
  /** `sqlite` or `postgres`. */
  store: v.string(),
  /** `memory` or `redis`. */
  sharedState: v.string(),
});

const Percentiles = v.object({
  turns: Count,
  /** Milliseconds; null where no turn had it. */
  p50: v.nullable(v.number()),
  p95: v.nullable(v.number()),
});
export const Window = v.object({
  /** Of turns that ended since. */
  from: Time,
  to: Time,
  turns: Count,
  /** Turns that ended without an answer because something failed. */
  failed: Count,
  /** `failed` of `turns`, from 0 to 1; null without a turn. */
  errorRate: v.nullable(v.number()),
  perMinute: v.number(),
  /** From the end of the user's turn to the first sound of a lane, as the relay sent it. */
  lanes: v.object({ A: Percentiles, B: Percentiles, C: Percentiles }),
});
export const Latencies = v.object({
  /** The last five minutes. */
  recent: Window,
  /** The last 24 hours; less where there were more turns than are read, which `from` says. */
  day: Window,
});

export const Drain = v.object({
  /** False: there is no such instance any more, or it does not answer. */
  isDraining: v.boolean(),
});
