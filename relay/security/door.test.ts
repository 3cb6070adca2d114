/** The door under attack: handshakes that never end, that are none, that come in crowds or break off. */
import { afterAll, beforeAll, expect } from 'vitest';
import { attack } from './testing/attack.ts';
import { frame, raw, request, UPGRADE, upgradeWith } from './testing/raw.ts';
import { knock, relayUnderAttack, type Target } from './testing/under-attack.ts';

/** Short times, a narrow door for the pending, and a narrower one for each network. */
let hasty: Target;
let narrow: Target;
let wide: Target;
const CROWD = 60;
const MOST_PENDING = 20;
const MOST_OF_A_NETWORK = 25;
beforeAll(async () => {
  hasty = await relayUnderAttack({
    tenants: false,
    start: { door: { deadlineMs: 300, closeTimeoutMs: 200 }, requests: { headMs: 300, wholeMs: 600 } },
  });
  const fewPending = { deadlineMs: 60_000, maxPending: MOST_PENDING };
  narrow = await relayUnderAttack({
    ...{ tenants: false, env: { RATE_LIMIT_MAX_REQUESTS: String(MOST_OF_A_NETWORK), RATE_LIMIT_WINDOW_MS: '3600000' } },
    start: { door: fewPending },
  });
  wide = await relayUnderAttack({ start: { door: { maxPending: MOST_PENDING } } });
});
afterAll(() => Promise.all([hasty, narrow, wide].map((target) => target.end())));

attack(
  'slow handshakes',
  'who does not come to the point is cut off, whatever part of it is missing',
  () => hasty,
  async (row, target) => {
    const half = request('/ws', UPGRADE);
    const offers: [string, string | Buffer, string | RegExp][] = [
      ['nothing at all', '', /closed|http 408/],
      ['one letter', 'G', 'http 408'],
      ['half a request line', 'GET /ws HT', 'http 408'],
      ['headers without an end', half.slice(0, -2), 'http 408'],
      ['half an upgrade', half.slice(0, 60), 'http 408'],
      [
        'half a body',
        request('/api/token', ['Content-Type: application/json', 'Content-Length: 100'], 'POST') + '{',
        'http 408',
      ],
      [
        'a chunk that does not come',
        request('/api/token', ['Content-Type: application/json', 'Transfer-Encoding: chunked'], 'POST') + '40\r\n{',
        'http 408',
      ],
      ['an upgrade and no token', half, 'http 101'],
      ['an upgrade and half a frame', Buffer.concat([Buffer.from(half), Buffer.from([0x81])]), 'http 101'],
      [
        'an upgrade and half a message',
        Buffer.concat([Buffer.from(half), frame('{"type":"auth","token":"', { opcode: 1, isFinal: false })]),
        'http 101',
      ],
      [
        'an upgrade and a few pings',
        Buffer.concat([Buffer.from(half), ...Array<Buffer>(5).fill(frame('{"type":"ping"}', { opcode: 1 }))]),
        'http 101',
      ],
      [
        'an upgrade and pings of the protocol',
        Buffer.concat([Buffer.from(half), ...Array<Buffer>(50).fill(frame('', { opcode: 9 }))]),
        'http 101',
      ],
    ];
    const three = offers.flatMap((offer) => [offer, offer, offer]);
    await Promise.all(
      three.map(async ([name, bytes, refusal]) => {
        const open = await raw(target, bytes);
        // A stranger to the protocol does not answer the close frame: the relay must not wait for it for long.
        row.add(name, await open.closed, refusal);
      }),
    );
  },
);

