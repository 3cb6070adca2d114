import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { RelayError, type FaultCode } from '../errors.ts';
import { virtualClock, type VirtualClock } from '../testing/virtual-clock.ts';
import { deferred } from './testing/deferred.ts';
import { openPage } from './testing/page-client.ts';
import { GOOD_TOKEN, relayUnderTest, type RelayUnderTest } from './testing/relay-under-test.ts';
import { scriptedProvider } from './testing/scripted-bridge.ts';
import { DOOR_DEFAULTS, type UpgradeDeps } from './upgrade.ts';

let relay: RelayUnderTest;
let clock: VirtualClock;
afterEach(() => relay.stop());

async function start(deps: Partial<UpgradeDeps> = {}): Promise<void> {
  clock = virtualClock();
  relay = await relayUnderTest({ clock, openBridge: scriptedProvider().open, deps });
}

/** Nothing of any caller is left. */
async function expectNothingLeft(): Promise<void> {
  await relay.empty();
  expect({ sockets: relay.sockets, live: relay.door.live, pending: relay.door.pending }).toEqual({
    sockets: 0,
    live: 0,
    pending: 0,
  });
  expect(relay.leases).toBe(0);
  expect(clock.pending).toBe(0);
}

const UPGRADE = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
];
function request(path: string, headers: string[] = UPGRADE): string {
  return `GET ${path} HTTP/1.1\r\nHost: relay\r\n${headers.join('\r\n')}\r\n\r\n`;
}

/** Sends raw bytes, resolves with everything that comes back until the relay closes. */
function raw(text: string): { socket: Socket; answer: Promise<string> } {
  const socket = connect(relay.port, '127.0.0.1');
  let got = '';
  socket.on('data', (bytes: Buffer) => (got += bytes.toString()));
  socket.on('error', () => undefined);
  socket.write(text);
  return { socket, answer: new Promise((resolve) => socket.once('close', () => resolve(got))) };
}

async function refusal(text: string): Promise<{ status: number; body: { code: string }; head: string }> {
  const got = await raw(text).answer;
  const [head = '', body = '{}'] = got.split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), body: JSON.parse(body) as { code: string }, head };
}

describe('what is refused over HTTP', () => {
  it('another path is not found', async () => {
    await start();
    expect(await refusal(request('/other'))).toMatchObject({ status: 404, body: { code: 'not-found' } });
    await expectNothingLeft();
  });

  it('an upgrade to something else is told what is wanted, and its socket is closed', async () => {
    await start();
    const got = await refusal(request('/ws', ['Connection: Upgrade', 'Upgrade: h2c']));
    expect(got.status).toBe(426);
    expect(got.head).toContain('Upgrade: websocket');
    expect(got.head).toContain('application/problem+json');
    await expectNothingLeft();
  });

  it('a handshake without a proper key is a bad request, with and without a token', async () => {
    await start();
    const bad = UPGRADE.filter((line) => !line.startsWith('Sec-WebSocket-Key'));
    expect(await raw(request('/ws', bad)).answer).toContain('400 Bad Request');
    const offer = `Sec-WebSocket-Protocol: vjj.1, token.${GOOD_TOKEN}`;
    expect(await raw(request('/ws', [...bad, offer])).answer).toContain('400 Bad Request');
    await expectNothingLeft();
  });

  it('too many handshakes of one network wait for as long as Retry-After says', async () => {
    await start({ door: { ...DOOR_DEFAULTS, perAddress: { max: 2, windowMs: 10_000 } } });
    for (let i = 0; i < 2; i++) {
      const page = await openPage(relay.url, 'bad');
      await page.closed;
    }
    const got = await refusal(request('/ws'));
    expect(got).toMatchObject({ status: 429, body: { code: 'rate-limited' } });
    expect(got.head).toContain('Retry-After: 5');
    clock.advance(5_000);
    const page = await openPage(relay.url, 'bad');
    expect((await page.closed).code).toBe(4501);
    await expectNothingLeft();
  });

  it('a full door says busy', async () => {
    await start({ door: { ...DOOR_DEFAULTS, maxPending: 1 } });
    const waiting = await openPage(relay.url);
    expect(await refusal(request('/ws'))).toMatchObject({ status: 503, body: { code: 'busy' } });
    waiting.socket.terminate();
    await expectNothingLeft();
  });

  it('a full house says busy', async () => {
    await start({ door: { ...DOOR_DEFAULTS, maxSessions: 1 } });
    const page = await openPage(relay.url, GOOD_TOKEN);
    await page.received('session.created');
    const got = await refusal(request('/ws'));
    expect(got).toMatchObject({ status: 503, body: { code: 'busy' } });
    expect(got.head).toMatch(/Retry-After: \d/);
    page.send({ type: 'session.end' });
    await expectNothingLeft();
  });

  it('an admission that hangs is answered at the deadline and told to stop', async () => {
    let asked: AbortSignal | undefined;
    const called = deferred();
    await start({
      admit: ({ signal }) => {
        asked = signal;
        called.resolve();
        return new Promise(() => undefined);
      },
    });
    const { answer } = raw(request('/ws', [...UPGRADE, 'Sec-WebSocket-Protocol: vjj.1, token.slow']));
    await called.promise;
    clock.advance(4_999);
    expect(asked?.aborted).toBe(false);
    clock.advance(1);
    expect(await answer).toContain('408 Request Timeout');
    expect(asked?.aborted).toBe(true);
    await expectNothingLeft();
  });

  it('an admission that comes after the deadline is given back', async () => {
    const admission = deferred();
    const called = deferred();
    const released = deferred();
    await start({
      async admit() {
        called.resolve();
        await admission.promise;
        return { release: () => released.resolve() } as never;
      },
    });
    const { answer } = raw(request('/ws', [...UPGRADE, 'Sec-WebSocket-Protocol: vjj.1, token.slow']));
    await called.promise;
    clock.advance(5_000);
    await answer;
    admission.resolve();
    await released.promise;
    await relay.empty();
    expect(clock.pending).toBe(0);
  });
});

