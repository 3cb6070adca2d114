import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { createAddressGuard } from './address-guard.ts';
import { createOutbound, type Outbound, type OutboundOptions } from './outbound.ts';
import { startHttps, TEST_CA, type HttpsUnderTest } from './testing/https-server.ts';

const LOOPBACK = ['127.0.0.0/8'];
const GET = { maxBytes: 1_000, timeoutMs: 5_000 };
const opened: { outbounds: Outbound[]; servers: HttpsUnderTest[]; plain: Server[] } = {
  outbounds: [],
  servers: [],
  plain: [],
};
afterEach(async () => {
  for (const outbound of opened.outbounds.splice(0)) await outbound.close();
  for (const server of opened.servers.splice(0)) await server.stop();
  for (const server of opened.plain.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

function outbound(options: OutboundOptions = {}): Outbound {
  const made = createOutbound({ ca: TEST_CA, ...options });
  opened.outbounds.push(made);
  return made;
}
async function https(...[answer]: Parameters<typeof startHttps>): Promise<HttpsUnderTest> {
  const server = await startHttps(answer);
  opened.servers.push(server);
  return server;
}
async function http(): Promise<number> {
  const server = createServer((_request, response) => response.end('plain'));
  opened.plain.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}
/** A resolver that counts what it is asked. */
function names(table: Record<string, string[]>) {
  const asked: string[] = [];
  const lookup = (name: string) => {
    asked.push(name);
    return Promise.resolve(table[name] ?? []);
  };
  return { asked, lookup };
}

describe('which addresses are dialled', () => {
  const guard = createAddressGuard([]);

  it.each(['8.8.8.8', '1.1.1.1', '2001:4860:4860::8888', '2606:4700::1111', '::ffff:8.8.8.8'])(
    '%s is public',
    (address) => expect(guard(address)).toBe('public'),
  );

  it.each([
    ...['127.0.0.1', '127.255.255.254', '0.0.0.0', '10.0.0.1', '172.16.0.1', '192.168.1.1', '169.254.169.254'],
    ...['100.64.0.1', '100.127.255.255', '192.0.0.8', '192.0.2.1', '198.18.0.1', '203.0.113.1', '224.0.0.1'],
    ...['240.0.0.1', '255.255.255.255', '::', '::1', '::7f00:1', '::ffff:127.0.0.1', '::ffff:a00:1', 'fe80::1'],
    ...['fe80::1%eth0', 'fc00::1', 'fd12::1', 'fec0::1', 'ff02::1', '64:ff9b::7f00:1', '64:ff9b:1::1'],
    ...['2002:7f00:1::', '2001::1', '2001:db8::1', '100::1', '3fff::1', '5f00::1', '192.88.99.1'],
    ...['010.0.0.1', '127.1', '0x7f000001', '2130706433', '', 'localhost', '8.8.8.8.', ' 8.8.8.8'],
  ])('%s is not', (address) => expect(guard(address)).toBe('refused'));

  it('also lie in networks that the operator opened, in IPv6 clothes too', () => {
    const open = createAddressGuard(['10.1.0.0/16', 'fd00::/8']);
    expect(['10.1.2.3', '::ffff:10.1.2.3', 'fd00::7'].map(open)).toEqual(['opened', 'opened', 'opened']);
    expect(['10.2.0.1', '127.0.0.1', '::1'].map(open)).toEqual(['refused', 'refused', 'refused']);
    expect(() => createAddressGuard(['10.0.0.0'])).toThrow();
  });

  it('never lie in a private network, however an address of it is written', () => {
    const privately = fc.oneof(
      fc.tuple(fc.constant(10), fc.nat(255), fc.nat(255), fc.nat(255)),
      fc.tuple(fc.constant(127), fc.nat(255), fc.nat(255), fc.nat(255)),
      fc.tuple(fc.constant(172), fc.integer({ min: 16, max: 31 }), fc.nat(255), fc.nat(255)),
      fc.tuple(fc.constant(192), fc.constant(168), fc.nat(255), fc.nat(255)),
      fc.tuple(fc.constant(169), fc.constant(254), fc.nat(255), fc.nat(255)),
      fc.tuple(fc.constant(100), fc.integer({ min: 64, max: 127 }), fc.nat(255), fc.nat(255)),
    );
    fc.assert(
      fc.property(privately, ([a, b, c, d]) => {
        const hex = (high: number, low: number) => ((high << 8) | low).toString(16);
        const tail = `${hex(a, b)}:${hex(c, d)}`;
        const dotted = `${a}.${b}.${c}.${d}`;
        for (const spelling of [
          dotted,
          `::ffff:${dotted}`,
          `::ffff:${tail}`,
          `::${tail}`,
          `64:ff9b::${tail}`,
          `2002:${tail}::1`,
        ])
          expect(guard(spelling), spelling).toBe('refused');
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('a request is refused before anything is looked up', () => {
  it.each([
    ['plain http', 'http://keys.example/'],
    ['another scheme', 'ftp://keys.example/'],
    ['a file', 'file:///etc/passwd'],
    ['a user name', 'https://user@keys.example/'],
    ['a password', 'https://:secret@keys.example/'],
    ['another port', 'https://keys.example:8443/'],
    ['no URL', 'keys.example'],
  ])('with %s', async (_what, url) => {
    const { asked, lookup } = names({ 'keys.example': ['8.8.8.8'] });
    const out = outbound({ lookup });
    await expect(out.request(url, GET)).rejects.toMatchObject({ code: 'url-refused' });
    expect(out.accepts(url)).toBe(false);
    expect(asked).toEqual([]);
  });

  it.each([
    'https://127.0.0.1/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://0177.0.0.1/',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[64:ff9b::7f00:1]/',
    'https://169.254.169.254/latest/meta-data',
    'https://100.64.0.1/',
    'https://10.0.0.1/',
  ])('with a literal address that is not public: %s', async (url) => {
    const { asked, lookup } = names({});
    const out = outbound({ lookup });
    await expect(out.request(url, GET)).rejects.toMatchObject({ code: 'address-refused' });
    expect(out.accepts(url)).toBe(false);
    expect(asked).toEqual([]);
  });
});

describe('a request is refused after the look-up', () => {
  it.each([
    ['leads to loopback', ['127.0.0.1']],
    ['leads to the metadata service', ['169.254.169.254']],
    ['has one private address among public ones', ['8.8.8.8', '10.0.0.1']],
    ['leads to an IPv6 spelling of loopback', ['::ffff:127.0.0.1']],
    ['leads to a NAT64 spelling of loopback', ['64:ff9b::7f00:1']],
  ])('when the name %s', async (_how, addresses) => {
    const server = await https((_request, response) => response.end('secret'));
    const { lookup } = names({ 'keys.example': addresses });
    const out = outbound({ lookup });
    await expect(out.request('https://keys.example/', GET)).rejects.toMatchObject({ code: 'address-refused' });
    expect(server.connections).toBe(0);
  });

  it('when the name means one place when it is judged and another when it is dialled', async () => {
    const server = await https((_request, response) => response.end('secret'));
    let turn = 0;
    const lookup = () => Promise.resolve(turn++ === 0 ? ['127.0.0.1'] : ['127.0.0.1', '169.254.169.254']);
    const out = outbound({ lookup, allowCidrs: LOOPBACK });
    await expect(out.request(`https://keys.example:${server.port}/`, GET)).rejects.toMatchObject({
      code: 'address-refused',
    });
    expect(turn).toBe(2);
    expect(server.connections).toBe(0);
  });

  it('when the name has come to mean another place, although a connection to the first is open', async () => {
    const server = await https((_request, response) => response.end('ok'));
    let where = ['127.0.0.1'];
    const out = outbound({ lookup: () => Promise.resolve(where), allowCidrs: LOOPBACK });
    const url = `https://keys.example:${server.port}/`;
    await out.request(url, GET);
    where = ['10.0.0.1'];
    await expect(out.request(url, GET)).rejects.toMatchObject({ code: 'address-refused' });
    expect(server.asked).toHaveLength(1);
  });

  it('when nobody has the name', async () => {
    await expect(outbound(names({})).request('https://nobody.example/', GET)).rejects.toMatchObject({
      code: 'name-unknown',
    });
    const lookup = () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' }));
    await expect(outbound({ lookup }).request('https://nobody.example/', GET)).rejects.toMatchObject({
      code: 'name-unknown',
    });
  });

  it('when http or an odd port leads to the public, also while a private network is open for it', async () => {
    const { lookup } = names({ 'keys.example': ['8.8.8.8'] });
    const out = outbound({ lookup, allowCidrs: LOOPBACK, allowHttp: true });
    for (const url of ['http://keys.example/', 'https://keys.example:8443/'])
      await expect(out.request(url, GET)).rejects.toMatchObject({ code: 'url-refused' });
  });

  it('by the real resolver, for localhost', async () => {
    await expect(outbound().request('https://localhost/', GET)).rejects.toMatchObject({ code: 'address-refused' });
  });
});

describe('a request that is let out', () => {
  it('reaches the address that was judged, under its own name, and brings back what was sent', async () => {
    let seen: unknown;
    const server = await https((request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => {
        const { host, 'x-a': xa } = request.headers;
        seen = { host, xa, method: request.method, body: Buffer.concat(pieces).toString() };
        response.setHeader('x-b', 'c').writeHead(202).end('taken');
      });
    });
    const out = outbound({ ...names({ 'hooks.example': ['127.0.0.1'] }), allowCidrs: LOOPBACK });
    const answer = await out.request(`https://hooks.example:${server.port}/in`, {
      ...GET,
      method: 'POST',
      headers: { 'x-a': '1' },
      body: '{}',
    });
    expect(answer).toMatchObject({ status: 202, headers: { 'x-b': 'c' } });
    expect(answer.body.toString()).toBe('taken');
    expect(seen).toEqual({ host: `hooks.example:${server.port}`, xa: '1', method: 'POST', body: '{}' });
  });

  it('uses its connections for several', async () => {
    const server = await https((_request, response) => response.end('ok'));
    const out = outbound({ ...names({ 'hooks.example': ['127.0.0.1'] }), allowCidrs: LOOPBACK });
    for (let i = 0; i < 6; i++) await out.request(`https://hooks.example:${server.port}/`, GET);
    expect(server.asked).toHaveLength(6);
    expect(server.connections).toBeLessThan(4);
  });

  it('goes by a literal address where that is open', async () => {
    const server = await https((_request, response) => response.end('ok'));
    const out = outbound({ allowCidrs: LOOPBACK });
    const url = `https://127.0.0.1:${server.port}/`;
    expect(out.accepts(url)).toBe(true);
    expect((await out.request(url, GET)).status).toBe(200);
  });

  it('goes by http only to networks that are open, and only where http is', async () => {
    const port = await http();
    const url = `http://127.0.0.1:${port}/`;
    const answer = await outbound({ allowCidrs: LOOPBACK, allowHttp: true }).request(url, GET);
    expect(answer.body.toString()).toBe('plain');
    await expect(outbound({ allowCidrs: LOOPBACK }).request(url, GET)).rejects.toMatchObject({ code: 'url-refused' });
  });

  it('follows no redirect', async () => {
    const server = await https((_request, response) =>
      response.writeHead(302, { location: 'http://169.254.169.254/' }).end(),
    );
    const out = outbound({ ...names({ 'keys.example': ['127.0.0.1'] }), allowCidrs: LOOPBACK });
    expect((await out.request(`https://keys.example:${server.port}/`, GET)).status).toBe(302);
    expect(server.asked).toHaveLength(1);
  });

  it('reads no more than it was told to, also from an answer without end', async () => {
    const server = await https((_request, response) => {
      response.writeHead(200);
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(1_000)));
        response.once('drain', more);
      };
      more();
    });
    const out = outbound({ ...names({ 'keys.example': ['127.0.0.1'] }), allowCidrs: LOOPBACK });
    await expect(out.request(`https://keys.example:${server.port}/`, GET)).rejects.toMatchObject({ code: 'too-large' });
  });

  it('gives up at its deadline: no answer, half an answer, no look-up', async () => {
    const silent = await https(() => undefined);
    const half = await https((_request, response) => void response.writeHead(200).write('half'));
    const table = names({ 'keys.example': ['127.0.0.1'] });
    const out = outbound({ ...table, allowCidrs: LOOPBACK });
    const soon = { maxBytes: 1_000, timeoutMs: 150 };
    for (const { port } of [silent, half])
      await expect(out.request(`https://keys.example:${port}/`, soon)).rejects.toMatchObject({ code: 'timeout' });
    const deaf = outbound({ lookup: () => new Promise(() => undefined) });
    await expect(deaf.request('https://keys.example/', soon)).rejects.toMatchObject({ code: 'timeout' });
  });

  it('takes no certificate of a stranger, nor one for another name', async () => {
    const server = await https((_request, response) => response.end('ok'));
    const table = names({ 'keys.example': ['127.0.0.1'], 'other.example': ['127.0.0.1'] });
    const strict = createOutbound({ ...table, allowCidrs: LOOPBACK });
    opened.outbounds.push(strict);
    await expect(strict.request(`https://keys.example:${server.port}/`, GET)).rejects.toMatchObject({
      code: 'unreachable',
    });
    const trusting = outbound({ ...table, allowCidrs: LOOPBACK });
    await expect(trusting.request(`https://other.example:${server.port}/`, GET)).rejects.toMatchObject({
      code: 'unreachable',
    });
    expect(server.asked).toEqual([]);
  });

  it('says what failed without repeating where', async () => {
    const out = outbound({ ...names({ 'keys.example': ['127.0.0.1'] }), allowCidrs: LOOPBACK });
    const error: unknown = await out.request('https://keys.example:1/path?secret', GET).catch((one: unknown) => one);
    expect(error).toMatchObject({ code: 'unreachable', message: 'outbound request failed: unreachable' });
  });
});
