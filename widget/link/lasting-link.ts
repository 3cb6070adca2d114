/**
 * A link that outlives its sockets: it numbers and acknowledges what goes and comes, dials again when a socket is
 * lost, and goes on where both sides were, or says that it could not. What messages mean to a call is not its
 * business, but for those that say whose session it is, what was received, and which epoch the gate is in.
 */
import { CLOSE, unwrapSequence, type AudioFrame, type RelayMessage, type WidgetMessage } from '#wire';
import { callErrorOf } from '../call/call-error-of.ts';
import { CallError } from '../errors.ts';
import type { Link, LinkClosed, LinkOptions, Socket } from './link.ts';
import { dialDelayMs, GIVE_UP_AFTER_MS, GRACE_MS, QUIET_MS } from './reconnect.ts';
import { SentLog, type Parcel } from './sent-log.ts';
import { untilDial, type wait } from './wait.ts';

/** The relay lets go of what it keeps when it hears what came; it asks to hear it within a second. */
const ACK_AFTER_MS = 500;
/** A token that is so near its end is not shown again, in milliseconds. */
const TOKEN_MARGIN_MS = 5_000;
/** A new token is fetched when this share of the old one's life has passed. */
const REFRESH_SHARE = 0.8;

type Session = Extract<RelayMessage, { type: 'session.created' | 'session.resumed' }>;
type Heard = Exclude<RelayMessage, { type: 'pong' }>;

/** What is needed to come back to a session. */
export interface Ticket {
  session: string;
  secret: string;
  /** The newest session token: it names the subject. */
  token: string;
  windowMs: number;
}

export interface LastingOptions {
  url: string;
  signal: AbortSignal;
  /** A fresh token. @param previous - the one before, or none. */
  fetchToken(previous: string | undefined): Promise<string>;
  openLink(options: LinkOptions): Socket;
  wait: typeof wait;
  /** What begins a session. */
  start: Extract<WidgetMessage, { type: 'session.start' }>;
  /** A session that another page of this tab left behind. */
  ticket?: Ticket | undefined;
  onMessage(message: Heard): void;
  onSound(frame: AudioFrame): void;
  /** The session can be come back to with this from now on; null: it can not. */
  onTicket(ticket: Ticket | null): void;
  onSent(message: WidgetMessage): void;
  onRoundTrip(ms: number): void;
  /** There was no connection for a while now. */
  onAway(attempt: number): void;
  /** @param replayed - nothing was missed, either way. @param wasAway - it was said that it was lost. */
  onBack(gapMs: number, replayed: boolean, wasAway: boolean): void;
  /** Once, unless `signal` ended it: before the first session, or when it cannot be come back to. */
  onClosed(closed: LinkClosed): void;
}

/** Not numbered, either way. */
const UNCOUNTED = /^(pong|ack|auth\.accepted|session\.(created|resumed)|relay\.draining)$/;

export class LastingLink implements Link {
  /** Who hears what comes; another link may put itself between. */
  listener: Pick<LastingOptions, 'onMessage' | 'onSound' | 'onClosed'>;
  /** Of `session.start`. */
  codecs: string[] = [];
  readonly #options: LastingOptions;
  readonly #log = new SentLog();
  #socket: Socket | null = null;
  #session: Session | null = null;
  #ticket: Ticket | null;
  /** The newest session token, which names the subject to the relay when the next is fetched. */
  #token: string | undefined;
  #tokenEndsAtMs = 0;
  /** It was shown before. */
  #isKnown = false;
  #refresh: ReturnType<typeof setTimeout> | undefined;
  #epoch = 0;
  #messages = 0;
  #frames = 0;
  #acking: ReturnType<typeof setTimeout> | undefined;
  #comeBackMs: number | undefined;
  #isReplayed = false;
  /** It was said that there is no connection. */
  #wasAway = false;

