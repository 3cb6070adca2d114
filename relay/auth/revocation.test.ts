import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { memoryBroadcast, type Broadcast } from '../shared-state/broadcast.ts';
import { openStore, type Store } from '../store/store.ts';
import { createDirectory } from '../tenants/directory.ts';
import { virtualClock, type VirtualClock } from '../testing/virtual-clock.ts';
import {
  createRevocations,
  LOOK_EVERY_MS,
  type LiveSessions,
  type RevocableToken,
  type RevocationRecords,
  type Revocations,
} from './revocation.ts';

let dir: string;
let store: Store;
let clock: VirtualClock;
let broadcast: Broadcast;
let tenant: string;
let other: string;
let publishableKey: string;
let problems: unknown[];
let stops: (() => void)[];
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'vjj-revoke-'));
  clock = virtualClock();
  broadcast = memoryBroadcast();
  problems = [];
  stops = [];
  store = await openStore({ file: join(dir, 'vjj.db'), masterKey: 'm'.repeat(40), now: () => clock.wallNow() });
  const directory = createDirectory({ store, clock, model: 'm', firstTenantOrigins: [] });
  const acme = await directory.createTenant({ name: 'Acme', slug: 'acme', origins: [] });
  ({ publishableKey } = acme);
  tenant = acme.tenant.id;
  other = (await directory.createTenant({ name: 'Globex', slug: 'globex', origins: [] })).tenant.id;
  await store.tenantKeys.add({
    ...{ kid: 'hs', tenantId: tenant, name: 'ours', alg: 'HS256', kind: 'secret' },
    ...{ material: Buffer.alloc(32, 7).toString('base64url'), notBefore: clock.wallNow(), notAfter: null },
  });
});
afterEach(async () => {
  for (const stop of stops) stop();
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

/** One instance of the relay. */
function instance(over: { store?: RevocationRecords } = {}): Revocations & { changes: string[] } {
  const changes: string[] = [];
  const made = createRevocations({
    ...{ store, broadcast, clock, ...over },
    onChange: (id) => void changes.push(id),
    onProblem: (error) => void problems.push(error),
  });
  return { ...made, changes };
}
const issued = (over: Partial<RevocableToken> = {}): RevocableToken => ({
  ...{ tenant, subject: 'sub_1', id: 'tok_1', kids: ['hs'], issuedAtMs: clock.wallNow() },
  ...over,
});
/** Live sessions by name, each with its token. */
function sessions(table: Record<string, RevocableToken>): LiveSessions & { ended: string[]; settled: Promise<void> } {
  const live = new Map(Object.entries(table));
  const ended: string[] = [];
  let tell: () => void = () => undefined;
  return {
    ended,
    settled: new Promise((resolve) => (tell = resolve)),
    tenants: () => [...live.values()].map((token) => token.tenant),
    endRevoked(id, isRevoked) {
      const gone = [...live].filter(([, token]) => token.tenant === id && isRevoked(token)).map(([name]) => name);
      for (const name of gone) live.delete(name);
      ended.push(...gone);
      if (gone.length > 0) tell();
      return gone.length;
    },
  };
}
const watching = (relay: Revocations, live: LiveSessions) => void stops.push(relay.watch(live));

describe('what is revoked', () => {
  it('is no publishable key that was made after the last look: its pages are let in at once', async () => {
    const relay = instance();
    expect(await relay.holds(issued())).toBe(true);
    await store.publishableKeys.add(tenant, 'pk_new');
    expect(await relay.holds(issued({ kids: ['relay-key', 'pk_new'] }))).toBe(true);
    await relay.revoke(tenant, { kind: 'key', value: 'pk_new' });
    expect(await relay.holds(issued({ kids: ['relay-key', 'pk_new'] }))).toBe(false);
  });

  it.each<[string, { kind: 'token' | 'subject' | 'key' | 'tenant'; value: string }, string[]]>([
    ['a token', { kind: 'token', value: 'tok_1' }, ['mine']],
    ['an end user', { kind: 'subject', value: 'sub_1' }, ['mine', 'again']],
    ['a signing key', { kind: 'key', value: 'hs' }, ['mine', 'again', 'friend']],
    ['a key set', { kind: 'key', value: 'set' }, ['published']],
    ['a key of a set', { kind: 'key', value: 'e1' }, ['published']],
    ['a tenant', { kind: 'tenant', value: '' }, ['mine', 'again', 'friend', 'published', 'page']],
  ])('%s ends the sessions it opened, here before it is answered, and no other', async (_what, what, gone) => {
    const relay = instance();
    const all = {
      mine: issued(),
      again: issued({ id: 'tok_2' }),
      friend: issued({ id: 'tok_3', subject: 'sub_2' }),
      published: issued({ id: 'tok_4', subject: 'sub_3', kids: ['e1', 'set'] }),
      page: issued({ id: 'tok_5', subject: 'sub_4', kids: ['relay-key', publishableKey] }),
      stranger: issued({ tenant: other }),
    };
    const live = sessions(all);
    watching(relay, live);
    await relay.revoke(tenant, what);
    expect(live.ended).toEqual(gone);
    for (const [name, token] of Object.entries(all)) expect(await relay.holds(token)).toBe(!gone.includes(name));
    // Once more is no mistake.
    await relay.revoke(tenant, what);
  });

  it('is a publishable key, when it is revoked by name or was taken out by others', async () => {
    const relay = instance();
    const page = issued({ kids: ['relay-key', publishableKey] });
    const live = sessions({ page });
    watching(relay, live);
    expect(await relay.holds(page)).toBe(true);
    await relay.revoke(tenant, { kind: 'key', value: publishableKey });
    expect(live.ended).toEqual(['page']);
    expect((await store.publishableKeys.list(tenant))[0]?.status).toBe('revoked');
  });

  it('stays in the store: a stored key that was revoked by kid is so there', async () => {
    const relay = instance();
    await relay.revoke(tenant, { kind: 'key', value: 'hs' });
    expect((await store.tenantKeys.byKid(tenant, 'hs'))?.revokedAt).not.toBeNull();
    expect(await instance().holds(issued())).toBe(false);
  });

  it('is not what is issued afterwards: an end user may come back with a new token, a used key may not', async () => {
    const relay = instance();
    await relay.revoke(tenant, { kind: 'subject', value: 'sub_1' });
    expect(await relay.holds(issued())).toBe(false);
    clock.advance(1_000);
    expect(await relay.holds(issued())).toBe(true);
    await relay.revoke(tenant, { kind: 'token', value: 'tok_9' });
    clock.advance(60_000);
    expect(await relay.holds(issued({ id: 'tok_9' }))).toBe(false);
  });

  it('is remembered for as long as a token of its time could live, and longer than that for keys', async () => {
    const relay = instance();
    const old = issued({ kids: ['e1'] });
    await relay.revoke(tenant, { kind: 'subject', value: 'sub_1' });
    await relay.revoke(tenant, { kind: 'key', value: 'e1' });
    clock.advance(600_000 + 60_000 - 1);
    expect((await store.revocations.inForce(tenant, clock.wallNow())).map(({ kind }) => kind).sort()).toEqual([
      'key',
      'subject',
    ]);
    clock.advance(86_400_000);
    expect((await store.revocations.inForce(tenant, clock.wallNow())).map(({ kind }) => kind)).toEqual(['key']);
    expect(await relay.holds({ ...old, issuedAtMs: clock.wallNow() })).toBe(false);
  });

  it('is everything of a tenant that is suspended or gone, until it is restored', async () => {
    const relay = instance();
    const live = sessions({ mine: issued() });
    watching(relay, live);
    await store.tenants.setStatus(tenant, 'suspended');
    await relay.changed(tenant);
    expect(live.ended).toEqual(['mine']);
    expect(await relay.holds(issued())).toBe(false);
    await store.tenants.setStatus(tenant, 'active');
    await relay.changed(tenant);
    expect(await relay.holds(issued())).toBe(true);
    expect(await relay.holds(issued({ tenant: 'ten_none' }))).toBe(false);
    expect(relay.changes).toEqual([tenant, tenant]);
  });
});

describe('a revocation that was made elsewhere', () => {
  it('ends sessions here at once when the other instance says so', async () => {
    const [here, there] = [instance(), instance()];
    const live = sessions({ mine: issued() });
    watching(here, live);
    await there.revoke(tenant, { kind: 'token', value: 'tok_1' });
    await live.settled;
    expect(live.ended).toEqual(['mine']);
    expect(here.changes).toContain(tenant);
  });

  it('ends them within a second when nobody says so', async () => {
    const here = instance();
    const live = sessions({ mine: issued() });
    watching(here, live);
    expect(await here.holds(issued())).toBe(true);
    await store.revocations.add({
      ...{ tenantId: tenant, kind: 'token', value: 'tok_1' },
      ...{ issuedBefore: clock.wallNow(), expiresAt: clock.wallNow() + 600_000 },
    });
    clock.advance(LOOK_EVERY_MS);
    await live.settled;
    expect(live.ended).toEqual(['mine']);
    expect(await here.holds(issued())).toBe(false);
  });

  it('is asked for once by many who come at once, and once a second by those who come later', async () => {
    let asked = 0;
    const inForce = (id: string, now: number) => {
      asked += 1;
      return store.revocations.inForce(id, now);
    };
    const counted: RevocationRecords = { ...store, revocations: { add: (row) => store.revocations.add(row), inForce } };
    const here = instance({ store: counted });
    await Promise.all(Array.from({ length: 20 }, () => here.holds(issued())));
    clock.advance(LOOK_EVERY_MS - 1);
    await here.holds(issued());
    expect(asked).toBe(1);
    clock.advance(1);
    await here.holds(issued());
    expect(asked).toBe(2);
  });

  it('leaves what is known in force while the store does not answer, and lets nobody in who was never looked up', async () => {
    let isDown = false;
    const inForce = (id: string, now: number) =>
      isDown ? Promise.reject(new Error('down')) : store.revocations.inForce(id, now);
    const shaky: RevocationRecords = { ...store, revocations: { add: (row) => store.revocations.add(row), inForce } };
    const here = instance({ store: shaky });
    expect(await here.holds(issued())).toBe(true);
    await here.revoke(tenant, { kind: 'token', value: 'tok_1' });
    isDown = true;
    clock.advance(60_000);
    expect(await here.holds(issued())).toBe(false);
    expect(await here.holds(issued({ id: 'tok_2' }))).toBe(true);
    await expect(here.holds(issued({ tenant: other }))).rejects.toThrow('down');
    await here.changed(tenant);
    expect(problems.length).toBeGreaterThan(2);
  });

  it('is believed of the newest answer, whichever comes last', async () => {
    const held: (() => void)[] = [];
    const slow: RevocationRecords = {
      ...store,
      revocations: {
        add: (row) => store.revocations.add(row),
        async inForce(id, now) {
          const rows = await store.revocations.inForce(id, now);
          if (held.length === 0) await new Promise<void>((resolve) => held.push(resolve));
          return rows;
        },
      },
    };
    const here = instance({ store: slow });
    const early = here.holds(issued());
    // The first read has its answer, from before the revocation, and is still on its way.
    while (held.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await here.revoke(tenant, { kind: 'token', value: 'tok_1' });
    held[0]?.();
    expect(await early).toBe(false);
    expect(await here.holds(issued())).toBe(false);
  });

  it('is looked for no more when nobody watches', async () => {
    const here = instance();
    const live = sessions({ mine: issued() });
    const stop = here.watch(live);
    stop();
    expect(clock.pending).toBe(0);
    await here.revoke(tenant, { kind: 'token', value: 'tok_1' });
    expect(live.ended).toEqual([]);
  });
});
