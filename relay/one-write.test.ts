import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { beforeSend, gatherWrites } from './one-write.ts';

/** A connection that notes what it was given at once. */
function connection(): { socket: Duplex; writes: string[] } {
  const writes: string[] = [];
  const socket = new Duplex({
    read: () => undefined,
    write(chunk: Buffer, _encoding, done) {
      writes.push(chunk.toString());
      done();
    },
    writev(chunks, done) {
      writes.push(chunks.map(({ chunk }) => String(chunk)).join('+'));
      done();
    },
  });
  return { socket, writes };
}
const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

describe('what is sent in one turn of the event loop', () => {
  it('leaves in one write, in order, when the turn is over', async () => {
    const { socket, writes } = connection();
    const webSocket = {};
    gatherWrites(webSocket, socket);
    for (const text of ['a', 'b', 'c']) {
      beforeSend(webSocket);
      socket.write(text);
    }
    expect(writes).toEqual([]);
    await nextTurn();
    beforeSend(webSocket);
    socket.write('d');
    await nextTurn();
    expect(writes).toEqual(['a+b+c', 'd']);
  });

  it('leaves at once where it is a lot', async () => {
    const { socket, writes } = connection();
    const webSocket = {};
    gatherWrites(webSocket, socket);
    const long = 'x'.repeat(20_000);
    for (let i = 0; i < 5; i++) {
      beforeSend(webSocket);
      socket.write(long);
    }
    expect(writes.map(({ length }) => length)).toEqual([40_001, 40_001]);
    await nextTurn();
    expect(writes.map(({ length }) => length)).toEqual([40_001, 40_001, 20_000]);
  });

  it('leaves before the end where the connection is ended in the same turn', async () => {
    const { socket, writes } = connection();
    const webSocket = {};
    gatherWrites(webSocket, socket);
    beforeSend(webSocket);
    socket.write('a');
    socket.write('b');
    socket.end();
    await nextTurn();
    expect(writes).toEqual(['a+b']);
    beforeSend(webSocket);
    await nextTurn();
    expect(socket.writableEnded).toBe(true);
  });

  it('is left alone where the WebSocket is not known, or its connection is gone', async () => {
    const { socket, writes } = connection();
    beforeSend({});
    socket.write('a');
    expect(writes).toEqual(['a']);
    const webSocket = {};
    gatherWrites(webSocket, socket);
    socket.destroy();
    beforeSend(webSocket);
    await nextTurn();
    expect(socket.writableCorked).toBe(0);
  });
});
