/**
 * What is sent over a WebSocket within one turn of the event loop leaves in one write: a write is a call of the kernel's
 * (and, encrypted, a record of its own), and costs more than what it carries. Nothing leaves later than when that turn is over.
 */
import type { Duplex } from 'node:stream';

const writers = new WeakMap<object, () => void>();

/**
 * From now on {@link beforeSend} gathers for this WebSocket.
 *
 * @param socket - What the WebSocket writes to.
 */
export function gatherWrites(webSocket: object, socket: Duplex): void {
  let isGathering = false;
  writers.set(webSocket, () => {
    if (isGathering || socket.destroyed) return;
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
