/**
 * What can be seen of a conversation from beside it: the arbiter's steps and a few facts that are no
 * step. Whoever looks changes nothing and delays nothing, and a look that fails ends the looking and
 * not the conversation. Words, sound and tokens are not among what is shown.
 */
import type { ArbiterEvent, Effect, State } from '#arbiter';
import type { Kept, RelayMessage } from '#wire';

/** Bytes that wait in one conversation: for the provider, for the page, and until the page confirms them. */
export interface HeldBytes {
  up: number;
  down: number;
  log: number;
}

/** A conversation at its beginning. */
export interface OpenedSession {
  id: string;
  tenant: string;
  assistant: { id: string; version: number };
  model: string;
  /** It began at a relay that is gone. */
  isRestored: boolean;
  /** The W3C header of the request that opened it, as it came. */
  traceparent: string | undefined;
  /** Read now and then, not with every frame. */
  held: () => HeldBytes;
}

/** Sees one conversation. Every method returns at once; time is read by whoever looks. */
export interface SessionWatch {
  /** One step of the arbiter, before its effects are carried out. */
  step(event: ArbiterEvent, effects: readonly Effect[], before: State): void;
  /** The page has been sent a message. */
  told(message: RelayMessage): void;
  /** The provider's socket has been told to cancel a response. */
  cancelled(): void;
  /** The provider is dialled for the first time. */
  dialled(): void;
  providerUp(): void;
  /** @param reason - The provider's or the transport's code. */
  providerDown(reason: string): void;
  /** The page is back in its conversation. */
  resumed(kept: Kept): void;
  /** How far ahead of the ear the page is, in milliseconds. */
  lead(ms: number): void;
  ended(closeCode: number): void;
}

export interface SessionObserver {
  open(session: OpenedSession): SessionWatch;
}

/** Sees nothing. */
export const NO_WATCH: SessionWatch = {
  step: () => undefined,
  told: () => undefined,
  cancelled: () => undefined,
  dialled: () => undefined,
  providerUp: () => undefined,
  providerDown: () => undefined,
  resumed: () => undefined,
  lead: () => undefined,
  ended: () => undefined,
};

/**
 * The conversation's watch, which never throws.
 *
 * @param onFailure - Told once a conversation; it is not looked at any more.
 */
export function watchOf(
  observer: SessionObserver | undefined,
  session: OpenedSession,
  onFailure: (error: unknown) => void,
): SessionWatch {
  if (observer === undefined) return NO_WATCH;
  let watch: SessionWatch = NO_WATCH;
  let failed: SessionWatch | null = null;
  const fail = (error: unknown) => {
    // It still has something to let go of at the end.
    failed ??= watch;
    watch = NO_WATCH;
    onFailure(error);
  };
  const look = (how: () => void) => {
    try {
      how();
    } catch (error) {
      fail(error);
    }
  };
  look(() => (watch = observer.open(session)));
  return {
    step(event, effects, before) {
      // Written out: this one runs with every frame.
      try {
        watch.step(event, effects, before);
      } catch (error) {
        fail(error);
      }
    },
    told: (message) => look(() => watch.told(message)),
    cancelled: () => look(() => watch.cancelled()),
    dialled: () => look(() => watch.dialled()),
    providerUp: () => look(() => watch.providerUp()),
    providerDown: (reason) => look(() => watch.providerDown(reason)),
    resumed: (kept) => look(() => watch.resumed(kept)),
    lead: (ms) => look(() => watch.lead(ms)),
    ended(closeCode) {
      if (failed === null) {
        look(() => watch.ended(closeCode));
        return;
      }
      try {
        failed.ended(closeCode);
      } catch {
        // That it fails was said.
      }
    },
  };
}
