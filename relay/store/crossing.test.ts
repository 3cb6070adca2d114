/**
 * Two tenants and any order of calls: what is asked in one tenant's name, with whatever ids, shows
 * nothing of the other and changes nothing of it.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Store } from './store.ts';
import { acme, globex, onBoth, openFresh } from './testing/two-databases.ts';

const NOON = Date.parse('2026-11-23T12:00:00Z');
const page = { limit: 50 };

/** One row of every kind, its ids and words marked as the owner's. */
async function fill(store: Store, t: string, mark: string): Promise<void> {
  const session = { id: `ses_${mark}`, tenantId: t, subject: `sub_${mark}`, assistantId: `ast_${mark}` };
  await store.sessions.start({
    ...{ ...session, assistantVersion: 1, origin: null, instance: `ins_${mark}`, locale: null, startedAt: NOON },
  });
  await store.sessions.addTurn(
    {
      ...{ tenantId: t, sessionId: session.id, turn: 't1', startedMs: 0, endedMs: 1, outcome: 'answered' },
      ...{ userText: `said_${mark}`, heardText: null, unheardText: null, figures: '{}', cost: 5 },
    },
    false,
  );
  await store.usage.add([
    {
      ...{ id: `use_${mark}`, tenantId: t, sessionId: session.id, lane: 'B', kind: `kind_${mark}`, quantity: 1 },
      ...{ unit: 'tokens', cost: 3, priceDate: '2026-11-01', at: NOON },
    },
  ]);
  await store.apiKeys.add({
    ...{ id: `api_${mark}`, tenantId: t, name: `n_${mark}`, prefix: 'p', role: 'admin', expiresAt: null },
    sha256: `sha_${mark}_${t}`,
  });
  await store.tenantKeys.add({
    ...{ kid: `kid_${mark}`, tenantId: t, name: '', alg: 'HS256', kind: 'secret', material: `material_${mark}` },
    ...{ notBefore: 0, notAfter: null },
  });
  await store.providerKeys.put(t, `sk_${mark}`);
  await store.revocations.add({
    ...{ tenantId: t, kind: 'token', value: `tok_${mark}`, issuedBefore: 1, expiresAt: NOON * 2 },
  });
  await store.webhooks.add({
    ...{ id: `whk_${mark}`, tenantId: t, url: `https://${mark}.example`, events: [], status: 'active' },
    secrets: [`whsec_${mark}`],
  });
  await store.webhooks.enqueue([
    { id: `msg_${mark}`, tenantId: t, webhookId: `whk_${mark}`, event: 'e', body: mark, nextAt: NOON * 2 },
  ]);
  await store.people.add({
    id: `usr_${mark}_${t}`,
    tenantId: t,
    email: `${mark}@${t}.example`,
    role: 'admin',
    passwordHash: null,
  });
  await store.audit.add({ tenantId: t, actor: mark, action: 'fill', target: `sub_${mark}`, payload: mark });
  await store.limits.put(t, { concurrentSessions: 5 });
  await store.checkpoints.save(checkpoint(t, mark), `{"said":"${mark}"}`);
}

const checkpoint = (t: string, mark: string) => ({
  ...{ tenantId: t, sessionId: `ses_${mark}`, subject: `sub_${mark}`, holder: 'ins_1', version: 1 },
  ...{ secretHash: 'aa', savedAt: 1 },
});

/** Everything that a tenant can see of itself, in one text. */
async function view(store: Store, t: string, mark: string): Promise<string> {
  return JSON.stringify([
    await store.tenants.byId(t),
    await store.origins.list(t),
    await store.publishableKeys.list(t),
    await store.limits.of(t),
    await store.assistantRecords.list(t),
    await store.apiKeys.list(t),
    await store.tenantKeys.list(t),
    await store.providerKeys.open(t),
    await store.revocations.list(t, page),
    await store.sessions.find(t, page),
    await store.sessions.turns(t, `ses_${mark}`),
    await store.usage.ofSession(t, `ses_${mark}`),
    await store.usage.counts(t, ['2026-11', '2026-11-23']),
    await store.usage.days(t, '2026-11-23', '2026-11-24'),
    await store.webhooks.list(t),
    await store.webhooks.deliveries(t, `whk_${mark}`, page),
    await store.people.list(t),
    await store.audit.list(t, page),
    await store.audit.verify(t),
    (await store.checkpoints.find(`ses_${mark}`)).filter(({ tenantId }) => tenantId === t),
  ]);
}

