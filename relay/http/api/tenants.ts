/** Tenants, their settings, their pages and their limits. */
import * as v from 'valibot';
import { Count, Label, Slug, Text } from './common.ts';

export const TenantStatus = v.picklist(['active', 'suspended']);
const Transcripts = v.picklist(['off', 'redacted', 'full'], 'must be off, redacted or full');
export const TenantSettings = v.object({
  /** What is kept of the words of conversations, for the session's page: nothing, without personal data, or all. */
  transcripts: Transcripts,
  /** Whether a session token opens one session only. */
  singleUseTokens: v.boolean(),
});
export const Tenant = v.object({
  id: v.string(),
  name: v.string(),
  slug: v.string(),
  status: TenantStatus,
  settings: TenantSettings,
});
export const NewTenant = v.strictObject({
  name: Label,
  slug: Slug,
  origins: v.pipe(
    v.array(v.string('must be an origin such as https://www.example.com'), 'must be a list of origins'),
    v.maxLength(100, 'holds at most 100 origins'),
  ),
});
export const MadeTenant = v.object({
  id: v.string(),
  name: v.string(),
  slug: v.string(),
  status: TenantStatus,
  origins: v.array(v.string()),
  /** The tenant's first publishable key. */
  publishableKey: v.string(),
});
/** `status` is the operator's to change. */
export const TenantChange = v.strictObject({
  name: v.optional(Label),
  status: v.optional(TenantStatus),
  settings: v.optional(
    v.strictObject({ transcripts: v.optional(Transcripts), singleUseTokens: v.optional(v.boolean()) }),
  ),
});
/** Deleting asks for the slug, so that nobody deletes the wrong one. */
export const TenantDeletion = v.strictObject({ slug: v.string('must be the slug of the tenant') });

export const Origins = v.object({
  /** Canonical patterns, stored with the tenant. */
  origins: v.array(v.string()),
  /** Allowed besides, by the relay's own configuration. */
  alsoAllowed: v.array(v.string()),
});
export const OriginsChange = v.strictObject({
  origins: v.pipe(
    v.array(v.pipe(v.string('must be an origin such as https://www.example.com'), v.maxLength(300))),
    v.maxLength(100, 'holds at most 100 origins'),
  ),
});
export const OriginCheck = v.strictObject({
  /** Of a page, as pasted from the address bar, or an origin. */
  url: v.pipe(v.string('must be a text'), v.trim(), v.minLength(1, 'must not be empty'), v.maxLength(2_000)),
});
export const OriginVerdict = v.object({
  isAllowed: v.boolean(),
  /** What a browser would send for that page; null when it would send none that can be allowed. */
  origin: v.nullable(v.string()),
  /** The pattern that allows it. */
  pattern: v.nullable(v.string()),
  /** Why not, in a sentence. */
  reason: v.nullable(v.string()),
  /** What could be added to allow it, narrowest first. */
  suggestions: v.array(v.string()),
});

const orNone = v.nullable(Count);
export const Limits = v.object({
  concurrentSessions: Count,
  connectsPerMinute: Count,
  longestSessionMs: Count,
  /** Requests to this API. */
  requestsPerMinute: Count,
  /** Null is no limit. */
  minutesPerDay: orNone,
  minutesPerMonth: orNone,
  /** Millionths of a dollar; null is no limit. */
  spendPerDay: orNone,
  spendPerMonth: orNone,
});
/** What is absent goes back to the relay's default. A tenant's admin may only narrow; the operator may widen. */
export const LimitsChange = v.partial(v.strictObject(Limits.entries));
export const LimitsAnswer = v.object({
  /** In force. */
  limits: Limits,
  /** Those that were set for this tenant. */
  own: v.partial(Limits),
});

export const Erasure = v.strictObject({
  /** The end user, as the session tokens' `sub` named them. */
  subject: v.pipe(Text(256), v.minLength(1, 'must not be empty')),
});
export const Erased = v.object({
  /** Conversations whose words and subject were taken out. */
  sessions: Count,
  /** Of them, those that were under way: they end within two seconds. */
  live: Count,
  /** What was sent to webhooks of them, or was to be, taken out. */
  deliveries: Count,
  /** Audit entries whose payload was taken out; the chain still holds. */
  auditEntries: Count,
});
