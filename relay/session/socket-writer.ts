/**
 * A socket as something to write to. It notices a page that reads too slowly; it never drops a part
 * silently. Knows nothing of what it sends.
 */
import { WebSocket } from 'ws';
import type { Clock } from '../clock.ts';
import { beforeSend } from '../one-write.ts';

/** Bytes that may wait in the process for one page. */
const MOST_BUFFERED_BYTES = 1024 * 1024;
/** With something waiting, this long without anything leaving is too slow. */
const STALLED_MS = 5_000;

export interface SocketWriter {
  send(data: string | Uint8Array): void;
  /** Stops watching and sending. */
  stop(): void;
}

class WatchedWriter implements SocketWriter {
  readonly #clock: Clock;
  readonly #onSlow: () => void;
  readonly #socket: WebSocket;
  #waiting = 0;
  #movedAt = 0;
  #isStopped = false;
  #cancelWatch: (() => void) | null = null;
  /** One for all that is sent. */
  readonly #left = (): void => {
    this.#waiting -= 1;
    this.#movedAt = this.#clock.now();
    if (this.#waiting === 0) {
      this.#cancelWatch?.();
      this.#cancelWatch = null;
    }
  };

  constructor(socket: WebSocket, clock: Clock, onSlow: () => void) {
    this.#clock = clock;
    this.#onSlow = onSlow;
    this.#socket = socket;
  }

  #watch(): void {
    this.#cancelWatch ??= this.#clock.wakeAt(this.#movedAt + STALLED_MS, () => {
      this.#cancelWatch = null;
      if (this.#waiting === 0) return;
      if (this.#clock.now() - this.#movedAt >= STALLED_MS) this.#slow();
      else this.#watch();
    });
  }

  #slow(): void {
    this.stop();
    this.#onSlow();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelWatch?.();
    this.#cancelWatch = null;
  }

  send(data: string | Uint8Array): void {
    if (this.#isStopped || this.#socket.readyState !== WebSocket.OPEN) return;
    if (this.#waiting === 0) this.#movedAt = this.#clock.now();
    this.#waiting += 1;
    beforeSend(this.#socket);
    this.#socket.send(data, this.#left);
    if (this.#socket.bufferedAmount > MOST_BUFFERED_BYTES) this.#slow();
    else this.#watch();
  }
}

/** @param onSlow - called once; nothing is sent afterwards. */
export function createSocketWriter(socket: WebSocket, clock: Clock, onSlow: () => void): SocketWriter {
  return new WatchedWriter(socket, clock, onSlow);
}
