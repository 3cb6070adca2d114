/** Whole conversations with the emulator, and what is written of them into a real store. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createBookkeeping, type Bookkeeping } from './bookkeeping.ts';
import type { BridgeUsage } from './bridge/bridge.ts';
import { silentLog } from './log.ts';
import { endingFor } from './session/ending-words.ts';
import { withCall, type Call, type CallOptions } from './session/testing/call.ts';
import { GOOD_TOKEN } from './session/testing/relay-under-test.ts';
import { openPage } from './session/testing/page-client.ts';
import type { LimitsRow } from './store/records.ts';
import { openStore, type Store } from './store/store.ts';
import { speech } from './testing/speech.ts';
import { virtualClock, type VirtualClock } from './testing/virtual-clock.ts';

const TENANT = 'ten_1';
const NO_LIMITS = {
  ...{ minutesPerDay: null, minutesPerMonth: null, spendPerDay: null, spendPerMonth: null },
};
let dir: string;
let store: Store;
let books: Bookkeeping;
let billed: BridgeUsage[];
let limits: Pick<LimitsRow, keyof typeof NO_LIMITS>;
let sent: { event: string; data: Record<string, unknown> }[];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'vjj-books-'));
  billed = [];
  sent = [];
  limits = { ...NO_LIMITS };
});
afterEach(async () => {
  await store.close();
  rmSync(dir, { recursive: true });
});

async function openBooks(): Promise<void> {
  let at = 1_790_000_000_000;
  store = await openStore({ file: join(dir, 'vjj.db'), masterKey: 'm'.repeat(44), now: () => at++ });
  const assistant = { id: 'ast_1', version: 1, document: '{}' };
  const tenant = { id: TENANT, slug: 'one', name: 'One', status: 'active' as const };
  await store.tenants.create({ ...tenant, origins: [], publishableKey: 'pk_1', assistant });
  await store.webhooks.add({
    ...{ id: 'whk_1', tenantId: TENANT, url: 'https://hooks.example/', events: [], status: 'active' },
    secrets: ['whsec_c2VjcmV0c2VjcmV0c2VjcmV0'],
  });
}

/** A call whose relay keeps books, on the call's own clock. */
async function call(options: CallOptions, talk: (call: Call) => Promise<void>): Promise<void> {
  await openBooks();
  const deps = async (clock: VirtualClock) => {
    books = createBookkeeping({
      ...{ store, clock, log: silentLog, instance: 'ins_1', transcriptionModel: 'gpt-transcribe' },
      limitsOf: () => Promise.resolve(limits),
      send: () => Promise.resolve({ status: 200 }),
    });
    // As the door does before it lets anybody in.
    await books.meter.admits(TENANT);
    return {
      ...{ meter: books.meter, conversations: books.conversations, onEscalation: books.onEscalation },
      instance: 'ins_1',
      onUsage: (_: unknown, usage: BridgeUsage) => void billed.push(usage),
    };
  };
  await withCall({ ...options, deps }, async (one) => {
    await talk(one);
  });
  await books.stop();
  const { rows } = await store.webhooks.deliveries(TENANT, 'whk_1', { limit: 200 });
  sent = rows
    .reverse()
    .map(({ event, body }) => ({ event, ...(JSON.parse(body) as { data: Record<string, unknown> }) }));
}

const session = async () => (await store.sessions.find(TENANT, { limit: 10 })).rows[0]!;
const turns = async () => store.sessions.turns(TENANT, (await session()).id);
const goodbyes = ({ page }: Call) =>
  page
    .all('clip.play')
    .filter(({ lane }) => lane === 'C')
    .map(({ clip }) => page.all('clip.added').find((one) => one.clip === clip)?.text);
/** What the price list of 2026-11-05 asks for it, in millionths of a dollar. */
function byHand(one: BridgeUsage): number {
  if (one.kind === 'transcription')
    return Math.round(((one.seconds ?? Math.ceil(one.inputAudioTokens / 10)) * 4_500) / 60);
  return [
    (one.inputTextTokens - one.cachedTextTokens) * 4,
    one.cachedTextTokens * 0.4,
    one.outputTextTokens * 24,
    (one.inputAudioTokens - one.cachedAudioTokens) * 32,
    one.cachedAudioTokens * 0.4,
    one.outputAudioTokens * 64,
  ].reduce((sum, cost) => sum + Math.round(cost), 0);
}

