/** Whoever has put up a relay learns whether it works, and if not what to look at. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../config.ts';
import { createLog } from '../log.ts';
import { processIo } from '../run.ts';
import { startRelay, type Relay } from '../start.ts';
import { vjjCommand } from './commands.ts';

async function vjj(words: string[], env: Record<string, string> = {}) {
  const printed: string[] = [];
  const complained: string[] = [];
  const codes: number[] = [];
  const io = {
    ...{ ...processIo, env },
    print: (line: string) => void printed.push(line),
    complain: (line: string) => void complained.push(line),
    exit: (code: number) => void codes.push(code),
  };
  await vjjCommand(io).parseAsync(['node', 'vjj', ...words]);
  return { text: printed.join('\n'), complained: complained.join('\n'), codes };
}

describe('vjj smoke', () => {
  let dir: string;
  let relay: Relay;
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'vjj-smoke-'));
    const config = readConfig({ PORT: '0', HOST: '127.0.0.1', DATA_DIR: dir, POLICY_BUDGET_MS: '10000' });
    relay = await startRelay(config, { log: createLog({ level: 'silent' }), staticRoot: dir });
  });
  afterAll(async () => {
    await relay.stop(0);
    rmSync(dir, { recursive: true });
  });
  const address = () => `http://localhost:${relay.port}`;

  it('asks everything of a relay that works, down to a spoken question that is answered', async () => {
    const { text, codes } = await vjj(['smoke', address()]);
    expect(text).toMatch(
      /ok +ready[^]*ok +status[^]*provider emulator[^]*ok +socket[^]*ok +token[^]*ok +spoken turn[^]*first sound after/,
    );
    expect(text).toContain('We are open from nine in the morning');
    expect(text).toMatch(/All is well\.$/);
    expect(codes).toEqual([0]);
  });

  it('says which key and origin were refused, and goes no further', async () => {
    const { text, codes } = await vjj(['smoke', address(), '--origin', 'https://elsewhere.example']);
    expect(text).toMatch(/FAIL +token +HTTP 403, origin-refused[^]*--origin \(was https:\/\/elsewhere\.example\)$/);
    expect(text).not.toContain('spoken turn');
    expect(codes).toEqual([1]);
  });

  it('takes the address from the settings, and refuses what is none', async () => {
    const { text } = await vjj(['smoke', '--tenant', 'pk_nobody'], { PUBLIC_URL: `${address()}/` });
    expect(text).toMatch(/ok +socket[^]*FAIL +token +HTTP 403/);
    const { complained, codes } = await vjj(['smoke', 'voice.example.com']);
    expect(complained).toContain('“voice.example.com” is no address');
    expect(codes).toEqual([2]);
  });
});

describe('vjj smoke, where something stands before the relay', () => {
  let server: Server;
  afterEach(() => new Promise((resolve) => server.close(resolve)));
  const listen = async (answer: (path: string) => { status: number; body: unknown }) => {
    server = createServer((request, response) => {
      const { status, body } = answer(request.url ?? '');
      response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(JSON.stringify(body));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };

  it('names a relay that is not ready', async () => {
    const url = await listen(() => ({ status: 503, body: { status: 'not-ready' } }));
    const { text, codes } = await vjj(['smoke', url]);
    expect(text).toMatch(/^FAIL +ready +HTTP 503\n +is the relay running/);
    expect(codes).toEqual([1]);
  });

  it('finds a proxy that passes on no WebSockets', async () => {
    const url = await listen(() => ({ status: 200, body: { version: '1' } }));
    const { text, codes } = await vjj(['smoke', url]);
    expect(text).toMatch(
      /ok +status[^]*FAIL +socket +HTTP 200\n +does whatever stands before the relay pass on WebSockets/,
    );
    expect(codes).toEqual([1]);
  });

  it('says so where nobody answers', async () => {
    const url = await listen(() => ({ status: 200, body: {} }));
    await new Promise((resolve) => server.close(resolve));
    const { text } = await vjj(['smoke', url]);
    expect(text).toMatch(/FAIL +ready +no answer \(ECONNREFUSED\)/);
    server = createServer().listen(0);
  });
});