  constructor(options: LastingOptions) {
    this.#options = this.listener = options;
    this.#ticket = options.ticket ?? null;
    this.#token = options.ticket?.token;
    const quiet = () => {
      clearTimeout(this.#acking);
      clearTimeout(this.#refresh);
    };
    options.signal.addEventListener('abort', quiet, { once: true });
  }

  /** Dials for the first time. Failures come as `onClosed`. */
  async connect(): Promise<void> {
    const refused = await this.#dial(false);
    if (refused) this.listener.onClosed(refused);
  }

  send(message: WidgetMessage): void {
    this.#post({ message });
  }
  sendSound(samples: Int16Array, speaking: boolean, epoch: number, opus?: Uint8Array): void {
    this.#post({ samples, speaking, epoch, ...(opus && { opus }) });
  }
  end(isLeft = false): void {
    this.#socket?.end(isLeft);
  }

  #post(parcel: Parcel): void {
    const out = this.#log.add(parcel, this.#socket !== null, performance.now());
    if (!out || !this.#socket) return;
    this.#transmit(out);
    if ('message' in out) this.#options.onSent(out.message);
  }

  #transmit(parcel: Parcel): void {
    if ('message' in parcel) this.#socket?.send(parcel.message);
    else this.#socket?.sendSound(parcel.samples, parcel.speaking, parcel.epoch, parcel.opus);
  }

  // A socket and its session.

  /** Opens a socket. @returns null when the relay has named a session, or why it has not. */
  async #dial(isFresh: boolean): Promise<LinkClosed | null> {
    const { url, signal } = this.#options;
    const ticket = this.#ticket;
    this.#isKnown = !isFresh && ticket !== null && performance.now() < this.#tokenEndsAtMs;
    let token = this.#token ?? '';
    if (!this.#isKnown) {
      try {
        token = await this.#options.fetchToken(this.#token);
      } catch (cause) {
        const error = callErrorOf(cause) ?? new CallError('PROTOCOL', 'no token', { cause });
        return { code: 0, retryable: RETRYABLE.has(error.code), busy: false, error };
      }
    }
    if (signal.aborted) return null;
    this.#token = token;
    return new Promise((resolve) => {
      let isThere = false;
      const done = (closed: LinkClosed | null) => {
        signal.removeEventListener('abort', onAbort);
        resolve(closed);
      };
      const onAbort = () => done(null);
      signal.addEventListener('abort', onAbort);
      const socket = this.#options.openLink({
        url,
        token,
        signal,
        resume: ticket && this.#offer(ticket),
        onOpen: () => {
          if (!ticket) socket.send(this.#start);
        },
        onMessage: (message) => {
          if (message.type === 'session.created' || message.type === 'session.resumed') {
            isThere = true;
            this.#socket = socket;
            this.#begin(message, ticket !== null);
            done(null);
          } else if (isThere) {
            this.#told(message);
          } else {
            this.listener.onMessage(message);
          }
        },
        onSound: (frame) => this.#arrived(frame),
        onClosed: (closed) => {
          if (this.#socket === socket) void this.#lost(closed);
          else done({ ...closed, error: closed.error ?? new CallError('NETWORK', `closed with ${closed.code}`) });
        },
        onRoundTrip: (ms) => this.#options.onRoundTrip(ms),
      });
    });
  }

