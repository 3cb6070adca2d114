import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openStore, type Store } from '../store/store.ts';
import { virtualClock, type VirtualClock } from '../testing/virtual-clock.ts';
import { DEFAULT_LIMITS, DEMO, DEMO_LIMITS } from './demo.ts';
import { createDirectory, type Directory } from './directory.ts';

let dir: string;
let store: Store;
let clock: VirtualClock;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'vjj-tenants-'));
  clock = virtualClock();
  store = await openStore({ file: join(dir, 'vjj.db'), masterKey: 'm'.repeat(40), now: () => clock.wallNow() });
});
afterEach(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});
const make = (firstTenantOrigins: string[] = [], model = 'gpt-test'): Directory =>
  createDirectory({ store, clock, model, firstTenantOrigins });
const acme = { name: 'Acme', slug: 'acme', origins: ['https://WWW.acme.example/', 'https://*.shop.acme.example'] };

describe('the directory', () => {
  it('makes a tenant with a first key, an assistant and default limits', async () => {
    const directory = make();
    const made = await directory.createTenant(acme);
    expect(made).toMatchObject({
      tenant: { slug: 'acme', name: 'Acme', status: 'active' },
      origins: ['https://www.acme.example', 'https://*.shop.acme.example'],
    });
    expect(made.tenant.id).toMatch(/^ten_[0-9a-z]{26}$/);
    expect(made.publishableKey).toMatch(/^pk_[0-9a-z]{24}$/);
    expect(await directory.byId(made.tenant.id)).toEqual(made.tenant);
    expect(await directory.byPublishableKey(made.publishableKey)).toEqual(made.tenant);
    expect(await directory.limits(made.tenant.id)).toEqual(DEFAULT_LIMITS);
    expect(await directory.limits('ten_unknown')).toEqual(DEFAULT_LIMITS);
    expect(await directory.assistant(made.tenant.id)).toMatchObject({
      name: 'Acme',
      model: 'gpt-test',
      version: 1,
      pageTools: false,
    });
    expect(await directory.assistant(made.tenant.id, 'ast_unknown')).toBeUndefined();
  });

  it('refuses wrong origins all at once, a taken slug, and the slug of the demo', async () => {
    const directory = make();
    await expect(
      directory.createTenant({ ...acme, origins: ['https://ok.example', 'acme.example', 'https://*.com'] }),
    ).rejects.toMatchObject({
      code: 'bad-request',
      at: 'origins.1',
      problems: [{ at: 'origins.1' }, { at: 'origins.2' }],
    });
    await directory.createTenant(acme);
    await expect(directory.createTenant(acme)).rejects.toMatchObject({ code: 'conflict' });
    await expect(directory.createTenant({ ...acme, slug: 'demo' })).rejects.toMatchObject({ code: 'conflict' });
  });

  it('lets pages use their own tenant and no other', async () => {
    const directory = make();
    const { tenant } = await directory.createTenant(acme);
    const other = await directory.createTenant({ name: 'Globex', slug: 'globex', origins: ['https://globex.example'] });
    expect(await directory.allowsOrigin(tenant.id, 'https://www.acme.example')).toBe(true);
    expect(await directory.allowsOrigin(tenant.id, 'https://a.shop.acme.example')).toBe(true);
    expect(await directory.allowsOrigin(tenant.id, 'https://globex.example')).toBe(false);
    expect(await directory.allowsOrigin(other.tenant.id, 'https://www.acme.example')).toBe(false);
    for (const origin of ['https://globex.example', 'https://b.shop.acme.example'])
      expect(await directory.knowsOrigin(origin)).toBe(true);
    for (const origin of ['https://evil.example', 'null', '']) expect(await directory.knowsOrigin(origin)).toBe(false);
  });

  it('sees a change made elsewhere within seconds, and its own at once', async () => {
    const directory = make();
    const { publishableKey, tenant } = await directory.createTenant(acme);
    expect(await directory.byPublishableKey('pk_later')).toBeUndefined();
    expect(await directory.byPublishableKey(publishableKey)).toMatchObject({ status: 'active' });
    await store.tenants.setStatus(tenant.id, 'suspended');
    clock.advance(4_000);
    expect(await directory.byPublishableKey(publishableKey)).toMatchObject({ status: 'active' });
    clock.advance(2_000);
    expect(await directory.byPublishableKey(publishableKey)).toMatchObject({ status: 'suspended' });
  });

  it('gives ALLOWED_ORIGINS to the first tenant', async () => {
    const directory = make(['https://first.example']);
    const first = await directory.createTenant(acme);
    clock.advance(10);
    const second = await directory.createTenant({ name: 'Globex', slug: 'globex', origins: [] });
    expect(await directory.allowsOrigin(first.tenant.id, 'https://first.example')).toBe(true);
    expect(await directory.allowsOrigin(second.tenant.id, 'https://first.example')).toBe(false);
    expect(await directory.knowsOrigin('https://first.example')).toBe(true);
  });
});

