/**
 * The rows of the store in the relay's words, and what may be asked of each kind. Times are
 * milliseconds since 1970, money is millionths of a US dollar, ids are text. A query about a tenant
 * takes its id first and sees nothing of any other. It says what is kept; who may do what is
 * decided elsewhere.
 */
import type { Checkpoints, Instances } from './checkpoints.ts';

/** One page of a list; `next` names the page after it, and is absent on the last one. */
export interface Page<T> {
  rows: T[];
  next?: string;
}

/** Where a list goes on, and how many rows a page has. */
export interface PageRequest {
  /** The former page's `next`. */
  after?: string;
  /** 1 to 200. */
  limit: number;
}

/** What a person or a program may do. An operator belongs to no tenant and may do everything. */
export type Role = 'operator' | 'admin' | 'viewer';

// Keys.

export interface PublishableKeyRow {
  id: string;
  status: 'active' | 'revoked';
  createdAt: number;
}

/** A key for the API. The secret is shown once, when it is made; its SHA-256 is kept. */
export interface ApiKeyRow {
  id: string;
  tenantId: string;
  name: string;
  /** The first letters of the secret, to tell keys apart. */
  prefix: string;
  role: 'admin' | 'viewer';
  createdAt: number;
  expiresAt: number | null;
  lastUsedAt: number | null;
  revokedAt: number | null;
}

/** A key with which a tenant's backend signs session tokens. */
export interface TenantKeyRow {
  /** Of the tenant; two tenants may use the same. */
  kid: string;
  tenantId: string;
  name: string;
  alg: 'HS256' | 'ES256' | 'EdDSA' | 'RS256';
  kind: 'secret' | 'jwk' | 'jwks_url';
  /** The secret (base64url), the public JWK (JSON) or the URL; sealed at rest where it is a secret. */
  material: string;
  notBefore: number;
  /** Null: until it is retired. A retired key verifies until then. */
  notAfter: number | null;
  revokedAt: number | null;
  createdAt: number;
}

/** A tenant's own key at the model's provider; never shown again. */
export interface ProviderKeyRow {
  tenantId: string;
  provider: 'openai';
  /** Opened; only the dialer may ask for it. */
  key: string;
  /** Last four letters, for people. */
  hint: string;
  createdAt: number;
}

export interface RevocationRow {
  tenantId: string;
  kind: 'token' | 'subject' | 'key' | 'tenant';
  /** The `jti`, `sub`, `kid`, or the tenant's id. */
  value: string;
  /** Tokens issued before this are refused; those of a revoked `jti` always. */
  issuedBefore: number;
  /** When it may be forgotten, because every token it meets has expired. */
  expiresAt: number;
  createdAt: number;
}

// Limits and money.

/** All limits of a tenant; null is no limit. What is absent in the store is the relay's default. */
export interface LimitsRow {
  concurrentSessions: number;
  connectsPerMinute: number;
  longestSessionMs: number;
  /** Requests to the API per minute. */
  requestsPerMinute: number;
  minutesPerDay: number | null;
  minutesPerMonth: number | null;
  /** Millionths of a dollar. */
  spendPerDay: number | null;
  spendPerMonth: number | null;
}

/** What a conversation used, as the provider bills it; idempotent by `id` (session and sequence). */
export interface UsageRow {
  id: string;
  tenantId: string;
  sessionId: string;
  lane: 'A' | 'B' | 'C';
  kind: string;
  quantity: number;
  unit: 'tokens' | 'seconds' | 'requests';
  /** Millionths of a dollar. */
  cost: number;
  /** Of the price table that reckoned it. */
  priceDate: string;
  at: number;
}

/** What one day (UTC) came to. */
export interface DayUsage {
  /** `2026-11-23`. */
  day: string;
  sessions: number;
  turns: number;
  talkMs: number;
  cost: number;
  costByLane: { A: number; B: number; C: number };
}

