/**
 * What was taken back before its time: a token, an end user's tokens, a key, a tenant. Asked at
 * the door for every token, and told to the live sessions of this process: at once for what is
 * revoked here or said by another instance, within a second for what only the store knows.
 *
 * The store is what counts. Nothing else is remembered but the last answer, so that a message that
 * was lost costs a second and not the revocation.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.ts';
import { LAST_KNOWN_MS, soonOr } from '../last-known.ts';
import { LEEWAY_S, TOKEN_LIFE_S } from './session-token.ts';

/** How old an answer of the store may be at the door, and how often live sessions are looked at, in milliseconds. */
export const LOOK_EVERY_MS = 1_000;
const CACHE_ENTRIES = 5_000;
const CHANNEL = 'revocations';
/** After this no token that was issued before is taken by its time alone, in milliseconds. */
const TOKEN_GONE_MS = (TOKEN_LIFE_S + 2 * LEEWAY_S) * 1000;
/** A key never comes back: what it signs is refused as long as anybody could remember it. */
const KEY_GONE_MS = 10 * 365 * 86_400_000;

export type RevocationKind = 'token' | 'subject' | 'key' | 'tenant';

/** What is kept of a revocation. */
export interface RevocationRecord {
  tenantId: string;
  kind: RevocationKind;
  /** The `jti`, `sub`, `kid` (or publishable key), or the tenant's id. */
  value: string;
  issuedBefore: number;
  expiresAt: number;
}

/** The store, as far as it is needed here. */
export interface RevocationRecords {
  readonly tenants: { byId(id: string): Promise<{ status: string } | undefined> };
  readonly revocations: {
    add(row: RevocationRecord): Promise<void>;
    inForce(tenantId: string, now: number): Promise<RevocationRecord[]>;
  };
  readonly tenantKeys: {
    list(tenantId: string): Promise<{ kid: string; revokedAt: number | null }[]>;
    revoke(tenantId: string, kid: string): Promise<boolean>;
  };
  readonly publishableKeys: {
    list(tenantId: string): Promise<{ id: string; status: string }[]>;
    revoke(tenantId: string, id: string): Promise<boolean>;
  };
  /** Acts when the transaction that the caller is in has ended. */
  afterwards(act: () => void): void;
}

/** All that a revocation can meet of a token. */
export interface RevocableToken {
  tenant: string;
  subject: string;
  /** The token's `jti`. */
  id: string;
  kids: readonly string[];
  /** Milliseconds since 1970. */
  issuedAtMs: number;
}

/** The live sessions of this process. */
export interface LiveSessions {
  /** Tenants that have any. */
  tenants(): Iterable<string>;
  /** Ends those of which any token is revoked. @returns how many. */
  endRevoked(tenantId: string, isRevoked: (token: RevocableToken) => boolean): number;
}

export interface Revocations {
  /** Whether the token still holds. @throws when the store cannot be asked and never was. */
  holds(token: RevocableToken): Promise<boolean>;
  /**
   * Takes something back, from this moment; live sessions of this process have ended when it
   * resolves, or end with the caller's transaction. A `key` may be a signing key's `kid`, a key's
   * of a set, or a publishable key. Revoking twice is no mistake.
   */
  revoke(tenantId: string, what: { kind: RevocationKind; value: string }): Promise<RevocationRecord>;
  /**
   * Something about the tenant was changed in the store by others: status, keys. What is live
   * is looked at again, here and on every other instance.
   */
  changed(tenantId: string): Promise<void>;
  /** Begins to end sessions. @returns what stops it. */
  watch(sessions: LiveSessions): () => void;
}

/** What the store says of a tenant: which of its tokens are worth nothing. */
interface View {
  isActive: boolean;
  rows: readonly RevocationRecord[];
  /** Signing keys' and publishable keys'. What is not known yet was made after the look and is no reason. */
  revokedKids: ReadonlySet<string>;
  readAt: number;
  /** Reads begin in this order and may end in another. */
  order: number;
}

