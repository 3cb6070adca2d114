/**
 * Who calls the API: the operator by ADMIN_TOKEN, a program by a tenant's API key, or a person by
 * the console's cookie. Everyone but the operator belongs to one tenant. What a caller may do is
 * the routes' business.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { RelayError } from '../errors.ts';
import type { Person, SignIns } from './console-sign-in.ts';
import { sameText } from './console-sign-in.ts';

/** How an API key begins, so that leaks can be searched for. */
const KEY_PREFIX = 'vjj_';
/** A key's last use is written down this often at most, in milliseconds. */
const USED_EVERY_MS = 60_000;
/** Keys whose use is remembered. */
const MOST_REMEMBERED = 10_000;

export interface Caller {
  kind: 'token' | 'user' | 'key';
  role: 'operator' | 'admin' | 'viewer';
  /** Null: an operator. */
  tenantId: string | null;
  /** For the audit: `operator`, `user:…`, `key:…`. */
  actor: string;
  person?: Person;
  /** By cookie: the secret in it, what the header must repeat, and when it ends. */
  signIn?: { secret: string; csrf: string; expiresAt: number };
}

export interface KeyRecords {
  bySha256(
    sha256: string,
  ): Promise<{ id: string; tenantId: string; role: 'admin' | 'viewer'; expiresAt: number | null } | undefined>;
  used(tenantId: string, id: string, at: number): Promise<void>;
}

/** What a request says of its sender. */
export interface Credentials {
  authorization: string | undefined;
  /** Of the console's cookie. */
  cookie: string | undefined;
}

export type FindCaller = (credentials: Credentials) => Promise<Caller | undefined>;

/** A new API key. @returns the secret, shown once, with what is kept of it. */
export function newApiKeySecret(): { secret: string; prefix: string; sha256: string } {
  const secret = `${KEY_PREFIX}${randomBytes(24).toString('base64url')}`;
  return { secret, prefix: secret.slice(0, KEY_PREFIX.length + 6), sha256: sha256(secret) };
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

export function createCallers(deps: {
  adminToken: string | undefined;
  apiKeys: KeyRecords;
  signIns: SignIns;
  clock: Pick<Clock, 'wallNow'>;
}): FindCaller {
  const { adminToken, apiKeys, signIns, clock } = deps;
  const lastUse = new Map<string, number>();

  function noteUse(tenantId: string, id: string): void {
    const now = clock.wallNow();
    if (now - (lastUse.get(id) ?? -Infinity) < USED_EVERY_MS) return;
    if (lastUse.size >= MOST_REMEMBERED) lastUse.clear();
    lastUse.set(id, now);
    // The time of its last use is for people; a request does not fail for it.
    apiKeys.used(tenantId, id, now).catch(() => lastUse.delete(id));
  }

  return async ({ authorization, cookie }) => {
    if (authorization !== undefined) {
      // Whoever sends one means it: a false one is not made good by a cookie.
      const given = /^Bearer ([^\s]{1,1000})$/i.exec(authorization)?.[1] ?? '';
      const isOperator = sameText(given, adminToken ?? randomBytes(16).toString('hex'));
      if (isOperator) return { kind: 'token', role: 'operator', tenantId: null, actor: 'operator' };
      if (!given.startsWith(KEY_PREFIX)) return undefined;
      const key = await apiKeys.bySha256(sha256(given));
      if (key === undefined || (key.expiresAt !== null && key.expiresAt <= clock.wallNow())) return undefined;
      noteUse(key.tenantId, key.id);
      return { kind: 'key', role: key.role, tenantId: key.tenantId, actor: `key:${key.id}` };
    }
    if (cookie === undefined) return undefined;
    const found = await signIns.find(cookie);
    if (found === undefined) return undefined;
    const { person, csrf, expiresAt } = found;
    return {
      ...{ kind: 'user', role: person.role, tenantId: person.tenantId, actor: `user:${person.id}`, person },
      signIn: { secret: cookie, csrf, expiresAt },
    };
  };
}

/** @throws {RelayError} `forbidden` when a change by cookie does not repeat the sign-in's secret. */
export function requireCsrf(caller: Caller, header: string | undefined): void {
  if (caller.signIn !== undefined && !sameText(header ?? '', caller.signIn.csrf))
    throw new RelayError('forbidden', 'a change by cookie without its CSRF header');
}
