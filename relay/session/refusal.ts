/**
 * A refusal over HTTP, written by hand onto a socket that will not be upgraded. Only for what is
 * wrong before anybody is known: path, header, floods, deadline. It always destroys the socket,
 * because after `upgrade` no timeout of the HTTP server watches it any more.
 */
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { FAULTS, type FaultCode } from '../errors.ts';

/** How long the refusal may take to leave before the socket is destroyed regardless. */
const LINGER_MS = 1_000;

/** Answers `code` as problem+json and lets go of `socket`. */
export function refuseOverHttp(
  socket: Duplex,
  code: FaultCode,
  options: { retryAfterS?: number; status?: number } = {},
): void {
  if (socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const fault = FAULTS[code];
  const status = options.status ?? fault.http;
  const title = STATUS_CODES[status] ?? 'Refused';
  const body = JSON.stringify({ type: 'about:blank', title, status, code, detail: fault.advice });
  const head = [
    `HTTP/1.1 ${status} ${title}`,
    'Connection: close',
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  if (options.retryAfterS !== undefined) head.push(`Retry-After: ${Math.max(1, Math.ceil(options.retryAfterS))}`);
  if (status === 426) head.push('Upgrade: websocket');
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
  socket.once('finish', () => socket.destroy());
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
