/**
 * The sessions that live in this process: for the count, for the drain, and by tenant and token
 * for whoever takes a token back. Knows nothing of what a session does beyond ending it.
 */
import type { Clock } from '../clock.ts';
import type { FaultCode } from '../errors.ts';
import type { TokenFacts } from '../tenants/tenant.ts';

/** A session as its operator sees it. */
export interface SessionGlance {
  /** The arbiter's name for it. */
  state: string;
  /** Wall-clock milliseconds. */
  since: number;
  isProviderUp: boolean;
}

/** What the registry needs of a session. */
export interface Drainable {
  readonly id: string;
  glance?(): SessionGlance;
  /** Resolves when nothing of the session is left. */
  readonly ended: Promise<void>;
  /** Ends the session as soon as nobody is in the middle of a turn. */
  drain(): void;
  /** Ends it now, with close code 4001. */
  drainNow(): void;
  /** Ends it now, and says why with the close code of that fault. */
  end(code: FaultCode): void;
}

/** Tokens of one session that are remembered: the one that opened it and the newest of the others. */
const MOST_TOKENS = 16;

/** Conversations that are sent away together, and in milliseconds the time to the next: whoever takes them is not overrun. */
const DRAINED_AT_ONCE = 50;
const DRAIN_EVERY_MS = 50;

export interface SessionRegistry {
  readonly live: number;
  /** Forgets the session by itself when it ends. @param token - The one that opened it. */
  add(session: Drainable, token: TokenFacts): void;
  /** The session goes on with a newer token; a revocation of the former ones still ends it. */
  renewed(session: string, token: TokenFacts): void;
  /** Tenants that have sessions. */
  tenants(): Iterable<string>;
  /** The newest sessions, newest first. */
  newest(most: number): ({ id: string; tenant: string } & SessionGlance)[];
  /** Ends the tenant's sessions of which any token is revoked, with 4504. @returns how many. */
  endRevoked(tenant: string, isRevoked: (token: TokenFacts) => boolean): number;
  /** @returns whether the tenant had such a session here. */
  end(tenant: string, session: string, code: FaultCode): boolean;
  /**
   * Idle sessions end at once, talking ones at the end of their turn, all within `timeoutMs`.
   *
   * @returns when none is left.
   */
  drain(timeoutMs: number): Promise<void>;
}

interface Entry {
  session: Drainable;
  tokens: TokenFacts[];
}

export function createSessionRegistry(clock: Clock): SessionRegistry {
  const sessions = new Map<string, Entry>();
  /** By tenant, so that a revocation walks over one tenant's sessions only. */
  const ofTenant = new Map<string, Map<string, Entry>>();

  /** What is in use now was issued by now, whatever the clock of its issuer said. */
  const atMostNow = (token: TokenFacts): TokenFacts => ({
    ...token,
    issuedAtMs: Math.min(token.issuedAtMs, clock.wallNow()),
  });

  return {
    get live() {
      return sessions.size;
    },
    add(session, token) {
      const entry = { session, tokens: [atMostNow(token)] };
      const siblings = ofTenant.get(token.tenant) ?? new Map<string, Entry>();
      sessions.set(session.id, entry);
      ofTenant.set(token.tenant, siblings.set(session.id, entry));
      void session.ended.then(() => {
        sessions.delete(session.id);
        siblings.delete(session.id);
        if (siblings.size === 0 && ofTenant.get(token.tenant) === siblings) ofTenant.delete(token.tenant);
      });
    },
    renewed(id, token) {
      const entry = sessions.get(id);
      if (entry === undefined) return;
      entry.tokens.push(atMostNow(token));
      if (entry.tokens.length > MOST_TOKENS) entry.tokens.splice(1, 1);
    },
    tenants: () => [...ofTenant.keys()],
    newest(most) {
      const seen = [...sessions.values()].flatMap(({ session, tokens: [token] }) => {
        const glance = session.glance?.();
        return glance === undefined || token === undefined ? [] : [{ id: session.id, tenant: token.tenant, ...glance }];
      });
      return seen.sort((a, b) => b.since - a.since).slice(0, most);
    },
    endRevoked(tenant, isRevoked) {
      const revoked = [...(ofTenant.get(tenant)?.values() ?? [])].filter(({ tokens }) => tokens.some(isRevoked));
      for (const { session } of revoked) session.end('token-revoked');
      return revoked.length;
    },
    end(tenant, id, code) {
      const entry = ofTenant.get(tenant)?.get(id);
      entry?.session.end(code);
      return entry !== undefined;
    },
    async drain(timeoutMs) {
      const all = [...sessions.values()].map(({ session }) => session);
      let next = 0;
      let cancelNext = () => undefined as void;
      const drainSome = () => {
        for (const session of all.slice(next, (next += DRAINED_AT_ONCE))) session.drain();
        if (next < all.length) cancelNext = clock.wakeAt(clock.now() + DRAIN_EVERY_MS, drainSome);
      };
      drainSome();
      const cancel = clock.wakeAt(clock.now() + timeoutMs, () => {
        cancelNext();
        for (const session of all) session.drainNow();
      });
      await Promise.all(all.map((session) => session.ended));
      cancelNext();
      cancel();
    },
  };
}
