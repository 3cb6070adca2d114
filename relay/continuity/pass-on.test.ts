/** A raw upgrade that is passed on: real sockets on both sides, and every way in which either may fail. */
import { once } from 'node:events';
import { createServer as createHttp, type IncomingMessage } from 'node:http';
import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock, type Clock } from '../clock.ts';
import { virtualClock } from '../testing/virtual-clock.ts';
import { createFellowHeader, FELLOW_HEADER } from './fellow-header.ts';
import { createPassOn, type Passed, type PassOn, type PassOnLimits } from './pass-on.ts';

const KEY = 'm'.repeat(44);
const header = createFellowHeader(KEY, () => Date.now());
const undo: (() => void)[] = [];
afterEach(() => {
  for (const one of undo.splice(0).reverse()) one();
});

async function listening(server: Server): Promise<string> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  undo.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The instance that has the conversation: its sockets are in the test's hands. */
async function owner(allowHalfOpen = false): Promise<{ url: string; next: () => Promise<Socket> }> {
  const came: Socket[] = [];
  const waiting: ((socket: Socket) => void)[] = [];
  const server = createServer({ allowHalfOpen }, (socket) => {
    const tell = waiting.shift();
    if (tell) tell(socket);
    else came.push(socket);
  });
  const url = await listening(server);
  return {
    url,
    next: () => {
      const socket = came.shift();
      return socket ? Promise.resolve(socket) : new Promise((resolve) => waiting.push(resolve));
    },
  };
}

interface Front {
  passOn: PassOn;
  problems: string[];
  /** What came of each request, in their order. */
  outcomes: Promise<Passed>[];
  /** A page's connection with its request already sent. */
  knock(more?: string, allowHalfOpen?: boolean): Promise<{ page: Socket; socket: Duplex; outcome: Promise<Passed> }>;
}

/** The instance that was asked. */
async function front(
  url: string,
  options: { limits?: Partial<PassOnLimits>; clock?: Clock; signal?: AbortSignal; random?: () => number } = {},
): Promise<Front> {
  const { clock = systemClock, signal, ...rest } = options;
  const problems: string[] = [];
  const passOn = createPassOn({ clock, header, ...rest, onProblem: ({ code }) => problems.push(code) });
  const outcomes: Promise<Passed>[] = [];
  const server = createHttp();
  let knocked: (of: { socket: Duplex; outcome: Promise<Passed> }) => void = () => undefined;
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    const passing = {
      owner: { instance: 'ins_b', url },
      session: 'ses_1',
      request,
      socket,
      head,
      address: '192.0.2.9',
    };
    const outcome = passOn.pass({ ...passing, ...(signal && { signal }) });
    outcomes.push(outcome);
    knocked({ socket, outcome });
  });
  const at = new URL(await listening(server));
  return {
    passOn,
    problems,
    outcomes,
    async knock(more = '', allowHalfOpen = false) {
      const page = connect({ port: Number(at.port), host: at.hostname, allowHalfOpen });
      page.on('error', () => undefined);
      undo.push(() => page.destroy());
      const came = new Promise<{ socket: Duplex; outcome: Promise<Passed> }>((resolve) => (knocked = resolve));
      page.write(
        'GET /ws?x=1 HTTP/1.1\r\nHost: voice.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
          'Sec-WebSocket-Key: a2V5\r\nSec-WebSocket-Protocol: vjj.1, token.abc, resume.ses_1.secret\r\nX-Odd:  a  b \r\n' +
          `x-odd: caf\xe9\r\n${more}\r\n`,
        'latin1',
      );
      return { page, ...(await came) };
    },
  };
}

async function read(socket: Socket, bytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  while (size < bytes) {
    const [part] = (await once(socket, 'data')) as [Buffer];
    parts.push(part);
    size += part.length;
  }
  return Buffer.concat(parts);
}
const until = async (condition: () => boolean) => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
};
async function headOf(socket: Socket): Promise<string> {
  let text = '';
  while (!text.includes('\r\n\r\n')) text += ((await once(socket, 'data')) as [Buffer])[0].toString('latin1');
  return text;
}

