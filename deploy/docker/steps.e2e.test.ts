/**
 * The images' steps, from a clean folder to a relay that stops: what can be known of them without a container engine.
 * `deploy/docker/steps.mjs` says what that is and what it is not.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nameAt, type Bill, type Lock } from '../../scripts/sbom.mjs';
import { DockerSteps, type Image, type Started } from './steps.mjs';

const context = path.resolve(import.meta.dirname, '../..');
/** Two installs and a build, on a machine that has much else to do. */
const LONGEST_MS = 900_000;
const read = (file: string) => readFileSync(path.join(import.meta.dirname, file), 'utf8');
const printed: string[] = [];
const steps = new DockerSteps({ context, print: (line) => void printed.push(line) });
let image: Image;
beforeAll(() => {
  image = steps.build(read('relay.Dockerfile'));
}, LONGEST_MS);
afterAll(() => steps.end(), LONGEST_MS);

describe('the image of the relay, as far as it goes without an engine', () => {
  it('holds what runs, and no package or source of ours that only builds or tests', () => {
    expect(readdirSync(image.folder).sort()).toEqual([
      ...['LICENSE', 'THIRD-PARTY-LICENCES.md', 'dist', 'node_modules', 'package.json'],
    ]);
    const packages = readdirSync(path.join(image.folder, 'node_modules'));
    expect(packages.filter((name) => ['rollup', 'vitest', 'esbuild', 'lit', 'typescript'].includes(name))).toEqual([]);
    expect(packages).toEqual(expect.arrayContaining(['hono', 'ws', 'pg']));
    const { packages: places } = JSON.parse(
      readFileSync(path.join(image.folder, 'node_modules/.package-lock.json'), 'utf8'),
    ) as Lock;
    const bill = JSON.parse(readFileSync(path.join(image.folder, 'dist/sbom.cdx.json'), 'utf8')) as Bill;
    const listed = new Set(bill.components.map(({ name }) => name));
    const there = Object.keys(places).filter((place) => existsSync(path.join(image.folder, place)));
    expect(there.map(nameAt).filter((name) => !listed.has(name))).toEqual([]);
  });

  it('starts without rights and in production, is healthy by its own check, and stops at its signal', async () => {
    const settings = { MASTER_KEY: 'k'.repeat(44), PUBLIC_URL: 'https://voice.example.com' };
    const running: Started = await steps.start(image, settings);
    const status = await fetch(`${running.url}/api/status`);
    expect(await status.json()).toMatchObject({ status: 'ok' });
    expect((await fetch(`${running.url}/voice-jib-jab.js`)).status).toBe(200);
    expect(await running.stop()).toBe(0);
    expect(running.said()).not.toMatch(/ERR_|EACCES|Cannot find/);
    if (process.getuid?.() === 0) expect(printed).toContain('CMD node dist/relay/main.js, as nobody');
  });

  it('has what reports errors and traces, which does without what was taken out', () => {
    const script = "await import('@sentry/node'); await import('@opentelemetry/sdk-node'); console.log('both')";
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      ...{ cwd: image.folder, encoding: 'utf8' },
    });
    expect([stdout.trim(), stderr]).toEqual(['both', '']);
  });

  it('refuses to start without its key, and says which', async () => {
    await expect(steps.start(image, { PUBLIC_URL: 'https://voice.example.com' })).rejects.toThrow(
      /ended with 1:[^]*MASTER_KEY/,
    );
  });
});

describe('the image of the site', () => {
  it('holds what browsers fetch and nginx is told, and nothing of the relay', () => {
    const site = steps.build(read('static.Dockerfile'));
    const html = readdirSync(path.join(site.root, 'usr/share/nginx/html')).sort();
    expect(html).toEqual([
      ...['console', 'demo', 'licences.txt', 'sri.json', 'v', 'voice-jib-jab.classic.js', 'voice-jib-jab.js'],
      'voice-jib-jab.worklet.js',
    ]);
    const nginx = path.join(site.root, 'etc/nginx');
    expect(readdirSync(path.join(nginx, 'templates'))).toEqual(['default.conf.template']);
    expect(readdirSync(path.join(nginx, 'vjj')).sort()).toEqual(['headers.conf', 'proxy.conf']);
    // Built once for both.
    expect(printed.filter((line) => line === 'RUN node scripts/build.mjs')).toHaveLength(1);
  });
});
