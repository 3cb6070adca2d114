/**
 * A Redis of a test's own: on a free loopback port, without a disk, and gone afterwards. It can be
 * frozen, killed and started again at the same place. Whoever starts it stops it.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';

export interface TestRedis {
  /** Without a name or password, unless it asks for one. */
  readonly url: string;
  /** Stops answering, with its connections open. */
  freeze(): void;
  thaw(): void;
  /** Dies at once, with all that it knew. */
  kill(): Promise<void>;
  /** Comes back empty at the same port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** @returns the server's program, under either of its names. */
export function findRedis(path = process.env.PATH ?? ''): string | undefined {
  const folders = [...path.split(delimiter), '/usr/bin', '/usr/local/bin'];
  const programs = folders.flatMap((folder) => [join(folder, 'redis-server'), join(folder, 'valkey-server')]);
  return programs.find((program) => existsSync(program));
}

/** @throws in words that name the one command that helps, where there is no Redis. */
export async function startRedis(
  options: { password?: string } = {},
  program: string | undefined = findRedis(),
): Promise<TestRedis> {
  if (program === undefined) throw new Error('The tests need Redis, which is not installed. Install it: npm run setup');
  const port = await freePort();
  const protection = options.password === undefined ? [] : ['--requirepass', options.password];
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', ...protection];
  let server = await launch(program, args);

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const gone = once(server, 'exit');
    server.kill(signal);
    server.kill('SIGCONT');
    await gone;
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    freeze: () => void server.kill('SIGSTOP'),
    thaw: () => void server.kill('SIGCONT'),
    kill: () => end('SIGKILL'),
    async restart() {
      await end('SIGKILL');
      server = await launch(program, args);
    },
    stop: () => end('SIGKILL'),
  };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

async function launch(program: string, args: string[]): Promise<ChildProcess> {
  const server = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], cwd: '/tmp' });
  const said: string[] = [];
  const lines = createInterface({ input: server.stdout });
  await new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => {
      said.push(line);
      if (line.includes('Ready to accept connections')) resolve();
    });
    server.once('error', reject);
    server.once('exit', (code) => reject(new Error(`Redis ended with ${String(code)}: ${said.join('\n')}`)));
  });
  return server;
}