/** Counters that budgets are held against; `period` is `2026-11-23` or `2026-11`. */
export interface BudgetCount {
  period: string;
  talkMs: number;
  cost: number;
}

// Conversations.

export interface SessionRow {
  id: string;
  tenantId: string;
  subject: string;
  assistantId: string;
  assistantVersion: number;
  origin: string | null;
  instance: string;
  locale: string | null;
  startedAt: number;
  /** Null while it lives. */
  endedAt: number | null;
  closeCode: number | null;
  turns: number;
  interruptions: number;
  cost: number;
  talkMs: number;
  /** 1 to 5, by the person; null: not said. */
  rating: number | null;
  /** Redacted, or null where the tenant keeps no words. */
  comment: string | null;
}

/** One turn, as it ended. Texts are redacted, or null where the tenant keeps none. */
export interface TurnRow {
  tenantId: string;
  sessionId: string;
  /** The arbiter's turn id. */
  turn: string;
  /** From the start of the session, in milliseconds. */
  startedMs: number;
  endedMs: number;
  outcome: string;
  userText: string | null;
  heardText: string | null;
  unheardText: string | null;
  /** JSON: figures by name, in milliseconds. */
  figures: string;
  cost: number;
  /** 1 to 5, by the person; null: not said. */
  rating: number | null;
  comment: string | null;
}

/** How a person found a conversation, or one turn of it. */
export interface Rating {
  /** 1 to 5. */
  score: number;
  comment: string | null;
  /** Null: the conversation as a whole. */
  turn: string | null;
}

export interface SessionQuery extends PageRequest {
  /** Part of a subject, of an id, or of what was said. */
  search?: string;
  from?: number;
  to?: number;
  isLive?: boolean;
}

// Webhooks.

export interface WebhookRow {
  id: string;
  tenantId: string;
  url: string;
  /** Event names; empty is all. */
  events: string[];
  status: 'active' | 'disabled';
  /** Newest first: the former one signs too while it rotates. */
  secrets: string[];
  createdAt: number;
}

export interface DeliveryRow {
  /** The message id of Standard Webhooks; the same at every attempt. */
  id: string;
  tenantId: string;
  webhookId: string;
  event: string;
  /** JSON as it is sent. */
  body: string;
  status: 'pending' | 'delivered' | 'dead';
  attempts: number;
  nextAt: number;
  /** HTTP status or a short code of the last attempt. */
  lastResult: string | null;
  createdAt: number;
}

// People and their traces.

/** Somebody who signs in to the console. */
export interface UserRow {
  id: string;
  /** Null for operators. */
  tenantId: string | null;
  email: string;
  role: Role;
  passwordHash: string | null;
  createdAt: number;
}

/** A signed-in browser. Only the hash of its cookie is kept. */
export interface SignInRow {
  hash: string;
  userId: string;
  csrf: string;
  createdAt: number;
  expiresAt: number;
}

/** A link that signs in once; only its hash is kept. */
export interface LinkRow {
  hash: string;
  userId: string;
  expiresAt: number;
}

/** What somebody did. The chain runs over hashes, so that a payload can be erased and the chain still holds. */
export interface AuditRow {
  seq: number;
  /** Null: the relay's own. */
  tenantId: string | null;
  at: number;
  /** `user:…`, `key:…`, `operator`, `relay`. */
  actor: string;
  action: string;
  target: string;
  /** JSON; null when it was erased. */
  payload: string | null;
  payloadHash: string;
  previousHash: string;
  hash: string;
}

export interface NewAuditEntry {
  tenantId: string | null;
  actor: string;
  action: string;
  target: string;
  payload: unknown;
}

/** What a request with an idempotency key was answered; the same key gets the same answer for a day. */
export interface IdempotencyRow {
  /** Who asked, with the key. */
  scope: string;
  key: string;
  requestHash: string;
  status: number;
  body: string;
  createdAt: number;
}

// What may be asked, a group of tables each.

