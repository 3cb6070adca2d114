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

class TimedToken implements TokenWatch {
  readonly #clock: Clock;
  readonly #admission: Admission;
  readonly #onEnd: (code: FaultCode) => void;
  readonly #onRenewed: (token: TokenFacts) => void;
  readonly #startedAt: number;
  #isServer: boolean;
  #longestMs: number;
  #cancelLongest: () => void = () => undefined;
  #cancel: () => void;

  constructor(options: {
    clock: Clock;
    admission: Admission;
    /** The session's time is over. */
    onEnd: (code: FaultCode) => void;
    onRenewed: (token: TokenFacts) => void;
  }) {
    const { clock, admission, onEnd, onRenewed } = options;
    this.#clock = clock;
    this.#admission = admission;
    this.#onEnd = onEnd;
    this.#onRenewed = onRenewed;
    this.#startedAt = clock.now();
    this.#isServer = admission.grant.isServer;
    this.#longestMs = admission.limits.longestSessionMs;
    this.#cancel = this.#watch(admission.tokenExpiresAt);
  }

  #watch(expiresAt: number): () => void {
    const leftMs = expiresAt + TOKEN_GRACE_MS - this.#clock.wallNow();
    return this.#clock.wakeAt(this.#clock.now() + leftMs, () => this.#onEnd('token-expired'));
  }

  #check(fresh: Admission): void {
    const refuse = (why: string): never => {
      throw new RelayError('token-invalid', `the newer token ${why}`);
    };
    if (fresh.tenant.id !== this.#admission.tenant.id || fresh.subject !== this.#admission.subject)
      refuse('names another tenant or subject');
    if (fresh.origin !== this.#admission.origin) refuse('is for another page');
    if (fresh.grant.isServer && !this.#isServer) refuse('has a wider scope');
    if (fresh.grant.assistant !== undefined && fresh.assistant.id !== this.#admission.assistant.id)
      refuse('names another assistant');
  }

  renew(fresh: Admission): number {
    this.#check(fresh);
    this.#isServer = fresh.grant.isServer;
    if (fresh.limits.longestSessionMs < this.#longestMs) {
      this.#longestMs = fresh.limits.longestSessionMs;
      this.#cancelLongest();
      this.#cancelLongest = this.#clock.wakeAt(this.#startedAt + this.#longestMs, () => this.#onEnd('longest-session'));
    }
    this.#cancel();
    this.#cancel = this.#watch(fresh.tokenExpiresAt);
    this.#onRenewed(fresh.grant);
    return fresh.tokenExpiresAt;
  }

  stop(): void {
    this.#cancel();
    this.#cancelLongest();
  }
}

export function createTokenWatch(options: {
  clock: Clock;
  admission: Admission;
  /** The session's time is over. */
  onEnd: (code: FaultCode) => void;
  onRenewed: (token: TokenFacts) => void;
}): TokenWatch {
  return new TimedToken(options);
}
