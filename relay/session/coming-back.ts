/**
 * A conversation whose page is away for a while, and how it comes back: over the same page's next
 * connection, or to a page loaded anew. It knows when the waiting ends and what the page is told first;
 * what becomes of answers and speech is the arbiter's, told here in its words.
 */
import type { WebSocket } from 'ws';
import type { ArbiterConfig, State } from '#arbiter';
import type { Kept } from '#wire';
import type { Clock } from '../clock.ts';
import type { Happening } from './arbiter-shell.ts';
import type { ClipSender } from './clip-sender.ts';
import type { Downlink } from './downlink.ts';
import { helloAgain, helloOf, type HelloFacts } from './hello.ts';
import type { Line } from './line.ts';
import type { Counts } from './line-log.ts';
import type { PageCodec } from './page-codec.ts';
import type { PageMirror } from './page-mirror.ts';
import { createResumeSecret, type ResumeOffer, type ResumePoint } from './resume-offer.ts';
import type { SessionSeed } from './session-deps.ts';

const NOTHING: Counts = { messages: 0, frames: 0 };

export interface ComingBackOptions {
  clock: Clock;
  seed: SessionSeed;
  config: ArbiterConfig;
  windowMs: number;
  line: Line;
  codec: PageCodec;
  clips: ClipSender;
  mirror: PageMirror;
  downlink: Downlink;
  state: () => State;
  dispatch: (event: Happening) => void;
  run: (job: () => void) => void;
  /** Whether there is a conversation to come back to. */
  isStarted: () => boolean;
  /** What the page has begun and will not end: functions, and speech where it is `loaded anew`. */
  dropPage: (isNewPage: boolean) => void;
  /** The page is away; the conversation waits. */
  onAway: () => void;
  /** The page is back. */
  onBack: (kept: Kept) => void;
  /** Another secret is good now. */
  onSecret: () => void;
  /** Nobody comes any more. */
  onLost: () => void;
}

export interface ComingBack {
  /** The first connection of this session: it has started with this. */
  greet(socket: WebSocket): void;
  /** The connection is gone. @param isFinal - The page wanted it so. */
  down(isFinal: boolean): void;
  isOpenedBy(digest: Buffer): boolean;
  /** The page is back, and may be. @param tokenEndsAt - Wall-clock milliseconds. */
  resume(socket: WebSocket, offer: ResumeOffer, tokenEndsAt: number): void;
  /** Something came that only a page sends which knows the newest secret. */
  arrived(): void;
  /** SHA-256 of the secrets that are good, in hex. */
  readonly secrets: { secretHash: string; formerSecretHash: string | null };
  stop(): void;
}

export function createComingBack(options: ComingBackOptions): ComingBack {
  const { clock, seed, line, downlink, dispatch, state } = options;
  const secret = createResumeSecret();
  let cancelWindow: (() => void) | null = null;

  function stop(): void {
    cancelWindow?.();
    cancelWindow = null;
  }

  function facts(openedBy: Buffer | null, epoch: number, tokenEndsAt: number): HelloFacts {
    return {
      ...{ seed, config: options.config, epoch },
      tokenExpiresInMs: tokenEndsAt - clock.wallNow(),
      resume: { secret: secret.renew(openedBy), windowMs: options.windowMs },
    };
  }

  /** To the page that was here before: both directions go on where they were. */
  function goOn(socket: WebSocket, point: ResumePoint, hello: HelloFacts): void {
    line.take(socket, helloAgain(hello, 'all', line.received.counts), point);
    downlink.setConnected(true);
    dispatch({ type: 'widget.up', epoch: point.epoch });
  }

  /** To a page that has nothing, or has missed too much. */
  function beginAnew(socket: WebSocket, kept: Kept, hello: HelloFacts): void {
    line.restart();
    line.take(socket, helloAgain(hello, kept, NOTHING));
    options.codec.restart();
    options.clips.again();
    if (kept === 'unplayed') {
      downlink.rewind();
      for (const message of options.mirror.again()) options.codec.message(message);
      dispatch({ type: 'widget.up' });
    } else {
      // Above both sides' epochs: what was heard is over.
      dispatch({ type: 'widget.up', epoch: hello.epoch - 1 });
    }
    downlink.setConnected(true);
    options.dropPage(kept === 'unplayed');
  }

  return {
    greet(socket) {
      const { restored, offer, admission } = seed;
      if (!restored) {
        line.take(socket, helloOf(facts(null, state().epoch, admission.tokenExpiresAt)));
        dispatch({ type: 'session.started' });
        return;
      }
      const epoch = Math.max(restored.epoch, offer?.point?.epoch ?? 0) + 2;
      const hello = facts(offer?.digest ?? null, epoch, admission.tokenExpiresAt);
      line.take(socket, helloAgain(hello, 'memory', NOTHING));
      dispatch({ type: 'session.started' });
      dispatch({ type: 'widget.up', epoch: epoch - 1 });
    },
    down(isFinal) {
      dispatch({ type: 'widget.down' });
      if (isFinal || !options.isStarted()) {
        options.onLost();
        return;
      }
      downlink.setConnected(false);
      stop();
      cancelWindow = clock.wakeAt(clock.now() + options.windowMs, () => options.run(options.onLost));
      options.onAway();
    },
    isOpenedBy: (digest) => options.isStarted() && secret.isOpenedBy(digest),
    resume(socket, { digest, point }, tokenEndsAt) {
      stop();
      const kept: Kept = point === null ? 'unplayed' : line.has(point) ? 'all' : 'memory';
      if (point === null) beginAnew(socket, 'unplayed', facts(digest, state().epoch, tokenEndsAt));
      else if (kept === 'all') goOn(socket, point, facts(digest, state().epoch, tokenEndsAt));
      else beginAnew(socket, kept, facts(digest, Math.max(state().epoch, point.epoch) + 2, tokenEndsAt));
      options.onSecret();
      options.onBack(kept);
    },
    arrived() {
      if (secret.arrived()) options.onSecret();
    },
    get secrets() {
      return { secretHash: secret.hash, formerSecretHash: secret.formerHash };
    },
    stop,
  };
}
