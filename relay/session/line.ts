/**
 * The page's connection, which outlives its sockets. What goes down is numbered and kept until the
 * page says that it came; what comes up is counted and acknowledged. One socket carries it at a time,
 * and between two sockets nothing is lost. Knows nothing of what is said over it.
 */
import { WebSocket, type RawData } from 'ws';
import { CLOSE, CLOSE_NORMAL, closeName, encodeAudioFrame, type AudioFrame, type RelayMessage } from '#wire';
import type { Clock } from '../clock.ts';
import { Slab } from '../slab.ts';
import { startHeartbeat } from './heartbeat.ts';
import { createReceived, createSentLog, type Counts, type Received } from './line-log.ts';
import { createSocketWriter } from './socket-writer.ts';

/** What is kept of one session until its page has it, in bytes. */
export const MOST_KEPT_BYTES = 4 * 1024 * 1024;
/** Frames that are kept lie together in pieces of this. */
const PIECE_BYTES = 32 * 1024;
/** What came is acknowledged after this; the protocol promises a second. */
const ACK_MS = 800;
/** Of the connection, not of the conversation: neither counted nor kept. */
const UNCOUNTED: ReadonlySet<RelayMessage['type']> = new Set([
  ...(['pong', 'ack', 'auth.accepted', 'session.created', 'session.resumed', 'relay.draining'] as const),
]);
/** The page closed without a code: it is over, as with 1000. A page that is left says 1001. */
const NO_CODE = 1_005;
const FIRST_FINAL = 4_500;

/** What the session writes to. */
export interface Outlet {
  message(message: RelayMessage): void;
  frame(frame: Omit<AudioFrame, 'seq'>): void;
  /** Nothing more is sent. */
  stop(): void;
}

export interface Line extends Outlet {
  readonly isUp: boolean;
  /** What the page has not acknowledged, or its network not taken, in bytes. */
  readonly heldBytes: number;
  /** Nothing more is read from the page's socket until {@link goOn}; what it sends waits with it. */
  pause(): void;
  goOn(): void;
  /** What came, for whoever reads it to count. */
  readonly received: Received;
  /** Something came that is counted: it will be acknowledged. */
  came(): void;
  /** @returns false when the page acknowledges what was never sent. */
  acknowledged(came: Counts): boolean;
  /** Whether a page that has got so much can go on. */
  has(came: Counts): boolean;
  /**
   * Goes on over this socket; one that it had before is closed with 4011.
   *
   * @param greeting - The first thing to be sent over it.
   * @param came - What the page has; nothing was sent before when absent.
   */
  take(socket: WebSocket, greeting: RelayMessage, came?: Counts): void;
  /** Counts anew from 0, in both directions; what was kept is let go. */
  restart(): void;
  /** The end: whatever socket there is closes with this code. */
  close(code: number): void;
  /** Resolves when it was closed and no socket of it is open. */
  readonly closed: Promise<void>;
}

export interface LineOptions {
  clock: Clock;
  heartbeatMs: number;
  onData: (bytes: Buffer, isBinary: boolean) => void;
  /** The socket is gone. @param isFinal - The page wanted it so. */
  onDown: (isFinal: boolean) => void;
}

class PageLine implements Line {
  readonly #options: LineOptions;
  readonly #clock: Clock;
  readonly #log = createSentLog();
  readonly #received = createReceived();
  readonly #slab = new Slab(PIECE_BYTES);
  readonly #takeBytes = (bytes: number): Uint8Array<ArrayBuffer> => this.#slab.take(bytes);
  readonly #open = new Set<WebSocket>();
  #current: { socket: WebSocket; send: (data: string | Uint8Array) => void; leave: () => void } | null = null;
  #isStopped = false;
  #isClosed = false;
  #cancelAck: (() => void) | null = null;
  #onClosed: () => void = () => undefined;
  readonly #closed: Promise<void>;

  constructor(options: LineOptions) {
    this.#options = options;
    const { clock } = options;
    this.#clock = clock;
    this.#closed = new Promise<void>((resolve) => (this.#onClosed = resolve));
  }

  #settle(): void {
    if (this.#isClosed && this.#open.size === 0) this.#onClosed();
  }

  #ack(): void {
    this.#cancelAck = null;
    // Not by the writer: whether the page reads is to be seen by what it is told, not by this.
    const { socket } = this.#current ?? {};
    if (socket?.readyState === WebSocket.OPEN)
      socket.send(JSON.stringify({ type: 'ack', ...this.#received.counts } satisfies RelayMessage));
  }

  #stopAck(): void {
    this.#cancelAck?.();
    this.#cancelAck = null;
  }

  /** Lets go of the socket that carries it. */
  #leave(): WebSocket | null {
    const before = this.#current;
    this.#current = null;
    this.#stopAck();
    before?.leave();
    return before?.socket ?? null;
  }

