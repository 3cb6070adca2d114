/**
 * A Postgres of the tests' own: made in a folder of its own, reached by a Unix socket only, without
 * waiting for the disk, and gone afterwards. It can be frozen, killed and started again at the same
 * place. Whoever starts it stops it.
 */
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import pg from 'pg';

const DEBIAN = '/usr/lib/postgresql';
const STOP_MS = 10_000;
const USER = 'postgres';

export interface TestPostgres {
  /** A fresh and empty database. @returns its URL. */
  database(): Promise<string>;
  /** Its main process. */
  readonly pid: number;
  /** Stops answering, with its connections open; also to those who connect anew. */
  freeze(): void;
  thaw(): void;
  /** Dies without a word to its clients. */
  kill(): Promise<void>;
  /** Comes back with what was committed. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** @returns the folder of Postgres' programs: the newest of Debian's, or that on PATH. */
export function findPostgres(path = process.env.PATH ?? '', debian = DEBIAN): string | undefined {
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [...versions.map((version) => join(debian, version, 'bin')), ...path.split(delimiter)];
  return folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')));
}

/** @throws in words that name the one command that helps, where there is no Postgres. */
export async function startPostgres(bin = findPostgres()): Promise<TestPostgres> {
  if (bin === undefined) throw new Error('The tests need Postgres, which is not installed. Install it: npm run setup');
  // Short, whatever TMPDIR says: the path of a Unix socket may have a hundred letters.
  const dir = mkdtempSync('/tmp/vjj-pg-');
  // Postgres refuses to run as root; the others must reach what they own.
  const isRoot = process.getuid?.() === 0;
  if (isRoot) {
    chmodSync(dir, 0o755);
    run('install', ['-d', '-o', USER, '-m', '755', join(dir, 'at')]);
  }
  const home = join(dir, 'at');
  const as = (program: string, args: string[]): [string, string[]] =>
    isRoot ? ['runuser', ['-u', USER, '--', join(bin, program), ...args]] : [join(bin, program), args];
  const data = join(home, 'data');
  const settings = ['listen_addresses=', `unix_socket_directories=${home}`, 'fsync=off', 'max_connections=60'];
  const start = () => launch(...as('postgres', ['-D', data, ...settings.flatMap((setting) => ['-c', setting])]));
  let server = await (async () => {
    run(...as('initdb', ['-D', data, '-A', 'trust', '-U', USER, '--no-sync', '-E', 'UTF8', '--locale=C']));
    return start();
  })().catch((error: unknown) => {
    rmSync(dir, { recursive: true, force: true });
    throw error;
  });

  // Not the child's, which as root is runuser.
  const readPid = () => Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0]);
  let pid = readPid();
  function thaw(): void {
    signalAll(pid, 'SIGCONT');
    // Who runs it for another user stops with it.
    server.kill('SIGCONT');
  }
  async function kill(): Promise<void> {
    if (server.exitCode !== null || server.signalCode !== null) return;
    thaw();
    await end(server, pid, 'SIGQUIT');
  }
  const url = (name: string) => `postgres://${USER}@localhost/${name}?host=${encodeURIComponent(home)}`;
  let made = 0;
  return {
    get pid() {
      return pid;
    },
    freeze: () => signalAll(pid, 'SIGSTOP'),
    thaw,
    kill,
    async restart() {
      await kill();
      server = await start();
      pid = readPid();
    },
    async database() {
      const name = `test_${process.pid}_${(made += 1)}`;
      const client = new pg.Client({ connectionString: url('postgres') });
      await client.connect();
      try {
        await client.query(`create database ${name}`);
      } finally {
        await client.end();
      }
      return url(name);
    },
    async stop() {
      if (server.exitCode === null && server.signalCode === null) thaw();
      await end(server, pid, 'SIGINT');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function run(command: string, args: string[]): void {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8', cwd: '/tmp' });
  if (status !== 0) throw new Error(`${args.at(-1) ?? command}: ${error?.message ?? stderr}`);
}

async function launch(command: string, args: string[]): Promise<ChildProcess> {
  const server = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], cwd: '/tmp' });
  const said: string[] = [];
  const lines = createInterface({ input: server.stderr });
  const ready = new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => {
      said.push(line);
      if (line.includes('database system is ready to accept connections')) resolve();
    });
    server.once('error', reject);
    server.once('exit', (code) => reject(new Error(`Postgres ended with ${String(code)}: ${said.join('\n')}`)));
  });
  await ready;
  return server;
}

/** To the main process and each of those that serve clients. */
function signalAll(pid: number, signal: 'SIGSTOP' | 'SIGCONT'): void {
  const children = execFileSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' });
  for (const one of [pid, ...children.split('\n').map(Number).filter(Boolean)]) {
    try {
      process.kill(one, signal);
    } catch (error) {
      // One that ended meanwhile.
      if ((error as { code?: string }).code !== 'ESRCH') throw error;
    }
  }
}

/** @param how - `SIGINT` ends its connections and then itself, without waiting for clients; `SIGQUIT` as a crash would. */
async function end(server: ChildProcess, pid: number, how: 'SIGINT' | 'SIGQUIT'): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const gone = once(server, 'exit');
  process.kill(pid, how);
  const late = setTimeout(() => process.kill(pid, 'SIGQUIT'), STOP_MS);
  await gone;
  clearTimeout(late);
}
