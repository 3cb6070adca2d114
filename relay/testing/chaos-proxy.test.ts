import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ChaosProxy } from './chaos-proxy.ts';

let server: net.Server;
let accepted: Socket[];
let proxy: ChaosProxy;
beforeEach(async () => {
  accepted = [];
  server = net.createServer((socket) => {
    socket.on('error', () => undefined);
    accepted.push(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  proxy = await ChaosProxy.listen((server.address() as AddressInfo).port);
});
afterEach(async () => {
  await proxy.close();
  server.close();
  for (const socket of accepted) socket.destroy();
});

/** Both ends of one connection through the proxy. */
async function pair() {
  const client = net.connect(proxy.port, '127.0.0.1');
  client.on('error', () => undefined);
  const before = accepted.length;
  if (accepted.length === before) await once(server, 'connection');
  const end = accepted[before];
  if (!end) throw new Error('nobody came');
  return { client, end };
}

/** Resolves when the connection is gone, however that came. */
function gone(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

/** Everything that comes until the connection is gone. */
async function all(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (bytes: Buffer) => (text += bytes.toString()));
  await gone(socket);
  return text;
}

describe('a wire that fails on demand', () => {
  it('cuts connections that are still to come, each at its byte', async () => {
    const cuts = Promise.all([2, 1].map((afterBytes) => proxy.cutNext({ direction: 'up', afterBytes })));
    for (const through of ['ab', 'a']) {
      const { client, end } = await pair();
      const came = all(end);
      client.write('abc');
      expect(await came).toBe(through);
    }
    await cuts;
    const { client, end } = await pair();
    client.write('abc');
    expect(String(await once(end, 'data'))).toBe('abc');
  });

  it('passes bytes both ways until then', async () => {
    const { client, end } = await pair();
    client.write('up');
    end.write('down');
    expect(String(await once(end, 'data'))).toBe('up');
    expect(String(await once(client, 'data'))).toBe('down');
    expect(proxy.newest.passed).toEqual({ up: 2, down: 4 });
    expect(proxy.openConnections).toBe(1);
    const ended = all(end);
    client.end();
    expect(await ended).toBe('');
  });

  it.each([
    ['up', 5],
    ['down', 0],
    ['down', 7],
  ] as const)('is cut on the way %s after exactly %i bytes', async (direction, afterBytes) => {
    const { client, end } = await pair();
    const cut = proxy.newest.cutAfter({ direction, afterBytes });
    const [from, to] = direction === 'up' ? [client, end] : [end, client];
    const [came, back] = [all(to), all(from)];
    from.write('0123456789');
    await cut;
    expect([await came, await back]).toEqual(['0123456789'.slice(0, afterBytes), '']);
    expect(proxy.openConnections).toBe(0);
  });

  it('counts on over several writes', async () => {
    const { client, end } = await pair();
    client.write('abc');
    await once(end, 'data');
    const cut = proxy.newest.cutAfter({ direction: 'up', afterBytes: 4, kind: 'close' });
    const came = all(end);
    client.write('de');
    client.write('fgh');
    await cut;
    expect(await came).toBe('defg');
  });

  it('is cut by a reset', async () => {
    const { client, end } = await pair();
    const both = [gone(client), gone(end)];
    proxy.cut('reset');
    await Promise.all([...both, proxy.newest.closed]);
  });

  it('falls silent without a word to anybody', async () => {
    const { client, end } = await pair();
    proxy.newest.cut('silence');
    end.on('data', () => expect.fail('something came through'));
    await new Promise<void>((resolve) => client.write('hello', () => resolve()));
    expect([client.destroyed, end.destroyed, proxy.newest.isOpen]).toEqual([false, false, false]);
    proxy.newest.cut('reset');
    await proxy.newest.closed;
  });

  it('holds back and lets go', async () => {
    const { client, end } = await pair();
    proxy.newest.hold();
    await new Promise<void>((resolve) => client.write('later', () => resolve()));
    expect(proxy.newest.passed.up).toBe(0);
    proxy.newest.release();
    expect(String(await once(end, 'data'))).toBe('later');
  });

  it('refuses whom it is told to refuse, and goes elsewhere when told', async () => {
    proxy.refuse(true);
    const refused = net.connect(proxy.port, '127.0.0.1');
    refused.on('error', () => undefined);
    await gone(refused);
    expect(() => proxy.newest).toThrow('nobody has connected');
    proxy.refuse(false);
    server.close();
    const other = net.createServer((socket) => socket.on('error', () => undefined).end('other'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    proxy.retarget((other.address() as AddressInfo).port);
    const client = net.connect(proxy.port, '127.0.0.1');
    await proxy.until(() => proxy.connections.length === 1);
    expect(proxy.origin).toBe(`http://127.0.0.1:${proxy.port}`);
    expect(await all(client)).toBe('other');
    other.close();
  });

  it('closes on those whom nobody answers', async () => {
    server.close();
    const client = net.connect(proxy.port, '127.0.0.1');
    client.on('error', () => undefined);
    await gone(client);
  });
});
