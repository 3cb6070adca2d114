/**
 * The tables, as queries see them. Ids are text, times whole milliseconds since 1970, money whole
 * millionths of a dollar, documents JSON as text, so that SQLite and Postgres share every query
 * and migration.
 */
import type { Generated } from 'kysely';

export interface Tables {
  /** `settings` is JSON: what differs from the relay's defaults. */
  tenants: { id: string; slug: string; name: string; status: string; settings: Generated<string>; created_at: number };
  origins: { tenant_id: string; pattern: string; created_at: number };
  publishable_keys: { id: string; tenant_id: string; status: string; created_at: number };
  signing_keys: {
    kid: string;
    /** Null: the relay's own. */
    tenant_id: string | null;
    alg: string;
    /** Sealed under the master key. */
    sealed_jwk: string;
    not_before: number;
    /** Null: until it is retired. */
    not_after: number | null;
    created_at: number;
  };
  assistants: { id: string; tenant_id: string; version: number; document: string; created_at: number };
  /** Proof that this database and these master keys belong together, one row a key. */
  relay_facts: { name: string; value: string };
  /** Null: no limit. A limit that has no row is the relay's default. */
  limits: { tenant_id: string; name: string; value: number | null };
  api_keys: {
    tenant_id: string;
    id: string;
    name: string;
    prefix: string;
    role: string;
    sha256: string;
    created_at: number;
    expires_at: number | null;
    last_used_at: number | null;
    revoked_at: number | null;
  };
  tenant_keys: {
    tenant_id: string;
    kid: string;
    name: string;
    alg: string;
    kind: string;
    /** Sealed where the kind is a secret. */
    material: string;
    not_before: number;
    not_after: number | null;
    revoked_at: number | null;
    created_at: number;
  };
  provider_keys: { tenant_id: string; provider: string; sealed_key: string; hint: string; created_at: number };
  revocations: {
    tenant_id: string;
    /** Kind and value. */
    id: string;
    kind: string;
    value: string;
    issued_before: number;
    expires_at: number;
    created_at: number;
  };
  sessions: {
    tenant_id: string;
    id: string;
    subject: string;
    assistant_id: string;
    assistant_version: number;
    origin: string | null;
    instance: string;
    locale: string | null;
    started_at: number;
    ended_at: number | null;
    close_code: number | null;
    turns: number;
    interruptions: number;
    cost: number;
    /** What usage rows of it come to: that of what no turn had to pay, too. */
    billed: Generated<number>;
    talk_ms: number;
    /** 1 to 5, by the person; null: not said. */
    rating: number | null;
    comment: string | null;
  };
  turns: {
    tenant_id: string;
    session_id: string;
    turn: string;
    started_ms: number;
    ended_ms: number;
    outcome: string;
    user_text: string | null;
    heard_text: string | null;
    unheard_text: string | null;
    /** All three in lower case, to be searched: databases disagree about the lower case of most letters. */
    words: string | null;
    figures: string;
    cost: number;
    rating: number | null;
    comment: string | null;
    /** By the clock; null of a conversation that is not there. */
    ended_at: number | null;
  };
  /** End users whose data was erased, by a digest of their name, until nothing of them can be written late. */
  erasures: { tenant_id: string; subject_hash: string; at: number };
  checkpoints: {
    tenant_id: string;
    session_id: string;
    subject: string;
    /** The instance that writes it; null: it was let go. */
    holder: string | null;
    /** Who held it before; null: nobody, or it was let go. */
    taken_from: string | null;
    version: number;
    secret_hash: string;
    /** What was said is in it. */
    sealed_document: string;
    saved_at: number;
  };
  instances: {
    id: string;
    url: string;
    version: string;
    state: string;
    sessions: number;
    started_at: number;
    seen_at: number;
  };
  usage: {
    tenant_id: string;
    id: string;
    session_id: string;
    lane: string;
    kind: string;
    quantity: number;
    unit: string;
    cost: number;
    price_date: string;
    at: number;
  };
  /** What a day or a month came to, counted as it happens. */
  usage_periods: {
    tenant_id: string;
    period: string;
    sessions: number;
    turns: number;
    talk_ms: number;
    cost_a: number;
    cost_b: number;
    cost_c: number;
  };
  webhooks: {
    tenant_id: string;
    id: string;
    url: string;
    events: string;
    status: string;
    sealed_secrets: string;
    created_at: number;
  };
  webhook_deliveries: {
    tenant_id: string;
    id: string;
    webhook_id: string;
    event: string;
    body: string;
    status: string;
    attempts: number;
    next_at: number;
    last_result: string | null;
    created_at: number;
  };
  users: {
    id: string;
    tenant_id: string | null;
    email: string;
    role: string;
    password_hash: string | null;
    created_at: number;
  };
  sign_ins: { hash: string; user_id: string; csrf: string; created_at: number; expires_at: number };
  links: { hash: string; user_id: string; expires_at: number };
  audit: {
    /** The tenant's id, or empty for the relay's own. */
    chain: string;
    seq: number;
    at: number;
    actor: string;
    action: string;
    target: string;
    payload: string | null;
    /** Goes with the payload: without it, short payloads could be guessed from their hash. */
    salt: string | null;
    payload_hash: string;
    previous_hash: string;
    hash: string;
  };
  /** The newest entry of each chain. */
  audit_chains: { chain: string; seq: number; hash: string };
  idempotency: {
    scope: string;
    key: string;
    request_hash: string;
    status: number;
    /** Sealed: an answer may hold a secret that is shown once. */
    sealed_body: string;
    created_at: number;
  };
}
