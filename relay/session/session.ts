/** One conversation: the only place where socket, arbiter, bridge and policy meet. */
import type { WebSocket } from 'ws';
import type { Drainable } from './registry.ts';
import type { SessionDeps, SessionSeed } from './session-deps.ts';

export type Session = Drainable;

/** Starts the conversation on an admitted, open socket. */
export function createSession(_deps: SessionDeps, socket: WebSocket, seed: SessionSeed): Session {
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  void ended.then(() => seed.admission.release());
  const end = () => socket.close(4001, 'drain');
  return { id: seed.id, ended, drain: end, drainNow: end };
}