export interface PublishableKeys {
  list(tenantId: string): Promise<PublishableKeyRow[]>;
  add(tenantId: string, id: string): Promise<void>;
  /** @returns whether there was such a key. */
  revoke(tenantId: string, id: string): Promise<boolean>;
}

export interface Origins {
  list(tenantId: string): Promise<string[]>;
  /** Replaces all of them at once. */
  replace(tenantId: string, patterns: readonly string[]): Promise<void>;
}

export interface ApiKeys {
  list(tenantId: string): Promise<ApiKeyRow[]>;
  add(key: Omit<ApiKeyRow, 'lastUsedAt' | 'revokedAt' | 'createdAt'> & { sha256: string }): Promise<ApiKeyRow>;
  /** Neither revoked nor expired; by the SHA-256 (hex) of the secret. */
  bySha256(sha256: string): Promise<ApiKeyRow | undefined>;
  used(tenantId: string, id: string, at: number): Promise<void>;
  revoke(tenantId: string, id: string): Promise<boolean>;
}

export interface TenantKeys {
  list(tenantId: string): Promise<TenantKeyRow[]>;
  byKid(tenantId: string, kid: string): Promise<TenantKeyRow | undefined>;
  /** @throws {RelayError} `conflict` when the tenant has that kid. */
  add(key: Omit<TenantKeyRow, 'createdAt' | 'revokedAt'>): Promise<void>;
  retire(tenantId: string, kid: string, notAfter: number): Promise<boolean>;
  revoke(tenantId: string, kid: string): Promise<boolean>;
}

export interface ProviderKeys {
  /** Without the key itself. */
  describe(tenantId: string): Promise<Omit<ProviderKeyRow, 'key'> | undefined>;
  /** For the dialer only. */
  open(tenantId: string): Promise<ProviderKeyRow | undefined>;
  put(tenantId: string, key: string): Promise<void>;
  remove(tenantId: string): Promise<boolean>;
}

export interface AssistantRecords {
  /** The newest version of each. */
  list(tenantId: string): Promise<{ id: string; version: number; document: string; createdAt: number }[]>;
  versions(tenantId: string, id: string): Promise<{ version: number; createdAt: number }[]>;
  at(tenantId: string, id: string, version: number): Promise<{ document: string } | undefined>;
}

export interface LimitRecords {
  /** What differs from the defaults. */
  of(tenantId: string): Promise<Partial<LimitsRow>>;
  /** Replaces all of them: what is left out is the default again. */
  put(tenantId: string, limits: Partial<LimitsRow>): Promise<void>;
}

export interface Revocations {
  /** Revoked again reaches further, never less far. */
  add(row: Omit<RevocationRow, 'createdAt'>): Promise<void>;
  list(tenantId: string, page: PageRequest): Promise<Page<RevocationRow>>;
  /** Those that still matter at `now`, of one tenant. */
  inForce(tenantId: string, now: number): Promise<RevocationRow[]>;
  forget(now: number): Promise<number>;
}

