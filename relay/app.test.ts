import type { Hono } from 'hono';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createApp, type AppDeps } from './app.ts';
import type { Keyring } from './auth/keyring.ts';
import { verifySessionToken } from './auth/session-token.ts';
import type { RelayEnv } from './http/request-env.ts';
import { ADMIN, appFixture, ORIGIN, type AppFixture } from './http/testing/app-fixture.ts';
import type { Store } from './store/store.ts';
import type { Directory } from './tenants/directory.ts';
import type { VirtualClock } from './testing/virtual-clock.ts';

let fixture: AppFixture;
let store: Store;
let clock: VirtualClock;
let directory: Directory;
let keyring: Keyring;
let deps: AppDeps;
let app: Hono<RelayEnv>;
let logged: string[];
let publishableKey: string;
let tenantId: string;
beforeEach(async () => {
  fixture = await appFixture();
  ({ store, clock, directory, keyring, deps, app, logged, publishableKey, tenantId } = fixture);
});
afterEach(() => fixture.end());

const from = (address: string) =>
  ({ incoming: { socket: { remoteAddress: address }, headers: {} } }) as unknown as RelayEnv['Bindings'];
const post = (path: string, body: unknown, headers: Record<string, string> = {}, address = '192.0.2.1') =>
  app.request(
    path,
    {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    },
    from(address),
  );
const askToken = (body: object = {}, headers: Record<string, string> = { origin: ORIGIN }) =>
  post('/api/token', { tenant: publishableKey, ...body }, headers);
const problem = async (response: Response) => {
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  return (await response.json()) as { code: string; status: number; errors?: { at: string; message: string }[] };
};