/** Calls in the name of `t` about ids that end in `mark`, whoever owns them. */
const CALLS: Record<string, (store: Store, t: string, mark: string) => Promise<unknown>> = {
  origins: (s, t, mark) => s.origins.replace(t, [`https://${mark}.example`]),
  revokePublishable: (s, t, mark) => s.publishableKeys.revoke(t, `pk_${mark}${t.slice(5)}`),
  assistantNewest: (s, t, mark) => s.assistants.newest(t, `ast_${mark}`),
  assistantVersions: (s, t, mark) => s.assistantRecords.versions(t, `ast_${mark}`),
  assistantAt: (s, t, mark) => s.assistantRecords.at(t, `ast_${mark}`, 1),
  assistantAdd: (s, t, mark) => s.assistants.add(t, { id: `ast_${mark}`, version: 7, document: '{}' }),
  limits: (s, t) => s.limits.put(t, { connectsPerMinute: 1 }),
  apiUsed: (s, t, mark) => s.apiKeys.used(t, `api_${mark}`, 5),
  apiRevoke: (s, t, mark) => s.apiKeys.revoke(t, `api_${mark}`),
  keyByKid: (s, t, mark) => s.tenantKeys.byKid(t, `kid_${mark}`),
  keyRetire: (s, t, mark) => s.tenantKeys.retire(t, `kid_${mark}`, 9),
  keyRevoke: (s, t, mark) => s.tenantKeys.revoke(t, `kid_${mark}`),
  providerPut: (s, t) => s.providerKeys.put(t, 'sk_changed'),
  providerRemove: (s, t) => s.providerKeys.remove(t),
  revoke: (s, t, mark) =>
    s.revocations.add({ tenantId: t, kind: 'token', value: `tok_${mark}`, issuedBefore: 99, expiresAt: NOON * 3 }),
  inForce: (s, t) => s.revocations.inForce(t, 1),
  session: (s, t, mark) => s.sessions.byId(t, `ses_${mark}`),
  turns: (s, t, mark) => s.sessions.turns(t, `ses_${mark}`),
  find: (s, t, mark) => s.sessions.find(t, { ...page, search: mark }),
  end: (s, t, mark) => s.sessions.end(t, `ses_${mark}`, { endedAt: 1, closeCode: 1000 }),
  start: (s, t, mark) =>
    s.sessions.start({
      ...{ id: `ses_${mark}`, tenantId: t, subject: 'x', assistantId: 'x', assistantVersion: 1, origin: null },
      ...{ instance: 'x', locale: null, startedAt: NOON },
    }),
  goOn: (s, t, mark) => s.sessions.goOn(t, `ses_${mark}`, 'ins_x'),
  checkpoint: (s, t, mark) => s.checkpoints.save({ ...checkpoint(t, mark), subject: 'x', savedAt: 9 }, '{}'),
  checkpointTake: (s, t, mark) => s.checkpoints.take(checkpoint(t, mark), 'ins_x'),
  checkpointLetGo: (s, t, mark) => s.checkpoints.letGo(checkpoint(t, mark), 5),
  checkpointRemove: (s, t, mark) => s.checkpoints.remove(checkpoint(t, mark)),
  addTurn: (s, t, mark) =>
    s.sessions.addTurn(
      {
        ...{ tenantId: t, sessionId: `ses_${mark}`, turn: 't9', startedMs: 0, endedMs: 0, outcome: 'x' },
        ...{ userText: null, heardText: null, unheardText: null, figures: '{}', cost: 1 },
      },
      true,
    ),
  erase: (s, t, mark) => s.sessions.eraseSubject(t, `sub_${mark}`),
  forgetTexts: (s, t) => s.sessions.forgetTexts(t, NOON * 2),
  removeOld: (s, t) => s.sessions.removeOld(t, NOON * 2),
  use: (s, t, mark) =>
    s.usage.add([
      {
        ...{ id: `use_${mark}`, tenantId: t, sessionId: `ses_${mark}`, lane: 'A', kind: 'x', quantity: 1 },
        ...{ unit: 'tokens', cost: 50, priceDate: '2026-11-01', at: NOON },
      },
    ]),
  talk: (s, t, mark) => s.usage.addTalk(t, `ses_${mark}`, 100, NOON),
  used: (s, t, mark) => s.usage.ofSession(t, `ses_${mark}`),
  hookChange: (s, t, mark) => s.webhooks.change(t, `whk_${mark}`, { url: 'https://changed.example', secrets: ['x'] }),
  hookRemove: (s, t, mark) => s.webhooks.remove(t, `whk_${mark}`),
  enqueue: (s, t, mark) =>
    s.webhooks.enqueue([
      { id: `msg_${mark}`, tenantId: t, webhookId: `whk_${mark}`, event: 'x', body: 'x', nextAt: NOON * 2 },
    ]),
  settle: (s, t, mark) => s.webhooks.settle(t, `msg_${mark}`, { status: 'dead', nextAt: 0, lastResult: 'x' }),
  replay: (s, t, mark) => s.webhooks.replay(t, `msg_${mark}`, 1),
  deliveries: (s, t, mark) => s.webhooks.deliveries(t, `whk_${mark}`, page),
  userRemove: (s, t, mark) => s.people.remove(t, `usr_${mark}_${t.replace('_a', mark === 'acme' ? '_a' : '_g')}`),
  audit: (s, t, mark) => s.audit.add({ tenantId: t, actor: 'x', action: 'x', target: `sub_${mark}`, payload: 1 }),
  auditErase: (s, t, mark) => s.audit.erase(t, `sub_${mark}`),
};