describe('a conversation', () => {
  it('is in the store while it lives, and afterwards with every turn, what was heard of it and what it cost', async () => {
    await call({}, async (talk) => {
      await talk.page.received('clip.added', ({ kind }) => kind === 'fallback');
      await talk.person.say(await speech('What are your opening hours?'));
      await talk.page.received('turn.ended');
      await books.meter.flush();
      const live = await session();
      expect(live).toMatchObject({ endedAt: null, closeCode: null, instance: 'ins_1', subject: 'user', locale: 'en' });
      talk.page.send({ type: 'user.text', text: 'Tell me a long story, and call me on 030 1234567' });
      const item = await talk.answering('turn_2');
      await talk.page.until(() => talk.person.heardMs(item) > 1_500);
      talk.page.send({ type: 'user.interrupt' });
      await talk.page.received('turn.ended', ({ turn }) => turn === 'turn_2');
      // The bill of what was cancelled comes behind.
      const { response } = await talk.page.received('item.started', ({ turn }) => turn === 'turn_2');
      await vi.waitFor(() => expect(billed.some((one) => one.response === response)).toBe(true));
    });

    const row = await session();
    expect(row).toMatchObject({ turns: 2, interruptions: 1, closeCode: 1000 });
    expect(row.endedAt).toBeGreaterThan(row.startedAt);
    const [first, second] = await turns();
    expect(first).toMatchObject({ turn: 'turn_1', outcome: 'answered', unheardText: '' });
    expect(first?.userText).toMatch(/opening hours/i);
    expect(first?.heardText).toMatch(/\w+ \w+/);
    const figures = JSON.parse(first?.figures ?? '') as Record<string, number>;
    expect(figures['first_b_ms']).toBeGreaterThan(0);
    // The question took its time before it was committed.
    expect(figures['committed_ms']! - first!.startedMs).toBeGreaterThan(500);
    expect(second).toMatchObject({ outcome: 'superseded' });
    expect(second?.userText).toBe('Tell me a long story, and call me on [phone]');
    expect(second?.heardText).not.toBe('');
    expect(second?.unheardText).not.toBe('');

    const rows = await store.usage.ofSession(TENANT, row.id);
    const cost = rows.reduce((sum, one) => sum + one.cost, 0);
    expect(cost).toBe(billed.reduce((sum, one) => sum + byHand(one), 0));
    expect(rows.every(({ priceDate }) => priceDate === '2026-11-05')).toBe(true);
    expect(new Set(rows.map(({ lane }) => lane))).toEqual(new Set(['A', 'B', 'C']));
    expect(row.cost).toBe(cost);
    const day = new Date(row.startedAt).toISOString().slice(0, 10);
    const [count] = await store.usage.counts(TENANT, [day]);
    expect(count?.cost).toBe(cost);
    // The session begins with the connection, its time with the page's start.
    expect(row.endedAt! - row.startedAt - count!.talkMs).toBeLessThan(100);
    expect(count!.talkMs).toBeGreaterThan(1_500);

    expect(sent.map(({ event }) => event)).toEqual([
      ...['session.started', 'turn.completed', 'turn.completed', 'session.ended'],
    ]);
    expect(sent[3]?.data).toMatchObject({ turns: 2, interruptions: 1, usage: { cost, talkMs: count?.talkMs } });
    expect(JSON.stringify(sent)).not.toContain('1234567');
  });

  it('tells how soon an onset was followed by silence, and what a word over the answer cut off', async () => {
    await call({}, async ({ page, person, answering }) => {
      page.send({ type: 'user.text', text: 'Tell me a long story' });
      const item = await answering('turn_1');
      await page.until(() => person.heardMs(item) > 1_000);
      await person.say(await speech('Wait a minute.'));
      await page.received('turn.ended', ({ turn }) => turn === 'turn_2');
    });
    const [first] = await turns();
    expect(first).toMatchObject({ outcome: 'superseded' });
    const figures = JSON.parse(first?.figures ?? '') as Record<string, number>;
    expect(figures['onset_to_silence_ms']).toBeLessThan(100);
    expect(first?.heardText?.length).toBeLessThan(first?.unheardText?.length ?? 0);
    expect(await session()).toMatchObject({ interruptions: 1 });
  });

  it.each([
    ['off', null, null],
    ['full', 'Call 030 1234567', 'Call [phone]'],
  ] as const)(
    'of a tenant whose transcripts are %s has its words so, and tells them clean',
    async (transcripts, text, told) => {
      await call({ tenant: { transcripts } }, async ({ page }) => {
        page.send({ type: 'user.text', text: 'Call 030 1234567' });
        await page.received('turn.ended');
      });
      const [turn] = await turns();
      expect(turn).toMatchObject({ userText: text, outcome: 'answered' });
      expect(turn?.heardText === null).toBe(transcripts === 'off');
      const { data } = sent.find(({ event }) => event === 'turn.completed') ?? {};
      expect(data).toMatchObject({ userText: told });
      expect(JSON.stringify(data)).not.toContain('030 1234567');
    },
  );

  it('that ends in mid-answer is billed for what was made of it', async () => {
    await call({}, async ({ page, answering, person }) => {
      page.send({ type: 'user.text', text: 'Tell me a long story' });
      const item = await answering('turn_1');
      await page.until(() => person.heardMs(item) > 500);
    });
    const rows = await store.usage.ofSession(TENANT, (await session()).id);
    expect(rows.filter(({ lane, kind }) => lane === 'B' && kind === 'audio.output')).toHaveLength(1);
    expect(await turns()).toMatchObject([{ turn: 'turn_1', outcome: 'failed' }]);
  });

  it('goes on when nothing can be written, and is written when it can', async () => {
    await call({}, async ({ page, clock }) => {
      const real = { ...store.sessions };
      let failures = 0;
      store.sessions.start = () => {
        failures += 1;
        return Promise.reject(new Error('disk full'));
      };
      page.send({ type: 'user.text', text: 'Hello' });
      expect(await page.received('turn.ended')).toMatchObject({ outcome: 'answered' });
      Object.assign(store.sessions, real);
      clock.advance(60_000);
      await page.settled();
      expect(failures).toBeLessThan(10);
    });
    expect(await session()).toMatchObject({ turns: 1 });
  });
});

