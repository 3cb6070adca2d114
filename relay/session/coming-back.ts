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

class ReturningPage implements ComingBack {
  readonly #options: ComingBackOptions;
  readonly #clock: Clock;
  readonly #seed: SessionSeed;
  readonly #line: Line;
  readonly #downlink: Downlink;
  readonly #dispatch: (event: Happening) => void;
  readonly #state: () => State;
  readonly #secret = createResumeSecret();
  #cancelWindow: (() => void) | null = null;

  constructor(options: ComingBackOptions) {
    this.#options = options;
    const { clock, seed, line, downlink, dispatch, state } = options;
    this.#clock = clock;
    this.#seed = seed;
    this.#line = line;
    this.#downlink = downlink;
    this.#dispatch = dispatch;
    this.#state = state;
  }

  #facts(openedBy: Buffer | null, epoch: number, tokenEndsAt: number): HelloFacts {
    return {
      ...{ seed: this.#seed, config: this.#options.config, epoch },
      tokenExpiresInMs: tokenEndsAt - this.#clock.wallNow(),
      resume: { secret: this.#secret.renew(openedBy), windowMs: this.#options.windowMs },
    };
  }

  /** To the page that was here before: both directions go on where they were. */
  #goOn(socket: WebSocket, point: ResumePoint, hello: HelloFacts): void {
    this.#line.take(socket, helloAgain(hello, 'all', this.#line.received.counts), point);
    this.#downlink.setConnected(true);
    this.#dispatch({ type: 'widget.up', epoch: point.epoch });
  }

  /** To a page that has nothing, or has missed too much. */
  #beginAnew(socket: WebSocket, kept: Kept, hello: HelloFacts): void {
    this.#line.restart();
    this.#line.take(socket, helloAgain(hello, kept, NOTHING));
    this.#options.codec.restart();
    this.#options.clips.again();
    if (kept === 'unplayed') {
      this.#downlink.rewind();
      for (const message of this.#options.mirror.again()) this.#options.codec.message(message);
      this.#dispatch({ type: 'widget.up' });
    } else {
      // Above both sides' epochs: what was heard is over.
      this.#dispatch({ type: 'widget.up', epoch: hello.epoch - 1 });
    }
    this.#downlink.setConnected(true);
    this.#options.dropPage(kept === 'unplayed');
  }

  stop(): void {
    this.#cancelWindow?.();
    this.#cancelWindow = null;
  }

  greet(socket: WebSocket): void {
    const { restored, offer, admission } = this.#seed;
    if (!restored) {
      this.#line.take(socket, helloOf(this.#facts(null, this.#state().epoch, admission.tokenExpiresAt)));
      this.#dispatch({ type: 'session.started' });
      return;
    }
    const epoch = Math.max(restored.epoch, offer?.point?.epoch ?? 0) + 2;
    const hello = this.#facts(offer?.digest ?? null, epoch, admission.tokenExpiresAt);
    this.#line.take(socket, helloAgain(hello, 'memory', NOTHING));
    this.#dispatch({ type: 'session.started' });
    this.#dispatch({ type: 'widget.up', epoch: epoch - 1 });
  }

  down(isFinal: boolean): void {
    this.#dispatch({ type: 'widget.down' });
    if (isFinal || !this.#options.isStarted()) {
      this.#options.onLost();
      return;
    }
    this.#downlink.setConnected(false);
    this.stop();
    this.#cancelWindow = this.#clock.wakeAt(this.#clock.now() + this.#options.windowMs, () =>
      this.#options.run(this.#options.onLost),
    );
    this.#options.onAway();
  }

  isOpenedBy(digest: Buffer): boolean {
    return this.#options.isStarted() && this.#secret.isOpenedBy(digest);
  }

  resume(socket: WebSocket, { digest, point }: ResumeOffer, tokenEndsAt: number): void {
    this.stop();
    const kept: Kept = point === null ? 'unplayed' : this.#line.has(point) ? 'all' : 'memory';
    if (point === null) this.#beginAnew(socket, 'unplayed', this.#facts(digest, this.#state().epoch, tokenEndsAt));
    else if (kept === 'all') this.#goOn(socket, point, this.#facts(digest, this.#state().epoch, tokenEndsAt));
    else
      this.#beginAnew(socket, kept, this.#facts(digest, Math.max(this.#state().epoch, point.epoch) + 2, tokenEndsAt));
    this.#options.onSecret();
    this.#options.onBack(kept);
  }

  arrived(): void {
    if (this.#secret.arrived()) this.#options.onSecret();
  }

  get secrets(): { secretHash: string; formerSecretHash: string | null } {
    return { secretHash: this.#secret.hash, formerSecretHash: this.#secret.formerHash };
  }
}

export function createComingBack(options: ComingBackOptions): ComingBack {
  return new ReturningPage(options);
}
