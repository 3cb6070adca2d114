/**
 * A page asks for a conversation that does not live here: it is brought to the instance that has it, or
 * what is left of the conversation is held for the page until it was let in. Knows no tokens.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '../clock.ts';
import type { Checkpoint, Continuity } from '../continuity/continuity.ts';
import { isDigest, type ResumeOffer } from './resume-offer.ts';
import type { PassOn } from './upgrade.ts';

/** What was taken over waits so long for a page that is let in; then any instance may have it. */
const HELD_MS = 60_000;
/** The instance that has it, and one more that took it over meanwhile. */
const MOST_TRIES = 2;

export interface RestoringOptions {
  clock: Clock;
  continuity?: Continuity;
  passOn?: PassOn;
  isPassedOn?: (request: IncomingMessage) => boolean;
  /** Whether it lives here by now. */
  hasHere: (session: string) => boolean;
}

/** A caller, not yet let in. */
export interface Seeker {
  offer: ResumeOffer;
  request: IncomingMessage;
  socket: Duplex;
  head: Buffer;
  signal: AbortSignal;
}

/** `elsewhere`: the caller and their socket are gone to another instance. */
export type Sought = { is: 'elsewhere' } | { is: 'here'; checkpoint: Checkpoint | null };

export interface Restoring {
  /** Never rejects: what cannot be found out is no conversation. */
  find(seeker: Seeker): Promise<Sought>;
  /** It lives again. */
  done(session: string): void;
  /** Lets go of what nobody came for. */
  stop(): Promise<void>;
}

export function createRestoring(options: RestoringOptions): Restoring {
  const { clock, continuity, passOn } = options;
  const held = new Map<string, { checkpoint: Checkpoint; cancel: () => void }>();

  function done(session: string): void {
    held.get(session)?.cancel();
    held.delete(session);
  }

  function hold(checkpoint: Checkpoint): void {
    const { session } = checkpoint;
    done(session);
    const cancel = clock.wakeAt(clock.now() + HELD_MS, () => {
      held.delete(session);
      void continuity?.left(session);
    });
    held.set(session, { checkpoint, cancel });
  }

  function heldFor({ session, digest }: ResumeOffer): Checkpoint | null {
    const checkpoint = held.get(session)?.checkpoint;
    const isRight = [checkpoint?.secretHash, checkpoint?.formerSecretHash].some((hash) => isDigest(hash, digest));
    return checkpoint && isRight ? checkpoint : null;
  }

  async function look({ offer, request, socket, head, signal }: Seeker, port: Continuity): Promise<Sought> {
    let dead: string | undefined;
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const known = heldFor(offer);
      if (known) return { is: 'here', checkpoint: known };
      const found = await port.find(offer.session, offer.digest.toString('hex'), dead);
      if (found.is === 'left' && found.checkpoint.start !== null) {
        hold(found.checkpoint);
        return { is: 'here', checkpoint: found.checkpoint };
      }
      if (found.is !== 'elsewhere' || !passOn || options.isPassedOn?.(request) === true) break;
      if (signal.aborted || options.hasHere(offer.session)) break;
      const owner = { instance: found.instance, url: found.url };
      if (await passOn(request, socket, head, owner, signal)) return { is: 'elsewhere' };
      dead = found.instance;
    }
    // Two that came for it at once: the first has it.
    return { is: 'here', checkpoint: heldFor(offer) };
  }

  return {
    async find(seeker) {
      try {
        return continuity ? await look(seeker, continuity) : { is: 'here', checkpoint: null };
      } catch {
        return { is: 'here', checkpoint: null };
      }
    },
    done,
    async stop() {
      const sessions = [...held.keys()];
      for (const session of sessions) done(session);
      if (continuity) await Promise.all(sessions.map((session) => continuity.left(session)));
    },
  };
}