describe('a budget that is used up', () => {
  const GOODBYE = endingFor('en');

  it('of minutes ends the conversation with a goodbye, and nobody else comes in', async () => {
    // More than the clips take to be made, on a slow machine too.
    limits = { ...NO_LIMITS, minutesPerDay: 5 };
    await call({}, async (talk) => {
      const { page, clock } = talk;
      await page.received('clip.added', ({ text }) => text === GOODBYE);
      while (page.socket.readyState === page.socket.OPEN) {
        clock.advance(200);
        await page.settled();
      }
      expect(goodbyes(talk)).toEqual([GOODBYE]);
      expect(await page.closed).toEqual({ code: 4503, reason: 'quota' });
      expect(page.all('error').at(-1)?.code).toBe('quota-used-up');
      expect(await books.meter.admits(TENANT)).toBe(false);
    });
    const [count] = await store.usage.counts(TENANT, [new Date(1_790_000_000_000).toISOString().slice(0, 10)]);
    expect(count?.talkMs).toBeGreaterThanOrEqual(300_000);
    expect(count?.talkMs).toBeLessThan(360_000);
    expect(sent.map(({ event }) => event).filter((event) => event.startsWith('budget'))).toEqual([
      ...['budget.warning', 'budget.warning', 'budget.exhausted'],
    ]);
    expect(await turns()).toMatchObject([{ outcome: 'refused' }]);
  });

  it('of money lets the turn under way be answered, and has the next one hear a goodbye', async () => {
    limits = { ...NO_LIMITS, spendPerMonth: 10_000 };
    await call({}, async (talk) => {
      const { page } = talk;
      await page.received('clip.added', ({ text }) => text === GOODBYE);
      for (
        let turn = 1;
        turn < 40 && page.all('turn.ended').every(({ outcome }) => outcome === 'answered');
        turn += 1
      ) {
        page.send({ type: 'user.text', text: 'What are your opening hours?' });
        await page.received('turn.ended', (one) => one.turn === `turn_${turn}`);
      }
      expect((await page.closed).code).toBe(4503);
      expect(goodbyes(talk)).toEqual([GOODBYE]);
    });
    const outcomes = (await turns()).map(({ outcome }) => outcome);
    expect(outcomes.at(-1)).toBe('refused');
    expect(outcomes.slice(0, -1).every((outcome) => outcome === 'answered')).toBe(true);
    expect(sent.some(({ event }) => event === 'budget.exhausted')).toBe(true);
  });

  it('shuts the door with 4503', async () => {
    limits = { ...NO_LIMITS, minutesPerMonth: 0 };
    await call({}, async ({ relay, page }) => {
      // It had come in before; with nothing to spend it ends as soon as it has begun.
      expect(page.all('session.created')).toHaveLength(1);
      expect(await page.closed).toEqual({ code: 4503, reason: 'quota' });
      const released: number[] = [];
      const admit = books.guard(() =>
        Promise.resolve({ tenant: { id: TENANT }, release: () => void released.push(1) } as never),
      );
      await expect(admit({})).rejects.toMatchObject({ code: 'quota-used-up' });
      await expect(admit({ isRenewal: true })).resolves.toBeDefined();
      expect(released).toEqual([1]);
      const other = await openPage(relay.url, GOOD_TOKEN);
      other.socket.close();
    });
  });
});