onBoth('two tenants', (kind) => {
  it('see and change nothing of each other, in any order of calls with any ids', async () => {
    const calls = fc.array(
      fc.record({ name: fc.constantFrom(...Object.keys(CALLS)), mark: fc.constantFrom('acme', 'globex') }),
      { minLength: 1, maxLength: 25 },
    );
    const opened = await openFresh(kind, NOON);
    const { store } = opened;
    try {
      let run = 0;
      await fc.assert(
        fc.asyncProperty(calls, async (list) => {
          run += 1;
          // New tenants each time, with the same ids of rows: ids are a tenant's own.
          const [t, other] = [`ten_a${run}`, `ten_g${run}`];
          const marked = (mark: string) => ({ publishableKey: `pk_${mark}${run}`, slug: `${mark}${run}` });
          const assistant = (mark: string) => ({ id: `ast_${mark}`, version: 1, document: `"doc_${mark}"` });
          await store.tenants.create({ ...acme, ...marked('acme'), id: t, assistant: assistant('acme') });
          await store.tenants.create({ ...globex, ...marked('globex'), id: other, assistant: assistant('globex') });
          await fill(store, t, 'acme');
          await fill(store, other, 'globex');
          const before = await view(store, other, 'globex');
          for (const { name, mark } of list) {
            const answer = await CALLS[name]!(store, t, mark).catch((error: unknown) => {
              expect(['conflict', 'not-found']).toContain((error as { code?: string }).code);
            });
            const shown = JSON.stringify([answer]);
            for (const secret of [
              'said_globex',
              'material_globex',
              'doc_globex',
              'sk_globex',
              'whsec_globex',
              'kind_globex',
            ])
              expect(shown).not.toContain(secret);
            expect(shown).not.toContain(other);
          }
          expect(await view(store, other, 'globex')).toBe(before);
          await store.tenants.remove(t);
          expect(await view(store, other, 'globex')).toBe(before);
          await store.tenants.remove(other);
        }),
        { numRuns: 15 },
      );
    } finally {
      await opened.close();
    }
  }, 60_000);
});
