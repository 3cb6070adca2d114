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

/** @param onSlow - called once; nothing is sent afterwards. */
export function createSocketWriter(socket: WebSocket, clock: Clock, onSlow: () => void): SocketWriter {
  let waiting = 0;
  let movedAt = 0;
  let isStopped = false;
  let cancelWatch: (() => void) | null = null;

  function watch(): void {
    cancelWatch ??= clock.wakeAt(movedAt + STALLED_MS, () => {
      cancelWatch = null;
      if (waiting === 0) return;
      if (clock.now() - movedAt >= STALLED_MS) slow();
      else watch();
    });
  }
  function slow(): void {
    stop();
    onSlow();
  }
  function stop(): void {
    isStopped = true;
    cancelWatch?.();
    cancelWatch = null;
  }
  const left = () => {
    waiting -= 1;
    movedAt = clock.now();
    if (waiting === 0) {
      cancelWatch?.();
      cancelWatch = null;
    }
  };
  return {
    send(data) {
      if (isStopped || socket.readyState !== WebSocket.OPEN) return;
      if (waiting === 0) movedAt = clock.now();
      waiting += 1;
      beforeSend(socket);
      socket.send(data, left);
      if (socket.bufferedAmount > MOST_BUFFERED_BYTES) slow();
      else watch();
    },
    stop,
  };
}