it.each([
  ['a file', 'sqlite', 5_000, 5_000],
  // Others may live beside it.
  ['a database of many', 'postgres', 5_000, null],
  ['a database of many, a day later', 'postgres', 90_000_000, 90_000_000],
] as const)('what a run that died has left in %s is ended when it can be told', async (_where, kind, at, endedAt) => {
  await openBooks();
  const row = {
    tenantId: TENANT,
    subject: 'user',
    assistantId: 'ast_1',
    assistantVersion: 1,
    origin: null,
    locale: 'en',
  };
  await store.sessions.start({ ...row, id: 'ses_left', instance: 'ins_dead', startedAt: 1 });
  const clock = { now: () => 0, wallNow: () => at, wakeAt: () => () => undefined };
  let looked: Promise<unknown> | undefined;
  const { sessions, usage, webhooks } = store;
  const within: Store['within'] = (work) => store.within(work);
  const endAllBut: typeof sessions.endAllBut = (...given) => {
    const ended = sessions.endAllBut(...given);
    looked = ended;
    return ended;
  };
  books = createBookkeeping({
    ...{ store: { sessions: { ...sessions, endAllBut }, usage, webhooks, within, kind } },
    ...{ clock, log: silentLog, instance: 'ins_2', transcriptionModel: 'gpt-transcribe' },
    limitsOf: () => Promise.resolve(limits),
    send: () => Promise.resolve({ status: 200 }),
  });
  await books.start();
  await looked;
  expect(await store.sessions.byId(TENANT, 'ses_left')).toMatchObject({ endedAt });
  await books.stop();
});

it('keeps the time of everybody else when a tenant was removed while its people talked', async () => {
  await openBooks();
  const clock = virtualClock();
  books = createBookkeeping({
    ...{ store, clock, log: silentLog, instance: 'ins_1', transcriptionModel: 'gpt-transcribe' },
    limitsOf: () => Promise.resolve(limits),
    send: () => Promise.resolve({ status: 200 }),
  });
  for (const tenantId of [TENANT, 'ten_gone'])
    books.meter.open({ tenantId, sessionId: `ses_${tenantId}`, model: 'gpt-realtime-2.1', onUsedUp: () => {} }).begin();
  clock.advance(2_000);
  await books.stop();
  expect((await store.usage.counts(TENANT, ['2026-09-21']))[0]?.talkMs).toBe(2_000);
});
