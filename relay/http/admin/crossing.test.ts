/**
 * Every route with every caller, made from the table of routes: a route that is added is here
 * without anybody remembering it.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROUTES, type RouteName, type RouteSpec } from '../api/routes.ts';
import { apiFixture, type ApiFixture, type TenantIds } from '../testing/api-fixture.ts';

const NAMES = Object.keys(ROUTES) as RouteName[];
const specOf = (name: RouteName): RouteSpec => ROUTES[name];
const ofTenant = NAMES.filter((name) => specOf(name).path.includes(':tenant'));

let api: ApiFixture;
beforeAll(async () => {
  api = await apiFixture();
});
afterAll(() => api.end());

/** Bodies that would be granted; a route with a body and none here fails its test below. */
const BODIES: Partial<Record<RouteName, (of: TenantIds) => unknown>> = {
  signIn: () => ({ email: 'nobody@nowhere.example', password: 'x' }),
  signInByLink: () => ({ link: 'x'.repeat(43) }),
  changePassword: () => ({ current: 'x', next: 'a long new password' }),
  addOperator: () => ({ email: 'op@relay.example' }),
  createTenant: () => ({ name: 'New', slug: 'new-one', origins: [] }),
  changeTenant: () => ({ name: 'Crossed' }),
  deleteTenant: ({ slug }) => ({ slug }),
  putOrigins: () => ({ origins: ['https://crossed.example'] }),
  checkOrigin: () => ({ url: 'https://x.example' }),
  putLimits: () => ({ connectsPerMinute: 1 }),
  eraseSubject: ({ subject }) => ({ subject }),
  exportSubject: ({ subject }) => ({ subject }),
  addApiKey: () => ({ name: 'Crossed', role: 'admin' }),
  addSigningKey: () => ({ kind: 'secret', name: 'Crossed' }),
  retireSigningKey: () => ({}),
  putProviderKey: () => ({ key: 'sk-crossed-1234567890' }),
  addAssistant: () => ({ name: 'Crossed' }),
  putAssistant: () => ({ name: 'Crossed' }),
  previewVoice: () => ({}),
  revoke: ({ subject }) => ({ kind: 'subject', value: subject }),
  addWebhook: () => ({ url: 'https://crossed.example/hook' }),
  changeWebhook: () => ({ status: 'disabled' }),
  addUser: () => ({ email: 'crossed@crossed.example', role: 'admin' }),
};
const keyOf = (name: RouteName, of: TenantIds) => (name === 'revokeApiKey' ? of.apiKey : of.key);
const paramsOf = (name: RouteName, of: TenantIds) =>
  ({ ...of, key: keyOf(name, of), instance: 'ins_1' }) as unknown as Record<string, string>;
const bodyOf = (name: RouteName, of: TenantIds) => {
  const body = BODIES[name]?.(of);
  return body === undefined ? {} : { body };
};
/** Everything of Globex that no answer to Acme may hold. */
const traces = ({ tenant, key, kid, assistant, session, webhook, delivery, user, subject }: TenantIds) => [
  ...[tenant, key, kid, assistant, session, webhook, delivery, user, subject, 'globex'],
];

