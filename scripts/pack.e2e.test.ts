/**
 * The package as a customer gets it: what `npm pack` would publish, installed into an empty project, and used there
 * for a page, for a token, and for a relay that is asked what a page would ask.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startNode, type Running } from '../bench/load/processes.ts';
import { ALLOWED, LICENCES_FILE, licencesFile, refused } from './licences.mjs';
import { installed, nameAt, SBOM_FILE, type Bill, type Lock } from './sbom.mjs';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '..');
const json = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as unknown;
const manifest = json(path.join(root, 'package.json')) as { version: string };
const bill = json(path.join(root, SBOM_FILE)) as Bill;
/** Packed: the most that anybody downloads to have the relay, the widget and the emulator's voice. */
const LARGEST_BYTES = 3_000_000;
const OPERATOR = 'operator-token-of-the-package';
/** npm on a machine that has much else to do. */
const LONGEST_MS = 180_000;

interface Packed {
  filename: string;
  size: number;
  unpackedSize: number;
  files: { path: string; size: number; mode: number }[];
}

let folder: string;
let project: string;
let packed: Packed;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'vjj-package-'));
  project = path.join(folder, 'project');
  mkdirSync(project);
  const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder];
  const { stdout } = await run('npm', pack, { cwd: root, maxBuffer: 1e8 });
  [packed] = JSON.parse(stdout) as [Packed];
  writeFileSync(path.join(project, 'package.json'), '{ "name": "customer", "private": true, "type": "module" }');
  // What the install of this repository has fetched is not fetched again.
  const install = ['install', '--prefer-offline', '--no-audit', '--no-fund', path.join(folder, packed.filename)];
  await run('npm', install, { cwd: project });
}, LONGEST_MS);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const vjj = () => path.join(project, 'node_modules/.bin/vjj');
const inProject = (script: string, env: Record<string, string> = {}) =>
  run(process.execPath, ['--input-type=module', '-e', script], {
    cwd: project,
    env: { PATH: process.env['PATH'], ...env },
  });

describe('what is published', () => {
  it('is what runs and what explains it: no tests, no sources, no source maps, nothing of this machine', () => {
    const names = packed.files.map((file) => file.path);
    expect(names.filter((name) => /\.test\.|\.map$|\/testing\/|cases|(?<!\.d)\.ts$|coverage|\.tgz/.test(name))).toEqual(
      [],
    );
    const outside = names.filter((name) => !name.startsWith('dist/')).sort();
    expect(outside).toEqual([
      ...['.env.example', 'CHANGELOG.md', 'LICENSE', 'README.md', LICENCES_FILE, 'package.json'],
      'scripts/prepare.mjs',
    ]);
    const texts = names.filter((name) => /\.(js|ts|json|html|css|mjs|md)$/.test(name));
    const tellTales = texts.filter((name) => {
      const text = readFileSync(path.join(project, 'node_modules/voice-jib-jab', name), 'utf8');
      return text.includes(root) || text.includes('sourceMappingURL=');
    });
    expect(tellTales).toEqual([]);
    const [bin] = packed.files.filter((file) => file.path === 'dist/relay/cli/vjj.js');
    expect((bin?.mode ?? 0) & 0o111).toBe(0o111);
  });

  it('is small enough to be fetched by every build', () => {
    const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
    const { files, size, unpackedSize } = packed;
    process.stdout.write(
      `the package: ${files.length} files, ${megabytes(size)}, unpacked ${megabytes(unpackedSize)}\n`,
    );
    expect(size).toBeLessThan(LARGEST_BYTES);
  });

  it('names its licence, its engines, its command and entries, each of which is there', () => {
    const home = path.join(project, 'node_modules/voice-jib-jab');
    const { license, engines, bin, exports, type } = json(path.join(home, 'package.json')) as {
      license: string;
      engines: { node: string };
      bin: Record<string, string>;
      exports: Record<string, string | Record<string, string>>;
      type: string;
    };
    expect([license, engines.node, type, Object.keys(bin)]).toEqual(['MIT', '>=20.19', 'module', ['vjj']]);
    const files = Object.values(exports).flatMap((entry) =>
      typeof entry === 'string' ? [entry] : Object.values(entry),
    );
    expect(files.filter((file) => !existsSync(path.join(home, file)))).toEqual([]);
  });
});

describe('others whose work comes along', () => {
  it('are listed with their licences, as they are now: npm run licences writes the list', async () => {
    expect(readFileSync(path.join(root, LICENCES_FILE), 'utf8')).toBe(await licencesFile(root));
  });

  it('are under licences that ask for no more than a notice', () => {
    expect(refused(bill)).toEqual([]);
    expect(ALLOWED.filter((licence) => licence.includes('GPL'))).toEqual([]);
  });

  it('are in the bill of materials: all that npm has installed, and what is inside the bundles', () => {
    const lock = json(path.join(project, 'node_modules/.package-lock.json')) as Lock;
    const brought = Object.keys(lock.packages).filter((place) => place !== 'node_modules/voice-jib-jab');
    const names = new Set(bill.components.map(({ name }) => name));
    expect(brought.map(nameAt).filter((name) => !names.has(name))).toEqual([]);
    const here = json(path.join(root, 'package-lock.json')) as Lock;
    expect([...installed(here).keys()].map(nameAt).filter((name) => !names.has(name))).toEqual([]);
    const bundled = bill.components.filter(({ properties }) => /bundled in .*widget/.test(properties[0]!.value));
    expect(bundled.map(({ name }) => name)).toEqual(expect.arrayContaining(['lit-html', 'lit-element']));
    // Neither where it was made nor whence it was fetched.
    expect(readFileSync(path.join(root, SBOM_FILE), 'utf8')).not.toMatch(
      /https?:\/\/(?!cyclonedx\.org)|\/home\/|\/work\//,
    );
  });
});

