/** Whoever is about to start a relay learns what stands in its way; one that runs is left alone. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocketServer, type WebSocket } from 'ws';
import { readConfig } from '../config.ts';
import { startEmulator } from '../emulator/emulator.ts';
import { silentLog } from '../log.ts';
import { processIo } from '../run.ts';
import { startRelay } from '../start.ts';
import { postgresDatabase } from '../testing/database.ts';
import { startRedis } from '../testing/redis.ts';
import { openStore } from '../store/store.ts';
import { vjjCommand } from './commands.ts';
import { doctor, type Finding } from './doctor.ts';
import { dateOf, lookAtDisk, lookAtPort, shakeHands } from './doctor-findings.ts';

const MASTER_KEY = 'm'.repeat(44);
let dir: string;
let data: string;
const closers: (() => unknown)[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'vjj-doctor-'));
  data = join(dir, 'data');
});
afterEach(async () => {
  for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
  rmSync(dir, { recursive: true });
});

async function vjj(env: Record<string, string>, ...words: string[]) {
  const printed: string[] = [];
  const codes: number[] = [];
  const io = {
    ...{ ...processIo, env: { PORT: '0', DATA_DIR: data, ...env } },
    print: (line: string) => void printed.push(line),
    exit: (code: number) => void codes.push(code),
  };
  await vjjCommand(io).parseAsync(['node', 'vjj', 'doctor', ...words]);
  return { text: printed.join('\n'), codes };
}

async function findings(env: Record<string, string>) {
  const { text, codes } = await vjj(env, '--json');
  const told = JSON.parse(text) as { ok: boolean; version: string; checks: Finding[] };
  const of = (name: string) => told.checks.find((check) => check.name === name)!;
  return { ...told, text, codes, of };
}

/** @returns its address; it is closed after the test. */
async function web(answer: Parameters<typeof createServer>[1]): Promise<string> {
  const server: Server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => new Promise((resolve) => server.close(resolve)));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('vjj doctor', () => {
  it('finds nothing wrong on an empty folder, and leaves it as it was', async () => {
    const { text, codes } = await vjj({});
    expect(text).toMatch(
      /ok +node[^]*configuration[^]*ok +store[^]*the first start makes it[^]*ok +redis[^]*none is named[^]*ok +provider[^]*the emulator inside the relay[^]*- +clock[^]*disk[^]*open files[^]*ok +port/,
    );
    expect(text).toMatch(/A relay can run here\.$/);
    expect(codes).toEqual([0]);
    expect(existsSync(data)).toBe(false);
  });

  it('names every mistake in the settings, and asks nothing that leans on them', async () => {
    const { of, ok, codes } = await findings({ PORT: 'x', OPENAI_API_KEY: 'sk-5ho' });
    expect(of('configuration')).toMatchObject({
      state: 'fail',
      seen: expect.stringMatching(/PORT "x"[^]*OPENAI_API_KEY/),
    });
    expect(of('configuration').seen).not.toContain('sk-5ho');
    expect(of('store').state).toBe('skipped');
    expect([ok, codes]).toEqual([false, [1]]);
  });

  it('tells of a running relay, and neither it nor its conversations notice', async () => {
    const config = readConfig({ PORT: '0', HOST: '127.0.0.1', DATA_DIR: data, MASTER_KEY });
    const relay = await startRelay(config, { log: silentLog, staticRoot: dir });
    closers.push(() => relay.stop(0));
    const files = readdirSync(data);
    const { of, codes } = await findings({ MASTER_KEY, HOST: '127.0.0.1', PORT: String(relay.port) });
    expect(of('store')).toMatchObject({
      state: 'ok',
      seen: expect.stringMatching(/up to date, in use by a running relay$/),
    });
    expect(of('port')).toMatchObject({ state: 'ok', seen: expect.stringMatching(/held by a relay: version/) });
    expect(codes).toEqual([0]);
    expect(readdirSync(data)).toEqual(files);
    expect((await fetch(`http://127.0.0.1:${relay.port}/health/ready`)).status).toBe(200);
  });

  it('finds that the master key is another one, or is lost', async () => {
    const store = await openStore({ file: join(data, 'vjj.db'), masterKey: MASTER_KEY, now: () => Date.now() });
    await store.close();
    const other = await findings({ MASTER_KEY: 'n'.repeat(44) });
    expect(other.of('store')).toMatchObject({ state: 'fail', seen: expect.stringContaining('another master key') });
    expect(other.text).not.toContain('nnnnnnnnnn');
    const lost = await findings({});
    expect(lost.of('store')).toMatchObject({ state: 'fail', remedy: expect.stringContaining('master.key') });
    expect((await findings({ MASTER_KEY })).of('store').state).toBe('ok');
    writeFileSync(join(data, 'vjj.db'), 'something else entirely, of more than a few bytes');
    expect((await findings({ MASTER_KEY })).of('store')).toMatchObject({
      ...{ state: 'fail', seen: expect.stringContaining('cannot be read') },
    });
  });

  it('reads Postgres and Redis with their clocks, and says which of them is away', async () => {
    const DATABASE_URL = await postgresDatabase();
    const redis = await startRedis({ password: 'open-sesame' });
    closers.push(() => redis.stop());
    const REDIS_URL = redis.url.replace('//', '//:open-sesame@');
    const empty = await findings({ DATABASE_URL, REDIS_URL, MASTER_KEY });
    expect(empty.of('store')).toMatchObject({
      state: 'ok',
      seen: expect.stringMatching(/Postgres \d+.*first start makes it/),
    });
    const store = await openStore({ url: DATABASE_URL, masterKey: MASTER_KEY, now: () => Date.now() });
    closers.push(() => store.close());
    const { of, text, codes } = await findings({ DATABASE_URL, REDIS_URL, MASTER_KEY });
    expect(of('store')).toMatchObject({ state: 'ok', seen: expect.stringContaining('up to date') });
    expect(of('redis')).toMatchObject({
      state: 'ok',
      seen: expect.stringMatching(/(Redis|Valkey) \d+\.\d+.*127\.0\.0\.1:/),
    });
    expect(of('clock')).toMatchObject({
      state: 'ok',
      seen: expect.stringMatching(/agrees with Postgres, (Redis|Valkey)/),
    });
    expect(text).not.toContain('open-sesame');
    expect(codes).toEqual([0]);

    const refused = await findings({ REDIS_URL: redis.url.replace('//', '//:wrong-word@') });
    expect(refused.of('redis')).toMatchObject({ state: 'fail', seen: expect.stringContaining('WRONGPASS') });
    expect(refused.text).not.toContain('wrong-word');
    await redis.stop();
    const away = await findings({ REDIS_URL, DATABASE_URL: 'postgres://vjj:hush-hush@127.0.0.1:1/vjj' });
    expect(away.of('redis')).toMatchObject({ state: 'fail', remedy: expect.stringContaining('REDIS_URL') });
    expect(away.of('store')).toMatchObject({
      state: 'fail',
      seen: expect.stringMatching(/127\.0\.0\.1:1\/vjj .*ECONNREFUSED/),
    });
    expect(away.text).not.toContain('hush-hush');
    expect(away.codes).toEqual([1]);
  });

  it('shakes hands with the provider by the key and address that are set', async () => {
    const emulator = await startEmulator({ requireKey: 'sk-the-right-key' });
    closers.push(() => emulator.close());
    const good = await findings({ OPENAI_BASE_URL: emulator.url, OPENAI_API_KEY: 'sk-the-right-key' });
    expect(good.of('provider')).toMatchObject({
      state: 'ok',
      seen: expect.stringMatching(/gpt-realtime.* at 127\.0\.0\.1:\d+, \d+ ms/),
    });
    expect(good.of('clock')).toMatchObject({ state: 'ok' });
    const bad = await findings({ OPENAI_BASE_URL: emulator.url, OPENAI_API_KEY: 'sk-some-wrong-key' });
    expect(bad.of('provider')).toMatchObject({ state: 'fail', remedy: expect.stringContaining('OPENAI_API_KEY') });
    expect(bad.text).not.toContain('sk-some');
    expect(bad.codes).toEqual([1]);
    const unknown = {
      OPENAI_BASE_URL: emulator.url,
      OPENAI_API_KEY: 'sk-the-right-key',
      OPENAI_MODEL: 'gpt-9-imagined',
    };
    expect((await findings(unknown)).of('provider')).toMatchObject({
      state: 'fail',
      remedy: expect.stringContaining('OPENAI_MODEL'),
    });
  });

  it('asks both addresses where there are two: one of them is enough to talk', async () => {
    const emulator = await startEmulator();
    closers.push(() => emulator.close());
    const env = { OPENAI_API_KEY: 'sk-the-right-key', OPENAI_BASE_URL: 'http://127.0.0.1:1/v1' };
    const half = await findings({ ...env, OPENAI_FALLBACK_BASE_URL: emulator.url });
    expect(half.of('provider')).toMatchObject({
      state: 'warn',
      seen: expect.stringMatching(/ECONNREFUSED; else .* ms/),
    });
    expect(half.codes).toEqual([0]);
    const none = await findings({ ...env, OPENAI_FALLBACK_BASE_URL: 'http://127.0.0.1:2/v1' });
    expect(none.of('provider').state).toBe('fail');
    const both = await findings({ ...env, OPENAI_BASE_URL: emulator.url, OPENAI_FALLBACK_BASE_URL: emulator.url });
    expect(both.of('provider')).toMatchObject({ state: 'ok' });
    expect(both.of('provider').remedy).toBeUndefined();
  });

  it('refuses a Node that is too old', async () => {
    const printed: string[] = [];
    const io = { env: { PORT: '0', DATA_DIR: data }, print: (line: string) => void printed.push(line) };
    expect(await doctor({ io, asJson: false, nodeVersion: '18.20.0' })).toBe(false);
    expect(printed[0]).toMatch(/^FAIL +node/);
    expect(printed.at(-1)).toBe('1 thing is wrong.');
  });
});