describe('who is refused with a close code', () => {
  it.each<[FaultCode, number, string]>([
    ['token-invalid', 4501, 'unauthorized'],
    ['token-expired', 4010, 'token-expired'],
    ['token-revoked', 4504, 'revoked'],
    ['origin-refused', 4502, 'origin'],
    ['quota-used-up', 4503, 'quota'],
    ['rate-limited', 4029, 'busy'],
    ['forbidden', 4501, 'unauthorized'],
  ])('%s closes with %i, by subprotocol and by message', async (code, close, reason) => {
    await start({ admit: () => Promise.reject(new RelayError(code, 'as the test says')) });
    const early = await openPage(relay.url, 'any');
    expect(await early.closed).toEqual({ code: close, reason });
    const late = await openPage(relay.url);
    late.send({ type: 'auth', token: 'any' });
    expect(await late.closed).toEqual({ code: close, reason });
    await expectNothingLeft();
  });

  it('a fault of ours is not blamed on the caller', async () => {
    await start({ admit: () => Promise.reject(new TypeError('ours')) });
    const page = await openPage(relay.url, 'any');
    expect((await page.closed).code).toBe(4008);
    await expectNothingLeft();
  });

  it('nobody sends a token within five seconds unpunished', async () => {
    await start();
    const page = await openPage(relay.url);
    await page.settled();
    clock.advance(5_000);
    expect(await page.closed).toEqual({ code: 4501, reason: 'unauthorized' });
    await expectNothingLeft();
  });

  it('an admission by message that hangs is closed as busy', async () => {
    const called = deferred();
    await start({
      admit() {
        called.resolve();
        return new Promise(() => undefined);
      },
    });
    const page = await openPage(relay.url);
    page.send({ type: 'auth', token: 'slow' });
    await called.promise;
    clock.advance(5_000);
    expect((await page.closed).code).toBe(4029);
    await expectNothingLeft();
  });

  it.each<[string, string | Uint8Array]>([
    ['a message that needs a session', '{"type":"session.start","turn":"auto"}'],
    ['garbage', 'hello?'],
    ['sound', new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, 1, 0])],
    ['an overlong token', JSON.stringify({ type: 'auth', token: 'x'.repeat(5_000) })],
  ])('%s before the token is a breach of protocol', async (_, data) => {
    await start();
    const page = await openPage(relay.url);
    page.sendRaw(data);
    expect((await page.closed).code).toBe(4505);
    expect(relay.asked).toEqual([]);
    await expectNothingLeft();
  });

  it('a second token while the first is being checked is a breach of protocol', async () => {
    let resolve = (): void => undefined;
    await start({ admit: () => new Promise((_, reject) => (resolve = () => reject(new Error('late')))) });
    const page = await openPage(relay.url);
    page.send({ type: 'auth', token: 'one' });
    page.send({ type: 'auth', token: 'two' });
    expect((await page.closed).code).toBe(4505);
    resolve();
    await expectNothingLeft();
  });

  it('a flood of pings before the token is a breach of protocol', async () => {
    await start();
    const page = await openPage(relay.url);
    for (let i = 0; i < 17; i++) page.send({ type: 'ping' });
    expect((await page.closed).code).toBe(4505);
    expect(page.all('pong')).toHaveLength(16);
    await expectNothingLeft();
  });
});