describe('every route', () => {
  it('has a body here where it takes one', () => {
    expect(NAMES.filter((name) => specOf(name).body !== undefined && BODIES[name] === undefined)).toEqual([]);
  });

  it.each(NAMES.filter((name) => specOf(name).access !== 'anyone'))('%s is for nobody unknown', async (name) => {
    const asked = { params: paramsOf(name, api.acme), ...bodyOf(name, api.acme) };
    for (const as of [undefined, 'vjj_guess', 'guess', '']) {
      const response = await api.ask(name, { ...asked, as });
      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toContain('Bearer');
    }
  });

  it.each(ofTenant)("%s of another tenant is as if it were not there, whatever one's role", async (name) => {
    const before = await snapshot(api.globex);
    for (const as of [api.acme.admin, api.acme.viewer])
      for (const tenant of [api.globex.tenant, 'globex']) {
        const asked = { as, params: { ...paramsOf(name, api.globex), tenant }, ...bodyOf(name, api.globex) };
        const response = await api.ask(name, { ...asked, headers: { 'if-match': '*' } });
        expect(response.status).toBe(404);
        const text = await response.text();
        for (const trace of traces(api.globex)) expect(text).not.toContain(trace);
        expect(text).toBe(
          await (await api.ask(name, { ...asked, params: { ...asked.params, tenant: 'ten_none' } })).text(),
        );
      }
    expect(await snapshot(api.globex)).toEqual(before);
  });

  it.each(ofTenant.filter((name) => specOf(name).path.split(':').length > 2))(
    "%s with another tenant's ids under one's own path finds nothing",
    async (name) => {
      const before = await snapshot(api.globex);
      const params = { ...paramsOf(name, api.globex), tenant: api.acme.tenant };
      const response = await api.ask(name, {
        ...{ as: api.acme.admin, params, ...bodyOf(name, api.globex) },
        headers: { 'if-match': '*' },
      });
      expect(response.status).toBe(404);
      const text = await response.text();
      for (const trace of traces(api.globex)) expect(text).not.toContain(trace);
      expect(await snapshot(api.globex)).toEqual(before);
    },
  );

  it.each(NAMES.filter((name) => ['admin', 'operator'].includes(specOf(name).access)))(
    '%s is not for a viewer',
    async (name) => {
      const asked = { params: paramsOf(name, api.acme), ...bodyOf(name, api.acme) };
      expect(await api.code(name, { as: api.acme.viewer, ...asked })).toBe('forbidden');
    },
  );

  it.each(NAMES.filter((name) => specOf(name).access === 'operator'))(
    "%s is not for a tenant's admin",
    async (name) => {
      const asked = { params: paramsOf(name, api.acme), ...bodyOf(name, api.acme) };
      expect(await api.code(name, { as: api.acme.admin, ...asked })).toBe('forbidden');
    },
  );

  it.each(NAMES.filter((name) => specOf(name).method === 'GET' && specOf(name).access !== 'operator'))(
    '%s answers its own tenant, and with nothing of the other',
    async (name) => {
      const as = specOf(name).access === 'admin' ? api.acme.admin : api.acme.viewer;
      const response = await api.ask(name, { as, params: paramsOf(name, api.acme) });
      expect(response.status).toBe(200);
      const text = await response.text();
      for (const trace of traces(api.globex)) expect(text).not.toContain(trace);
      for (const secret of ['canary', 'argon2', 'whsec_', '"material"', 'sha256"', 'passwordHash'])
        expect(text).not.toContain(secret);
    },
  );
});

describe('two tenants and any mixture of their ids', () => {
  it('never cross, in 400 requests at random', async () => {
    const either = fc.constantFrom('acme' as const, 'globex' as const);
    const before = await snapshot(api.globex);
    await fc.assert(
      fc.asyncProperty(
        ...[fc.constantFrom(...ofTenant), fc.constantFrom('admin' as const, 'viewer' as const)],
        fc.record({ key: either, kid: either, assistant: either, session: either, webhook: either, delivery: either }),
        ...[either, fc.constantFrom<'id' | 'slug' | 'twice'>('id', 'slug', 'twice')],
        async (name, role, owners, pathOwner, spelling) => {
          // What changes Acme itself is the other tests' business; here only Globex must stay.
          const mixed = Object.fromEntries(
            Object.entries(owners).map(([part, owner]) => [part, api[owner][part as 'key']]),
          );
          const isCrossing = pathOwner === 'globex' || Object.values(owners).includes('globex');
          if (!isCrossing || (pathOwner === 'acme' && specOf(name).method !== 'GET')) return;
          const { tenant: id, slug } = api[pathOwner];
          const tenant = { id, slug, twice: `${id}/../${api.globex.tenant}` }[spelling];
          const params = { ...paramsOf(name, api[pathOwner]), ...mixed, tenant };
          const response = await api.ask(name, {
            ...{ as: api.acme[role], params, ...bodyOf(name, api.globex) },
            headers: { 'if-match': '*' },
          });
          const text = await response.text();
          for (const trace of traces(api.globex)) expect(text).not.toContain(trace);
          if (pathOwner === 'globex' || spelling === 'twice') expect(response.status).toBe(404);
        },
      ),
      { numRuns: 400 },
    );
    expect(await snapshot(api.globex)).toEqual(before);
  });
});

/** Everything of a tenant that a crossing could have changed. */
async function snapshot({ tenant, assistant, session, webhook }: TenantIds): Promise<unknown> {
  const { store } = api;
  const page = { limit: 100 };
  return {
    row: await store.tenants.byId(tenant),
    origins: await store.origins.list(tenant),
    keys: [
      await store.publishableKeys.list(tenant),
      await store.apiKeys.list(tenant),
      await store.tenantKeys.list(tenant),
    ],
    provider: await store.providerKeys.open(tenant),
    limits: await store.limits.of(tenant),
    assistants: [await store.assistantRecords.list(tenant), await store.assistantRecords.versions(tenant, assistant)],
    sessions: [await store.sessions.find(tenant, page), await store.sessions.turns(tenant, session)],
    revocations: await store.revocations.list(tenant, page),
    webhooks: [await store.webhooks.list(tenant), await store.webhooks.deliveries(tenant, webhook, page)],
    people: await store.people.list(tenant),
    audit: await store.audit.list(tenant, page),
    done: [...api.done.ended, ...api.done.spoken],
  };
}