describe('in an empty project', () => {
  it('the element is imported without a browser, and a page may load each file that the package names', async () => {
    const { stdout, stderr } = await inProject(`
      import { VoiceJibJab } from 'voice-jib-jab';
      import { launcherHtml } from 'voice-jib-jab/ssr';
      console.log(typeof VoiceJibJab, typeof document, launcherHtml({ attributes: { tenant: 'pk' } }).slice(0, 14));`);
    expect([stdout.trim(), stderr]).toEqual(['function undefined <voice-jib-jab', '']);
  });

  it(
    'types resolve, of pages and of servers',
    async () => {
      writeFileSync(
        path.join(project, 'page.ts'),
        [
          `import type { VoiceJibJab } from 'voice-jib-jab';`,
          `export const start = (element: VoiceJibJab): Promise<unknown> => element.start();`,
          `document.querySelector('voice-jib-jab')?.addEventListener('turnend', (event) => event.outcome satisfies string);`,
        ].join('\n'),
      );
      writeFileSync(
        path.join(project, 'server.ts'),
        [
          `import { signSessionToken } from 'voice-jib-jab/server';`,
          `const request = { key: 'k', kid: 'k', tenant: 't', subject: 'u', origin: 'https://a.example' };`,
          `export const token: Promise<string> = signSessionToken(request);`,
        ].join('\n'),
      );
      const tsc = path.join(root, 'node_modules/.bin/tsc');
      const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022'];
      const check = (...args: string[]) =>
        run(tsc, [...options, ...args], { cwd: project }).catch((error: unknown) => error as { stdout: string });
      expect((await check('--lib', 'es2023,dom,dom.iterable', 'page.ts')).stdout).toBe('');
      expect(
        (
          await check(
            '--lib',
            'es2023',
            '--types',
            'node',
            '--typeRoots',
            path.join(root, 'node_modules/@types'),
            'server.ts',
          )
        ).stdout,
      ).toBe('');
    },
    LONGEST_MS,
  );

  it('the command is there', async () => {
    const { stdout } = await run('npx', ['--no-install', 'vjj', '--version'], { cwd: project });
    expect(stdout.trim()).toBe(manifest.version);
  });
});

describe('a relay of the installed package', () => {
  let relay: Running;
  let url: string;
  beforeAll(async () => {
    const data = path.join(folder, 'data');
    const env = {
      PORT: '0',
      HOST: '127.0.0.1',
      DATA_DIR: data,
      ADMIN_TOKEN: OPERATOR,
      NODE_ENV: 'development',
      POLICY_BUDGET_MS: '10000',
    };
    relay = await startNode([vjj(), 'serve'], env, /click +(http:\/\/[^/]+)\//);
    url = relay.match[1] ?? '';
  });
  afterAll(() => relay.stop());
  /** What it says, also where it ends with a failure. */
  const command = async (...words: string[]) => {
    const env = { PATH: process.env['PATH'], VJJ_URL: url, VJJ_TOKEN: OPERATOR };
    const { stdout } = await run(vjj(), words, { cwd: project, env }).catch(
      (error: unknown) => error as { stdout: string },
    );
    return stdout;
  };

  it('answers what a page would ask, down to a spoken question', async () => {
    const said = await command('smoke', url);
    expect(said).toMatch(/ok +ready[^]*ok +status[^]*ok +socket[^]*ok +token[^]*ok +spoken turn[^]*All is well\.$/m);
  });

  it('lets in whom a backend signs for, in the lines of the documentation', async () => {
    const tenant = JSON.parse(await command('tenant', 'create', 'Acme', '--slug', 'acme', '--json')) as {
      tenant?: { id: string };
      id?: string;
    };
    const id = tenant.tenant?.id ?? tenant.id ?? '';
    await command('tenant', 'set-origins', id, 'https://www.acme.example');
    const key = JSON.parse(await command('key', 'add', id, 'backend', '--json')) as { secret: string; kid: string };
    const { stdout } = await inProject(
      `
      import { signSessionToken } from 'voice-jib-jab/server';
      import { WebSocket } from 'ws';
      const { VJJ_KEY: key, VJJ_KID: kid, VJJ_TENANT: tenant, VJJ_WS: address } = process.env;
      const origin = 'https://www.acme.example';
      const token = await signSessionToken({ key, kid, tenant, subject: 'user-17', origin });
      const socket = new WebSocket(address, ['vjj.1', 'token.' + token], { origin });
      socket.once('message', (data) => {
        console.log(JSON.parse(data).type);
        socket.close(1000);
      });`,
      { VJJ_KEY: key.secret, VJJ_KID: key.kid, VJJ_TENANT: id, VJJ_WS: `${url.replace('http', 'ws')}/ws` },
    );
    expect(stdout).toMatch(/^session\.created/);
  });

  it('ends when it is told to, without a complaint', async () => {
    expect(await relay.stop()).toBe(0);
  });
});
