/**
 * Relays on one database, with one model beside them that none of them takes along when it dies: in
 * this process, or the built ones in processes of their own. Whoever starts them stops them.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { readConfig } from '../../config.ts';
import { startEmulator, type Emulator } from '../../emulator/emulator.ts';
import { silentLog } from '../../log.ts';
import { startRelay, type Relay } from '../../start.ts';
import { returningPage, type ReturningPage } from './returning-page.ts';

export const PAGE_ORIGIN = 'https://page.example';
const MAIN = path.resolve(import.meta.dirname, '../../../dist/relay/main.js');

/** A busy machine makes a conversation longer to run, not different. */
const PATIENCE = {
  ...{ DRAIN_SLACK_MS: '3000', STALL_MS: '120000', DONE_TIMEOUT_MS: '120000', WIDGET_GRACE_MS: '60000' },
  ...{ CREATE_TIMEOUT_MS: '120000', FIRST_AUDIO_TIMEOUT_MS: '120000', POLICY_BUDGET_MS: '10000' },
};

export interface FleetMember {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** Of the socket. */
  readonly ws: string;
  /** Conversations that live there. */
  sessions(): Promise<number>;
}

export interface Process extends FleetMember {
  readonly child: ChildProcess;
  /** Dies in the middle of whatever it does. */
  kill(): Promise<void>;
  /** @returns its exit code. */
  terminate(): Promise<number | null>;
}

export interface Fleet {
  readonly emulator: Emulator;
  /** A folder of this fleet's, which goes with it. */
  readonly root: string;
  /** One in this process. */
  here(env?: Record<string, string>): Promise<FleetMember & { relay: Relay }>;
  /** The built one, as it is started by its operator. */
  process(env?: Record<string, string>): Promise<Process>;
  /** A page that gets its tokens from that member. */
  page(from: FleetMember): ReturningPage;
  stop(): Promise<void>;
}

/** @param shared - Of every member: where the database is, for one. */
export async function startFleet(shared: Record<string, string>): Promise<Fleet> {
  const emulator = await startEmulator();
  const root = mkdtempSync(path.join(tmpdir(), 'vjj-fleet-'));
  const dist = path.join(root, 'dist');
  mkdirSync(path.join(dist, 'demo'), { recursive: true });
  writeFileSync(path.join(dist, 'demo', 'index.html'), '<!doctype html><title>Demo</title>');
  writeFileSync(path.join(dist, 'voice-jib-jab.js'), 'export {};');
  const stops: (() => Promise<unknown>)[] = [];
  const pages: ReturningPage[] = [];
  let members = 0;
  const environment = (env: Record<string, string>) => ({
    ...{ PORT: '0', HOST: '127.0.0.1', DATA_DIR: path.join(root, `data-${(members += 1)}`), LOG_LEVEL: 'silent' },
    ...{ MASTER_KEY: 'm'.repeat(44), ALLOWED_ORIGINS: PAGE_ORIGIN, RATE_LIMIT_MAX_REQUESTS: '10000' },
    ...{ OPENAI_API_KEY: 'sk-emulator', OPENAI_BASE_URL: emulator.url, LANE_A_ENABLED: 'false' },
    ...PATIENCE,
    ...shared,
    ...env,
  });
  const member = (port: number): FleetMember => {
    const url = `http://127.0.0.1:${port}`;
    return {
      ...{ url, ws: `ws://127.0.0.1:${port}/ws` },
      sessions: async () => ((await (await fetch(`${url}/api/status`)).json()) as { sessions: number }).sessions,
    };
  };
  return {
    emulator,
    root,
    async here(env = {}) {
      const relay = await startRelay(readConfig(environment(env)), { log: silentLog, staticRoot: dist });
      stops.push(() => relay.stop(0));
      return { ...member(relay.port), relay };
    },
    async process(env = {}) {
      const child = spawn(process.execPath, [MAIN], {
        env: { PATH: process.env['PATH'], HOME: root, ...environment(env), LOG_LEVEL: 'info' },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const exit = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
      const said: string[] = [];
      child.stderr.on('data', (chunk: Buffer) => said.push(chunk.toString()));
      const port = await new Promise<number>((resolve, reject) => {
        createInterface({ input: child.stdout }).on('line', (line) => {
          said.push(line);
          const started = /"port":(\d+)/.exec(line);
          if (line.includes('relay started') && started) resolve(Number(started[1]));
        });
        void exit.then((code) => reject(new Error(`the relay ended with ${String(code)}:\n${said.join('\n')}`)));
      });
      const end = async (signal: NodeJS.Signals) => {
        if (child.exitCode === null && child.signalCode === null) child.kill(signal);
        return exit;
      };
      stops.push(() => end('SIGKILL'));
      return {
        ...member(port),
        child,
        kill: () => end('SIGKILL').then(() => undefined),
        terminate: () => end('SIGTERM'),
      };
    },
    page(from) {
      let held: string | undefined;
      const page = returningPage(async () => {
        // One token for one person, as long as it holds.
        if (held !== undefined) return held;
        const answer = await fetch(`${from.url}/api/token`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', origin: PAGE_ORIGIN },
          body: JSON.stringify({ tenant: 'pk_demo' }),
        });
        const { token } = (await answer.json()) as { token?: string };
        if (token === undefined) throw new Error(`no token: ${answer.status}`);
        return (held = token);
      }, PAGE_ORIGIN);
      pages.push(page);
      return page;
    },
    async stop() {
      for (const page of pages) page.leave();
      await Promise.all(stops.map((stop) => stop()));
      await emulator.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}