export function createRevocations(deps: {
  store: RevocationRecords;
  broadcast: {
    publish(channel: string, message: string): Promise<void>;
    subscribe(channel: string, listener: (message: string) => void): () => void;
  };
  clock: Clock;
  /** Forgets what else is kept of a tenant. */
  onChange?: (tenantId: string) => void;
  onProblem?: (error: unknown) => void;
}): Revocations {
  const { store, broadcast, clock, onChange = () => undefined, onProblem = () => undefined } = deps;
  const views = new LRUCache<string, View>({ max: CACHE_ENTRIES });
  const reading = new Map<string, Promise<View>>();
  const watched = new Set<LiveSessions>();
  let order = 0;

  async function read(tenantId: string): Promise<View> {
    const own = ++order;
    const [tenant, rows, keys, publishable] = await Promise.all([
      store.tenants.byId(tenantId),
      store.revocations.inForce(tenantId, clock.wallNow()),
      store.tenantKeys.list(tenantId),
      store.publishableKeys.list(tenantId),
    ]);
    const view: View = {
      isActive: tenant?.status === 'active',
      rows: rows.filter((row) => row.tenantId === tenantId),
      revokedKids: new Set([
        ...keys.filter((key) => key.revokedAt !== null).map((key) => key.kid),
        ...publishable.filter((key) => key.status === 'revoked').map((key) => key.id),
      ]),
      readAt: clock.now(),
      order: own,
    };
    const kept = views.peek(tenantId);
    if (kept !== undefined && kept.order > own) return kept;
    views.set(tenantId, view);
    return view;
  }

  /** A view that is young enough, or the last one there was while the store does not answer, for a day. */
  async function viewOf(tenantId: string): Promise<View> {
    const kept = views.get(tenantId);
    if (kept !== undefined && clock.now() - kept.readAt < LOOK_EVERY_MS) return kept;
    let under = reading.get(tenantId);
    if (under === undefined) {
      under = read(tenantId).finally(() => reading.delete(tenantId));
      reading.set(tenantId, under);
    }
    const isTooOld = kept !== undefined && clock.now() - kept.readAt >= LAST_KNOWN_MS;
    return kept === undefined || isTooOld ? under : soonOr(kept, under, clock, onProblem);
  }

  function end(tenantId: string, view: View): void {
    for (const sessions of watched) sessions.endRevoked(tenantId, (token) => isRevoked(view, token));
  }

  /** Reads anew: what is under way may have begun before the change. */
  async function look(tenantId: string): Promise<void> {
    onChange(tenantId);
    try {
      end(tenantId, await read(tenantId));
    } catch (error) {
      onProblem(error);
    }
  }

  const self = `${clock.wallNow()}-${Math.random()}`;
  async function changed(tenantId: string): Promise<void> {
    await look(tenantId);
    await broadcast.publish(CHANNEL, JSON.stringify({ from: self, tenantId })).catch(onProblem);
  }

  return {
    async holds(token) {
      return !isRevoked(await viewOf(token.tenant), token);
    },
    async revoke(tenantId, { kind, value }) {
      const now = clock.wallNow();
      const row: RevocationRecord = {
        ...{ tenantId, kind, value: kind === 'tenant' ? tenantId : value },
        // What was issued in this very moment was issued before.
        issuedBefore: now + 1,
        expiresAt: now + (kind === 'key' ? KEY_GONE_MS : TOKEN_GONE_MS),
      };
      await store.revocations.add(row);
      if (kind === 'key') {
        // Where the name is also that of a stored key, that ends with it.
        await store.tenantKeys.revoke(tenantId, value);
        await store.publishableKeys.revoke(tenantId, value);
      }
      await changed(tenantId);
      // The caller's transaction may end after this: others see the change only then.
      store.afterwards(() => void changed(tenantId));
      return row;
    },
    changed,
    watch(sessions) {
      watched.add(sessions);
      let isOver = false;
      let cancel: () => void = () => undefined;
      const again = async () => {
        for (const tenantId of new Set(sessions.tenants())) {
          try {
            end(tenantId, await viewOf(tenantId));
          } catch (error) {
            onProblem(error);
          }
        }
        if (!isOver) cancel = clock.wakeAt(clock.now() + LOOK_EVERY_MS, () => void again());
      };
      cancel = clock.wakeAt(clock.now() + LOOK_EVERY_MS, () => void again());
      const stop = broadcast.subscribe(CHANNEL, (message) => {
        const { from, tenantId } = JSON.parse(message) as { from: string; tenantId: string };
        if (from !== self) void look(tenantId);
      });
      return () => {
        isOver = true;
        watched.delete(sessions);
        stop();
        cancel();
      };
    },
  };
}

function isRevoked(view: View, token: RevocableToken): boolean {
  if (!view.isActive) return true;
  if (token.kids.some((kid) => view.revokedKids.has(kid))) return true;
  return view.rows.some((row) => {
    switch (row.kind) {
      case 'token':
        return row.value === token.id;
      case 'key':
        return token.kids.includes(row.value);
      case 'subject':
        return row.value === token.subject && token.issuedAtMs < row.issuedBefore;
      case 'tenant':
        return token.issuedAtMs < row.issuedBefore;
      default:
        return row.kind satisfies never;
    }
  });
}
