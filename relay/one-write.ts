/**
 * What is sent over a WebSocket within one turn of the event loop leaves in one write: a write is a call of the kernel's
 * (and, encrypted, a record of its own), and costs more than what it carries. Nothing leaves later than when that turn is over.
 */
import type { Duplex } from 'node:stream';

/** More than this is written at once: what is gathered is no sign that the other side reads slowly, and must not look like one. */
const MOST_GATHERED_BYTES = 32 * 1024;

const writers = new WeakMap<object, () => void>();

/**
 * From now on {@link beforeSend} gathers for this WebSocket.
 *
 * @param socket - What the WebSocket writes to.
 */
export function gatherWrites(webSocket: object, socket: Duplex): void {
  let isGathering = false;
  writers.set(webSocket, () => {
    if (socket.destroyed) return;
    if (isGathering) {
      if (socket.writableLength < MOST_GATHERED_BYTES) return;
      socket.uncork();
      socket.cork();
      return;
    }
    isGathering = true;
    socket.cork();
    process.nextTick(() => {
      isGathering = false;
      socket.uncork();
    });
  });
}

/** Call it before each `send`; nothing for a WebSocket that is not known. */
export function beforeSend(webSocket: object): void {
  writers.get(webSocket)?.();
}