  /** The page cannot take what it is sent: it may come back on a better connection. */
  #slow(): void {
    const socket = this.#leave();
    if (socket === null) return;
    socket.close(CLOSE.slow, closeName(CLOSE.slow));
    this.#options.onDown(false);
  }

  #carry(socket: WebSocket): void {
    const writer = createSocketWriter(socket, this.#clock, () => this.#slow());
    const onMessage = (data: RawData, isBinary: boolean) => this.#options.onData(data as Buffer, isBinary);
    let isBroken = false;
    // What is no WebSocket is no page of ours; a network that breaks is.
    const onError = (error: Error & { code?: string }) => {
      isBroken ||= error.code?.startsWith('WS_ERR') === true;
    };
    const onClose = (code: number) => {
      this.#leave();
      this.#options.onDown(isBroken || code === CLOSE_NORMAL || code === NO_CODE || code >= FIRST_FINAL);
    };
    socket.on('message', onMessage);
    socket.on('error', onError);
    socket.once('close', onClose);
    const stopHeartbeat = startHeartbeat(socket, this.#clock, this.#options.heartbeatMs);
    this.#open.add(socket);
    socket.once('close', () => {
      this.#open.delete(socket);
      this.#settle();
    });
    this.#current = {
      socket,
      send: (data) => writer.send(data),
      leave() {
        // Also one that is held must see the page's end of it.
        socket.resume();
        socket.off('message', onMessage);
        socket.off('error', onError);
        socket.off('close', onClose);
        stopHeartbeat();
        writer.stop();
      },
    };
  }

  #kept(data: string | Uint8Array): void {
    if (this.#log.bytes > MOST_KEPT_BYTES) {
      // A page that never acknowledges is older than this and misses nothing; one that does has stopped reading.
      const isSlow = this.#log.isAcknowledged && this.#current !== null;
      this.#log.shrink(MOST_KEPT_BYTES);
      if (isSlow) this.#slow();
    }
    this.#current?.send(data);
  }

  get isUp(): boolean {
    return this.#current !== null;
  }

  get heldBytes(): number {
    // What waits for the network is mostly what is kept besides: the same bytes.
    return Math.max(this.#log.bytes, this.#current?.socket.bufferedAmount ?? 0);
  }

  pause(): void {
    this.#current?.socket.pause();
  }

  goOn(): void {
    this.#current?.socket.resume();
  }

  get received(): Received {
    return this.#received;
  }

  get closed(): Promise<void> {
    return this.#closed;
  }

  message(message: RelayMessage): void {
    if (this.#isStopped) return;
    const data = JSON.stringify(message);
    if (UNCOUNTED.has(message.type)) {
      this.#current?.send(data);
      return;
    }
    this.#log.message(data);
    this.#kept(data);
  }

  frame(frame: Omit<AudioFrame, 'seq'>): void {
    if (!this.#isStopped) this.#kept(this.#log.frame((seq) => encodeAudioFrame({ ...frame, seq }, this.#takeBytes)));
  }

  came(): void {
    if (this.#current !== null) this.#cancelAck ??= this.#clock.wakeAt(this.#clock.now() + ACK_MS, () => this.#ack());
  }

  acknowledged(came: Counts): boolean {
    return this.#log.acknowledge(came);
  }

  has(came: Counts): boolean {
    return this.#log.has(came);
  }

  take(socket: WebSocket, greeting: RelayMessage, came?: Counts): void {
    const before = this.#leave();
    before?.close(CLOSE.moved, closeName(CLOSE.moved));
    this.#carry(socket);
    this.#current?.send(JSON.stringify(greeting));
    if (!came) return;
    this.#log.acknowledge(came);
    for (const data of this.#log.after(came)) this.#current?.send(data);
  }

  restart(): void {
    this.#log.restart();
    this.#received.restart();
  }

  stop(): void {
    this.#isStopped = true;
    this.#stopAck();
  }

  close(code: number): void {
    this.#isStopped = true;
    this.#isClosed = true;
    this.#leave()?.close(code, code === CLOSE_NORMAL ? '' : closeName(code));
    this.#settle();
  }
}

export function createLine(options: LineOptions): Line {
  return new PageLine(options);
}
