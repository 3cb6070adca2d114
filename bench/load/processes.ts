/**
 * The built product in processes of its own: the model emulator and a relay that dials it. Whoever
 * starts one ends it, by its pid.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

const STOP_MS = 15_000;

export interface Running {
  pid: number;
  /** What the line that it was waited for said. */
  match: RegExpExecArray;
  /** Everything it wrote to standard error, the newest 64 kB. */
  complaints: () => string;
  /** The exit code, once it has ended. */
  readonly ended: Promise<number | null>;
  /** SIGTERM, and SIGKILL for who does not listen. */
  stop(): Promise<number | null>;
}

/** Starts Node with `args` and waits until it says `ready`, on either of its outputs. */
export async function startNode(args: readonly string[], env: Record<string, string>, ready: RegExp): Promise<Running> {
  const child: ChildProcess = spawn(process.execPath, args, {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  let said = '';
  let complaints = '';
  const match = await new Promise<RegExpExecArray>((resolve, reject) => {
    let isReady = false;
    const look = (chunk: Buffer) => {
      if (isReady) return;
      said += chunk.toString();
      const found = ready.exec(said);
      if (found === null) return;
      isReady = true;
      said = '';
      resolve(found);
    };
    child.stdout?.on('data', look);
    child.stderr?.on('data', (chunk: Buffer) => {
      complaints = (complaints + chunk.toString()).slice(-65_536);
      look(chunk);
    });
    void ended.then((code) => reject(new Error(`${args.join(' ')} ended with ${String(code)}:\n${said}`)));
  });
  const { pid } = child;
  if (pid === undefined) throw new Error('a process without a number');
  return {
    ...{ pid, match, ended },
    complaints: () => complaints,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      const code = await ended;
      clearTimeout(late);
      return code;
    },
  };
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** @param dist - The folder that the build wrote. */
export async function startEmulatorProcess(
  dist: string,
  faults: Record<string, string | number>,
): Promise<Running & { url: string }> {
  const given = Object.entries(faults).flatMap(([name, value]) => ['--fault', `${name}=${value}`]);
  const args = [path.join(dist, 'relay/cli/vjj.js'), 'emulator', '--port', '0', ...given];
  const running = await startNode(args, {}, /(http:\/\/127\.0\.0\.1:\d+\/v1)/);
  return { ...running, url: running.match[1] ?? '' };
}

export interface RelayProcess extends Running {
  /** http origin. */
  origin: string;
  dataDir: string;
}

/** @param flags - Of Node, before the program. */
export async function startRelayProcess(
  dist: string,
  env: Record<string, string>,
  flags: readonly string[] = [],
): Promise<RelayProcess> {
  const port = await freePort();
  const dataDir = mkdtempSync(path.join(tmpdir(), 'vjj-load-'));
  const running = await startNode(
    [...flags, path.join(dist, 'relay/main.js')],
    {
      ...{ PORT: String(port), DATA_DIR: dataDir, HOME: dataDir, NODE_ENV: 'development', LOG_LEVEL: 'warn' },
      ...{ RATE_LIMIT_MAX_REQUESTS: '1000000', DRAIN_TIMEOUT_MS: '1000' },
      ...env,
    },
    new RegExp(`localhost:${port}/demo/`),
  );
  return {
    ...running,
    ...{ origin: `http://localhost:${port}`, dataDir },
    async stop() {
      const code = await running.stop();
      rmSync(dataDir, { recursive: true, force: true });
      return code;
    },
  };
}
