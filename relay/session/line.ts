/**
 * The page's connection, which outlives its sockets. What goes down is numbered and kept until the
 * page says that it came; what comes up is counted and acknowledged. One socket carries it at a time,
 * and between two sockets nothing is lost. Knows nothing of what is said over it.
 */
import { WebSocket, type RawData } from 'ws';
import { CLOSE, CLOSE_NORMAL, closeName, encodeAudioFrame, type AudioFrame, type RelayMessage } from '#wire';
import type { Clock } from '../clock.ts';
import { startHeartbeat } from './heartbeat.ts';
import { createReceived, createSentLog, type Counts, type Received } from './line-log.ts';
import { createSocketWriter } from './socket-writer.ts';

/** What is kept of one session until its page has it, in bytes. */
export const MOST_KEPT_BYTES = 4 * 1024 * 1024;
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

export function createLine(options: LineOptions): Line {
  const { clock } = options;
  const log = createSentLog();
  const received = createReceived();
  const open = new Set<WebSocket>();
  let current: { socket: WebSocket; send: (data: string | Uint8Array) => void; leave: () => void } | null = null;
  let isStopped = false;
  let isClosed = false;
  let cancelAck: (() => void) | null = null;
  let onClosed: () => void = () => undefined;
  const closed = new Promise<void>((resolve) => (onClosed = resolve));

  function settle(): void {
    if (isClosed && open.size === 0) onClosed();
  }

  function ack(): void {
    cancelAck = null;
    // Not by the writer: whether the page reads is to be seen by what it is told, not by this.
    const { socket } = current ?? {};
    if (socket?.readyState === WebSocket.OPEN)
      socket.send(JSON.stringify({ type: 'ack', ...received.counts } satisfies RelayMessage));
  }

  function stopAck(): void {
    cancelAck?.();
    cancelAck = null;
  }

  /** Lets go of the socket that carries it. */
  function leave(): WebSocket | null {
    const before = current;
    current = null;
    stopAck();
    before?.leave();
    return before?.socket ?? null;
  }

  /** The page cannot take what it is sent: it may come back on a better connection. */
  function slow(): void {
    const socket = leave();
    if (socket === null) return;
    socket.close(CLOSE.slow, closeName(CLOSE.slow));
    options.onDown(false);
  }

  function carry(socket: WebSocket): void {
    const writer = createSocketWriter(socket, clock, slow);
    const onMessage = (data: RawData, isBinary: boolean) => options.onData(data as Buffer, isBinary);
    let isBroken = false;
    // What is no WebSocket is no page of ours; a network that breaks is.
    const onError = (error: Error & { code?: string }) => {
      isBroken ||= error.code?.startsWith('WS_ERR') === true;
    };
    const onClose = (code: number) => {
      leave();
      options.onDown(isBroken || code === CLOSE_NORMAL || code === NO_CODE || code >= FIRST_FINAL);
    };
    socket.on('message', onMessage);
    socket.on('error', onError);
    socket.once('close', onClose);
    const stopHeartbeat = startHeartbeat(socket, clock, options.heartbeatMs);
    open.add(socket);
    socket.once('close', () => {
      open.delete(socket);
      settle();
    });
    current = {
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

  function kept(data: string | Uint8Array): void {
    if (log.bytes > MOST_KEPT_BYTES) {
      // A page that never acknowledges is older than this and misses nothing; one that does has stopped reading.
      const isSlow = log.isAcknowledged && current !== null;
      log.shrink(MOST_KEPT_BYTES);
      if (isSlow) slow();
    }
    current?.send(data);
  }

  return {
    get isUp() {
      return current !== null;
    },
    get heldBytes() {
      // What waits for the network is mostly what is kept besides: the same bytes.
      return Math.max(log.bytes, current?.socket.bufferedAmount ?? 0);
    },
    pause: () => current?.socket.pause(),
    goOn: () => current?.socket.resume(),
    received,
    closed,
    message(message) {
      if (isStopped) return;
      const data = JSON.stringify(message);
      if (UNCOUNTED.has(message.type)) {
        current?.send(data);
        return;
      }
      log.message(data);
      kept(data);
    },
    frame(frame) {
      if (!isStopped) kept(log.frame((seq) => encodeAudioFrame({ ...frame, seq })));
    },
    came() {
      if (current !== null) cancelAck ??= clock.wakeAt(clock.now() + ACK_MS, ack);
    },
    acknowledged: (came) => log.acknowledge(came),
    has: (came) => log.has(came),
    take(socket, greeting, came) {
      const before = leave();
      before?.close(CLOSE.moved, closeName(CLOSE.moved));
      carry(socket);
      current?.send(JSON.stringify(greeting));
      if (!came) return;
      log.acknowledge(came);
      for (const data of log.after(came)) current?.send(data);
    },
    restart() {
      log.restart();
      received.restart();
    },
    stop() {
      isStopped = true;
      stopAck();
    },
    close(code) {
      isStopped = true;
      isClosed = true;
      leave()?.close(code, code === CLOSE_NORMAL ? '' : closeName(code));
      settle();
    },
  };
}
