/**
 * The app with two tenants that have one of everything, and callers of every kind, for tests of
 * the API: `ask` calls a route by its name and checks the answer against its schema.
 */
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { DEFAULT_CONFIG } from '#arbiter';
import { hashPassword } from '../../auth/console-passwords.ts';
import { newApiKeySecret } from '../../auth/console-callers.ts';
import { createApp } from '../../app.ts';
import { pathOf, ROUTES, type RouteName, type RouteSpec } from '../api/routes.ts';
import { ADMIN, appFixture, type AppFixture } from './app-fixture.ts';

export const PASSWORD = 'correct horse battery';

/** Ids of one of everything that a tenant has, by the names that paths use. */
export interface TenantIds {
  tenant: string;
  slug: string;
  key: string;
  apiKey: string;
  kid: string;
  assistant: string;
  version: string;
  session: string;
  webhook: string;
  delivery: string;
  user: string;
  subject: string;
  /** API keys. */
  admin: string;
  viewer: string;
}

export interface Asked {
  as?: string | undefined;
  params?: Record<string, string>;
  query?: Record<string, string>;
  body?: unknown;
  headers?: Record<string, string>;
}

export interface ApiFixture extends AppFixture {
  acme: TenantIds;
  globex: TenantIds;
  operator: string;
  /** Calls a route; a good answer is held against its schema, strictly. */
  ask(name: RouteName, asked?: Asked): Promise<Response>;
  /** The JSON of a good answer. */
  good<T = Record<string, unknown>>(name: RouteName, asked?: Asked): Promise<T>;
  /** The code of a refusal. */
  code(name: RouteName, asked?: Asked): Promise<string>;
}

export async function apiFixture(): Promise<ApiFixture> {
  const app = await appFixture();
  const free = createApp({ ...app.deps, rateLimit: { windowMs: 60_000, maxRequests: 100_000 } });
  const first = async (slug: string) => fill(app, slug, (await app.store.tenants.bySlug(slug))?.id ?? '');
  const ids = { acme: await first('acme'), globex: await first('globex') };

  async function ask(name: RouteName, { as, params = {}, query, body, headers = {} }: Asked = {}): Promise<Response> {
    const spec = ROUTES[name] as RouteSpec;
    const search = query === undefined ? '' : `?${new URLSearchParams(query).toString()}`;
    const response = await free.request(`${pathOf(name, params)}${search}`, {
      method: spec.method,
      headers: {
        ...(as !== undefined && { authorization: `Bearer ${as}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    if (response.ok && spec.answer !== undefined) v.parse(spec.answer, await response.clone().json());
    return response;
  }
  return {
    ...{ ...app, app: free, ...ids, operator: ADMIN, ask },
    async good<T>(name: RouteName, asked?: Asked) {
      const response = await ask(name, asked);
      const text = await response.text();
      if (!response.ok) throw new Error(`${name}: ${response.status} ${text}`);
      return (text === '' ? undefined : JSON.parse(text)) as T;
    },
    async code(name, asked) {
      const response = await ask(name, asked);
      if (response.ok) throw new Error(`${name} was granted`);
      return ((await response.json()) as { code: string }).code;
    },
  };
}

/** One of everything. Names hold the slug, so that a crossing shows in any answer. */
async function fill({ store, clock, dir }: AppFixture, slug: string, tenant: string): Promise<TenantIds> {
  const now = clock.wallNow();
  await store.limits.put(tenant, { requestsPerMinute: 100_000 });
  const secretOf = async (role: 'admin' | 'viewer') => {
    const { secret, prefix, sha256 } = newApiKeySecret();
    const id = `api_${slug}${role}`;
    await store.apiKeys.add({ id, tenantId: tenant, name: `${slug} ${role}`, prefix, role, expiresAt: null, sha256 });
    return secret;
  };
  const assistant = (await store.assistants.newest(tenant))?.id ?? '';
  const kid = `kid-${slug}`;
  const key = { kid, tenantId: tenant, name: `${slug} backend`, alg: 'HS256', kind: 'secret' } as const;
  const material = Buffer.from('s'.repeat(40)).toString('base64url');
  await store.tenantKeys.add({ ...key, material, notBefore: now, notAfter: null });
  await store.providerKeys.put(tenant, `sk-${slug}-canary-1234`);
  const [session, subject] = [`ses_${slug}1`, `${slug}-subject`];
  await store.sessions.start({
    ...{ id: session, tenantId: tenant, subject, assistantId: assistant, assistantVersion: 1, startedAt: now },
    ...{ origin: `https://${slug}.example`, instance: 'ins_1', locale: 'en-US' },
  });
  const turn = { tenantId: tenant, sessionId: session, turn: 't1', startedMs: 0, endedMs: 900, outcome: 'answered' };
  const texts = { userText: `${slug} asks`, heardText: `${slug} hears`, unheardText: null };
  await store.sessions.addTurn({ ...turn, ...texts, figures: '{"firstAudioMs":320}', cost: 1200 }, false);
  const row = { tenantId: tenant, sessionId: session, lane: 'B', kind: 'output_audio', quantity: 40, unit: 'tokens' };
  const billed = { cost: 1200, priceDate: '2026-11-05', at: now };
  await store.usage.add([{ ...(row as { lane: 'B'; unit: 'tokens' } & typeof row), id: `${session}-1`, ...billed }]);
  mkdirSync(join(dir, 'audit'), { recursive: true });
  const head = { session, startedAt: now, config: DEFAULT_CONFIG };
  const tick = { event: { type: 'tick', t: 5 }, effects: [] };
  appendFileSync(join(dir, 'audit', `${session}.jsonl`), `${JSON.stringify(head)}\n${JSON.stringify(tick)}\n`);
  const webhook = `whk_${slug}`;
  const hook = { id: webhook, tenantId: tenant, url: `https://${slug}.example/hook`, events: [] };
  await store.webhooks.add({ ...hook, status: 'active', secrets: ['whsec_aGVsbG8gaGVsbG8gaGVsbG8gaGVsbG8='] });
  const delivery = `msg_${slug}`;
  const body = JSON.stringify({ type: 'session.ended', data: { session } });
  await store.webhooks.enqueue([
    { id: delivery, tenantId: tenant, webhookId: webhook, event: 'session.ended', body, nextAt: now },
  ]);
  const user = `usr_${slug}`;
  const passwordHash = await hashPassword(PASSWORD);
  await store.people.add({ id: user, tenantId: tenant, email: `ann@${slug}.example`, role: 'admin', passwordHash });
  await store.revocations.add({
    ...{ tenantId: tenant, kind: 'subject', value: `${slug}-gone`, issuedBefore: now, expiresAt: now + 600_000 },
  });
  await store.audit.add({ tenantId: tenant, actor: 'relay', action: `${slug}.test`, target: 'x', payload: { slug } });
  const [publishable = ''] = await store.tenants.publishableKeys(tenant);
  return {
    ...{ tenant, slug, key: publishable, apiKey: `api_${slug}viewer`, kid, assistant, version: '1', session, webhook },
    ...{ delivery, user, subject, admin: await secretOf('admin'), viewer: await secretOf('viewer') },
  };
}