  get #start(): WidgetMessage {
    const { start } = this.#options;
    return this.codecs.length > 0 ? { ...start, codecs: this.codecs } : start;
  }

  #offer({ session, secret }: Ticket): string {
    const place = this.#session ? `.${this.#messages}.${this.#frames}.${this.#epoch}` : '';
    return `resume.${session}.${secret}${place}`;
  }

  #begin(message: Session, wasOffered: boolean): void {
    const { resume, session } = message;
    // It opens the conversation: nothing for whoever watches the call's messages.
    delete message.resume;
    this.#session = message;
    this.#keepTokenFresh(message.tokenExpiresInMs);
    this.#ticket = resume ? { session, token: this.#token ?? '', ...resume } : null;
    this.#options.onTicket(this.#ticket);
    this.#comeBackMs = undefined;
    this.#log.isKeeping = resume !== undefined;
    const kept = message.type === 'session.resumed' ? message.kept : 'none';
    this.#isReplayed = kept === 'all' || kept === 'unplayed';
    if (message.type === 'session.resumed' && kept === 'all') {
      if (this.#socket) this.#socket.nextFrame = message.received.frames;
      for (const parcel of this.#log.resume(message.received)) this.#transmit(parcel);
      this.listener.onMessage(message);
      return;
    }
    this.#messages = this.#frames = 0;
    this.#epoch = message.epoch;
    const parcels = this.#log.restart(message.epoch);
    if (message.type === 'session.resumed') {
      if (this.#socket) this.#socket.nextFrame = message.received.frames;
      this.#log.resume(message.received);
    } else {
      if (wasOffered) this.#socket?.send(this.#start);
      this.#log.add({ message: this.#start }, true, performance.now());
      this.#options.onSent(this.#start);
    }
    for (const parcel of parcels) this.#post(parcel);
    this.listener.onMessage(message);
  }

  #told(message: Heard): void {
    if (!UNCOUNTED.test(message.type)) {
      this.#messages += 1;
      this.#acknowledge();
    }
    if (message.type === 'ack') this.#log.acknowledge(message);
    else if (message.type === 'relay.draining') this.#comeBackMs = message.comeBackMs;
    else if (message.type === 'gate.open' || message.type === 'gate.close') this.#epoch = message.epoch;
    else if (message.type === 'turn.started' && message.source === 'speech') this.#log.answered();
    else if (message.type === 'auth.accepted') this.#keepTokenFresh(message.tokenExpiresInMs);
    this.listener.onMessage(message);
  }

  #arrived(frame: AudioFrame): void {
    const number = unwrapSequence(this.#frames, frame.seq);
    if (this.#ticket) {
      // It came before.
      if (number < this.#frames) return;
      this.#acknowledge();
    }
    this.#frames = number + 1;
    this.listener.onSound(frame);
  }

  #acknowledge(): void {
    if (!this.#ticket || this.#acking !== undefined) return;
    this.#acking = setTimeout(() => {
      this.#acking = undefined;
      this.#socket?.send({ type: 'ack', messages: this.#messages, frames: this.#frames });
    }, ACK_AFTER_MS);
  }

  #keepTokenFresh(expiresInMs: number): void {
    this.#tokenEndsAtMs = performance.now() + expiresInMs - TOKEN_MARGIN_MS;
    clearTimeout(this.#refresh);
    this.#refresh = setTimeout(() => {
      this.#options.fetchToken(this.#token).then(
        (token) => {
          this.#token = token;
          if (this.#ticket) this.#options.onTicket((this.#ticket = { ...this.#ticket, token }));
          this.#socket?.send({ type: 'auth', token });
        },
        // The old one still holds a while; then the relay says so and the way back fetches another.
        () => undefined,
      );
    }, expiresInMs * REFRESH_SHARE);
  }

  // Coming back.

  async #lost(closed: LinkClosed): Promise<void> {
    const { signal, wait } = this.#options;
    this.#socket = null;
    clearTimeout(this.#refresh);
    // Somebody else has it now, who had its secret: another page of this tab.
    if (closed.code === CLOSE.moved) closed = { ...closed, error: null };
    if (!closed.retryable || closed.error === null) {
      this.#over(closed);
      return;
    }
    const back = new AbortController();
    const stop = () => back.abort();
    signal.addEventListener('abort', stop, { once: true });
    const lostAtMs = performance.now();
    const windowMs = this.#ticket?.windowMs ?? GIVE_UP_AFTER_MS;
    let attempt = 0;
    let { busy } = closed;
    let isFresh = closed.code === CLOSE['token-expired'];
    const away = () => {
      this.#wasAway = true;
      this.#options.onAway(attempt);
    };
    void wait(QUIET_MS, back.signal).then(() => {
      if (!back.signal.aborted) away();
    });
    void wait(this.#graceMs, back.signal).then(() => {
      if (!back.signal.aborted) this.#closeGate();
    });
    const leftMs = () => lostAtMs + windowMs - performance.now();
    while (!back.signal.aborted) {
      attempt += 1;
      if (this.#wasAway) away();
      const delayMs = dialDelayMs(attempt, Math.random(), busy, this.#comeBackMs);
      await untilDial(Math.min(delayMs, leftMs()), leftMs(), signal, wait);
      const refused = await this.#dial(isFresh);
      if (!refused) {
        stop();
        const wasAway = this.#wasAway;
        this.#wasAway = false;
        if (!signal.aborted) this.#options.onBack(performance.now() - lostAtMs, this.#isReplayed, wasAway);
      } else if ((!refused.retryable && !this.#isKnown) || leftMs() <= 0) {
        stop();
        this.#over(refused);
      } else {
        busy = refused.busy;
        // What is wrong may be the token that was shown before.
        isFresh = refused.code >= 4000;
      }
    }
    signal.removeEventListener('abort', stop);
  }

  #over(closed: LinkClosed): void {
    this.#options.onTicket(null);
    this.listener.onClosed(closed);
  }

  get #graceMs(): number {
    const told = this.#session?.config?.['WIDGET_GRACE_MS'];
    return typeof told === 'number' ? told : GRACE_MS;
  }

  /** What is still there of an answer is not played into a conversation that may have gone on without it. */
  #closeGate(): void {
    this.#epoch += 1;
    const rampMs = this.#session?.knobs.transitionGapMs ?? 0;
    this.listener.onMessage({ type: 'gate.close', epoch: this.#epoch, rampMs });
  }
}

const RETRYABLE = new Set(['NETWORK', 'QUOTA', 'TOKEN_EXPIRED']);
