/**
 * nginx as it is shipped, before one built relay: what an operator's first check and a browser's cache find. What it
 * does before two relays whose parts fail is in relay/cluster.e2e.test.ts.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { freePort, startNode, type Running } from '../../bench/load/processes.ts';
import { startNginx, type TestNginx } from '../../relay/testing/nginx.ts';

const run = promisify(execFile);
const dist = path.resolve(import.meta.dirname, '../../dist');
const OPERATOR = 'operator-token-behind-nginx';
let home: string;
let relay: Running;
let nginx: TestNginx;
let url: string;
let version: string;
beforeAll(async () => {
  home = mkdtempSync(path.join(tmpdir(), 'vjj-site-'));
  const [listen, port] = [await freePort(), await freePort()];
  url = `http://127.0.0.1:${listen}`;
  [version = ''] = readdirSync(path.join(dist, 'v'));
  const env = {
    ...{ PORT: String(port), HOST: '127.0.0.1', DATA_DIR: home, PUBLIC_URL: url, ALLOWED_ORIGINS: url },
    ...{ TRUSTED_PROXIES: '127.0.0.1', ADMIN_TOKEN: OPERATOR },
    // A busy machine is no failure of nginx.
    ...{ POLICY_BUDGET_MS: '10000', CREATE_TIMEOUT_MS: '60000', FIRST_AUDIO_TIMEOUT_MS: '60000', STALL_MS: '60000' },
  };
  relay = await startNode([path.join(dist, 'relay/main.js')], env, /relay started/);
  nginx = await startNginx({ listen, relays: [port] });
});
afterAll(async () => {
  await nginx.stop();
  await relay.stop();
  rmSync(home, { recursive: true });
});

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}
/** As it comes over the wire: nothing is unpacked. */
function get(where: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(`${url}${where}`, { headers }, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.on('end', () => {
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(parts) });
      });
    });
    asked.on('error', reject).end();
  });
}

describe('vjj smoke', () => {
  it('finds nothing wrong behind nginx: readiness, API, socket, token, a whole spoken turn', async () => {
    const words = [path.join(dist, 'relay/cli/vjj.js'), 'smoke', url];
    const { stdout } = await run(process.execPath, words).catch((error: unknown) => error as { stdout: string });
    expect(stdout).toMatch(
      /ok +ready[^]*ok +status[^]*ok +socket[^]*pong[^]*ok +token[^]*ok +spoken turn[^]*All is well/,
    );
    const seen = nginx.requests().map(({ path: where, status }) => `${where} ${status}`);
    expect(seen).toEqual(expect.arrayContaining(['/api/status 200', '/api/token 201', '/ws 101']));
  });
});

describe('what a browser keeps', () => {
  it('is every file of a version, for ever, by any page, as it was built', async () => {
    const files = readdirSync(path.join(dist, 'v', version)).filter((name) => name.endsWith('.js'));
    expect(files.length).toBeGreaterThan(5);
    for (const file of files) {
      const { status, headers, body } = await get(`/v/${version}/${file}`, { 'accept-encoding': 'gzip' });
      expect([status, headers['cache-control']], file).toEqual([200, 'public, max-age=31536000, immutable']);
      expect(headers['access-control-allow-origin']).toBe('*');
      expect(headers['content-type']).toBe('text/javascript; charset=utf-8');
      const isPacked = headers['content-encoding'] === 'gzip';
      const built = readFileSync(path.join(dist, 'v', version, file));
      expect((isPacked ? gunzipSync(body) : body).equals(built), file).toBe(true);
      expect(isPacked || built.length < 1_024, `${file} is sent as large as it is`).toBe(true);
    }
  });

  it('is asked for again by what it has, and not sent twice', async () => {
    const first = await get('/voice-jib-jab.js');
    expect(first.headers['cache-control']).toBe('public, max-age=300, stale-while-revalidate=86400');
    const again = await get('/voice-jib-jab.js', { 'if-none-match': String(first.headers['etag']) });
    expect([again.status, again.body.length]).toEqual([304, 0]);
  });

  it('is packed from the API too, where it is long, and never kept', async () => {
    const { headers, body } = await get('/api/openapi.json', { 'accept-encoding': 'gzip' });
    expect(headers['content-encoding']).toBe('gzip');
    expect(JSON.parse(gunzipSync(body).toString())).toMatchObject({ openapi: expect.stringMatching(/^3\.1/) });
    expect(String((await get('/api/status')).headers['cache-control'])).toContain('no-store');
  });

  it('says whose work it is', async () => {
    const { status, headers, body } = await get('/licences.txt');
    expect([status, headers['content-type']]).toEqual([200, 'text/plain; charset=utf-8']);
    expect(body.toString()).toContain('lit-html');
  });
});

