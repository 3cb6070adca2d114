/**
 * Finds the stored key that a token's `iss` and `kid` speak of, among those with which a tenant's
 * backend signs. Keys overlap: each verifies from its `notBefore` to its `notAfter`, so that a new
 * one can be published a day before the old one ends. Fetches key sets through `jwks.ts`.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.ts';
import { createLastKnown } from '../last-known.ts';
import type { Jwks } from './jwks.ts';
import { fingerprint, openKeyMaterial, type KeyMaterial } from './key-material.ts';
import type { FindKey, VerificationKey } from './session-token.ts';

/** How long a replaced key still verifies, in milliseconds. */
export const TENANT_KEY_OVERLAP_MS = 86_400_000;
/** How long a found key is believed without asking the store: the bound on changes made elsewhere. */
const CACHE_MS = 1_000;
const CACHE_ENTRIES = 5_000;

/** A stored key, as far as it is needed here. */
export interface TenantKeyRecord extends KeyMaterial {
  tenantId: string;
  notBefore: number;
  notAfter: number | null;
  revokedAt: number | null;
}

/** Where keys lie: the store, as far as it is needed here. */
export interface TenantKeyRecords {
  list(tenantId: string): Promise<TenantKeyRecord[]>;
}

export interface TenantKeyFinder {
  /** Knows the keys of tenants, whose id is the issuer, and not the relay's own. */
  readonly findKey: FindKey;
  /** Forgets what is kept of a tenant, after its keys changed. */
  forget(tenantId: string): void;
}

/** Whether a key verifies at `now` (milliseconds since 1970). */
export function isInForce(key: Pick<TenantKeyRecord, 'notBefore' | 'notAfter' | 'revokedAt'>, now: number): boolean {
  return key.revokedAt === null && key.notBefore <= now && (key.notAfter === null || now < key.notAfter);
}

export function createTenantKeyFinder(deps: {
  records: TenantKeyRecords;
  jwks: Jwks;
  clock: Clock;
  /** A key whose stored form does not open; it verifies nothing. */
  onProblem?: (problem: { tenantId: string; kid: string }) => void;
}): TenantKeyFinder {
  const { records, jwks, clock, onProblem = () => undefined } = deps;
  const lists = createLastKnown<TenantKeyRecord[]>({ clock, freshMs: CACHE_MS });
  const opened = new LRUCache<string, VerificationKey['key']>({ max: CACHE_ENTRIES });

  async function open(row: TenantKeyRecord): Promise<VerificationKey['key'] | undefined> {
    const name = JSON.stringify([row.tenantId, row.kid, row.alg, row.kind, fingerprint(row.material)]);
    const known = opened.get(name);
    if (known !== undefined) return known;
    try {
      const key = await openKeyMaterial(row);
      opened.set(name, key);
      return key;
    } catch {
      onProblem({ tenantId: row.tenantId, kid: row.kid });
      return undefined;
    }
  }

  async function among(rows: readonly TenantKeyRecord[], tenantId: string, kid: string | undefined) {
    const now = clock.wallNow();
    // The store was asked for this tenant's; that they are is checked all the same.
    const live = rows.filter((row) => row.tenantId === tenantId && isInForce(row, now));
    const found = (row: TenantKeyRecord, key: VerificationKey['key']): VerificationKey => ({
      ...{ kid: kid ?? row.kid, alg: row.alg, key },
      owner: { is: 'tenant', tenant: tenantId },
    });
    // Without a kid nobody says which, unless there is but one.
    if (kid === undefined && live.length !== 1) return undefined;
    const named = live.find((row) => row.kind !== 'jwks_url' && (kid === undefined || row.kid === kid));
    if (named !== undefined) {
      const key = await open(named);
      return key && found(named, key);
    }
    for (const row of live) {
      if (row.kind !== 'jwks_url') continue;
      const key = await jwks.find({ tenantId, url: row.material, kid, alg: row.alg });
      if (key !== undefined) return { ...found(row, key), source: row.kid };
    }
    return undefined;
  }

  return {
    async findKey(issuer, kid) {
      const kept = lists.peek(issuer);
      const found = kept && (await among(kept, issuer, kid));
      if (found !== undefined) return found;
      // A key that was added a moment ago is worth a question to the store.
      const load = () => records.list(issuer);
      const rows = await (kept === undefined ? lists.get(issuer, load) : lists.getAnew(issuer, load));
      return among(rows ?? [], issuer, kid);
    },
    forget(tenantId) {
      lists.forget(tenantId);
    },
  };
}

/** Asks each in turn; issuers are disjoint, so that at most one knows the key. */
export function findIn(...finders: readonly FindKey[]): FindKey {
  return async (issuer, kid) => {
    for (const find of finders) {
      const key = await find(issuer, kid);
      if (key !== undefined) return key;
    }
    return undefined;
  };
}
