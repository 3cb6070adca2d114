import { once } from 'node:events';
import { type AddressInfo, type Socket, createServer } from 'node:net';
import { expect, it } from 'vitest';
import { virtualClock } from '../../testing/virtual-clock.ts';
import { HANDSHAKE_TIMEOUT_MS, dialUpstream, wsOptionsFor } from './socket.ts';

/** A server that takes connections and says nothing at all. */
async function muteServer() {
  const server = createServer();
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.resume();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    connected: once(server, 'connection') as Promise<[Socket]>,
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

it('dials in plain where the address says so, and by TLS everywhere else', () => {
  expect(wsOptionsFor('http://localhost:1/v1').createConnection).toBeTypeOf('function');
  expect(wsOptionsFor('ws://[::1]/v1').createConnection).toBeTypeOf('function');
  expect(wsOptionsFor('https://api.openai.com/v1').createConnection).toBeUndefined();
  expect(wsOptionsFor('https://api.openai.com/v1')).toMatchObject({ perMessageDeflate: false, maxPayload: 32 << 20 });
});

it('gives up a handshake that takes longer than ten seconds', async () => {
  const server = await muteServer();
  const clock = virtualClock();
  const closed = new Promise((resolve) => {
    dialUpstream(
      { apiKey: '', baseUrl: server.baseUrl, model: 'm', clock },
      {
        opened: () => undefined,
        message: () => undefined,
        unreadable: () => undefined,
        closed: (...args) => resolve(args),
      },
    );
  });
  await server.connected;
  clock.advance(HANDSHAKE_TIMEOUT_MS - 1);
  expect(clock.pending).toBe(1);
  clock.advance(1);
  expect(await closed).toEqual([1006, '', 'handshake-timeout']);
  expect(clock.pending).toBe(0);
  await server.stop();
});

it('says nothing when it is closed while dialling, and sends nothing before it is open', async () => {
  const server = await muteServer();
  const clock = virtualClock();
  const said: string[] = [];
  const upstream = dialUpstream(
    { apiKey: 'k', baseUrl: server.baseUrl, model: 'm', clock },
    {
      opened: () => said.push('opened'),
      message: () => said.push('message'),
      unreadable: () => said.push('unreadable'),
      closed: () => said.push('closed'),
    },
  );
  expect(upstream.send('{}')).toBe(false);
  const [socket] = await server.connected;
  const gone = once(socket, 'close');
  upstream.close();
  upstream.close();
  upstream.abort('late');
  expect(upstream.send('{}')).toBe(false);
  await gone;
  expect(said).toEqual([]);
  expect(clock.pending).toBe(0);
  await server.stop();
});
