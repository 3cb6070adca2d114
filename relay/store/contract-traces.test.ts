/** What every adapter of the store does: conversations, what they cost, and whom they concern. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SessionRow, UsageRow } from './records.ts';
import type { Store } from './store.ts';
import { acme, globex, onBoth, openFresh, type Opened } from './testing/two-databases.ts';

const T = acme.id;
const U = globex.id;
const DAY = 86_400_000;
const NOON = Date.parse('2026-11-23T12:00:00Z');

onBoth('what is left of conversations', (kind) => {
  let opened: Opened;
  let store: Store;
  beforeEach(async () => {
    opened = await openFresh(kind, NOON);
    store = opened.store;
    await store.tenants.create(acme);
    await store.tenants.create({ ...globex, limits: { concurrentSessions: 7 } });
  });
  afterEach(() => opened.close());

  const newSession = (more: Partial<SessionRow> = {}) => ({
    ...{ id: 'ses_1', tenantId: T, subject: 'user-1', assistantId: 'ast_1', assistantVersion: 1 },
    ...{ origin: 'https://acme.example', instance: 'ins_1', locale: 'de-DE', startedAt: NOON, ...more },
  });
  const newTurn = (more: object = {}) => ({
    ...{ tenantId: T, sessionId: 'ses_1', turn: 't1', startedMs: 100, endedMs: 900.4, outcome: 'answered' },
    ...{ userText: 'Wo ist der Ärmel?', heardText: 'Da 100%', unheardText: null, figures: '{"first":1}', cost: 12.4 },
    ...more,
  });

  describe('conversations', () => {
    it('are counted with their turns, each once', async () => {
      await store.sessions.start(newSession());
      await expect(store.sessions.start(newSession())).rejects.toMatchObject({ code: 'conflict' });
      await store.sessions.addTurn(newTurn(), true);
      await store.sessions.addTurn(newTurn(), true);
      await store.sessions.addTurn(newTurn({ turn: 't2', startedMs: 50 }), false);
      await store.usage.addTalk(T, 'ses_1', 1_500.6, NOON);
      await store.sessions.end(T, 'ses_1', { endedAt: NOON + 5, closeCode: 1000 });
      await store.sessions.end(T, 'ses_1', { endedAt: NOON + 9, closeCode: 4001 });
      expect(await store.sessions.byId(T, 'ses_1')).toEqual({
        ...newSession(),
        ...{ endedAt: NOON + 5, closeCode: 1000, turns: 2, interruptions: 1, cost: 24, talkMs: 1_501 },
        ...{ rating: null, comment: null },
      });
      expect((await store.sessions.turns(T, 'ses_1')).map(({ turn }) => turn)).toEqual(['t2', 't1']);
      expect(await store.usage.days(T, '2026-11-22', '2026-11-25')).toMatchObject([
        { day: '2026-11-22', sessions: 0, turns: 0, talkMs: 0 },
        { day: '2026-11-23', sessions: 1, turns: 2, talkMs: 1_501 },
        { day: '2026-11-24', sessions: 0 },
      ]);
      await expect(store.sessions.addTurn(newTurn({ sessionId: 'ses_9' }), false)).rejects.toMatchObject({
        code: 'not-found',
      });
    });

    it('are found by time, by whether they live, and by part of a subject, an id or what was said', async () => {
      for (let i = 0; i < 5; i++)
        await store.sessions.start(newSession({ id: `ses_${i}`, subject: `User-${i}`, startedAt: NOON + (i % 3) }));
      await store.sessions.addTurn(newTurn({ sessionId: 'ses_3' }), false);
      await store.sessions.end(T, 'ses_4', { endedAt: NOON, closeCode: 1000 });
      const found: string[] = [];
      for (let after: string | undefined; ;) {
        const page = await store.sessions.find(T, { limit: 2, ...(after !== undefined && { after }) });
        found.push(...page.rows.map(({ id }) => id));
        if (page.next === undefined) break;
        after = page.next;
      }
      expect(found).toEqual(['ses_2', 'ses_4', 'ses_1', 'ses_3', 'ses_0']);
      const ids = async (query: object) =>
        (await store.sessions.find(T, { limit: 50, ...query })).rows.map(({ id }) => id);
      expect(await ids({ search: 'USER-3' })).toEqual(['ses_3']);
      expect(await ids({ search: 'ses_4' })).toEqual(['ses_4']);
      expect(await ids({ search: 'ärmel' })).toEqual(['ses_3']);
      expect(await ids({ search: '100%' })).toEqual(['ses_3']);
      expect(await ids({ search: '10_%' })).toEqual([]);
      expect(await ids({ isLive: false })).toEqual(['ses_4']);
      expect(await ids({ isLive: true, from: NOON + 1, to: NOON + 2 })).toEqual(['ses_1']);
      await expect(store.sessions.find(T, { limit: 2, after: 'nonsense' })).rejects.toMatchObject({
        ...{ code: 'bad-request', at: 'after' },
      });
    });

    it('lose the words and the name of whom asks for it, and of all when they are old', async () => {
      await store.sessions.start(newSession());
      await store.sessions.start(newSession({ id: 'ses_2', subject: 'user-2', startedAt: NOON - DAY }));
      await store.sessions.start(newSession({ tenantId: U }));
      for (const [tenantId, sessionId] of [
        [T, 'ses_1'],
        [T, 'ses_2'],
        [U, 'ses_1'],
      ])
        await store.sessions.addTurn(newTurn({ tenantId, sessionId }), false);
      expect(await store.sessions.eraseSubject(T, 'user-1')).toBe(1);
      expect(await store.sessions.eraseSubject(T, 'user-1')).toBe(0);
      expect(await store.sessions.eraseSubject(T, '')).toBe(0);
      expect((await store.sessions.byId(T, 'ses_1'))?.subject).toBe('');
      const said = async (tenantId: string, id: string) => (await store.sessions.turns(tenantId, id))[0]?.userText;
      expect([await said(T, 'ses_1'), await said(T, 'ses_2'), await said(U, 'ses_1')]).toEqual([
        ...[null, 'Wo ist der Ärmel?', 'Wo ist der Ärmel?'],
      ]);
      expect((await store.sessions.find(T, { limit: 9, search: 'ärmel' })).rows).toHaveLength(1);
      expect(await store.sessions.forgetTexts(T, NOON)).toBe(1);
      expect(await said(T, 'ses_2')).toBeNull();
      expect(await store.sessions.forgetTexts(null, NOON + 1)).toBe(1);
      await store.sessions.end(T, 'ses_2', { endedAt: NOON, closeCode: 1000 });
      expect(await store.sessions.removeOld(null, NOON)).toBe(1);
      expect(await store.sessions.removeOld(T, NOON + DAY)).toBe(0);
      expect(await store.sessions.turns(T, 'ses_2')).toEqual([]);
    });

    it('are rated as a whole and by turn, the newest rating counts, and what was said with it goes with the words', async () => {
      await store.sessions.start(newSession());
      await store.sessions.start(newSession({ tenantId: U }));
      await store.sessions.addTurn(newTurn(), false);
      const rate = (score: number, comment: string | null, turn: string | null = null) =>
        store.sessions.rate(T, 'ses_1', { score, comment, turn });
      expect([await rate(1, 'slow'), await rate(5, 'kind'), await rate(2, 'long', 't1')]).toEqual([true, true, true]);
      expect(await rate(3, null, 't9')).toBe(false);
      expect(await store.sessions.rate(T, 'ses_9', { score: 3, comment: null, turn: null })).toBe(false);
      expect(await store.sessions.byId(T, 'ses_1')).toMatchObject({ rating: 5, comment: 'kind' });
      expect(await store.sessions.byId(U, 'ses_1')).toMatchObject({ rating: null });
      expect(await store.sessions.turns(T, 'ses_1')).toMatchObject([{ rating: 2, comment: 'long' }]);
      await store.sessions.forgetTexts(T, NOON + 1);
      expect(await store.sessions.byId(T, 'ses_1')).toMatchObject({ rating: 5, comment: null });
      expect(await store.sessions.turns(T, 'ses_1')).toMatchObject([{ rating: 2, comment: null }]);
      await rate(4, 'my name is Ada');
      await rate(4, 'so it is', 't1');
      await store.sessions.eraseSubject(T, 'user-1');
      expect(await store.sessions.byId(T, 'ses_1')).toMatchObject({ rating: 4, comment: null });
      expect(await store.sessions.turns(T, 'ses_1')).toMatchObject([{ rating: 4, comment: null }]);
    });

    it('that a dead instance left are ended', async () => {
      for (const instance of ['ins_1', 'ins_2', 'ins_3'])
        await store.sessions.start(newSession({ id: instance, instance }));
      expect(await store.sessions.endLeftBy('ins_1', NOON + 9)).toBe(1);
      expect(await store.sessions.byId(T, 'ins_1')).toMatchObject({ endedAt: NOON + 9, closeCode: 1006 });
      expect(await store.sessions.endAllBut('ins_3', NOON + 9, newSession().startedAt)).toBe(0);
      expect(await store.sessions.endAllBut('ins_3', NOON + 9)).toBe(1);
      expect((await store.sessions.find(T, { limit: 9, isLive: true })).rows.map(({ id }) => id)).toEqual(['ins_3']);
      expect(await store.sessions.endAllBut(['ins_1', 'ins_3'], NOON + 9)).toBe(0);
      expect(await store.sessions.endAllBut(['ins_1', 'ins_2'], NOON + 9)).toBe(1);
    });
  });

  describe('usage', () => {
    const used = (id: string, more: Partial<UsageRow> = {}): UsageRow => ({
      ...{ id, tenantId: T, sessionId: 'ses_1', lane: 'B', kind: 'audio-out', quantity: 1.5, unit: 'seconds' },
      ...{ cost: 100, priceDate: '2026-11-01', at: NOON, ...more },
    });

    it('counts every event once, by lane, day and month, whatever is sent again', async () => {
      await store.usage.add([used('u1'), used('u2', { lane: 'C', cost: 7 }), used('u1')]);
      await store.usage.add([
        used('u1'),
        used('u3', { at: NOON + DAY, cost: 3_000_000_000.4 }),
        used('u1', { tenantId: U }),
      ]);
      expect(await store.usage.counts(T, ['2026-11', '2026-11-23', '2026-12'])).toEqual([
        { period: '2026-11', talkMs: 0, cost: 3_000_000_107 },
        { period: '2026-11-23', talkMs: 0, cost: 107 },
        { period: '2026-12', talkMs: 0, cost: 0 },
      ]);
      expect(await store.usage.counts(T, [])).toEqual([]);
      expect((await store.usage.days(T, '2026-11-23', '2026-11-24'))[0]).toMatchObject({
        ...{ cost: 107, costByLane: { A: 0, B: 100, C: 7 } },
      });
      expect((await store.usage.ofSession(T, 'ses_1')).map(({ id, quantity }) => [id, quantity])).toEqual([
        ...[
          ['u1', 1.5],
          ['u2', 1.5],
          ['u3', 1.5],
        ],
      ]);
      expect(await store.usage.ofSession(U, 'ses_1')).toHaveLength(1);
    });

    it('counts the time of a conversation once, however often and in whatever order it is told', async () => {
      const other = await opened.other();
      await store.sessions.start(newSession());
      const parts = [1_000, 2_000, 3_000].flatMap((totalMs) => [
        { run: 'a', totalMs },
        { run: 'b', totalMs },
      ]);
      await Promise.all(
        [...parts, ...parts].map((part, at) =>
          (at % 2 === 0 ? store : other).usage.addTalk(T, 'ses_1', 1_000, NOON, part),
        ),
      );
      await store.usage.addTalk(T, 'ses_1', 1_000, NOON, { run: 'a', totalMs: 2_000 });
      expect(await store.usage.counts(T, ['2026-11-23'])).toEqual([{ period: '2026-11-23', talkMs: 6_000, cost: 0 }]);
      expect(await store.sessions.byId(T, 'ses_1')).toMatchObject({ talkMs: 6_000 });
      expect(await store.usage.ofSession(T, 'ses_1')).toEqual([]);
    });

    it('counts the time of many conversations together, all of it or nothing', async () => {
      await store.sessions.start(newSession());
      await store.sessions.start(newSession({ id: 'ses_2' }));
      const span = (sessionId: string, totalMs: number, tenantId = T) => ({
        ...{ tenantId, sessionId, talkMs: 1_000, part: { run: 'a', totalMs } },
      });
      await store.usage.addTalks([span('ses_1', 1_000), span('ses_2', 1_500.4), span('ses_u', 70, U)], NOON);
      await store.usage.addTalks([span('ses_2', 1_500.4), span('ses_1', 1_900)], NOON);
      await expect(
        store.usage.addTalks([span('ses_1', 9_000), span('ses_9', 9_000, 'ten_9')], NOON),
      ).rejects.toMatchObject({ code: 'not-found' });
      expect(await store.sessions.byId(T, 'ses_1')).toMatchObject({ talkMs: 1_900 });
      expect(await store.sessions.byId(T, 'ses_2')).toMatchObject({ talkMs: 1_500 });
      expect(await store.usage.counts(T, ['2026-11-23', '2026-11'])).toMatchObject([
        { talkMs: 3_400 },
        { talkMs: 3_400 },
      ]);
      expect(await store.usage.counts(U, ['2026-11-23'])).toMatchObject([{ talkMs: 70 }]);
    });

    it('takes more rows at once than fit into one statement, each once', async () => {
      const many = Array.from({ length: 450 }, (_, i) => used(`m${i % 430}`, { cost: 1 }));
      await store.usage.add(many);
      await store.usage.add(many);
      expect((await store.usage.counts(T, ['2026-11']))[0]?.cost).toBe(430);
    });

    it('adds up when many add at once', async () => {
      const other = await opened.other();
      await Promise.all(
        Array.from({ length: 40 }, async (_, i) => {
          const at = i % 2 === 0 ? store : other;
          await at.usage.addTalk(T, 'ses_1', 10, NOON);
          await at.usage.add([
            used(`u${i}`, { cost: 1 }),
            used(`x${i % 5}`, { cost: 1, tenantId: i % 3 === 0 ? U : T }),
          ]);
        }),
      );
      expect(await store.usage.counts(T, ['2026-11'])).toEqual([{ period: '2026-11', talkMs: 400, cost: 45 }]);
      expect((await store.usage.counts(U, ['2026-11-23']))[0]?.cost).toBe(5);
    });
  });

  describe('webhooks', () => {
    const hook = { id: 'whk_1', tenantId: T, url: 'https://h.example/', events: ['a'], secrets: ['whsec_x'] };
    const message = (id: string, nextAt: number, more: object = {}) => ({
      ...{ id, tenantId: T, webhookId: 'whk_1', event: 'a', body: '{}', nextAt, ...more },
    });
    beforeEach(() => store.webhooks.add({ ...hook, status: 'active' }));

    it('are changed and removed, their secrets opened for whoever delivers', async () => {
      expect(await store.webhooks.list(T)).toMatchObject([{ ...hook, status: 'active' }]);
      const to = {
        url: 'https://i.example/',
        events: [],
        status: 'disabled',
        secrets: ['whsec_y', 'whsec_x'],
      } as const;
      expect(await store.webhooks.change(T, 'whk_1', { ...to, events: [], secrets: [...to.secrets] })).toBe(true);
      expect(await store.webhooks.list(T)).toMatchObject([to]);
      expect(await store.webhooks.change(T, 'whk_1', {})).toBe(true);
      expect(await store.webhooks.change(U, 'whk_1', {})).toBe(false);
      expect(await store.webhooks.remove(U, 'whk_1')).toBe(false);
      expect(await store.webhooks.remove(T, 'whk_1')).toBe(true);
      await expect(store.webhooks.enqueue([message('msg_1', 0)])).rejects.toMatchObject({ code: 'not-found' });
    });

    it('deliver what is due, once at a time, until it is settled; dead ones are sent again on demand', async () => {
      await store.webhooks.enqueue([message('m1', 10), message('m2', 20), message('m3', 99), message('m1', 10)]);
      const claimed = await store.webhooks.claimDue(50, 10, 1_000);
      expect(claimed.map(({ id, url, secrets }) => [id, url, secrets]).sort()).toEqual([
        ['m1', hook.url, hook.secrets],
        ['m2', hook.url, hook.secrets],
      ]);
      expect(await store.webhooks.claimDue(60, 10, 1_000)).toEqual([]);
      await store.webhooks.settle(T, 'm1', { status: 'delivered', nextAt: 0, lastResult: '200' });
      await store.webhooks.settle(T, 'm2', { status: 'dead', nextAt: 0, lastResult: 'timeout' });
      expect(await store.webhooks.replay(T, 'm2', 70)).toBe(true);
      expect(await store.webhooks.replay(T, 'm3', 70)).toBe(false);
      expect(await store.webhooks.replay(U, 'm1', 70)).toBe(false);
      expect(await store.webhooks.claimDue(80, 10, 1_000)).toMatchObject([
        { id: 'm2', attempts: 0, lastResult: 'timeout' },
      ]);
      const first = await store.webhooks.deliveries(T, 'whk_1', { limit: 2 });
      const rest = await store.webhooks.deliveries(T, 'whk_1', { limit: 2, after: first.next! });
      expect([...first.rows, ...rest.rows].map(({ id, status }) => [id, status])).toEqual([
        ...[
          ['m3', 'pending'],
          ['m2', 'pending'],
          ['m1', 'delivered'],
        ],
      ]);
      expect(await store.webhooks.forgetSettled(NOON + DAY)).toBe(1);
    });

    it('that are disabled deliver nothing, and go on where they were', async () => {
      await store.webhooks.enqueue([message('m1', 10)]);
      await store.webhooks.change(T, 'whk_1', { status: 'disabled' });
      expect(await store.webhooks.claimDue(50, 10, 1_000)).toEqual([]);
      await store.webhooks.change(T, 'whk_1', { status: 'active' });
      expect(await store.webhooks.claimDue(50, 10, 1_000)).toHaveLength(1);
    });

    it('give each delivery to one of several instances', async () => {
      await store.webhooks.enqueue(Array.from({ length: 60 }, (_, i) => message(`m${i}`, i)));
      const other = await opened.other();
      const claims = await Promise.all(
        Array.from({ length: 12 }, (_, i) => (i % 2 === 0 ? store : other).webhooks.claimDue(100, 5, 1_000)),
      );
      const ids = claims.flat().map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      ids.push(...(await store.webhooks.claimDue(100, 100, 1_000)).map(({ id }) => id));
      expect(new Set(ids).size).toBe(60);
    });
  });

  describe('people', () => {
    it('sign in, are known by the hash of their cookie until it expires, and sign out', async () => {
      const ann = { id: 'usr_1', tenantId: T, email: 'Ann@Acme.example', role: 'admin' as const, passwordHash: null };
      await store.people.add(ann);
      await store.people.add({ ...ann, id: 'usr_2', tenantId: null, role: 'operator', email: 'op@relay.example' });
      await expect(store.people.add({ ...ann, id: 'usr_3', email: 'ann@acme.example' })).rejects.toMatchObject({
        code: 'conflict',
      });
      await store.people.setPassword('usr_1', 'argon');
      expect(await store.people.byEmail(' ANN@acme.example')).toMatchObject({ id: 'usr_1', passwordHash: 'argon' });
      expect((await store.people.list(null)).map(({ id }) => id)).toEqual(['usr_2']);
      for (const hash of ['c1', 'c2', 'c3'])
        await store.people.signIn({
          hash,
          userId: 'usr_1',
          csrf: 'x',
          createdAt: 1,
          expiresAt: hash === 'c3' ? 50 : 100,
        });
      expect(await store.people.signedIn('c1', 99)).toMatchObject({ user: { id: 'usr_1' }, csrf: 'x', expiresAt: 100 });
      expect(await store.people.signedIn('c1', 100)).toBeUndefined();
      await store.people.signOut('c1');
      expect(await store.people.signedIn('c1', 1)).toBeUndefined();
      expect(await store.people.forget(60)).toBe(1);
      await store.people.signOutEverywhere('usr_1');
      expect(await store.people.signedIn('c2', 1)).toBeUndefined();
      expect(await store.people.remove(U, 'usr_1')).toBe(false);
      expect(await store.people.remove(T, 'usr_1')).toBe(true);
      expect(await store.people.remove(null, 'usr_2')).toBe(true);
      expect(await store.people.byId('usr_1')).toBeUndefined();
    });

    it('may use a link once, and not after its time', async () => {
      await store.people.add({ id: 'usr_1', tenantId: T, email: 'a@b.c', role: 'viewer', passwordHash: null });
      await store.people.addLink({ hash: 'l1', userId: 'usr_1', expiresAt: 100 });
      await store.people.addLink({ hash: 'l2', userId: 'usr_1', expiresAt: 100 });
      const taken = await Promise.all([
        store.people.takeLink('l1', 99),
        (await opened.other()).people.takeLink('l1', 99),
      ]);
      expect(taken.filter((user) => user?.id === 'usr_1')).toHaveLength(1);
      expect(await store.people.takeLink('l2', 100)).toBeUndefined();
      expect(await store.people.takeLink('l2', 99)).toBeUndefined();
    });
  });

  describe('the audit', () => {
    const entry = (target: string, tenantId: string | null = T) => ({
      ...{ tenantId, actor: 'operator', action: 'change', target, payload: { target } },
    });

    it('is a chain for each tenant that holds when a payload is erased, also when many write at once', async () => {
      const other = await opened.other();
      await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          (i % 2 === 0 ? store : other).audit.add(entry(`t${i % 4}`, i % 5 === 0 ? null : T)),
        ),
      );
      expect(await store.audit.verify(T)).toEqual({ entries: 16 });
      expect(await store.audit.verify(null)).toEqual({ entries: 4 });
      expect(await store.audit.verify(U)).toEqual({ entries: 0 });
      expect(await store.audit.erase(T, 't1')).toBeGreaterThan(0);
      expect(await store.audit.verify(T)).toEqual({ entries: 16 });
      const first = await store.audit.list(T, { limit: 10 });
      const second = await store.audit.list(T, { limit: 10, after: first.next! });
      const rows = [...first.rows, ...second.rows];
      expect(rows.map(({ seq }) => seq)).toEqual(Array.from({ length: 16 }, (_, i) => 16 - i));
      for (const { target, payload } of rows) expect(payload).toBe(target === 't1' ? null : JSON.stringify({ target }));
      expect((await store.audit.list(null, { limit: 1 })).rows[0]).toMatchObject({ seq: 4, tenantId: null });
    });
  });

  describe('answers to repeated requests', () => {
    it('are remembered for a day and put once', async () => {
      const row = {
        scope: 'key:1',
        key: 'abc',
        requestHash: 'h',
        status: 201,
        body: '{"secret":"s"}',
        createdAt: NOON,
      };
      await store.idempotency.put(row);
      expect(await store.idempotency.get('key:1', 'abc')).toEqual(row);
      expect(await store.idempotency.get('key:2', 'abc')).toBeUndefined();
      await expect(store.idempotency.put(row)).rejects.toMatchObject({ code: 'conflict' });
      await store.idempotency.put({ ...row, createdAt: NOON + DAY, body: 'new' });
      expect((await store.idempotency.get('key:1', 'abc'))?.body).toBe('new');
      expect(await store.idempotency.forget(NOON + DAY + 1)).toBe(1);
    });
  });
});
