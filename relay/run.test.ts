import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { environment, processIo, run, type RunIo } from './run.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'vjj-run-'));
  const dist = join(dir, 'dist');
  mkdirSync(join(dist, 'demo'), { recursive: true });
  writeFileSync(join(dist, 'demo', 'index.html'), '<!doctype html><title>Demo</title>');
  writeFileSync(join(dist, 'voice-jib-jab.js'), 'export {};');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

interface Running {
  port: number;
  url: string;
  printed: string[];
  complained: string[];
  exits: number[];
  signal: () => void;
  crash: (error: unknown) => void;
  code: Promise<number>;
}
/** A relay in this process, on a free port, with a folder of its own. */
function begin(env: Record<string, string> = {}): { started: Promise<Running>; running: Running } {
  const running: Running = {
    port: 0,
    url: '',
    printed: [],
    complained: [],
    exits: [],
    signal: () => undefined,
    crash: () => undefined,
    code: Promise.resolve(0),
  };
  const started = new Promise<Running>((resolve, reject) => {
    const io: RunIo = {
      env: { PORT: '0', HOST: '127.0.0.1', DATA_DIR: join(dir, 'data'), LOG_LEVEL: 'silent', ...env },
      print: (line) => running.printed.push(line),
      complain: (line) => running.complained.push(line),
      isTerminal: false,
      onSignal(stop) {
        running.signal = stop;
        return () => {
          running.signal = () => undefined;
        };
      },
      onCrash(crash) {
        running.crash = crash;
        return () => {
          running.crash = () => undefined;
        };
      },
      exit: (code) => running.exits.push(code),
      onStarted({ port }) {
        running.port = port;
        running.url = `http://127.0.0.1:${port}`;
        resolve(running);
      },
      staticRoot: join(dir, 'dist'),
    };
    running.code = run(io);
    running.code.then(() => reject(new Error(running.complained.join('\n'))), reject);
  });
  // A start that shall be refused is awaited by its exit code alone.
  started.catch(() => undefined);
  return { started, running };
}
const getToken = (relay: Running, origin = relay.url) =>
  fetch(`${relay.url}/api/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin },
    body: JSON.stringify({ tenant: 'pk_demo' }),
  });

describe('a relay without a key', () => {
  it('ends as by a signal when its operator drains it, who is answered first', async () => {
    const operator = 'operator-token-1234567890';
    const { started } = begin({ ADMIN_TOKEN: operator });
    const relay = await started;
    const headers = { authorization: `Bearer ${operator}` };
    const ask = async (path: string, method = 'GET') =>
      (await fetch(`${relay.url}/api/admin${path}`, { method, headers })).json();
    const { instances } = (await ask('/operations')) as { instances: { id: string; isThis: boolean }[] };
    expect(instances).toMatchObject([{ isThis: true, state: 'active' }]);
    expect(await ask(`/instances/${instances[0]?.id ?? ''}/drain`, 'POST')).toEqual({ isDraining: true });
    expect(await relay.code).toBe(0);
    expect(relay.exits).toEqual([]);
  });

  it('starts on the emulator, serves, gives a token, lets its page in, and stops with nothing left', async () => {
    const { started, running } = begin();
    const relay = await started;
    expect(relay.printed.join('\n')).toMatch(/emulator inside this relay[^]*vjj\.db[^]*in memory[^]*as shipped/);
    expect(relay.printed.join('\n')).toContain(`http://localhost:${relay.port}/demo/`);

    expect((await fetch(`${relay.url}/health`)).status).toBe(200);
    expect((await fetch(`${relay.url}/health/ready`)).status).toBe(200);
    expect((await fetch(`${relay.url}/demo/`)).status).toBe(200);
    const status = await (await fetch(`${relay.url}/api/status`)).json();
    expect(status).toMatchObject({ status: 'ok', provider: 'emulator', sessions: 0 });

    const answer = await getToken(relay);
    expect(answer.status).toBe(201);
    const { token } = (await answer.json()) as { token: string };
    const socket = new WebSocket(`ws://127.0.0.1:${relay.port}/ws`, ['vjj.1', `token.${token}`], { origin: relay.url });
    const firstText = once(socket, 'message');
    await once(socket, 'open');
    expect(socket.protocol).toBe('vjj.1');
    expect(JSON.parse(String((await firstText)[0]))).toMatchObject({
      type: 'session.created',
      assistant: { name: 'Ada' },
    });
    expect(await (await fetch(`${relay.url}/api/status`)).json()).toMatchObject({ sessions: 1 });

    const closed = once(socket, 'close');
    relay.signal();
    expect((await closed)[0]).toBe(4001);
    expect(await running.code).toBe(0);
    await expect(fetch(`${relay.url}/health`)).rejects.toThrow();
  });

  it('refuses a page that replays the token of another', async () => {
    const { started, running } = begin();
    const relay = await started;
    const { token } = (await (await getToken(relay)).json()) as { token: string };
    const evil = new WebSocket(`ws://127.0.0.1:${relay.port}/ws`, ['vjj.1', `token.${token}`], {
      origin: 'https://evil.example',
    });
    expect((await once(evil, 'close'))[0]).toBe(4502);
    expect((await getToken(relay, 'https://evil.example')).status).toBe(403);
    relay.signal();
    expect(await running.code).toBe(0);
  });

  it('answers an upgrade to anything but a WebSocket at once, and closes it', async () => {
    const { started, running } = begin();
    const relay = await started;
    const socket = net.connect(relay.port, '127.0.0.1');
    socket.write('GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
    const [head] = (await once(socket, 'data')) as [Buffer];
    expect(head.toString()).toMatch(/^HTTP\/1\.1 4\d\d /);
    await once(socket, 'close');
    relay.signal();
    expect(await running.code).toBe(0);
  });

  it('refuses headers over 16 KiB', async () => {
    const { started, running } = begin();
    const relay = await started;
    expect((await fetch(`${relay.url}/health`, { headers: { 'x-long': 'x'.repeat(17_000) } })).status).toBe(431);
    relay.signal();
    expect(await running.code).toBe(0);
  });

  it('ends at once on what nobody caught', async () => {
    const { started, running } = begin();
    const relay = await started;
    relay.crash(new Error('nobody caught this'));
    expect(relay.exits).toEqual([1]);
    relay.signal();
    expect(await running.code).toBe(0);
  });

  it('does not wait for a second signal', async () => {
    const { started, running } = begin();
    const relay = await started;
    const stop = relay.signal;
    stop();
    stop();
    expect(relay.exits).toEqual([1]);
    expect(await running.code).toBe(0);
  });
});

