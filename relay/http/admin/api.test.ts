import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ROUTES, type RouteName, type RouteSpec } from '../api/routes.ts';
import { apiFixture, PASSWORD, type ApiFixture, type Asked } from '../testing/api-fixture.ts';

let api: ApiFixture;
let acme: { as: string; params: Record<string, string> };
beforeEach(async () => {
  api = await apiFixture();
  acme = { as: api.acme.admin, params: { ...api.acme } };
});
afterEach(() => api.end());

const audited = async () => (await api.store.audit.list(api.acme.tenant, { limit: 1 })).rows[0];

describe('tenants', () => {
  it('are all listed for the operator, and each for itself', async () => {
    const all = await api.good<{ rows: { slug: string }[]; next?: string }>('tenants', {
      as: api.operator,
      query: { limit: '1' },
    });
    expect(all.rows).toHaveLength(1);
    const rest = await api.good<typeof all>('tenants', { as: api.operator, query: { after: all.next ?? '' } });
    expect([...all.rows, ...rest.rows].map(({ slug }) => slug).sort()).toEqual(['acme', 'globex']);
    expect((await api.good<typeof all>('tenants', acme)).rows.map(({ slug }) => slug)).toEqual(['acme']);
  });

  it('change under If-Match, and not when somebody was faster', async () => {
    const etag = (await api.ask('tenant', acme)).headers.get('etag') ?? '';
    const change = (name: string) => ({ ...acme, body: { name }, headers: { 'if-match': etag } });
    expect((await api.ask('tenant', { ...acme, headers: { 'if-none-match': etag } })).status).toBe(304);
    expect(await api.good('changeTenant', change('Acme & Co'))).toMatchObject({ name: 'Acme & Co' });
    expect(await api.code('changeTenant', change('Later'))).toBe('changed-meanwhile');
    expect(await audited()).toMatchObject({ action: 'tenant.change', actor: 'key:api_acmeadmin' });
    const settings = { transcripts: 'off', singleUseTokens: true };
    expect(await api.good('changeTenant', { ...acme, body: { settings } })).toMatchObject({ settings });
    expect(await api.directory.byId(api.acme.tenant)).toMatchObject(settings);
  });

  it('are suspended and restored by the operator alone, and read meanwhile', async () => {
    const change = (status: string, as: string) => ({ ...acme, as, body: { status } });
    expect(await api.code('changeTenant', change('suspended', api.acme.admin))).toBe('forbidden');
    await api.good('changeTenant', change('suspended', api.operator));
    expect(await api.code('addPublishableKey', acme)).toBe('forbidden');
    expect(await api.good('tenant', acme)).toMatchObject({ status: 'suspended' });
    expect(await api.good('changeTenant', change('active', api.operator))).toMatchObject({ status: 'active' });
  });

  it('are deleted when their slug is said, and leave their audit', async () => {
    const operator = { ...acme, as: api.operator };
    expect(await api.code('deleteTenant', { ...operator, body: { slug: 'globex' } })).toBe('bad-request');
    await api.good('deleteTenant', { ...operator, body: { slug: 'acme' } });
    expect(await api.code('tenant', operator)).toBe('not-found');
    expect((await api.ask('me', { as: api.acme.admin })).status).toBe(401);
    const { rows } = await api.good<{ rows: { action: string }[] }>('relayAudit', { as: api.operator });
    expect(rows[0]).toMatchObject({ action: 'tenant.delete', payload: { slug: 'acme' } });
    expect(await api.good('verifyRelayAudit', { as: api.operator })).toMatchObject({ isWhole: true });
  });

  it('say which page is allowed by what, or why not', async () => {
    const origins = [
      'https://*.acme.example',
      'https://acme.example',
      'https://shop.example:8443',
      'https://*.only.example',
    ];
    await api.good('putOrigins', { ...acme, body: { origins } });
    const check = (url: string) => api.good<{ reason: string | null }>('checkOrigin', { ...acme, body: { url } });
    expect(await check('https://www.acme.example/a?b#c')).toMatchObject({
      isAllowed: true,
      pattern: 'https://*.acme.example',
    });
    expect(await check('acme.example')).toMatchObject({ isAllowed: true, pattern: 'https://acme.example' });
    expect((await check('http://acme.example')).reason).toContain('comes by http:');
    expect((await check('https://shop.example')).reason).toContain('another port');
    expect((await check('https://only.example')).reason).toContain('not only.example itself');
    expect((await check('https://a.b.only.example')).reason).toContain('one label');
    expect(await check('https://evil.example')).toMatchObject({
      isAllowed: false,
      suggestions: ['https://evil.example'],
    });
    for (const odd of ['file:///x', 'https://u:p@acme.example', 'https://acme.example./', 'https://', 'ht tp://x'])
      expect(await check(odd)).toMatchObject({ isAllowed: false, origin: null });
    const wrong = await api.ask('putOrigins', { ...acme, body: { origins: ['https://ok.example', 'https://*.com'] } });
    expect(await wrong.json()).toMatchObject({ code: 'bad-request', errors: [{ at: 'origins.1' }] });
  });

  it('narrow their limits, and only the operator widens them', async () => {
    const narrow = { requestsPerMinute: 100_000, concurrentSessions: 5, spendPerDay: 1_000_000 };
    expect(await api.good('putLimits', { ...acme, body: narrow })).toMatchObject({
      own: narrow,
      limits: { connectsPerMinute: 300 },
    });
    const wider = { ...narrow, spendPerDay: null, concurrentSessions: 6 };
    const refused = await api.ask('putLimits', { ...acme, body: wider });
    expect(await refused.json()).toMatchObject({
      code: 'forbidden',
      errors: [{ at: 'concurrentSessions' }, { at: 'spendPerDay' }],
    });
    await api.good('putLimits', { ...acme, as: api.operator, body: wider });
    expect(await api.good('limits', acme)).toMatchObject({ limits: { spendPerDay: null, concurrentSessions: 6 } });
  });

  it('are told what to paste, with the integrity of a version that never changes', async () => {
    expect(await api.good('embed', acme)).toMatchObject({
      src: 'https://relay.example/voice-jib-jab.js',
      integrity: null,
    });
    mkdirSync(join(api.dir, 'dist', 'v', '1.2.3'), { recursive: true });
    writeFileSync(join(api.dir, 'dist', 'v', '1.2.3', 'voice-jib-jab.js'), 'export {};');
    const { snippet } = await api.good<{ snippet: string }>('embed', acme);
    expect(snippet).toContain(`tenant="${api.acme.key}"`);
    expect(snippet).toMatch(/src="https:\/\/relay\.example\/v\/1\.2\.3\/voice-jib-jab\.js" integrity="sha384-/);
  });
});

describe('keys', () => {
  it('for the API are shown once, work, and end', async () => {
    const made = await api.good<{ secret: string; id: string }>('addApiKey', {
      ...acme,
      body: { name: 'CI', role: 'viewer' },
    });
    expect(await api.good('me', { as: made.secret })).toMatchObject({
      kind: 'key',
      role: 'viewer',
      tenant: { slug: 'acme' },
    });
    expect(JSON.stringify(await api.good('apiKeys', acme))).not.toContain(made.secret);
    await api.good('revokeApiKey', { ...acme, params: { ...acme.params, key: made.id } });
    expect((await api.ask('me', { as: made.secret })).status).toBe(401);
    const soon = { name: 'Short', role: 'admin', expiresAt: api.clock.wallNow() + 1000 };
    const short = await api.good<{ secret: string }>('addApiKey', { ...acme, body: soon });
    api.clock.advance(2000);
    expect((await api.ask('me', { as: short.secret })).status).toBe(401);
    expect(await api.code('addApiKey', { ...acme, body: soon })).toBe('bad-request');
  });

  it('that sign are made, overlap, retire and end', async () => {
    const made = await api.good<{ kid: string; secret: string }>('addSigningKey', {
      ...{ ...acme, body: { kind: 'secret', name: 'New', kid: 'new', replaces: true } },
    });
    expect(made).toMatchObject({ alg: 'HS256', state: 'active', kid: 'new' });
    const states = async () =>
      (await api.good<{ rows: { kid: string; state: string }[] }>('signingKeys', acme)).rows.map(({ kid, state }) => [
        kid,
        state,
      ]);
    expect(Object.fromEntries(await states())).toEqual({ new: 'active', 'kid-acme': 'retiring' });
    api.clock.advance(86_400_001);
    expect(Object.fromEntries(await states())).toEqual({ new: 'active', 'kid-acme': 'retired' });
    const one = { ...acme, params: { ...acme.params, kid: 'new' } };
    expect(await api.good('retireSigningKey', { ...one, body: {} })).toMatchObject({ state: 'retiring' });
    await api.good('revokeSigningKey', one);
    expect(Object.fromEntries(await states())).toMatchObject({ new: 'revoked' });
    expect(JSON.stringify(await api.good('audit', acme))).not.toContain(made.secret);
    const url = { kind: 'jwks_url', name: 'x', url: 'https://localhost/jwks', alg: 'ES256' };
    expect(await api.code('addSigningKey', { ...acme, body: url })).toBe('bad-request');
    const later = { kind: 'secret', name: 'x', notBefore: api.clock.wallNow() + 60_000 };
    expect(await api.good('addSigningKey', { ...acme, body: later })).toMatchObject({ state: 'upcoming' });
  });

  it('of the provider are never shown again', async () => {
    expect(await api.good('putProviderKey', { ...acme, body: { key: 'sk-fresh-canary-abcd9876' } })).toMatchObject({
      key: { hint: '9876' },
    });
    expect(JSON.stringify(await api.good('audit', acme))).not.toContain('canary');
    await api.good('removeProviderKey', acme);
    expect(await api.good('providerKey', acme)).toEqual({ key: null });
    expect(await api.code('removeProviderKey', acme)).toBe('not-found');
  });

  it('that are publishable come and go', async () => {
    const { id } = await api.good<{ id: string }>('addPublishableKey', acme);
    await api.good('revokePublishableKey', { ...acme, params: { ...acme.params, key: id } });
    expect(await api.directory.byPublishableKey(id)).toBeUndefined();
  });
});

describe('assistants', () => {
  it('get new versions from the newest alone', async () => {
    const etag = (await api.ask('assistant', acme)).headers.get('etag') ?? '';
    const change = { ...acme, body: { voice: 'cedar', lanes: { TRANSITION_GAP_MS: 20 } } };
    expect(await api.code('putAssistant', change)).toBe('version-missing');
    const made = await api.good('putAssistant', { ...change, headers: { 'if-match': etag } });
    expect(made).toMatchObject({ version: 2, voice: 'cedar', lanes: { TRANSITION_GAP_MS: 20 } });
    expect(await api.code('putAssistant', { ...change, headers: { 'if-match': etag } })).toBe('changed-meanwhile');
    const { rows } = await api.good<{ rows: { version: number }[] }>('assistantVersions', acme);
    expect(rows.map(({ version }) => version)).toEqual([2, 1]);
    expect(await api.good('assistantVersion', acme)).toMatchObject({ version: 1, voice: 'marin' });
  });

  it('are refused with everything that is wrong', async () => {
    const body = {
      name: 'Bob',
      model: 'gpt-expensive',
      lanes: { TRANSITION_GAP_MS: 9_999 },
      policy: { disallowed: [], refusal: '', fallback: 'x' },
    };
    const { errors } = (await (await api.ask('addAssistant', { ...acme, body })).json()) as {
      errors: { at: string }[];
    };
    expect(errors.map(({ at }) => at)).toEqual(['policy.refusal', 'lanes.TRANSITION_GAP_MS', 'model']);
    expect(await api.code('addAssistant', { ...acme, body: { name: 'Bob', lanes: { NO_KNOB: 1 } } })).toBe(
      'bad-request',
    );
    const made = await api.good<{ id: string }>('addAssistant', {
      ...acme,
      body: { name: 'Bob', reflex: { neutral: ['mm'], affirmative: [] } },
    });
    const one = { ...acme, params: { ...acme.params, assistant: made.id }, headers: { 'if-match': '*' } };
    expect(await api.good('putAssistant', { ...one, body: { reflex: null } })).not.toHaveProperty('reflex');
    expect((await api.good<{ rows: unknown[] }>('assistants', acme)).rows).toHaveLength(2);
  });

  it('are heard before they are used', async () => {
    const response = await api.ask('previewVoice', { ...acme, body: { voice: 'cedar', text: 'Hello' } });
    expect(response.headers.get('content-type')).toBe('audio/wav');
    const bytes = new Uint8Array(await response.arrayBuffer());
    expect(new TextDecoder().decode(bytes.slice(0, 4))).toBe('RIFF');
    expect([...bytes.slice(44)]).toEqual([1, 0, 0xfe, 0xff, 3, 0]);
    expect(api.done.spoken).toEqual(['cedar: Hello']);
    expect(await api.code('previewVoice', { ...acme, body: { text: 'fail' } })).toBe('upstream-lost');
    expect(await api.good('testToken', acme)).toMatchObject({ expiresIn: 600 });
  });
});

describe('what happened', () => {
  it('is found, shown and ended', async () => {
    const found = await api.good<{ rows: { id: string }[] }>('sessions', {
      ...acme,
      query: { search: 'ASKS', live: 'true', from: '0' },
    });
    expect(found.rows.map(({ id }) => id)).toEqual([api.acme.session]);
    expect(await api.good('sessions', { ...acme, query: { to: '1' } })).toEqual({ rows: [] });
    const detail = await api.good('session', acme);
    expect(detail).toMatchObject({
      turnRows: [{ heardText: 'acme hears', figures: { firstAudioMs: 320 } }],
      usage: [{ cost: 1200 }],
    });
    expect(await api.good('sessionRecord', acme)).toMatchObject({ rows: [{ event: { type: 'tick' } }], lost: 0 });
    expect(await api.good('endSession', acme)).toEqual({ isEnded: true });
    expect(api.done.ended).toEqual([api.acme.session]);
  });

  it('is counted by day, with what is left of budgets', async () => {
    await api.good('putLimits', { ...acme, body: { requestsPerMinute: 1000, spendPerDay: 1250 } });
    const { days, total, budgets } = await api.good<{ days: unknown[]; total: object; budgets: object }>('usage', acme);
    expect(days).toHaveLength(30);
    expect(total).toMatchObject({ cost: 1200 });
    expect(budgets).toMatchObject({ day: { used: 0.96, state: 'nearly' }, month: { used: null, state: 'ok' } });
    for (const query of [{ from: '2026-01-02', to: '2026-01-01' }, { from: 'x' }] as Record<string, string>[])
      expect(await api.code('usage', { ...acme, query })).toBe('bad-request');
  });

  it('is told to webhooks, whose secrets are shown once', async () => {
    const made = await api.good<{ id: string; secret: string }>('addWebhook', {
      ...acme,
      body: { url: 'https://a.example/h' },
    });
    const one = { ...acme, params: { ...acme.params, webhook: made.id } };
    expect(made.secret).toMatch(/^whsec_/);
    const rotated = await api.good<{ secret: string; secrets: number }>('rotateWebhook', one);
    expect(rotated).toMatchObject({ secrets: 2 });
    expect(rotated.secret).not.toBe(made.secret);
    expect(await api.good('changeWebhook', { ...one, body: { events: ['session.ended'] } })).toMatchObject({
      events: ['session.ended'],
    });
    const { id } = await api.good<{ id: string }>('testWebhook', one);
    expect(await api.good('deliveries', one)).toMatchObject({ rows: [{ id, event: 'webhook.test' }] });
    await api.good('removeWebhook', one);
    expect(await api.code('testWebhook', one)).toBe('not-found');
    for (const body of [{ url: 'https://10.0.0.1/x' }, { url: 'https://a.example', events: ['nothing'] }])
      expect(await api.code('addWebhook', { ...acme, body })).toBe('bad-request');
  });
});

describe('a repeated POST', () => {
  it('has the same answer for the same key and body, and is done once', async () => {
    const asked: Asked = { ...acme, body: { name: 'CI', role: 'viewer' }, headers: { 'idempotency-key': 'k1' } };
    const first = await api.good<{ secret: string }>('addApiKey', asked);
    const again = await api.ask('addApiKey', asked);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(await again.json()).toEqual(first);
    expect(await api.code('addApiKey', { ...asked, body: { name: 'Other', role: 'viewer' } })).toBe('conflict');
    expect(await api.code('addApiKey', { ...asked, headers: { 'idempotency-key': 'no key' } })).toBe('bad-request');
    expect((await api.store.apiKeys.list(api.acme.tenant)).filter(({ name }) => name === 'CI')).toHaveLength(1);
  });

  it('leaves neither change nor audit when it fails', async () => {
    const before = (await api.store.audit.list(api.acme.tenant, { limit: 1 })).rows[0]?.seq;
    expect(await api.code('addSigningKey', { ...acme, body: { kind: 'secret', name: 'x', kid: 'kid-acme' } })).toBe(
      'conflict',
    );
    expect((await audited())?.seq).toBe(before);
  });
});

describe('people', () => {
  const cookieOf = (response: Response) => response.headers.get('set-cookie')?.split(';')[0] ?? '';
  const signIn = (password: string, email = 'ann@acme.example') => api.ask('signIn', { body: { email, password } });

  it('sign in with a password, change things with a CSRF header only, and sign out', async () => {
    const response = await signIn(PASSWORD);
    expect(response.headers.get('set-cookie')).toMatch(
      /^__Host-vjj=[\w-]+; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
    );
    const { csrf } = (await response.json()) as { csrf: string };
    const cookie = cookieOf(response);
    expect(await api.good('me', { headers: { cookie } })).toMatchObject({ kind: 'user', role: 'admin', csrf });
    const change = { params: acme.params, headers: { cookie } };
    expect(await api.code('addPublishableKey', change)).toBe('forbidden');
    expect(await api.code('addPublishableKey', { ...change, headers: { cookie, 'x-csrf-token': 'x' } })).toBe(
      'forbidden',
    );
    await api.good('addPublishableKey', { ...change, headers: { cookie, 'x-csrf-token': csrf } });
    expect(await audited()).toMatchObject({ actor: 'user:usr_acme' });
    await api.good('signOut', { headers: { cookie, 'x-csrf-token': csrf } });
    expect((await api.ask('me', { headers: { cookie } })).status).toBe(401);
  });

  it('are refused alike whatever was wrong, and after ten attempts for a while', async () => {
    for (const [password, email] of [
      ['x', undefined],
      [PASSWORD, 'bob@acme.example'],
    ] as const) {
      const refused = await signIn(password, email);
      expect(refused.status).toBe(401);
      expect(await refused.json()).toMatchObject({ code: 'sign-in-refused' });
    }
    for (let attempt = 0; attempt < 9; attempt += 1) await signIn('x');
    const throttled = await signIn(PASSWORD);
    expect(throttled.status).toBe(429);
    expect(Number(throttled.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('come by a link once, set a password, and every other sign-in ends', async () => {
    const { link, id } = await api.good<{ link: { url: string }; id: string }>('addUser', {
      ...acme,
      body: { email: 'Bo@acme.example', role: 'viewer' },
    });
    const secret = link.url.split('#link=')[1] ?? '';
    const first = await api.ask('signInByLink', { body: { link: secret } });
    expect(await api.code('signInByLink', { body: { link: secret } })).toBe('sign-in-refused');
    const { csrf } = (await first.json()) as { csrf: string };
    const headers = { cookie: cookieOf(first), 'x-csrf-token': csrf };
    expect(await api.code('changePassword', { headers, body: { next: 'short' } })).toBe('bad-request');
    const changed = await api.ask('changePassword', { headers, body: { next: 'a long new password' } });
    expect(changed.status).toBe(204);
    expect((await api.ask('me', { headers })).status).toBe(401);
    expect(await api.good('me', { headers: { cookie: cookieOf(changed) } })).toMatchObject({
      role: 'viewer',
      user: { hasPassword: true },
    });
    expect((await signIn('a long new password', 'bo@acme.example')).status).toBe(200);
    await api.good('linkUser', { ...acme, params: { ...acme.params, user: id } });
    await api.good('removeUser', { ...acme, params: { ...acme.params, user: id } });
    expect((await signIn('a long new password', 'bo@acme.example')).status).toBe(401);
  });

  it('that are operators are made by a set-up link, and see everything', async () => {
    const { url } = await api.good<{ url: string }>('setupLink', { as: api.operator });
    expect(url).toMatch(/^https:\/\/relay\.example\/console\/#link=/);
    const response = await api.ask('signInByLink', { body: { link: url.split('=')[1] } });
    const me = (await response.json()) as { csrf: string; user: { id: string } };
    const headers = { cookie: cookieOf(response), 'x-csrf-token': me.csrf };
    expect((await api.good<{ rows: unknown[] }>('tenants', { headers })).rows).toHaveLength(2);
    expect(await api.code('removeOperator', { headers, params: { user: me.user.id } })).toBe('conflict');
    const { id } = await api.good<{ id: string }>('addOperator', { headers, body: { email: 'op@relay.example' } });
    await api.good('removeOperator', { headers, params: { user: id } });
    expect((await api.good<{ rows: unknown[] }>('operators', { headers })).rows).toHaveLength(1);
  });
});

describe('limits of requests', () => {
  it('are counted by tenant too, and told', async () => {
    await api.store.limits.put(api.acme.tenant, { requestsPerMinute: 2 });
    api.directory.forget();
    expect((await api.ask('me', acme)).headers.get('ratelimit-remaining')).toBe('1');
    await api.ask('me', { as: api.acme.viewer });
    const refused = await api.ask('me', acme);
    expect(refused.status).toBe(429);
    expect(refused.headers.get('ratelimit-limit')).toBe('2');
    expect((await api.ask('me', { as: api.globex.admin })).status).toBe(200);
  });
});

describe('GET /api/openapi.json', () => {
  it('describes every route with what it takes and gives', async () => {
    const response = await api.app.request('/api/openapi.json');
    expect(response.status).toBe(200);
    const { openapi, paths } = (await response.json()) as {
      openapi: string;
      paths: Record<
        string,
        Record<string, { responses: object; requestBody?: object; parameters?: { name: string }[] }>
      >;
    };
    expect(openapi).toMatch(/^3\.1/);
    for (const [name, spec] of Object.entries(ROUTES as Record<RouteName, RouteSpec>)) {
      const path = `/api/admin${spec.path.replaceAll(/:(\w+)/g, '{$1}')}`;
      const operation = paths[path]?.[spec.method.toLowerCase()];
      expect(operation, `${name} ${path}`).toBeDefined();
      expect(
        Object.keys(operation?.responses ?? {}).some((status) => status.startsWith('2')),
        name,
      ).toBe(true);
      expect(operation?.requestBody !== undefined, name).toBe(spec.body !== undefined);
      for (const [, part] of spec.path.matchAll(/:(\w+)/g))
        expect(
          operation?.parameters?.filter((one) => one.name === part),
          `${name} ${part}`,
        ).toHaveLength(1);
    }
    expect(JSON.stringify(paths)).not.toContain('undefined');
  });
});