describe('POST /api/token', () => {
  it('gives an allowed page a token of ten minutes for itself', async () => {
    const response = await askToken();
    expect(response.status).toBe(201);
    expect(response.headers.get('access-control-allow-origin')).toBe(ORIGIN);
    expect(response.headers.get('access-control-allow-credentials')).toBeNull();
    expect(response.headers.get('vary')).toContain('Origin');
    expect(response.headers.get('cache-control')).toBe('no-store');
    const { token, expiresIn } = (await response.json()) as { token: string; expiresIn: number };
    expect(expiresIn).toBe(600);
    expect(await verifySessionToken(token, keyring.findKey, clock.wallNow())).toMatchObject({
      tenant: tenantId,
      origin: ORIGIN,
      isServer: false,
    });
  });

  it('keeps the subject for whoever shows an earlier token of the same page, and for nobody else', async () => {
    const subjectOf = async (response: Response) => {
      const { token } = (await response.json()) as { token: string };
      return { token, subject: (await verifySessionToken(token, keyring.findKey, clock.wallNow())).subject };
    };
    const first = await subjectOf(await askToken());
    const second = await subjectOf(await askToken({ previous: first.token }));
    expect(second.subject).toBe(first.subject);
    expect(second.token).not.toBe(first.token);
    expect((await subjectOf(await askToken())).subject).not.toBe(first.subject);
    expect((await subjectOf(await askToken({ previous: 'a.b.c' }))).subject).not.toBe(first.subject);
    clock.advance(3_600_000);
    expect((await subjectOf(await askToken({ previous: first.token }))).subject).not.toBe(first.subject);
  });

  it("takes an assistant of the tenant's and no other", async () => {
    const { id } = (await directory.assistant(tenantId)) ?? { id: 'none' };
    const { token } = (await (await askToken({ assistant: id })).json()) as { token: string };
    expect(await verifySessionToken(token, keyring.findKey, clock.wallNow())).toMatchObject({ assistant: id });
    expect((await problem(await askToken({ assistant: 'ast_x' }))).errors).toMatchObject([{ at: 'assistant' }]);
  });

  it.each([
    ['a page of nobody', { origin: 'https://evil.example' }, null],
    ["another tenant's page", { origin: 'https://globex.example' }, 'https://globex.example'],
    ['a sandboxed page', { origin: 'null' }, null],
    ['no page', {}, null],
  ])('refuses %s with 403', async (_name, headers, cors) => {
    const response = await askToken({}, headers);
    expect(response.status).toBe(403);
    expect(response.headers.get('access-control-allow-origin')).toBe(cors);
    expect(response.headers.get('vary')).toContain('Origin');
    expect(await problem(response)).toMatchObject({ code: 'origin-refused', status: 403 });
  });

  it('refuses an unknown key, and a suspended tenant', async () => {
    expect(await problem(await askToken({ tenant: 'pk_nobody' }))).toMatchObject({ code: 'key-unknown', status: 403 });
    await store.tenants.setStatus(tenantId, 'suspended');
    clock.advance(10_000);
    expect(await problem(await askToken())).toMatchObject({ code: 'token-revoked', status: 401 });
  });

  it.each([
    ['no JSON', '{"tenant":', 'body'],
    ['no object', '7', 'body'],
    ['no key', '{}', 'tenant'],
    ['a secret key', '{"tenant":"sk_live_canary"}', 'tenant'],
    ['a number for a key', '{"tenant":7}', 'tenant'],
    ['a field nobody knows', '{"tenant":"pk_x","scope":"server"}', 'scope'],
  ])('refuses a body with %s and names the field, never the value', async (_name, body, at) => {
    const response = await post('/api/token', body, { origin: ORIGIN });
    expect(response.status).toBe(400);
    const { code, errors } = await problem(response);
    expect(code).toBe('bad-request');
    expect(errors?.map((one) => one.at)).toContain(at);
    expect(JSON.stringify(errors)).not.toContain('canary');
  });

  it('refuses a body that is too large', async () => {
    expect(await problem(await askToken({ previous: 'x'.repeat(9_000) }))).toMatchObject({
      code: 'too-large',
      status: 413,
    });
  });

  it('grants the preflight of a page that some tenant allows, and no other', async () => {
    const ask = (origin: string) =>
      app.request('/api/token', { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } });
    const granted = await ask(ORIGIN);
    expect(granted.status).toBe(204);
    expect(Object.fromEntries(granted.headers)).toMatchObject({
      'access-control-allow-origin': ORIGIN,
      'access-control-allow-methods': 'POST',
      'access-control-allow-headers': 'content-type',
    });
    expect(granted.headers.get('vary')).toContain('Origin');
    expect(granted.headers.get('access-control-allow-credentials')).toBeNull();
    const refused = await ask('https://evil.example');
    expect(refused.status).toBe(403);
    expect(refused.headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('the request limit', () => {
  it('says in headers what is left, and then when to come back', async () => {
    app = createApp({ ...deps, rateLimit: { windowMs: 30_000, maxRequests: 2 } });
    const first = await app.request('/api/status', {}, from('192.0.2.7'));
    expect(Object.fromEntries(first.headers)).toMatchObject({
      'ratelimit-limit': '2',
      'ratelimit-remaining': '1',
      'ratelimit-reset': '30',
      'ratelimit-policy': '2;w=30',
    });
    await app.request('/api/status', {}, from('::ffff:192.0.2.7'));
    const refused = await app.request('/api/status', {}, from('192.0.2.7'));
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('30');
    expect(await problem(refused)).toMatchObject({ code: 'rate-limited' });
    expect((await app.request('/api/status', {}, from('192.0.2.8'))).status).toBe(200);
    expect((await app.request('/health', {}, from('192.0.2.7'))).status).toBe(200);
  });

  it('leaves whoever is known ten times the room, and takes none of it from strangers', async () => {
    app = createApp({ ...deps, rateLimit: { windowMs: 30_000, maxRequests: 2 } });
    const as = (token: string, path = '/api/admin/tenants') =>
      app.request(path, { headers: { authorization: `Bearer ${token}` } }, from('192.0.2.7'));
    // A guess is counted as a stranger's request, and its guesser is refused as any.
    for (const status of [401, 401, 429, 429]) expect((await as('a-guess')).status).toBe(status);
    expect((await as(ADMIN, '/api/status')).status).toBe(429);
    const known = await as(ADMIN);
    expect(known.status).toBe(200);
    expect(known.headers.get('ratelimit-limit')).toBe('20');
    expect((await as(ADMIN, '/api/admin/nothing')).status).toBe(404);
    for (let left = 14; left > 0; left -= 1) expect((await as(ADMIN)).status).toBe(200);
    expect((await as(ADMIN)).status).toBe(429);
  });

  it('lets a page read that it was refused', async () => {
    app = createApp({ ...deps, rateLimit: { windowMs: 30_000, maxRequests: 1 } });
    await askToken();
    const refused = await askToken();
    expect(refused.status).toBe(429);
    expect(refused.headers.get('access-control-allow-origin')).toBe(ORIGIN);
    expect(refused.headers.get('access-control-expose-headers')).toBe('Retry-After');
  });
});

describe('POST /api/admin/tenants', () => {
  const body = { name: 'Initech', slug: 'initech', origins: ['https://initech.example'] };
  const operator = { authorization: `Bearer ${ADMIN}` };

  it('makes a tenant whose pages get tokens at once', async () => {
    const made = await post('/api/admin/tenants', body, operator);
    expect(made.status).toBe(201);
    const tenant = (await made.json()) as { publishableKey: string };
    expect(tenant).toMatchObject({ ...body, status: 'active', id: expect.stringMatching(/^ten_/) });
    expect(tenant.publishableKey).toMatch(/^pk_/);
    const token = await askToken({ tenant: tenant.publishableKey }, { origin: 'https://initech.example' });
    expect(token.status).toBe(201);
  });

  it('is for the operator alone, whatever the route below it', async () => {
    for (const headers of [{}, { authorization: 'Bearer guess' }, { authorization: ADMIN }] as Record<
      string,
      string
    >[]) {
      const refused = await post('/api/admin/tenants', body, headers);
      expect(refused.status).toBe(401);
      expect(refused.headers.get('www-authenticate')).toContain('Bearer');
      expect(await problem(refused)).toMatchObject({ code: 'auth-required' });
    }
    expect((await app.request('/api/admin/other')).status).toBe(401);
    app = createApp({ ...deps, adminToken: undefined });
    expect((await post('/api/admin/tenants', body, operator)).status).toBe(401);
  });

  it('names every wrong field', async () => {
    const wrong = await problem(
      await post('/api/admin/tenants', { name: ' ', slug: 'No Way', origins: 'x' }, operator),
    );
    expect(wrong.errors?.map((one) => one.at).sort()).toEqual(['name', 'origins', 'slug']);
    const origins = await problem(
      await post('/api/admin/tenants', { ...body, origins: ['https://a.example', 'https://*.com', 7] }, operator),
    );
    expect(origins.errors?.map((one) => one.at)).toEqual(['origins.2']);
    const patterns = await problem(
      await post('/api/admin/tenants', { ...body, origins: ['https://*.com', 'x'] }, operator),
    );
    expect(patterns.errors?.map((one) => one.at)).toEqual(['origins.0', 'origins.1']);
  });

  it('refuses a slug that is taken', async () => {
    expect((await post('/api/admin/tenants', { ...body, slug: 'acme' }, operator)).status).toBe(409);
  });
});

describe('health and status', () => {
  it('is alive whatever else is wrong, and ready only when it can serve', async () => {
    expect(await (await app.request('/health')).json()).toEqual({ status: 'ok' });
    expect((await app.request('/health/ready')).status).toBe(200);
    fixture.state.isStoreDown = true;
    const down = await app.request('/health/ready');
    expect(down.status).toBe(503);
    expect(await down.json()).toMatchObject({ checks: { store: 'down', accepting: 'ok' } });
    fixture.state.isStoreDown = false;
    fixture.state.isDraining = true;
    const draining = await app.request('/health/ready');
    expect(draining.status).toBe(503);
    expect(draining.headers.get('retry-after')).toBe('5');
    expect(await draining.json()).toMatchObject({ checks: { accepting: 'draining' } });
    expect((await app.request('/health')).status).toBe(200);
  });

  it('does not wait for ever for a store that hangs', async () => {
    app = createApp({ ...deps, healthPath: '/alive', pingStore: () => new Promise(() => undefined) });
    expect((await app.request('/alive')).status).toBe(200);
    expect((await app.request('/alive/ready')).status).toBe(503);
    expect((await app.request('/health')).status).toBe(404);
  });

  it('tells what runs here', async () => {
    expect(await (await app.request('/api/status')).json()).toMatchObject({ version: '1.2.3', sessions: 2 });
  });

  it('describes its routes as OpenAPI, from the schemas that check them', async () => {
    const document = (await (await app.request('/api/openapi.json')).json()) as {
      openapi: string;
      info: object;
      paths: Record<string, Record<string, { requestBody?: unknown; responses: object }>>;
    };
    expect(document.openapi).toMatch(/^3\.1/);
    expect(document.info).toMatchObject({ version: '1.2.3' });
    expect(Object.keys(document.paths)).toEqual(
      expect.arrayContaining(['/api/token', '/api/status', '/api/admin/tenants']),
    );
    const token = document.paths['/api/token']!['post']!;
    expect(JSON.stringify(token.requestBody)).toContain('"tenant"');
    expect(Object.keys(token.responses)).toEqual(expect.arrayContaining(['201', '400', '401', '403', '413', '429']));
    expect(JSON.stringify(document.paths['/api/admin/tenants'])).toContain('operator');
  });
});

describe('errors', () => {
  it('are problem documents, also for what does not exist', async () => {
    expect(await problem(await app.request('/api/nothing'))).toEqual({
      type: 'urn:voice-jib-jab:problem:not-found',
      title: 'not found',
      status: 404,
      code: 'not-found',
      detail: expect.any(String),
      retryable: false,
    });
    expect((await app.request('/nothing')).status).toBe(404);
  });

  it('keep what was unexpected to the log', async () => {
    app = createApp({
      ...deps,
      status: () => {
        if (logged.length > 0) throw new Error('canary detail');
        logged.push('armed');
        return {
          status: 'ok',
          version: '',
          instance: '',
          uptimeS: 0,
          sessions: 0,
          provider: 'emulator',
          model: '',
          sharedState: '',
        };
      },
    });
    const failed = await app.request('/api/status');
    expect(failed.status).toBe(500);
    expect(JSON.stringify(await problem(failed))).not.toContain('canary');
    expect(logged.at(-1)).toContain('canary detail');
  });
});