describe('the pause before a refusal', () => {
  const refuseWith = (code: FaultCode, called: () => void) => ({
    door: { ...DOOR_DEFAULTS, refusalPauseMs: 2_000 },
    random: () => 0.5,
    admit: () => {
      called();
      return Promise.reject(new RelayError(code, 'as the test says'));
    },
  });

  it.each<[FaultCode, number]>([
    ['token-invalid', 4501],
    ['token-revoked', 4504],
    ['origin-refused', 4502],
  ])('is as long for %s by either way, whatever it cost to find', async (code, close) => {
    await start(refuseWith(code, () => undefined));
    const late = await openPage(relay.url);
    late.send({ type: 'auth', token: 'any' });
    await late.settled();
    clock.advance(999);
    await late.settled();
    expect(late.socket.readyState).toBe(WebSocket.OPEN);
    clock.advance(1);
    expect((await late.closed).code).toBe(close);

    const early = openPage(relay.url, 'any');
    await expect.poll(() => clock.pending).toBe(2);
    clock.advance(1_000);
    expect((await (await early).closed).code).toBe(close);
    await expectNothingLeft();
  });

  it('spares a page whose token is merely too old', async () => {
    await start(refuseWith('token-expired', () => undefined));
    expect((await (await openPage(relay.url, 'old')).closed).code).toBe(4010);
    await expectNothingLeft();
  });

  it('ends with its caller', async () => {
    const called = deferred();
    await start(refuseWith('token-invalid', () => called.resolve()));
    const { socket } = raw(request('/ws', [...UPGRADE, 'Sec-WebSocket-Protocol: vjj.1, token.any']));
    await called.promise;
    socket.resetAndDestroy();
    await expectNothingLeft();
  });
});

describe('who is let in', () => {
  it('selects vjj.1 and never the token, and says who asks', async () => {
    await start({ addressOf: () => '203.0.113.9' });
    const page = await openPage(relay.url, GOOD_TOKEN, { origin: 'https://shop.example' });
    await page.received('session.created');
    expect(page.socket.protocol).toBe('vjj.1');
    expect(relay.asked[0]).toMatchObject({ token: GOOD_TOKEN, origin: 'https://shop.example', address: '203.0.113.9' });
    page.send({ type: 'session.end' });
    expect(await page.closed).toEqual({ code: 1000, reason: '' });
    await expectNothingLeft();
  });

  it('answers pings before the token and takes it as a message', async () => {
    await start();
    const page = await openPage(relay.url);
    await page.settled();
    page.send({ type: 'auth', token: GOOD_TOKEN });
    expect(await page.received('session.created')).toMatchObject({ epoch: 1, tokenExpiresInMs: 600_000 });
    page.send({ type: 'session.end' });
    await page.closed;
    await expectNothingLeft();
  });

  it('may offer no subprotocol at all', async () => {
    await start();
    const socket = new WebSocket(relay.url);
    await new Promise((resolve) => socket.once('open', resolve));
    expect(socket.protocol).toBe('');
    socket.terminate();
    await expectNothingLeft();
  });
});

describe('callers who vanish', () => {
  it('by a reset during admission leave nothing, and their admission is given back', async () => {
    const admitting = deferred();
    const called = deferred<AbortSignal>();
    const released = deferred();
    await start({
      async admit({ signal }) {
        called.resolve(signal);
        await admitting.promise;
        return { release: () => released.resolve() } as never;
      },
    });
    const { socket } = raw(request('/ws', [...UPGRADE, 'Sec-WebSocket-Protocol: vjj.1, token.x']));
    const signal = await called.promise;
    const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve));
    socket.resetAndDestroy();
    await aborted;
    admitting.resolve();
    await released.promise;
    await relay.empty();
    expect([relay.door.pending, clock.pending]).toEqual([0, 0]);
  });

  it('by a reset before their token leave nothing', async () => {
    await start();
    const page = await openPage(relay.url);
    (page.socket as unknown as { _socket: Socket })._socket.resetAndDestroy();
    await expectNothingLeft();
  });

  it('while their token is checked give their admission back', async () => {
    const admitting = deferred();
    const called = deferred();
    const released = deferred();
    await start({
      async admit() {
        called.resolve();
        await admitting.promise;
        return { release: () => released.resolve() } as never;
      },
    });
    const page = await openPage(relay.url);
    page.send({ type: 'auth', token: 'x' });
    await called.promise;
    page.socket.terminate();
    await relay.empty();
    admitting.resolve();
    await released.promise;
    expect(clock.pending).toBe(0);
  });
});

describe('the drain', () => {
  it('refuses newcomers and those at the door, and ends idle sessions with 4001', async () => {
    await start();
    const page = await openPage(relay.url, GOOD_TOKEN);
    await page.received('session.created');
    const waiting = await openPage(relay.url);
    await waiting.settled();
    const drained = relay.door.drain(60_000);
    expect(await page.closed).toEqual({ code: 4001, reason: 'drain' });
    expect((await waiting.closed).code).toBe(4001);
    await drained;
    expect(await refusal(request('/ws'))).toMatchObject({ status: 503, body: { code: 'draining' } });
    await expectNothingLeft();
  });

  it('answers a caller in mid-handshake over HTTP', async () => {
    const called = deferred();
    await start({
      admit() {
        called.resolve();
        return new Promise(() => undefined);
      },
    });
    const { answer } = raw(request('/ws', [...UPGRADE, 'Sec-WebSocket-Protocol: vjj.1, token.x']));
    await called.promise;
    await relay.door.close();
    expect(await answer).toContain('503 Service Unavailable');
    await expectNothingLeft();
  });
});
