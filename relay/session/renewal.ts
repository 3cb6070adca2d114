/** A newer token from the page: checked, and answered. The session goes on with the old one where it is refused. */
import type { RelayMessage } from '#wire';
import type { Clock } from '../clock.ts';
import { FAULTS, RelayError } from '../errors.ts';

export interface RenewalOptions {
  clock: Pick<Clock, 'wallNow'>;
  /** @returns wall-clock milliseconds at which the token ends. @throws {RelayError} when it is refused. */
  renew: (token: string) => Promise<number>;
  send: (message: RelayMessage) => void;
  isOver: () => boolean;
}

/** @returns what takes a token; it never rejects. */
export function createRenewal({ clock, renew, send, isOver }: RenewalOptions): (token: string) => Promise<void> {
  return async (token) => {
    try {
      const endsAt = await renew(token);
      if (!isOver()) send({ type: 'auth.accepted', tokenExpiresInMs: Math.max(0, endsAt - clock.wallNow()) });
    } catch (error) {
      const code = error instanceof RelayError ? error.code : 'internal';
      const { advice, retryable } = FAULTS[code];
      if (!isOver()) send({ type: 'error', code, message: advice, retryable });
    }
  };
}