describe('a request that is passed on', () => {
  it('arrives as it came, with the word of a fellow and no other, and bytes go both ways', async () => {
    const there = await owner();
    const here = await front(there.url);
    const { page, outcome } = await here.knock(`${FELLOW_HEADER}: v1 1 10.0.0.1 forged\r\n`);
    const socket = await there.next();
    const head = await headOf(socket);
    const [line, ...lines] = head.split('\r\n');
    expect(line).toBe('GET /ws?x=1 HTTP/1.1');
    const names = lines.slice(0, 7).join('|');
    expect(names).toBe(
      'Host: voice.example|Connection: Upgrade|Upgrade: websocket|Sec-WebSocket-Key: a2V5|' +
        'Sec-WebSocket-Protocol: vjj.1, token.abc, resume.ses_1.secret|X-Odd: a  b|x-odd: caf\xe9',
    );
    const words = lines.filter((one) => one.toLowerCase().startsWith(`${FELLOW_HEADER}:`));
    expect(words).toHaveLength(1);
    const word = words[0]!.slice(FELLOW_HEADER.length + 2);
    expect(header.read(word, { session: 'ses_1', to: 'ins_b', key: 'a2V5' })).toBe('192.0.2.9');

    expect(here.passOn.live).toBe(1);
    const answer = once(page, 'data');
    socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n');
    expect(String((await answer)[0])).toContain('101');
    expect(await outcome).toBe('passed');
    const up = once(socket, 'data');
    page.write('up');
    expect(String((await up)[0])).toBe('up');
    const down = once(page, 'data');
    socket.write('down');
    expect(String((await down)[0])).toBe('down');
    page.destroy();
    await once(socket, 'close');
    await until(() => here.passOn.live === 0);
    expect(here.problems).toEqual([]);
  });

  it('takes along what came right behind it', async () => {
    const there = await owner();
    const here = await front(there.url);
    const { outcome } = await here.knock('\r\nearly bytes');
    const socket = await there.next();
    const head = await headOf(socket);
    const rest = head.slice(head.indexOf('\r\n\r\n') + 4);
    expect(rest === '' ? String((await once(socket, 'data'))[0]) : rest).toContain('early bytes');
    socket.write('x');
    expect(await outcome).toBe('passed');
  });

  it('waits in one buffer a side where the other does not read, and all of it arrives in order', async () => {
    const there = await owner();
    const here = await front(there.url, { limits: { bufferBytes: 16 * 1024 } });
    const { page, socket, outcome } = await here.knock();
    const far = await there.next();
    await headOf(far);
    far.write('!');
    await outcome;
    await read(page, 1);
    const sound = Buffer.alloc(24 * 1024 * 1024);
    for (let i = 0; i < sound.length; i += 4) sound.writeUInt32BE(i, i);
    page.pause();
    far.write(sound);
    await until(() => socket.writableLength > 0 && socket.writableNeedDrain);
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(socket.writableLength).toBeLessThan(512 * 1024);
    expect(far.writableLength).toBeGreaterThan(8 * 1024 * 1024);
    page.resume();
    expect((await read(page, sound.length)).equals(sound)).toBe(true);
  });

  it('lets one side end and the other still say its last words, for as long as is allowed', async () => {
    const there = await owner(true);
    const here = await front(there.url, { limits: { lastWordsMs: 60 } });
    const { page, outcome } = await here.knock('', true);
    const far = await there.next();
    await headOf(far);
    far.write('!');
    await outcome;
    page.resume();
    const ended = once(far, 'end');
    far.resume();
    page.end();
    await ended;
    const last = once(page, 'data');
    far.write('last');
    expect(String((await last)[0])).toBe('last');
    await once(page, 'end');
    await until(() => here.passOn.live === 0);
  });

  it('is cut on both sides when either is reset', async () => {
    const there = await owner();
    const here = await front(there.url);
    for (const side of ['page', 'far'] as const) {
      const { page, outcome } = await here.knock();
      const far = await there.next();
      await headOf(far);
      far.write('!');
      await outcome;
      const sides = { page, far };
      const other = side === 'page' ? far : page;
      other.resume();
      const closed = once(other, 'close');
      sides[side].resetAndDestroy();
      await closed;
    }
    await until(() => here.passOn.live === 0);
  });

  it('is cut when nothing moves any more', async () => {
    const there = await owner();
    const here = await front(there.url, { limits: { idleMs: 50 } });
    const { page, outcome } = await here.knock();
    const far = await there.next();
    await headOf(far);
    far.write('!');
    await outcome;
    page.resume();
    await once(page, 'close');
  });

  it('is cut with all others within the time that an instance takes to stop', async () => {
    const there = await owner();
    const clock = virtualClock();
    const here = await front(there.url, { clock, random: () => 0.5 });
    const { page, outcome } = await here.knock();
    const far = await there.next();
    await headOf(far);
    far.write('!');
    await outcome;
    page.resume();
    let isCut = false;
    const cut = here.passOn.cut(1_000).then(() => (isCut = true));
    clock.advance(499);
    await new Promise((resolve) => setImmediate(resolve));
    expect(isCut).toBe(false);
    clock.advance(1);
    await cut;
    await once(page, 'close');
    expect(clock.pending).toBe(0);
    await here.passOn.cut(0);
  });
});

