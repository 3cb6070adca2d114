/** What both databases do with one end user's data, with figures over all, and with what a conversation costs. */
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { SessionRow, UsageRow } from './records.ts';
import type { Store } from './store.ts';
import { acme, globex, onBoth, openFresh, type Opened } from './testing/two-databases.ts';

const T = acme.id;
const U = globex.id;
const NOON = Date.parse('2026-11-23T12:00:00Z');
const SUBJECT = 'Ünal_100%"x';

onBoth('one end user', (kind) => {
  let opened: Opened;
  let store: Store;
  beforeEach(async () => {
    opened = await openFresh(kind, NOON);
    store = opened.store;
    await store.tenants.create(acme);
    await store.tenants.create(globex);
  });
  afterEach(() => opened.close());

  const start = (more: Partial<SessionRow> = {}) =>
    store.sessions.start({
      ...{ id: 'ses_1', tenantId: T, subject: SUBJECT, assistantId: 'ast_1', assistantVersion: 1 },
      ...{ origin: null, instance: 'ins_1', locale: null, startedAt: NOON - 1_000, ...more },
    });
  const said = (more: object = {}) => ({
    ...{ tenantId: T, sessionId: 'ses_1', turn: 't1', startedMs: 100, endedMs: 900.4, outcome: 'answered' },
    ...{ userText: 'my number is 7', heardText: 'noted', unheardText: null, figures: '{"first_b_ms":210}', cost: 12 },
    ...more,
  });
  const used = (id: string, cost: number, more: Partial<UsageRow> = {}): UsageRow => ({
    ...{ id, tenantId: T, sessionId: 'ses_1', lane: 'A', kind: 'audio.output', quantity: 1, unit: 'tokens' },
    ...{ cost, priceDate: '2026-11-05', at: NOON, ...more },
  });
  const told = (id: string, data: object) => ({
    ...{ id, tenantId: T, webhookId: 'whk_1', event: 'x', body: JSON.stringify({ type: 'x', data }), nextAt: NOON },
  });
  const deliveries = async () => (await store.webhooks.deliveries(T, 'whk_1', { limit: 50 })).rows.map(({ id }) => id);

  it('is erased from conversations, from what webhooks were told and from what could be gone on with, and nobody else is', async () => {
    for (const id of ['ses_1', 'ses_2']) await start({ id });
    await start({ id: 'ses_3', subject: SUBJECT.toUpperCase() });
    await start({ tenantId: U });
    await store.sessions.addTurn(said(), false);
    await store.sessions.addTurn(said({ tenantId: U }), false);
    await store.sessions.end(T, 'ses_2', { endedAt: NOON, closeCode: 1000 });
    await store.usage.add([used('u1', 5)]);
    const hook = { id: 'whk_1', tenantId: T, url: 'https://acme.example', events: [], secrets: ['s'] };
    await store.webhooks.add({ ...hook, status: 'active' });
    await store.webhooks.enqueue([
      told('msg_1', { session: 'ses_1', userText: 'my number is 7' }),
      told('msg_2', { session: 'ses_gone', subject: SUBJECT }),
      told('msg_3', { session: 'ses_3', subject: SUBJECT.toUpperCase() }),
      { ...told('msg_4', {}), body: 'null' },
    ]);
    const hold = { tenantId: T, sessionId: 'ses_1', subject: SUBJECT, holder: 'ins_1', version: 1 };
    await store.checkpoints.save({ ...hold, secretHash: 'h', savedAt: NOON }, '{}');

    const first = await store.subjects.sessions(T, SUBJECT, { limit: 1 });
    const rest = await store.subjects.sessions(T, SUBJECT, { limit: 1, after: first.next ?? '' });
    expect([...first.rows, ...rest.rows].map(({ id }) => id)).toEqual(['ses_2', 'ses_1']);
    expect(rest.next).toBeUndefined();

    expect((await store.subjects.deliveries(T, SUBJECT, [])).map(({ id }) => id)).toEqual(['msg_2']);
    const theirs = await store.subjects.deliveries(T, SUBJECT, ['ses_1']);
    expect(theirs.map(({ id, status }) => `${id} ${status}`).sort()).toEqual(['msg_1 pending', 'msg_2 pending']);
    expect([await store.subjects.live(T, SUBJECT), await store.subjects.live(T, 'nobody')]).toEqual([1, 0]);
    expect(await store.subjects.erase(T, SUBJECT)).toEqual({ sessions: 2, deliveries: 2 });
    expect(await store.subjects.erase(T, SUBJECT)).toEqual({ sessions: 0, deliveries: 0 });
    expect(await store.subjects.erase(T, '')).toEqual({ sessions: 0, deliveries: 0 });
    expect(await store.subjects.live(T, '')).toBe(0);
    expect((await deliveries()).sort()).toEqual(['msg_3', 'msg_4']);
    expect(await store.checkpoints.find('ses_1')).toEqual([]);
    expect((await store.subjects.sessions(T, SUBJECT, { limit: 9 })).rows).toEqual([]);
    expect((await store.subjects.sessions(T, '', { limit: 9 })).rows).toEqual([]);
    // Figures stay, without a name.
    expect(await store.sessions.byId(T, 'ses_1')).toMatchObject({ subject: '', turns: 1, cost: 12 });
    expect(await store.usage.ofSession(T, 'ses_1')).toMatchObject([{ id: 'u1', cost: 5 }]);
    expect(await store.sessions.byId(T, 'ses_3')).toMatchObject({ subject: SUBJECT.toUpperCase() });
    expect(await store.sessions.turns(U, 'ses_1')).toMatchObject([{ userText: 'my number is 7' }]);
  });

  it('does not come back by what was on its way meanwhile, and does by a conversation that begins later', async () => {
    await start();
    expect(await store.sessions.addTurn(said(), false)).toBe(true);
    await store.subjects.erase(T, SUBJECT);
    expect(await store.sessions.addTurn(said({ turn: 't2' }), true)).toBe(false);
    await start({ id: 'ses_late' });
    expect(await store.sessions.addTurn(said({ sessionId: 'ses_late' }), false)).toBe(false);
    for (const id of ['ses_1', 'ses_late']) {
      expect(await store.sessions.byId(T, id)).toMatchObject({ subject: '' });
      for (const turn of await store.sessions.turns(T, id))
        expect(turn).toMatchObject({ userText: null, heardText: null, unheardText: null, cost: 12 });
    }
    expect((await store.sessions.find(T, { limit: 9, search: 'number' })).rows).toEqual([]);
    const later = NOON + 60_000;
    await start({ id: 'ses_new', startedAt: later });
    expect(await store.sessions.byId(T, 'ses_new')).toMatchObject({ subject: SUBJECT });
    // Long afterwards nobody knows any more that there was somebody.
    expect(await store.subjects.forgetErasures(later)).toBe(1);
    await start({ id: 'ses_old' });
    expect(await store.sessions.byId(T, 'ses_old')).toMatchObject({ subject: SUBJECT });
  });

  it('leaves no words when an erasure and the end of a turn come at the same time', async () => {
    const other = await opened.other();
    for (let round = 0; round < 10; round++) {
      const id = `ses_${round}`;
      await start({ id, subject: `user-${round}` });
      await Promise.all([
        store.sessions.addTurn(said({ sessionId: id }), false),
        other.subjects.erase(T, `user-${round}`),
      ]);
      expect(await store.sessions.turns(T, id)).toMatchObject([{ userText: null, heardText: null }]);
    }
  });

  it('costs what the provider billed, in whatever order turns and bills come, and whatever no turn had to pay', async () => {
    const events = fc.shuffledSubarray(
      [...['turn-1', 'turn-2', 'bill-1', 'bill-2', 'clips-1', 'clips-2', 'start', 'end', 'bill-1', 'turn-1']] as const,
      { minLength: 10, maxLength: 10 },
    );
    let run = 0;
    await fc.assert(
      fc.asyncProperty(events, async (order) => {
        const id = `ses_c${(run += 1)}`;
        // A turn belongs to a conversation that was begun; bills may come before.
        const first = ['start', ...order.filter((one) => one !== 'start')];
        const sorted = order.indexOf('start') < 5 ? first : order;
        let isBegun = false;
        for (const one of sorted) {
          const bill = (cost: number) => store.usage.add([used(`${id}:${one}`, cost, { sessionId: id })]);
          if (one === 'start') isBegun = (await start({ id }), true);
          else if (one === 'end') await store.sessions.end(T, id, { endedAt: NOON, closeCode: 1000 });
          else if (one.startsWith('turn') && isBegun)
            await store.sessions.addTurn(said({ sessionId: id, turn: one, cost: one === 'turn-1' ? 40 : 60 }), false);
          else if (one === 'bill-1') await bill(40);
          else if (one === 'bill-2') await bill(60);
          else if (one.startsWith('clips')) await bill(7);
        }
        const billed = (await store.usage.ofSession(T, id)).reduce((sum, { cost }) => sum + cost, 0);
        expect(billed).toBe(114);
        expect(await store.sessions.byId(T, id)).toMatchObject({ cost: billed });
      }),
      { numRuns: kind === 'sqlite' ? 25 : 8 },
    );
  });

  it('is in no figure over all tenants, which are of turns that ended since, newest first', async () => {
    await start();
    await start({ tenantId: U, startedAt: NOON });
    await store.sessions.addTurn(said({ endedMs: 900 }), false);
    await store.sessions.addTurn(said({ tenantId: U, outcome: 'failed', figures: '{}' }), false);
    expect(await store.turnFigures.since(NOON - 100, 10)).toEqual([
      { endedAt: NOON + 900, outcome: 'failed', figures: '{}' },
      { endedAt: NOON - 100, outcome: 'answered', figures: '{"first_b_ms":210}' },
    ]);
    expect(await store.turnFigures.since(NOON - 100, 1)).toHaveLength(1);
    expect(await store.turnFigures.since(NOON, 10)).toHaveLength(1);
  });
});
