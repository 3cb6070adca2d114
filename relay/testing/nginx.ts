/**
 * The nginx that stands before relays, as it is shipped: the site's template and its parts from
 * deploy/docker, filled in for free ports of the loopback. Whoever starts it stops it.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseDockerfile } from '../../deploy/docker/dockerfile.mjs';

const SHIPPED = resolve(import.meta.dirname, '../../deploy/docker');
const DIST = resolve(import.meta.dirname, '../../dist');
/** Where the image has its site. */
const HTML = '/usr/share/nginx/html';

export interface TestNginx {
  /** What `nginx -t` said of the configuration. */
  readonly verdict: string;
  /** One object a request that is over, oldest first. */
  requests(): { path: string; status: number; upstream: string; method: string }[];
  /** The process that does the work; there is one. */
  readonly workerPid: number;
  stop(): Promise<void>;
}

export function findNginx(path = process.env.PATH ?? ''): string | undefined {
  const folders = [...path.split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => join(folder, 'nginx')).find((program) => existsSync(program));
}

/** The template with its three values; what else it may hold is nginx's. */
export function renderSite(values: Record<'RELAY_SERVERS' | 'LISTEN' | 'SITE_ROOT', string>): string {
  const template = readFileSync(join(SHIPPED, 'nginx/site.conf.template'), 'utf8');
  return template.replaceAll(/\$\{([A-Z_]+)\}/g, (all, name: string) => {
    if (name in values) return values[name as keyof typeof values];
    throw new Error(`nobody fills in ${all}`);
  });
}

/** What the image of static files copies, at the same names. */
function siteRoot(root: string): string {
  mkdirSync(root);
  const image = parseDockerfile(readFileSync(join(SHIPPED, 'static.Dockerfile'), 'utf8')).at(-1);
  for (const step of image?.steps ?? []) {
    if (step.is !== 'COPY' || !step.to.startsWith(`${HTML}/`)) continue;
    for (const source of step.sources) {
      const to = step.to.endsWith('/') ? basename(source) : step.to.slice(HTML.length + 1);
      const built = source.startsWith('/build/dist/') ? join(DIST, source.slice('/build/dist/'.length)) : undefined;
      symlinkSync(built ?? resolve(SHIPPED, '../..', source), join(root, to));
    }
  }
  return root;
}

/**
 * @param listen - A free port of the loopback.
 * @param relays - Ports of the relays.
 * @throws in words that name the one command that helps, where there is no nginx.
 */
export async function startNginx(
  { listen, relays }: { listen: number; relays: readonly number[] },
  program: string | undefined = findNginx(),
): Promise<TestNginx> {
  if (program === undefined) throw new Error('The tests need nginx, which is not installed. Install it: npm run setup');
  const home = mkdtempSync(join(tmpdir(), 'vjj-nginx-'));
  const site = renderSite({
    // With the patience that compose.yaml has with each.
    RELAY_SERVERS: relays.map((port) => `server 127.0.0.1:${port} max_fails=1 fail_timeout=2s;`).join(' '),
    LISTEN: `127.0.0.1:${listen}`,
    SITE_ROOT: siteRoot(join(home, 'site')),
  }).replaceAll('/etc/nginx/vjj/', `${join(SHIPPED, 'nginx')}/`);
  writeFileSync(join(home, 'site.conf'), site);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const lines = [
    // Its workers read the built files, wherever those are.
    ...(process.getuid?.() === 0 ? ['user root;'] : []),
    ...['daemon off;', 'worker_processes 1;', 'error_log stderr notice;', `pid ${home}/nginx.pid;`],
    'events { worker_connections 1024; }',
    `http { ${temporary.map((kind) => `${kind}_temp_path ${home}/${kind};`).join(' ')} include ${home}/site.conf; }`,
  ];
  writeFileSync(join(home, 'nginx.conf'), lines.join('\n'));
  const args = ['-e', 'stderr', '-p', home, '-c', join(home, 'nginx.conf')];
  // The site writes its log to /dev/stdout, which nginx opens anew: a file and no pipe.
  const access = join(home, 'access.log');
  const log = openSync(access, 'a');
  const verdict = spawnSync(program, [...args, '-t'], { encoding: 'utf8', stdio: ['ignore', log, 'pipe'] }).stderr;
  const server = spawn(program, args, { stdio: ['ignore', log, 'pipe'] });
  closeSync(log);
  const said: string[] = [];
  let workerPid = 0;
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: server.stderr! }).on('line', (line) => {
      said.push(line);
      const worker = /start worker process (\d+)/.exec(line)?.[1];
      if (worker === undefined) return;
      workerPid = Number(worker);
      resolve();
    });
    server.once('error', reject);
    server.once('exit', (code) => reject(new Error(`nginx ended with ${String(code)}: ${verdict}${said.join('\n')}`)));
  });
  return {
    verdict,
    workerPid,
    requests: () =>
      readFileSync(access, 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as ReturnType<TestNginx['requests']>[number]),
    async stop() {
      const gone = once(server, 'exit');
      server.kill('SIGTERM');
      await gone;
      rmSync(home, { recursive: true });
    },
  };
}