describe('the headers', () => {
  it.each(['/console/', '/demo/', '/console/tenants/acme'])(
    'of %s: a policy without a hole, and no frame',
    async (page) => {
      const { status, headers } = await get(page);
      expect(status).toBe(200);
      const policy = Object.fromEntries(
        String(headers['content-security-policy'])
          .split('; ')
          .map((rule) => [rule.slice(0, rule.indexOf(' ')), rule.slice(rule.indexOf(' ') + 1)]),
      );
      expect(policy).toMatchObject({
        ...{ 'default-src': "'none'", 'script-src': "'self'", 'style-src': "'self'", 'base-uri': "'none'" },
        ...{ 'form-action': "'none'", 'frame-ancestors': "'none'", 'require-trusted-types-for': "'script'" },
      });
      expect(Object.values(policy).join(' ')).not.toMatch(/unsafe|\*/);
      expect(headers).toMatchObject({
        ...{ 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer' },
        'permissions-policy': expect.stringContaining('microphone=(self)'),
      });
      expect(headers['server']).toBe('nginx');
    },
  );

  it.each(['/nowhere', '/v/0.0.0/voice-jib-jab.js', '/.env', '/sri.json.gz/../../etc/passwd', '/v/'])(
    'of %s, which is not there: nothing is guessed and nothing is told',
    async (where) => {
      const { status, headers, body } = await get(where);
      expect([400, 404]).toContain(status);
      if (status === 404) expect(headers['x-content-type-options']).toBe('nosniff');
      expect(body.toString()).not.toMatch(/voice-jib-jab|1\.\d+\.\d+/);
    },
  );

  it('insist on https only for who came by it', async () => {
    expect((await get('/voice-jib-jab.js')).headers['strict-transport-security']).toBeUndefined();
    const secure = await get('/voice-jib-jab.js', { 'x-forwarded-proto': 'https' });
    expect(secure.headers['strict-transport-security']).toBe('max-age=31536000');
  });
});

describe('the way to the relay', () => {
  it('is open for silence longer than any heartbeat, and unbuffered', () => {
    const [, socket = ''] = /location = \/ws \{([^}]*)\}/.exec(
      readFileSync(path.join(import.meta.dirname, 'nginx/site.conf.template'), 'utf8'),
    ) ?? [''];
    expect(socket).toMatch(/proxy_read_timeout 1h;/);
    expect(socket).toMatch(/proxy_send_timeout 1h;/);
    expect(socket).toMatch(/proxy_buffering off;/);
  });

  it('takes refusals back as they are: no token and a foreign one are closed with their own codes', async () => {
    const closed = (protocols: string[]) =>
      new Promise<number>((resolve, reject) => {
        const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`, protocols, { origin: url });
        socket.once('close', resolve);
        socket.once('error', reject);
      });
    expect(await closed(['vjj.1', 'token.not.a.token'])).toBe(4501);
    // What is no WebSocket is told so, by the relay.
    const { status, headers } = await get('/ws');
    expect([status, headers['content-type']]).toEqual([404, 'application/problem+json']);
  });

  it('leads to the operator with a key, and to nobody without', async () => {
    const asked = (headers: Record<string, string>) => get('/api/admin/tenants', headers);
    expect((await asked({})).status).toBe(401);
    expect((await asked({ authorization: `Bearer ${OPERATOR}` })).status).toBe(200);
  });

  it('says 502 in its own words while the relay is away, and goes on with what it has itself', async () => {
    const port = await freePort();
    const listen = await freePort();
    const alone = await startNginx({ listen, relays: [port] });
    const answer = await fetch(`http://127.0.0.1:${listen}/api/status`);
    expect(answer.status).toBe(502);
    expect(answer.headers.get('cache-control')).toBeNull();
    expect((await fetch(`http://127.0.0.1:${listen}/nginx-health`)).status).toBe(200);
    expect((await fetch(`http://127.0.0.1:${listen}/voice-jib-jab.js`)).status).toBe(200);
    await alone.stop();
  });
});
