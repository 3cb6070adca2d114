import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { memoryBroadcast } from '../shared-state/broadcast.ts';
import { memorySharedState } from '../shared-state/memory.ts';
import { memoryOnce } from '../shared-state/once.ts';
import type { SharedState } from '../shared-state/shared-state.ts';
import { openStore, type Store } from '../store/store.ts';
import { createDirectory, type Directory } from '../tenants/directory.ts';
import type { Limits, Tenant } from '../tenants/tenant.ts';
import { virtualClock, type VirtualClock } from '../testing/virtual-clock.ts';
import { createAdmission, type Admit, type AdmitRequest } from './admission.ts';
import { openKeyring, type Keyring } from './keyring.ts';
import { createRevocations, type Revocations } from './revocation.ts';
import { requireOperator } from './operator.ts';
import { AUDIENCE, signSessionToken, type FindKey } from './session-token.ts';
import { SignJWT } from 'jose';

const ORIGIN = 'https://acme.example';
const BACKEND_KEY = new Uint8Array(32).fill(7);
let dir: string;
let store: Store;
let clock: VirtualClock;
let directory: Directory;
let keyring: Keyring;
let shared: SharedState;
let admit: Admit;
let revocations: Revocations;
let singleUse: boolean;
let tenant: Tenant;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'vjj-admit-'));
  clock = virtualClock();
  store = await openStore({ file: join(dir, 'vjj.db'), masterKey: 'm'.repeat(40), now: () => clock.wallNow() });
  directory = createDirectory({ store, clock, model: 'm', firstTenantOrigins: [] });
  keyring = await openKeyring(store.signingKeys, clock);
  shared = memorySharedState();
  tenant = (await directory.createTenant({ name: 'Acme', slug: 'acme', origins: [ORIGIN, 'https://b.example'] }))
    .tenant;
  // A tenant's own key, as its backend would hold it.
  const findKey: FindKey = async (issuer, kid) =>
    issuer === tenant.id
      ? { kid: 'hs', alg: 'HS256', key: BACKEND_KEY, owner: { is: 'tenant', tenant: tenant.id } }
      : keyring.findKey(issuer, kid);
  revocations = createRevocations({ store, broadcast: memoryBroadcast(), clock });
  singleUse = false;
  admit = createAdmission({
    ...{ findKey, directory, quotas: shared, revocations, usedTokens: memoryOnce(clock), clock },
    isSingleUse: () => Promise.resolve(singleUse),
  });
});
afterEach(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

const token = async (over: { tenant?: string; origin?: string } = {}) =>
  signSessionToken(
    { tenant: tenant.id, origin: ORIGIN, subject: 'sub_1', ...over },
    await keyring.current(),
    clock.wallNow(),
  );
const backendToken = (claims: object) =>
  new SignJWT({ iss: tenant.id, aud: AUDIENCE, sub: 'user-7', jti: 'j', ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuedAt(Math.floor(clock.wallNow() / 1000))
    .setExpirationTime(Math.floor(clock.wallNow() / 1000) + 300)
    .sign(BACKEND_KEY);
const request = (over: Partial<AdmitRequest>): AdmitRequest => ({
  token: '',
  origin: ORIGIN,
  address: '192.0.2.1',
  signal: new AbortController().signal,
  ...over,
});
const setLimits = async (limits: Partial<Limits>) => {
  await store.limits.put(tenant.id, limits);
  clock.advance(10_000);
};

describe('admission', () => {
  it('lets in a page with its own token and says all that the session may do', async () => {
    const admission = await admit(request({ token: await token() }));
    expect(admission).toMatchObject({
      tenant: { id: tenant.id },
      assistant: { name: 'Acme' },
      subject: 'sub_1',
      origin: ORIGIN,
      tokenExpiresAt: Math.floor(clock.wallNow() / 1000) * 1000 + 600_000,
      limits: { concurrentSessions: 100 },
    });
    expect(admission.token).toMatch(/^tok_/);
    expect(await shared.leased(`sessions:${tenant.id}`)).toBe(1);
    admission.release();
    admission.release();
    expect(await shared.leased(`sessions:${tenant.id}`)).toBe(0);
  });

  it.each([
    ['no token', {}, 'token-missing'],
    ['a forged token', { token: 'a.b.c' }, 'token-invalid'],
  ] as const)('refuses %s', async (_name, over, code) => {
    await expect(admit(request(over))).rejects.toMatchObject({ code });
  });

  it('refuses a token that is replayed from another page, even one that the tenant allows', async () => {
    const own = await token();
    await expect(admit(request({ token: own, origin: 'https://b.example' }))).rejects.toMatchObject({
      code: 'origin-refused',
    });
    await expect(admit(request({ token: own, origin: undefined }))).rejects.toMatchObject({ code: 'origin-refused' });
    await expect(admit(request({ token: own, origin: 'null' }))).rejects.toMatchObject({ code: 'origin-refused' });
  });

  it('refuses a page that the tenant does not allow, whatever its token says', async () => {
    const origin = 'https://evil.example';
    await expect(admit(request({ token: await token({ origin }), origin }))).rejects.toMatchObject({
      code: 'origin-refused',
    });
  });

  it('refuses unknown and suspended tenants', async () => {
    await expect(admit(request({ token: await token({ tenant: 'ten_x' }) }))).rejects.toMatchObject({
      code: 'token-revoked',
    });
    await store.tenants.setStatus(tenant.id, 'suspended');
    clock.advance(10_000);
    await expect(admit(request({ token: await token() }))).rejects.toMatchObject({ code: 'token-revoked' });
  });

  it('lets a backend in without an origin, by its own key and server scope only', async () => {
    const server = await backendToken({ scope: 'server' });
    expect(await admit(request({ token: server, origin: undefined }))).toMatchObject({
      subject: 'user-7',
      origin: undefined,
    });
    await expect(admit(request({ token: server, origin: 'https://evil.example' }))).rejects.toMatchObject({
      code: 'origin-refused',
    });
    expect(await admit(request({ token: server }))).toMatchObject({ origin: ORIGIN });
  });

  it('narrows the longest session by the token and never widens it', async () => {
    const narrow = await backendToken({ origin: ORIGIN, limits: { longestSessionMs: 60_000 } });
    expect((await admit(request({ token: narrow }))).limits.longestSessionMs).toBe(60_000);
    const wide = await backendToken({ origin: ORIGIN, limits: { longestSessionMs: 1e9 } });
    expect((await admit(request({ token: wide }))).limits.longestSessionMs).toBe(3_600_000);
    const odd = await backendToken({ origin: ORIGIN, assistant: 'ast_none' });
    await expect(admit(request({ token: odd }))).rejects.toMatchObject({ code: 'token-invalid' });
  });

  it('refuses one session more than there are places, until one is given back', async () => {
    await setLimits({ concurrentSessions: 2 });
    const own = await token();
    const first = await admit(request({ token: own }));
    await admit(request({ token: own }));
    await expect(admit(request({ token: own }))).rejects.toMatchObject({ code: 'busy', retryAfterS: 5 });
    // A session that is in already renews its token all the same.
    const renewal = await admit(request({ token: own, isRenewal: true }));
    renewal.release();
    expect(await shared.leased(`sessions:${tenant.id}`)).toBe(2);
    first.release();
    await expect(admit(request({ token: own }))).resolves.toBeDefined();
  });

  it('refuses too many connections a minute', async () => {
    await setLimits({ connectsPerMinute: 1 });
    const own = await token();
    await admit(request({ token: own }));
    await expect(admit(request({ token: own }))).rejects.toMatchObject({ code: 'rate-limited' });
  });

  it('lets a token for one session open one, whoever of many is first, and takes no place for the others', async () => {
    const once = await backendToken({ origin: ORIGIN, once: true });
    const all = await Promise.allSettled(Array.from({ length: 20 }, () => admit(request({ token: once }))));
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const one of all) if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'token-invalid' });
    expect(await shared.leased(`sessions:${tenant.id}`)).toBe(1);
    await expect(admit(request({ token: once, isRenewal: true }))).rejects.toMatchObject({ code: 'token-invalid' });
  });

  it('lets no token open two sessions where the tenant says so, and does not use up one that it refuses', async () => {
    singleUse = true;
    const own = await token();
    await expect(admit(request({ token: own, origin: 'https://b.example' }))).rejects.toMatchObject({
      code: 'origin-refused',
    });
    await expect(admit(request({ token: own }))).resolves.toBeDefined();
    await expect(admit(request({ token: own }))).rejects.toMatchObject({ code: 'token-invalid' });
    await expect(admit(request({ token: await token() }))).resolves.toBeDefined();
  });

  it('refuses what was revoked, as a renewal too', async () => {
    const own = await token();
    await admit(request({ token: own }));
    await revocations.revoke(tenant.id, { kind: 'subject', value: 'sub_1' });
    for (const isRenewal of [false, true])
      await expect(admit(request({ token: own, isRenewal }))).rejects.toMatchObject({ code: 'token-revoked' });
  });

  it('takes no place for a caller who has gone', async () => {
    const gone = new AbortController();
    gone.abort();
    await expect(admit(request({ token: await token(), signal: gone.signal }))).rejects.toThrow();
    expect(await shared.leased(`sessions:${tenant.id}`)).toBe(0);
  });
});

describe('the operator', () => {
  it('is whoever holds the token, and nobody without one', () => {
    expect(() => requireOperator('Bearer sesame', 'sesame')).not.toThrow();
    expect(() => requireOperator('bearer sesame', 'sesame')).not.toThrow();
    for (const [header, admin] of [
      [undefined, 'sesame'],
      ['Bearer ', 'sesame'],
      ['Bearer other', 'sesame'],
      ['Basic sesame', 'sesame'],
      ['Bearer sesame', undefined],
      ['Bearer ', undefined],
      [undefined, undefined],
    ] as const)
      expect(() => requireOperator(header, admin)).toThrow(expect.objectContaining({ code: 'auth-required' }));
  });
});
