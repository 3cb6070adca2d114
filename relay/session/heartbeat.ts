/** Asks the page's browser whether it is still there; a ping unanswered until the next ends the socket. */
import type { WebSocket } from 'ws';
import type { Clock } from '../clock.ts';

/** @returns what stops it. */
export function startHeartbeat(socket: WebSocket, clock: Clock, everyMs: number): () => void {
  let isAnswered = true;
  const onPong = () => (isAnswered = true);
  socket.on('pong', onPong);
  const beat = () => {
    if (!isAnswered) {
      socket.terminate();
      return;
    }
    isAnswered = false;
    socket.ping();
    cancel = clock.wakeAt(clock.now() + everyMs, beat);
  };
  let cancel = clock.wakeAt(clock.now() + everyMs, beat);
  return () => {
    cancel();
    socket.off('pong', onPong);
  };
}