describe('an instance that does not answer', () => {
  it('is dead when it refuses, and the page hears nothing of it', async () => {
    const gone = createServer();
    const url = await listening(gone);
    gone.close();
    await once(gone, 'close');
    const here = await front(url);
    const { page, socket, outcome } = await here.knock();
    expect(await outcome).toBe('dead');
    expect(socket.destroyed).toBe(false);
    const said = once(page, 'data');
    socket.write('something else');
    expect(String((await said)[0])).toBe('something else');
    expect(here.problems).toEqual(['no-answer']);
    expect(here.passOn.live).toBe(0);
  });

  it('is dead when it takes longer than it may, or hangs up without a word', async () => {
    const there = await owner();
    const here = await front(there.url, { limits: { firstByteMs: 60 } });
    const slow = await here.knock();
    await there.next();
    expect(await slow.outcome).toBe('dead');
    const curt = await here.knock();
    (await there.next()).end();
    expect(await curt.outcome).toBe('dead');
    await until(() => here.passOn.live === 0);
    expect(slow.socket.destroyed || curt.socket.destroyed).toBe(false);
  });

  it('is dead when it cannot be reached in a second', async () => {
    // An address of documentation networks: nobody is there, and some machines say so at once.
    const clock = virtualClock();
    const here = await front('http://192.0.2.1:9', { clock });
    const { outcome } = await here.knock();
    clock.advance(1_000);
    expect(await outcome).toBe('dead');
    expect(clock.pending).toBe(0);
  });

  it('is dead where its address is none, or speaks TLS with nobody', async () => {
    const nowhere = await front('not a url');
    expect(await (await nowhere.knock()).outcome).toBe('dead');
    expect(nowhere.problems).toEqual(['bad-url']);
    const there = await owner();
    const here = await front(there.url.replace('http:', 'https:'), { limits: { connectMs: 60 } });
    expect(await (await here.knock()).outcome).toBe('dead');
  });
});

describe('a caller', () => {
  it('who goes away before the answer is forgotten', async () => {
    const there = await owner();
    const here = await front(there.url);
    const { socket, outcome } = await here.knock();
    const far = await there.next();
    far.resume();
    socket.destroy();
    expect(await outcome).toBe('gone');
    await once(far, 'close');
    await until(() => here.passOn.live === 0);
    expect(here.problems).toEqual([]);
  });

  it('whose handshake is given up is not passed on any more', async () => {
    const there = await owner();
    const abort = new AbortController();
    const here = await front(there.url, { signal: abort.signal });
    const { outcome } = await here.knock();
    await there.next();
    abort.abort();
    expect(await outcome).toBe('gone');
    expect(await (await here.knock()).outcome).toBe('gone');
  });

  it('is not passed on beyond the most that are at once', async () => {
    const there = await owner();
    const here = await front(there.url, { limits: { most: 1 } });
    const first = await here.knock();
    const far = await there.next();
    const second = await here.knock();
    expect(await second.outcome).toBe('full');
    expect(second.socket.destroyed).toBe(false);
    far.write('!');
    expect(await first.outcome).toBe('passed');
  });
});
