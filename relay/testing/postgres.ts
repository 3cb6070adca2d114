/**
 * A Postgres of the tests' own: made in a folder of its own, reached by a Unix socket only, without
 * waiting for the disk, and gone afterwards. Whoever starts it stops it.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
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
  const server = await (async () => {
    run(...as('initdb', ['-D', data, '-A', 'trust', '-U', USER, '--no-sync', '-E', 'UTF8', '--locale=C']));
    const settings = ['listen_addresses=', `unix_socket_directories=${home}`, 'fsync=off', 'max_connections=60'];
    const args = ['-D', data, ...settings.flatMap((setting) => ['-c', setting])];
    return launch(...as('postgres', args));
  })().catch((error: unknown) => {
    rmSync(dir, { recursive: true, force: true });
    throw error;
  });

  // Not the child's, which as root is runuser.
  const pid = Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0]);
  const url = (name: string) => `postgres://${USER}@localhost/${name}?host=${encodeURIComponent(home)}`;
  let made = 0;
  return {
    pid,
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
      await end(server, pid);
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

async function end(server: ChildProcess, pid: number): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const gone = once(server, 'exit');
  // Ends its connections and then itself, without waiting for clients.
  process.kill(pid, 'SIGINT');
  const late = setTimeout(() => process.kill(pid, 'SIGQUIT'), STOP_MS);
  await gone;
  clearTimeout(late);
}
