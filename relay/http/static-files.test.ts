import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Hono } from 'hono';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createApp } from '../app.ts';
import type { RelayEnv } from './request-env.ts';
import { appFixture, type AppFixture } from './testing/app-fixture.ts';

let fixture: AppFixture;
let app: Hono<RelayEnv>;
let dir: string;
beforeEach(async () => {
  fixture = await appFixture();
  ({ app, dir } = fixture);
});
afterEach(() => fixture.end());

describe('the built files', () => {
  const SCRIPT = 'export const widget = 1;\n'.repeat(20);
  beforeEach(() => {
    const dist = join(dir, 'dist');
    mkdirSync(join(dist, 'demo', 'assets'), { recursive: true });
    mkdirSync(join(dist, 'relay'));
    writeFileSync(join(dist, 'voice-jib-jab.js'), SCRIPT);
    writeFileSync(join(dist, 'voice-jib-jab.js.gz'), gzipSync(SCRIPT));
    writeFileSync(join(dist, 'voice-jib-jab.js.br'), 'brotli bytes');
    writeFileSync(join(dist, 'voice-jib-jab.worklet.js'), 'registerProcessor');
    writeFileSync(join(dist, 'demo', 'index.html'), '<!doctype html>');
    writeFileSync(join(dist, 'demo', 'assets', 'a.svg'), '<svg/>');
    writeFileSync(join(dist, 'demo', '.hidden.html'), 'hidden');
    writeFileSync(join(dist, 'demo', 'notes.txt'), 'no type');
    writeFileSync(join(dist, 'relay', 'main.js'), 'secret of the server');
  });

  it('has the script and its worklet for any page', async () => {
    for (const path of ['/voice-jib-jab.js', '/voice-jib-jab.worklet.js']) {
      const response = await app.request(path);
      expect(response.status).toBe(200);
      expect(Object.fromEntries(response.headers)).toMatchObject({
        'content-type': 'text/javascript; charset=utf-8',
        'access-control-allow-origin': '*',
        'cross-origin-resource-policy': 'cross-origin',
        'cache-control': 'public, max-age=300, stale-while-revalidate=86400',
        'x-content-type-options': 'nosniff',
      });
    }
    expect(await (await app.request('/voice-jib-jab.js')).text()).toBe(SCRIPT);
  });

  it('has each version’s files under an address of their own, to be kept for ever', async () => {
    const folder = join(dir, 'dist', 'v', '1.2.3-rc.1');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'voice-jib-jab.launcher.0a1b2c3d.js'), SCRIPT);
    const response = await app.request('/v/1.2.3-rc.1/voice-jib-jab.launcher.0a1b2c3d.js');
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    for (const path of ['/v/newest/voice-jib-jab.js', '/v/1.2.3/voice-jib-jab.js', '/v/1.2.3-rc.1/voice-jib-jab..js']) {
      expect((await app.request(path)).status, path).toBe(404);
    }
  });

  it('sends the smallest form that the browser takes', async () => {
    const get = (accept: string) => app.request('/voice-jib-jab.js', { headers: { 'accept-encoding': accept } });
    const brotli = await get('gzip, deflate, br, zstd');
    expect(brotli.headers.get('content-encoding')).toBe('br');
    expect(await brotli.text()).toBe('brotli bytes');
    const gzip = await get('gzip;q=0.8, br;q=0');
    expect(gzip.headers.get('content-encoding')).toBe('gzip');
    expect(gunzipSync(new Uint8Array(await gzip.arrayBuffer())).toString()).toBe(SCRIPT);
    expect((await get('identity')).headers.get('content-encoding')).toBeNull();
    expect((await get('gzip')).headers.get('vary')).toBe('Accept-Encoding');
    expect((await app.request('/voice-jib-jab.worklet.js', { headers: { 'accept-encoding': 'br' } })).status).toBe(200);
  });

  it('answers 304 to a browser that has it, and the new bytes after a build', async () => {
    const etag = (await app.request('/voice-jib-jab.js')).headers.get('etag') ?? '';
    const again = () => app.request('/voice-jib-jab.js', { headers: { 'if-none-match': `"x", W/${etag}` } });
    const same = await again();
    expect(same.status).toBe(304);
    expect(await same.text()).toBe('');
    writeFileSync(join(dir, 'dist', 'voice-jib-jab.js'), 'export {};');
    const fresh = await again();
    expect(fresh.status).toBe(200);
    expect(await fresh.text()).toBe('export {};');
    const head = await app.request('/voice-jib-jab.js', { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(await head.text()).toBe('');
  });

  it('shows the demo under a strict policy', async () => {
    for (const path of ['/', '/demo']) expect((await app.request(path)).headers.get('location')).toBe('/demo/');
    const page = await app.request('/demo/');
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("script-src 'self';");
    expect(policy).toContain("connect-src 'self' wss://relay.example;");
    expect(policy).toContain("require-trusted-types-for 'script'");
    expect(policy).not.toContain('unsafe');
    expect(page.headers.get('permissions-policy')).toContain('microphone=(self)');
    expect(page.headers.get('strict-transport-security')).not.toBeNull();
    expect((await app.request('/demo/assets/a.svg')).headers.get('content-type')).toBe('image/svg+xml');
  });

  it('serves the console as one page at every address, strictly, and tells no address to others', async () => {
    mkdirSync(join(dir, 'dist', 'console'), { recursive: true });
    writeFileSync(join(dir, 'dist', 'console', 'index.html'), '<!doctype html>');
    expect((await app.request('/console')).headers.get('location')).toBe('/console/');
    for (const path of ['/console/', '/console/tenants/ten_1/sessions']) {
      const page = await app.request(path);
      expect(await page.text()).toBe('<!doctype html>');
      expect(page.headers.get('referrer-policy')).toBe('no-referrer');
      const policy = page.headers.get('content-security-policy') ?? '';
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toContain('unsafe');
    }
    for (const path of ['/console/none.js', '/console/.hidden.js', '/console/..%2fdemo/x.html'])
      expect((await app.request(path)).status).toBe(404);
  });

  it.each([
    '/relay/main.js',
    '/demo/../relay/main.js',
    '/demo/..%2frelay/main.js',
    '/demo/%2e%2e/relay/main.js',
    '/demo/.hidden.html',
    '/demo/notes.txt',
    '/demo/none.html',
    '/demo/assets',
    '/voice-jib-jab..js',
    '/voice-jib-jab.js.gz',
    '/voice-jib-jab.none.js',
    '/package.json',
  ])('serves nothing else: %s', async (path) => {
    expect((await app.request(path)).status).toBe(404);
  });

  it('asks to be asked again while it is being developed', async () => {
    app = createApp({ ...fixture.deps, staticMaxAgeS: 0, publicUrl: undefined });
    const response = await app.request('/demo/');
    expect(response.headers.get('cache-control')).toBe('no-cache');
    expect(response.headers.get('strict-transport-security')).toBeNull();
    expect(response.headers.get('content-security-policy')).toContain("connect-src 'self';");
  });
});
