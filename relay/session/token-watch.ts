/**
 * A live session and its token's time. A page may hand in a newer token at any moment; one that
 * does not is let go some seconds after the token's end, so that a slow fetch costs no call. A
 * newer token may take away and never give: same tenant, subject and page, no wider scope.
 */
import type { Clock } from '../clock.ts';
import { RelayError, type FaultCode } from '../errors.ts';
import type { Admission, TokenFacts } from '../tenants/tenant.ts';

/** How long a session goes on after its token's end, in milliseconds. */
export const TOKEN_GRACE_MS = 25_000;

export interface TokenWatch {
  /**
   * Takes a newer token that was let in.
   *
   * @returns wall-clock milliseconds at which it ends.
   * @throws {RelayError} `token-invalid` when it is for something else, or for more.
   */
  renew(fresh: Admission): number;
  stop(): void;
}

export function createTokenWatch(options: {
  clock: Clock;
  admission: Admission;
  /** The session's time is over. */
  onEnd: (code: FaultCode) => void;
  onRenewed: (token: TokenFacts) => void;
}): TokenWatch {
  const { clock, admission, onEnd, onRenewed } = options;
  const startedAt = clock.now();
  let isServer = admission.grant.isServer;
  let longestMs = admission.limits.longestSessionMs;
  let cancelLongest: () => void = () => undefined;
  let cancel = watch(admission.tokenExpiresAt);

  function watch(expiresAt: number): () => void {
    const leftMs = expiresAt + TOKEN_GRACE_MS - clock.wallNow();
    return clock.wakeAt(clock.now() + leftMs, () => onEnd('token-expired'));
  }

  function check(fresh: Admission): void {
    const refuse = (why: string): never => {
      throw new RelayError('token-invalid', `the newer token ${why}`);
    };
    if (fresh.tenant.id !== admission.tenant.id || fresh.subject !== admission.subject)
      refuse('names another tenant or subject');
    if (fresh.origin !== admission.origin) refuse('is for another page');
    if (fresh.grant.isServer && !isServer) refuse('has a wider scope');
    if (fresh.grant.assistant !== undefined && fresh.assistant.id !== admission.assistant.id)
      refuse('names another assistant');
  }

  return {
    renew(fresh) {
      check(fresh);
      isServer = fresh.grant.isServer;
      if (fresh.limits.longestSessionMs < longestMs) {
        longestMs = fresh.limits.longestSessionMs;
        cancelLongest();
        cancelLongest = clock.wakeAt(startedAt + longestMs, () => onEnd('longest-session'));
      }
      cancel();
      cancel = watch(fresh.tokenExpiresAt);
      onRenewed(fresh.grant);
      return fresh.tokenExpiresAt;
    },
    stop() {
      cancel();
      cancelLongest();
    },
  };
}