describe('a start that is refused', () => {
  it('lists every mistake of the environment and opens nothing', async () => {
    const { running } = begin({ PORT: 'banana', RATE_LIMIT_WINDOW_MS: 'x' });
    expect(await running.code).toBe(1);
    expect(running.complained[0]).toContain('2 mistakes');
    expect(running.complained.filter((line) => line.startsWith('  - '))).toHaveLength(2);
    expect(running.complained.join()).not.toMatch(/\bat .*\.ts:/);
  });

  it('names a port that is in use', async () => {
    const taken = net.createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const port = String((taken.address() as net.AddressInfo).port);
    const { running } = begin({ PORT: port });
    expect(await running.code).toBe(1);
    expect(running.complained).toEqual([
      `The relay was not started. Port ${port} is in use. Stop what uses it, or set PORT to another.`,
    ]);
    taken.close();
    // It gave its store back: the next one starts on the same folder.
    const next = begin();
    (await next.started).signal();
    expect(await next.running.code).toBe(0);
  });

  it('names an address that is not of this machine', async () => {
    const { running } = begin({ HOST: '192.0.2.1' });
    expect(await running.code).toBe(1);
    expect(running.complained[0]).toMatch(/cannot listen on 192\.0\.2\.1/);
  });

  it('says that another relay has the database, or that it was made with another key', async () => {
    const first = begin({ MASTER_KEY: 'a'.repeat(32) });
    const relay = await first.started;
    const second = begin({ MASTER_KEY: 'a'.repeat(32) });
    expect(await second.running.code).toBe(1);
    expect(second.running.complained[0]).toMatch(/Another relay uses .*vjj\.db/);
    relay.signal();
    expect(await first.running.code).toBe(0);
    const third = begin({ MASTER_KEY: 'b'.repeat(32) });
    expect(await third.running.code).toBe(1);
    expect(third.running.complained[0]).toMatch(/another MASTER_KEY/);
  });

  it('says that the data folder cannot be made', async () => {
    writeFileSync(join(dir, 'file'), '');
    const { running } = begin({ DATA_DIR: join(dir, 'file', 'data') });
    expect(await running.code).toBe(1);
    expect(running.complained[0]).toMatch(/DATA_DIR .* cannot be written \(ENOTDIR\)/);
  });
});

describe('a relay in production', () => {
  it('has no demo tenant, also where development left one, and prints nothing but its log', async () => {
    const development = begin({ MASTER_KEY: 'a'.repeat(32), ALLOWED_ORIGINS: 'https://mine.example' });
    const first = await development.started;
    expect((await getToken(first, 'https://mine.example')).status).toBe(201);
    first.signal();
    await development.running.code;

    const { started, running } = begin({
      NODE_ENV: 'production',
      MASTER_KEY: 'a'.repeat(32),
      OPENAI_API_KEY: 'sk-not-a-real-key',
      OPENAI_BASE_URL: 'http://127.0.0.1:9/v1',
      PUBLIC_URL: 'https://relay.example',
    });
    const relay = await started;
    expect(relay.printed).toEqual([]);
    const refused = await getToken(relay);
    expect(refused.status).toBe(401);
    expect(await refused.json()).toMatchObject({ code: 'token-revoked' });
    expect(await (await fetch(`${relay.url}/api/status`)).json()).toMatchObject({ provider: 'openai' });
    expect((await fetch(`${relay.url}/health`)).headers.get('strict-transport-security')).toContain('max-age');
    relay.signal();
    expect(await running.code).toBe(0);
  });
});

describe('the process', () => {
  it('takes what .env says, and the environment above it', () => {
    const file = join(dir, 'env');
    writeFileSync(file, 'PORT=1\nLOG_LEVEL="warn"\n# comment\n');
    expect(environment({ PORT: '2' }, file)).toEqual({ PORT: '2', LOG_LEVEL: 'warn' });
    expect(environment({ PORT: '2' }, join(dir, 'none'))).toEqual({ PORT: '2' });
    expect(() => environment({}, dir)).toThrow();
  });

  it('listens to the signals to stop until it is told not to', () => {
    const before = process.listenerCount('SIGTERM');
    let stops = 0;
    const off = processIo.onSignal(() => {
      stops += 1;
    });
    process.emit('SIGTERM');
    expect(stops).toBe(1);
    off();
    expect(process.listenerCount('SIGTERM')).toBe(before);
    const crashes = process.listenerCount('unhandledRejection');
    processIo.onCrash(() => undefined)();
    expect(process.listenerCount('unhandledRejection')).toBe(crashes);
  });
});