describe('what vjj doctor looks at', () => {
  it('sees a clock that is wrong by the date of an answer', async () => {
    const url = await web((_request, response) => {
      response.writeHead(401, { date: new Date(Date.now() - 60_000).toUTCString() }).end();
    });
    const seen = await dateOf('there', url);
    expect(seen?.skewMs).toBeLessThan(-55_000);
    expect(seen?.skewMs).toBeGreaterThan(-65_000);
    const mute = await web((_request, response) => {
      response.sendDate = false;
      response.end();
    });
    expect(await dateOf('there', mute)).toBeUndefined();
    expect(await dateOf('nowhere', 'http://127.0.0.1:1')).toBeUndefined();
  });

  it('is not told that something is a relay which only answers', async () => {
    const json = await web((_request, response) => response.end('{"version":"1"}'));
    const text = await web((_request, response) => response.end('hello'));
    for (const url of [json, text])
      expect((await lookAtPort(Number(new URL(url).port), '127.0.0.1')).holder).toBe('other');
  });

  it('takes a free port for a moment only, and names what forbids it', async () => {
    const server = createTcpServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    expect(await lookAtPort(port, '127.0.0.1')).toEqual({ port, holder: null, failedBy: null });
    expect(await lookAtPort(port, '127.0.0.1')).toEqual({ port, holder: null, failedBy: null });
    expect((await lookAtPort(port, '192.0.2.1')).failedBy).toBe('EADDRNOTAVAIL');
  });

  it('leaves nothing in the folder that it wrote to, and is told when it is none', async () => {
    mkdirSync(data);
    expect(await lookAtDisk(data)).toMatchObject({ isMade: true, failedBy: null, freeBytes: expect.any(Number) });
    expect(readdirSync(data)).toEqual([]);
    const file = join(dir, 'file');
    writeFileSync(file, '');
    expect((await lookAtDisk(file)).failedBy).toBe('ENOTDIR');
    // The system's own folder takes no files from anybody.
    expect((await lookAtDisk('/proc')).failedBy).not.toBeNull();
    chmodSync(data, 0o500);
    expect(await lookAtDisk(join(data, 'deeper', 'still'))).toMatchObject({ isMade: false });
  });

  it('gives the code of a provider that opens the door and says only what is wrong', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    closers.push(() => new Promise((resolve) => server.close(resolve)));
    await new Promise((resolve) => server.once('listening', resolve));
    const to = {
      ...{ apiKey: 'sk-any-key', model: 'gpt-realtime-2.1' },
      baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    };
    const says = async (answer: (socket: WebSocket) => void) => {
      server.once('connection', answer);
      return (await shakeHands(to)).failedBy;
    };
    const error = (code?: string) => JSON.stringify({ type: 'error', error: { code, message: 'no' } });
    expect(await says((socket) => socket.send(error('insufficient_quota')))).toBe('insufficient_quota');
    expect(await says((socket) => socket.send(error()))).toBe('error');
    expect(await says((socket) => socket.close(4004, 'model_not_found'))).toBe('model_not_found');
    expect(await says((socket) => socket.close(4999))).toBe('closed-4999');
  });
});
