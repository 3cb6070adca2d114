/** Pages that read slowly, as the part that writes to them sees it. */
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { virtualClock } from '../testing/virtual-clock.ts';
import { createSocketWriter } from './socket-writer.ts';

/** A socket that takes what it is given and says when it has left. */
function slowSocket() {
  const leaving: (() => void)[] = [];
  const socket = {
    readyState: WebSocket.OPEN as number,
    bufferedAmount: 0,
    sent: 0,
    send(_data: unknown, left: () => void) {
      socket.sent += 1;
      leaving.push(left);
    },
  };
  return {
    socket,
    asSocket: socket as unknown as WebSocket,
    leave: (count = 1) => leaving.splice(0, count).forEach((left) => left()),
  };
}

describe('a page that takes nothing', () => {
  it('for five seconds is too slow; one that takes something in time is not', () => {
    const clock = virtualClock();
    const { asSocket, leave } = slowSocket();
    let slow = 0;
    const writer = createSocketWriter(asSocket, clock, () => (slow += 1));
    writer.send('{"type":"pong"}');
    writer.send('{"type":"pong"}');
    clock.advance(4_000);
    leave();
    clock.advance(4_999);
    expect(slow).toBe(0);
    clock.advance(1);
    expect(slow).toBe(1);
    expect(clock.pending).toBe(0);
  });

  it('is not watched while nothing waits', () => {
    const clock = virtualClock();
    const { asSocket, leave } = slowSocket();
    let slow = 0;
    const writer = createSocketWriter(asSocket, clock, () => (slow += 1));
    writer.send('{"type":"pong"}');
    leave();
    expect(clock.pending).toBe(0);
    clock.advance(60_000);
    writer.send('{"type":"pong"}');
    clock.advance(4_000);
    leave();
    expect([slow, clock.pending]).toEqual([0, 0]);
  });

  it('with a megabyte waiting is too slow at once, and gets nothing more', () => {
    const clock = virtualClock();
    const { socket, asSocket } = slowSocket();
    let slow = 0;
    const writer = createSocketWriter(asSocket, clock, () => (slow += 1));
    socket.bufferedAmount = 1024 * 1024 + 1;
    writer.send(new Uint8Array(10));
    writer.send('{"type":"pong"}');
    expect([slow, socket.sent, clock.pending]).toEqual([1, 1, 0]);
  });

  it('is not written to when its socket is closing', () => {
    const { socket, asSocket } = slowSocket();
    const writer = createSocketWriter(asSocket, virtualClock(), () => undefined);
    socket.readyState = WebSocket.CLOSING;
    writer.send('{"type":"pong"}');
    expect(socket.sent).toBe(0);
  });
});