export interface SessionRecords {
  start(
    row: Omit<
      SessionRow,
      'endedAt' | 'closeCode' | 'turns' | 'interruptions' | 'cost' | 'talkMs' | 'rating' | 'comment'
    >,
  ): Promise<void>;
  end(tenantId: string, id: string, end: { endedAt: number; closeCode: number }): Promise<void>;
  /**
   * Adds the turn and what it costs the session; once by session and turn.
   *
   * @returns whether its words may be told; not those of an end user who was erased meanwhile.
   */
  addTurn(turn: Omit<TurnRow, 'rating' | 'comment'>, isInterrupted: boolean): Promise<boolean>;
  /** Keeps the newest rating of the conversation or the turn. @returns whether there is such a one. */
  rate(tenantId: string, id: string, rating: Rating): Promise<boolean>;
  /** It lives again, at this instance. @returns whether there was such a conversation. */
  goOn(tenantId: string, id: string, instance: string): Promise<boolean>;
  byId(tenantId: string, id: string): Promise<SessionRow | undefined>;
  turns(tenantId: string, id: string): Promise<TurnRow[]>;
  /** Newest first. */
  find(tenantId: string, query: SessionQuery): Promise<Page<SessionRow>>;
  /** Takes out the words and the subject of everything that one end user said. @returns how many sessions. */
  eraseSubject(tenantId: string, subject: string): Promise<number>;
  /** Marks as ended what an instance that died has left. */
  endLeftBy(instance: string, endedAt: number): Promise<number>;
  /**
   * The same for every instance but these.
   *
   * @param startedBefore - Only what began before; all of it without.
   */
  endAllBut(living: string | readonly string[], endedAt: number, startedBefore?: number): Promise<number>;
  /** Takes the name of the end user out of ended conversations that began before. @returns how many. */
  forgetSubjects(startedBefore: number): Promise<number>;
  /** Takes the words out of conversations that began before; null is every tenant. @returns how many turns. */
  forgetTexts(tenantId: string | null, startedBefore: number): Promise<number>;
  /** Removes ended conversations that began before, with their turns; what they cost stays counted. */
  removeOld(tenantId: string | null, startedBefore: number): Promise<number>;
}

/** One end user's data. */
export interface SubjectRecords {
  /**
   * Takes out the words and the name of everything that one end user said, what webhooks were or would be told of
   * it, and what a conversation under way could go on from. What is written late names nobody.
   */
  erase(tenantId: string, subject: string): Promise<{ sessions: number; deliveries: number }>;
  /** Newest first. */
  sessions(tenantId: string, subject: string, page: PageRequest): Promise<Page<SessionRow>>;
  /** Conversations that have not ended. */
  live(tenantId: string, subject: string): Promise<number>;
  /** What webhooks were or will be told of the user, and of these conversations. */
  deliveries(tenantId: string, subject: string, sessions: readonly string[]): Promise<DeliveryRow[]>;
  /** What was taken out is not in the file of an embedded database any more, either. */
  overwrite(): Promise<void>;
  /** Forgets that there were erasures before. @returns how many. */
  forgetErasures(before: number): Promise<number>;
}

export interface TurnFigures {
  /** Turns of all tenants that ended since, newest first; `figures` is JSON, by name, in milliseconds. */
  since(at: number, limit: number): Promise<{ endedAt: number; outcome: string; figures: string }[]>;
}

/** Talking time of one conversation. */
export interface TalkSpan {
  tenantId: string;
  sessionId: string;
  talkMs: number;
  /** What `run` has counted in all, `talkMs` included: what was counted before is not counted again. */
  part?: { run: string; totalMs: number };
}

export interface UsageRecords {
  /** Each row once, whatever is sent again; the counters grow with it. */
  add(rows: readonly UsageRow[]): Promise<void>;
  /** Adds talking time to the session and to the counters of the day and month of `at`. */
  addTalk(tenantId: string, sessionId: string, talkMs: number, at: number, part?: TalkSpan['part']): Promise<void>;
  /** The same of many conversations, in one transaction: each part once, all or none of them. */
  addTalks(spans: readonly TalkSpan[], at: number): Promise<void>;
  /** One for each period asked for, in that order. */
  counts(tenantId: string, periods: readonly string[]): Promise<BudgetCount[]>;
  /** Days from `from` to before `to` (`2026-11-23`), each once, also those without use. */
  days(tenantId: string, from: string, to: string): Promise<DayUsage[]>;
  ofSession(tenantId: string, sessionId: string): Promise<UsageRow[]>;
}