attack(
  'other upgrades',
  'h2c and everything else that is no WebSocket is refused and its socket closed',
  () => wide,
  async (row, target) => {
    const upgrades = [
      'h2c',
      'h2',
      'HTTP/2.0',
      'TLS/1.0',
      'websocket, h2c',
      'h2c, websocket',
      'web socket',
      'websocket2',
      'foo/2',
    ];
    const cases: [string, string][] = upgrades.map((name) => [
      `Upgrade: ${name}`,
      request('/ws', ['Connection: Upgrade, HTTP2-Settings', `Upgrade: ${name}`, 'HTTP2-Settings: AAMAAABkAAQAAP__']),
    ]);
    const without = (name: string) => UPGRADE.filter((line) => !line.startsWith(name));
    const close = 'Connection: close';
    cases.push(
      ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
      ['CONNECT', request('evil.example:443', [close], 'CONNECT')],
      ['a proxy request', request('http://evil.example/secret', [close])],
      ['a plain GET of the socket', request('/ws', [close])],
      ['POST with an upgrade', request('/ws', UPGRADE, 'POST')],
      ['another path', request('/api/token', UPGRADE)],
      ['the API by upgrade', request('/api/admin/tenants', UPGRADE)],
      ['no key', request('/ws', without('Sec-WebSocket-Key'))],
      ['a short key', request('/ws', [...without('Sec-WebSocket-Key'), 'Sec-WebSocket-Key: AAAA'])],
      ['no version', request('/ws', without('Sec-WebSocket-Version'))],
      ['version 12', request('/ws', [...without('Sec-WebSocket-Version'), 'Sec-WebSocket-Version: 12'])],
      ['subprotocols with a comma only', request('/ws', [...UPGRADE, 'Sec-WebSocket-Protocol: ,'])],
      ['two lengths', request('/ws', [...UPGRADE, 'Content-Length: 1', 'Content-Length: 2'])],
      [
        'length and chunks',
        request('/api/token', ['Content-Length: 4', 'Transfer-Encoding: chunked'], 'POST') + '0\r\n\r\n',
      ],
      ['chunked twice', request('/api/token', ['Transfer-Encoding: chunked, identity', close], 'POST') + '0\r\n\r\n'],
      ['a folded header', 'GET /ws HTTP/1.1\r\nHost: relay\r\nX: a\r\n b\r\nUpgrade : websocket\r\n\r\n'],
      ['a header with NUL', 'GET /ws HTTP/1.1\r\nHost: relay\r\nX: a\0b\r\n\r\n'],
      ['line feeds only', 'GET /ws HTTP/1.1\nHost: relay\nX:\ra\n\n'],
      ['no host', 'GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'],
      ['17 KiB of headers', request('/ws', [...UPGRADE, `X-Long: ${'x'.repeat(17_000)}`])],
      ['3000 headers', request('/ws', [...UPGRADE, ...Array.from({ length: 3_000 }, (_, i) => `X-${i}: y`)])],
      ['TLS to a plain port', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
      ['noise', '\0\x01\x02\xff\xfe\r\n\r\n'],
    );
    await row.each(cases, /^(http (4\d\d|505)|closed)$/, async (bytes) => (await raw(target, bytes)).closed);
  },
);

attack(
  'connection flood',
  'a network knocks so often a window, whatever it forwards, and no more',
  () => narrow,
  async (row, target) => {
    for (let i = 0; i < MOST_OF_A_NETWORK; i++) expect(await knock(target, { token: 'x' })).toBe('4501');
    const more = Array.from({ length: CROWD }, (_, i) => [`knock ${MOST_OF_A_NETWORK + i}`, `203.0.113.${i}`] as const);
    await row.each(more, 'http 429', (address) => {
      const headers = { 'x-forwarded-for': address, 'x-real-ip': address, forwarded: `for=${address}` };
      return knock(target, { token: 'x', headers });
    });
    const page = request('/ws', UPGRADE);
    const told = await raw(target, page);
    row.add('without a token', await told.closed, 'http 429');
    expect(told.got).toMatch(/\r\nRetry-After: \d+\r\n/);
    // The API counts by itself.
    for (let i = 0; i < MOST_OF_A_NETWORK; i++) await target.ask('GET', '/api/status');
    await row.each(
      Array.from({ length: 10 }, (_, i) => [`request ${i}`, `203.0.113.${i}`] as const),
      '429 rate-limited',
      async (address) => {
        const answer = await target.ask('GET', '/api/status', { headers: { 'x-forwarded-for': address } });
        expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
        return answer.outcome;
      },
    );
  },
);

attack(
  'a crowd at the door',
  'so many handshakes at once and no more; the rest hear when to come again',
  () => wide,
  async (row, target) => {
    const waiting = await Promise.all(Array.from({ length: MOST_PENDING }, () => raw(target, request('/ws', UPGRADE))));
    await Promise.all(waiting.map((one) => one.until('\r\n\r\n')));
    const more = Array.from({ length: CROWD }, (_, i) => [`handshake ${MOST_PENDING + i}`, i] as const);
    await row.each(more, 'http 503', async () => {
      const one = await raw(target, request('/ws', UPGRADE));
      const outcome = await one.closed;
      expect(one.got).toMatch(/\r\nRetry-After: \d+\r\n/);
      return outcome;
    });
    for (const one of waiting) one.socket.destroy();
    await expect.poll(() => knock(target, { token: target.acme.token(), origin: target.acme.origin })).toBe('in');
  },
);

attack(
  'resets',
  'who breaks off in the middle of anything leaves nothing, and takes nobody along',
  () => wide,
  async (row, target) => {
    const { acme } = target;
    const good = () => upgradeWith(acme.token(), acme.origin);
    const moments: [string, () => string | Buffer, string | undefined][] = [
      ['connected', () => '', undefined],
      ['half a request', () => good().slice(0, 300), undefined],
      ['asked with a token', good, undefined],
      ['asked without a token', () => request('/ws', UPGRADE), undefined],
      ['upgraded', good, '101 Switching'],
      ['let in', good, 'session.created'],
      ['half a frame', () => Buffer.concat([Buffer.from(good()), Buffer.from([0x82, 0xfe, 0x40])]), 'session.created'],
      ['a request of the API', () => request('/api/token', ['Content-Length: 50'], 'POST') + '{"ten', undefined],
      ['refused', () => request('/ws', ['Connection: Upgrade', 'Upgrade: h2c']), undefined],
    ];
    const cases = moments.flatMap((moment) => Array.from({ length: 10 }, () => [moment[0], moment] as const));
    await row.each(cases, 'alive', async ([, bytes, until]) => {
      const one = await raw(target, bytes());
      if (until !== undefined) await one.until(until);
      one.socket.resetAndDestroy();
      await one.closed;
      return (await target.ask('GET', '/health')).status === 200 ? 'alive' : 'down';
    });
    expect(await knock(target, { token: acme.token(), origin: acme.origin })).toBe('in');
  },
);
