/**
 * Tells when everything that was sent between the sockets of this process has arrived: only then may
 * a virtual clock go on. It counts bytes at both ends, so it needs no word of anybody.
 */
import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

const sockets = new Set<Socket>();
let closedWritten = 0;
let closedRead = 0;

function watch(message: unknown): void {
  const { socket } = message as { socket: Socket };
  sockets.add(socket);
  socket.once('close', () => {
    sockets.delete(socket);
    closedWritten += socket.bytesWritten;
    closedRead += socket.bytesRead;
  });
}
subscribe('net.client.socket', watch);
subscribe('net.server.socket', watch);

function counts(): { written: number; read: number } {
  let written = closedWritten;
  let read = closedRead;
  for (const socket of sockets) {
    written += socket.bytesWritten;
    read += socket.bytesRead;
  }
  return { written, read };
}

const turnOfLoop = () => new Promise<void>((resolve) => void setImmediate(resolve));
let settledAt = -1;

/** Resolves when nothing is under way. @returns at once when nothing was sent since the last time. */
export async function networkQuiet(): Promise<void> {
  if (counts().written === settledAt) return;
  for (let stable = 0, last = -1, turns = 0; stable < 3; turns++) {
    await turnOfLoop();
    const { written, read } = counts();
    // A socket that was cut has lost bytes for good.
    stable = written === last && (written === read || turns > 200) ? stable + 1 : 0;
    last = written;
  }
  settledAt = counts().written;
}