export interface WebhookRecords {
  list(tenantId: string): Promise<WebhookRow[]>;
  add(row: Omit<WebhookRow, 'createdAt'>): Promise<void>;
  change(
    tenantId: string,
    id: string,
    change: Partial<Pick<WebhookRow, 'url' | 'events' | 'status' | 'secrets'>>,
  ): Promise<boolean>;
  remove(tenantId: string, id: string): Promise<boolean>;
  /** Each id once, whatever is sent again. */
  enqueue(rows: readonly Omit<DeliveryRow, 'status' | 'attempts' | 'lastResult' | 'createdAt'>[]): Promise<void>;
  /** Takes up to `limit` of active webhooks that are due, and hides them from others until `now + leaseMs`. */
  claimDue(now: number, limit: number, leaseMs: number): Promise<(DeliveryRow & { url: string; secrets: string[] })[]>;
  /** After an attempt, which it counts. */
  settle(
    tenantId: string,
    id: string,
    result: { status: DeliveryRow['status']; nextAt: number; lastResult: string },
  ): Promise<void>;
  deliveries(tenantId: string, webhookId: string, page: PageRequest): Promise<Page<DeliveryRow>>;
  /** Sends a dead or delivered one again, with all its attempts. */
  replay(tenantId: string, id: string, now: number): Promise<boolean>;
  /** Forgets those that were delivered or given up and are older. @returns how many. */
  forgetSettled(before: number): Promise<number>;
  /** Forgets all that are older, also those of an endpoint that is disabled and gets nothing. @returns how many. */
  forgetOlder(before: number): Promise<number>;
}

export interface People {
  add(user: Omit<UserRow, 'createdAt'>): Promise<void>;
  byId(id: string): Promise<UserRow | undefined>;
  byEmail(email: string): Promise<UserRow | undefined>;
  /** Null lists operators. */
  list(tenantId: string | null): Promise<UserRow[]>;
  setPassword(id: string, passwordHash: string): Promise<void>;
  remove(tenantId: string | null, id: string): Promise<boolean>;
  signIn(row: SignInRow): Promise<void>;
  signedIn(hash: string, now: number): Promise<{ user: UserRow; csrf: string; expiresAt: number } | undefined>;
  signOut(hash: string): Promise<void>;
  signOutEverywhere(userId: string): Promise<void>;
  addLink(row: LinkRow): Promise<void>;
  /** Uses it up. */
  takeLink(hash: string, now: number): Promise<UserRow | undefined>;
  /** Forgets sign-ins and links that have expired. @returns how many. */
  forget(now: number): Promise<number>;
}

export interface AuditRecords {
  add(entry: NewAuditEntry): Promise<void>;
  /** Newest first; null lists the relay's own. */
  list(tenantId: string | null, page: PageRequest): Promise<Page<AuditRow>>;
  /** Recomputes the chain. @returns the first entry that does not hold. */
  verify(tenantId: string | null): Promise<{ entries: number; brokenAt?: number }>;
  /** Takes out the payloads about `target`; the chain still holds. */
  erase(tenantId: string | null, target: string): Promise<number>;
}

export interface IdempotencyRecords {
  /** For a day. */
  get(scope: string, key: string): Promise<IdempotencyRow | undefined>;
  /**
   * Sealed at rest, as an answer may hold a secret. Put it in the same `within` as the change: of
   * two same requests at once, the one that comes second then leaves nothing behind.
   *
   * @throws {RelayError} `conflict` when the key was answered already.
   */
  put(row: IdempotencyRow): Promise<void>;
  forget(before: number): Promise<number>;
}

/** Every group, as `Store` has them. */
export interface Records {
  readonly checkpoints: Checkpoints;
  readonly instances: Instances;
  readonly publishableKeys: PublishableKeys;
  readonly origins: Origins;
  readonly apiKeys: ApiKeys;
  readonly tenantKeys: TenantKeys;
  readonly providerKeys: ProviderKeys;
  readonly assistantRecords: AssistantRecords;
  readonly limits: LimitRecords;
  readonly revocations: Revocations;
  readonly sessions: SessionRecords;
  readonly subjects: SubjectRecords;
  readonly turnFigures: TurnFigures;
  readonly usage: UsageRecords;
  readonly webhooks: WebhookRecords;
  readonly people: People;
  readonly audit: AuditRecords;
  readonly idempotency: IdempotencyRecords;
}