describe('an assistant', () => {
  const checked = (): Directory =>
    createDirectory({
      ...{ store, clock, model: 'gpt-test', firstTenantOrigins: [] },
      checkAssistant: ({ voice }) => (voice === 'wrong' ? [{ at: 'voice', message: 'is wrong' }] : []),
    });

  it('is made with its tenant as asked for, or refused with what is wrong', async () => {
    const directory = checked();
    await expect(
      directory.createTenant({ ...acme, origins: ['acme.example'], assistant: { voice: 'wrong' } }),
    ).rejects.toMatchObject({ code: 'bad-request', problems: [{ at: 'origins.0' }, { at: 'assistant.voice' }] });
    const { tenant } = await directory.createTenant({ ...acme, assistant: { voice: 'cedar' } });
    expect(await directory.assistant(tenant.id)).toMatchObject({ voice: 'cedar', name: 'Acme', version: 1 });
  });

  it('has a new version with every change', async () => {
    const directory = checked();
    const { tenant } = await directory.createTenant(acme);
    const reflex = { neutral: ['One second.'], affirmative: [] };
    const changed = await directory.changeAssistant(tenant.id, { reflex });
    expect(changed).toMatchObject({ version: 2, reflex, name: 'Acme' });
    expect(await directory.assistant(tenant.id)).toEqual(changed);
    await expect(directory.changeAssistant(tenant.id, { voice: 'wrong' })).rejects.toMatchObject({ at: 'voice' });
    await expect(directory.changeAssistant('ten_none', {})).rejects.toMatchObject({ code: 'not-found' });
    expect(await directory.assistant(tenant.id)).toMatchObject({ version: 2 });
  });
});

describe('the demo tenant', () => {
  it('is there once, with Ada, its own origins and ALLOWED_ORIGINS', async () => {
    const directory = make(['https://mine.example']);
    const demo = await directory.ensureDemo(['http://localhost:3000']);
    expect(await directory.ensureDemo(['http://localhost:3000'])).toEqual(demo);
    expect(await directory.byPublishableKey(DEMO.publishableKey)).toEqual(demo);
    expect(await directory.allowsOrigin(demo.id, 'http://localhost:3000')).toBe(true);
    expect(await directory.allowsOrigin(demo.id, 'https://mine.example')).toBe(true);
    expect(await directory.allowsOrigin(demo.id, 'http://localhost:3001')).toBe(false);
    expect(await directory.knowsOrigin('http://localhost:3000')).toBe(true);
    expect(await directory.limits(demo.id)).toEqual({ ...DEFAULT_LIMITS, ...DEMO_LIMITS });
    expect(await directory.assistant(demo.id)).toMatchObject({
      name: 'Ada',
      pageTools: true,
      version: 1,
      policy: { disallowed: ['guaranteed returns'] },
    });
    const { tenant } = await directory.createTenant(acme);
    expect(await directory.allowsOrigin(tenant.id, 'https://mine.example')).toBe(false);
  });

  it('is one where several relays start at once, on an empty store and with new code', async () => {
    const [one, other] = await Promise.all([make([], 'old').ensureDemo([]), make([], 'old').ensureDemo([])]);
    expect(other).toEqual(one);
    await Promise.all([make([], 'new').ensureDemo([]), make([], 'new').ensureDemo([])]);
    expect(await make().assistant(one.id)).toMatchObject({ version: 2, model: 'new' });
  });

  it('gets a new version of its assistant when the code or the model changes', async () => {
    const demo = await make([], 'old').ensureDemo([]);
    const directory = make([], 'new');
    await directory.ensureDemo([]);
    expect(await directory.assistant(demo.id)).toMatchObject({ version: 2, model: 'new' });
    await directory.ensureDemo([]);
    expect(await directory.assistant(demo.id)).toMatchObject({ version: 2 });
  });

  it('is suspended where production finds one', async () => {
    await make().suspendDemo();
    const demo = await make().ensureDemo(['http://localhost:3000']);
    const directory = make();
    await directory.suspendDemo();
    expect(await directory.byId(demo.id)).toMatchObject({ status: 'suspended' });
    expect(await directory.allowsOrigin(demo.id, 'http://localhost:3000')).toBe(false);
    expect(await directory.knowsOrigin('http://localhost:3000')).toBe(false);
  });
});
