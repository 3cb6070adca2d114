/**
 * The built files that browsers fetch: the widget's script and worklet for any page, the demo for
 * people. Only these paths are served, whatever else lies in the folder. Compressed forms are made
 * by the build and chosen here.
 */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { Hono, type Context } from 'hono';
import { RelayError } from '../errors.ts';
import type { RelayEnv } from './request-env.ts';

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
  '.wav': 'audio/wav',
};
const SCRIPT = /^voice-jib-jab(\.[a-z0-9-]+)*\.js$/;
const VERSION = /^\d+\.\d+\.\d+(-[a-z0-9]+(\.[a-z0-9]+)*)?$/;
/** What a version's folder holds never changes. */
const FOR_EVER = 'public, max-age=31536000, immutable';
// No segment starts with a dot: neither hidden files nor a way up.
const DEMO_FILE = /^([A-Za-z0-9_-][A-Za-z0-9._-]*\/)*[A-Za-z0-9_-][A-Za-z0-9._-]*$/;

interface StaticFile {
  bytes: Uint8Array<ArrayBuffer>;
  etag: string;
  encoding: 'br' | 'gzip' | undefined;
}

export interface StaticOptions {
  /** The folder that the build writes. */
  root: string;
  /** How long browsers need not ask again, in seconds; 0 asks each time. */
  maxAgeS: number;
  /** Content-Security-Policy of pages. */
  policy: string;
}

export function staticRoutes({ root, maxAgeS, policy }: StaticOptions) {
  const maxAgeHeader = `public, max-age=${maxAgeS}, stale-while-revalidate=86400`;
  const cache = new Map<string, { stamp: string; file: StaticFile }>();

  /** The file's bytes, read again when it has changed. */
  async function load(path: string, encoding: StaticFile['encoding']): Promise<StaticFile | undefined> {
    const suffix = encoding === undefined ? '' : encoding === 'br' ? '.br' : '.gz';
    const name = join(root, `${path}${suffix}`);
    const info = await stat(name).catch(() => undefined);
    if (info?.isFile() !== true) return undefined;
    const stamp = `${info.mtimeMs} ${info.size}`;
    const known = cache.get(name);
    if (known?.stamp === stamp) return known.file;
    const bytes = new Uint8Array(await readFile(name));
    const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 27)}"`;
    const file = { bytes, etag, encoding };
    cache.set(name, { stamp, file });
    return file;
  }

  async function pick(path: string, accepted: string): Promise<StaticFile> {
    const takes = (name: string) =>
      new RegExp(`(^|,)\\s*${name}\\s*(;\\s*q=(?!0(\\.0*)?\\s*(,|$))|,|$)`).test(accepted);
    const file =
      (takes('br') ? await load(path, 'br') : undefined) ??
      (takes('gzip') ? await load(path, 'gzip') : undefined) ??
      (await load(path, undefined));
    if (file === undefined) throw new RelayError('not-found', 'no such file; was it built?');
    return file;
  }

  async function send(c: Context<RelayEnv>, path: string, kept = maxAgeHeader): Promise<Response> {
    const type = TYPES[extname(path)];
    if (type === undefined) throw new RelayError('not-found', 'not a type that is served');
    const file = await pick(path, c.req.header('accept-encoding') ?? '');
    c.header('ETag', file.etag);
    c.header('Vary', 'Accept-Encoding');
    c.header('Cache-Control', maxAgeS > 0 ? kept : 'no-cache');
    const asked = c.req.header('if-none-match')?.split(/\s*,\s*/) ?? [];
    if (asked.some((etag) => etag.replace(/^W\//, '') === file.etag)) return c.body(null, 304);
    c.header('Content-Type', type);
    if (file.encoding !== undefined) c.header('Content-Encoding', file.encoding);
    return c.body(file.bytes);
  }

  function sendScript(c: Context<RelayEnv>, folder: string, name: string, kept?: string): Promise<Response> {
    if (!SCRIPT.test(name)) throw new RelayError('not-found', 'not a script of ours');
    // Any page may load it: it is public, and acts by the page's own origin.
    c.header('Access-Control-Allow-Origin', '*');
    c.header('Cross-Origin-Resource-Policy', 'cross-origin');
    c.header('Timing-Allow-Origin', '*');
    return send(c, `${folder}${name}`, kept);
  }

  return new Hono<RelayEnv>()
    .get('/', (c) => c.redirect('/demo/', 302))
    .get('/demo', (c) => c.redirect('/demo/', 301))
    .get('/demo/*', (c) => {
      const rest = c.req.path.slice('/demo/'.length);
      const name = rest === '' || rest.endsWith('/') ? `${rest}index.html` : rest;
      if (!DEMO_FILE.test(name)) throw new RelayError('not-found', 'not a path of the demo');
      if (name.endsWith('.html')) c.header('Content-Security-Policy', policy);
      return send(c, `demo/${name}`);
    })
    .get('/console', (c) => c.redirect('/console/', 301))
    .get('/console/*', (c) => {
      const rest = c.req.path.slice('/console/'.length);
      // Every address of the console is one page, which reads the address itself.
      const name = extname(rest) === '' ? 'index.html' : rest;
      if (!DEMO_FILE.test(name)) throw new RelayError('not-found', 'not a path of the console');
      if (name.endsWith('.html')) {
        c.header('Content-Security-Policy', policy);
        // A one-time link stands in its address.
        c.header('Referrer-Policy', 'no-referrer');
      }
      return send(c, `console/${name}`);
    })
    .get('/:script{voice-jib-jab[a-z0-9.-]*\\.js}', (c) => sendScript(c, '', c.req.param('script')))
    .get('/v/:version/:script{voice-jib-jab[a-z0-9.-]*\\.js}', (c) => {
      const version = c.req.param('version');
      if (!VERSION.test(version)) throw new RelayError('not-found', 'not a version of ours');
      return sendScript(c, `v/${version}/`, c.req.param('script'), FOR_EVER);
    });
}
