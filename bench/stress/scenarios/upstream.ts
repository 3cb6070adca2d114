/**
 * A model provider that refuses, breaks, goes silent, ends a session, or takes its time. A circuit
 * is one for a whole relay: where it opens, the scenario has a relay of its own.
 */
import type { PageClient } from '../../../relay/session/testing/page-client.ts';
import { fetchToken } from '../../load/tokens.ts';
import { ask, codes, converse, enter, hearAtOnce, leave, within, type Caller } from '../page.ts';
import type { Scenario } from '../scenario.ts';
import type { Instance } from '../stage.ts';

const times = <T>(count: number, make: (at: number) => T): T[] => Array.from({ length: count }, (_, at) => make(at));
const STORY = 'Tell me a long story.';
const LONG_MS = 30_000;

/** Somebody on the demo page of a relay of one's own. */
async function visitor({ port }: Instance): Promise<Caller> {
  const origin = `http://localhost:${port}`;
  return { token: await fetchToken(`http://127.0.0.1:${port}`, { tenant: 'pk_demo', origin }), origin };
}
const started = async (door: Instance): Promise<PageClient> => {
  const page = await enter(door, await visitor(door));
  hearAtOnce(page);
  page.send({ type: 'session.start', turn: 'auto' });
  return page;
};
const isUp = (page: PageClient) =>
  within(
    page.received('provider.changed', ({ up }) => up),
    LONG_MS,
    'the provider',
  );
const outcomes = (page: PageClient) => page.all('turn.ended').map(({ outcome }) => outcome);
/** A story has begun to be told. */
async function telling(page: PageClient): Promise<void> {
  page.send({ type: 'user.text', text: STORY });
  await within(
    page.until(() => page.frames.length > 4),
    LONG_MS,
    'the story',
  );
}

export const UPSTREAM: readonly Scenario[] = [
  {
    name: 'provider-401',
    promises: 'a key that the provider refuses closes with 4008 and is not tried again by everybody',
    async run({ open, provider }, { check }) {
      const relay = await open({});
      provider.refuseAll(401);
      const before = provider.dials;
      const first = await started(relay);
      check.tally('the first', await codes([first]), { 4008: 1 });
      const dialled = provider.dials - before;
      const others = await Promise.all(times(8, () => started(relay)));
      check.tally('the others', await codes(others), { 4008: 8 });
      check.same('dials for the others', provider.dials - before - dialled, 0);
    },
  },
  {
    name: 'provider-429',
    promises: 'a provider that is busy is dialled again after a pause, and the question is answered',
    async run({ open, provider }, { check }) {
      const relay = await open({});
      const before = provider.dials;
      provider.refuse(429, 429);
      const page = await started(relay);
      await isUp(page);
      check.same('dials', provider.dials - before >= 3, true);
      check.same('the answer', (await ask(page, 'Hello.')).outcome, 'answered');
      check.tally('close codes', await leave([page]), { 1000: 1 });
    },
  },
  {
    name: 'provider-500',
    promises: 'a provider that fails three times costs a conversation its beginning and not its life',
    async run({ open, provider }, { check }) {
      const relay = await open({});
      provider.refuse(500, 'reset', 503);
      const page = await started(relay);
      page.send({ type: 'user.text', text: 'Hello.' });
      await isUp(page);
      await within(
        page.until(() => outcomes(page).length === 1),
        LONG_MS,
        'the answer',
      );
      check.tally('outcomes', outcomes(page), { answered: 1 });
      check.tally('close codes', await leave([page]), { 1000: 1 });
    },
  },
  {
    name: 'provider-down-for-all',
    promises: 'ten conversations wait while nothing is reachable, and all are answered when it is',
    async run({ open, provider }, { check }) {
      const relay = await open({});
      provider.refuseAll('reset');
      const pages = await Promise.all(times(10, () => started(relay)));
      await check.soon('it was tried', () => provider.dials > 0);
      provider.refuseAll(null);
      await Promise.all(pages.map(isUp));
      const ends = await Promise.all(pages.map((page) => ask(page, 'Hello.')));
      check.tally(
        'outcomes',
        ends.map(({ outcome }) => outcome),
        { answered: 10 },
      );
      check.tally('close codes', await leave(pages), { 1000: 10 });
    },
  },
  {
    name: 'provider-cut',
    promises: 'a connection to the provider that is reset in the middle of answers ends no conversation',
    isQuick: true,
    async run({ a, b, tenant, provider }, { check }) {
      const { origin, token } = await tenant();
      const pages = await Promise.all(times(6, (at) => converse(at % 2 === 0 ? a : b, { token: token(), origin })));
      await Promise.all(pages.map(telling));
      provider.cut();
      await Promise.all(
        pages.map((page) =>
          within(
            page.until(() => outcomes(page).length === 1),
            LONG_MS,
            'an end',
          ),
        ),
      );
      const ends = await Promise.all(pages.map((page) => ask(page, 'Hello.')));
      check.tally(
        'afterwards',
        ends.map(({ outcome }) => outcome),
        { answered: 6 },
      );
      check.tally('close codes', await leave(pages), { 1000: 6 });
    },
  },
  {
    name: 'provider-1011',
    promises: 'a provider that closes with 1011 in the middle of an answer ends no conversation',
    async run({ a, tenant, provider }, { check }) {
      const { origin, token } = await tenant();
      const page = await converse(a, { token: token(), origin });
      provider.emulator.faults.set({ drop: '1011:6' });
      page.send({ type: 'user.text', text: STORY });
      await within(
        page.received('provider.changed', ({ up }) => !up),
        LONG_MS,
        'the loss',
      );
      await within(
        page.until(() => outcomes(page).length === 1),
        LONG_MS,
        'an end of the turn',
      );
      check.same('afterwards', (await ask(page, 'Hello.')).outcome, 'answered');
      check.same(
        'provider said down and up',
        page.all('provider.changed').map(({ up }) => up),
        [true, false, true],
      );
      check.tally('close codes', await leave([page]), { 1000: 1 });
    },
  },
  {
    name: 'provider-expires',
    promises: 'the end of the session at the provider is not the end of the conversation, which it remembers',
    isQuick: true,
    async run({ a, tenant, provider }, { check }) {
      const { origin, token } = await tenant();
      const page = await converse(a, { token: token(), origin });
      check.same('before', (await ask(page, 'What is two plus three?')).outcome, 'answered');
      const before = provider.dials;
      provider.emulator.faults.set({ expire: 1 });
      await check.soon('there is another session', () => provider.dials > before);
      provider.emulator.faults.set({ expire: null });
      check.same('afterwards', (await ask(page, 'What did you say?')).outcome, 'answered');
      const said =
        page
          .all('transcript.done')
          .filter(({ role }) => role === 'agent')
          .at(-1)?.text ?? '';
      check.holds(`it remembers: ${said}`, /five/i.test(said));
      check.tally('close codes', await leave([page]), { 1000: 1 });
    },
  },
  {
    name: 'provider-silent-dial',
    promises: 'a dial that nobody answers keeps no one from leaving, and leaves no connection',
    async run({ open, provider }, { check }) {
      const relay = await open({});
      provider.refuseAll('silent');
      const pages = await Promise.all(times(5, () => started(relay)));
      await check.soon('all dialled', () => provider.open >= 5);
      check.tally('close codes', await leave(pages), { 1000: 5 });
      await check.soon('no connection is left', () => provider.open === 0);
    },
  },
  {
    name: 'provider-half-open',
    promises: 'a provider that has gone silent is noticed when an answer is waited for, and the question asked again',
    async run({ a, b, tenant, provider }, { check }) {
      const { origin, token } = await tenant();
      const pages = await Promise.all(times(4, (at) => converse(at % 2 === 0 ? a : b, { token: token(), origin })));
      provider.freeze();
      const ends = await Promise.all(pages.map((page) => ask(page, 'Hello.')));
      check.tally(
        'outcomes',
        ends.map(({ outcome }) => outcome),
        { answered: 4 },
      );
      for (const page of pages)
        check.same(
          'provider said down and up',
          page.all('provider.changed').map(({ up }) => up),
          [true, false, true],
        );
      check.tally('close codes', await leave(pages), { 1000: 4 });
    },
  },
  {
    name: 'provider-slow',
    promises: 'a slow provider costs time and nothing else',
    async run({ a, b, tenant, provider }, { check }) {
      const { origin, token } = await tenant();
      const pages = await Promise.all(times(6, (at) => converse(at % 2 === 0 ? a : b, { token: token(), origin })));
      provider.emulator.faults.set({ 'created-ms': 400, 'first-audio-ms': 1_200 });
      const ends = await Promise.all(pages.map((page) => ask(page, 'Hello.')));
      check.tally(
        'outcomes',
        ends.map(({ outcome }) => outcome),
        { answered: 6 },
      );
      check.holds(
        'it took its time',
        ends.every(({ firstSentMs }) => (firstSentMs.B ?? 0) >= 1_000),
      );
      check.tally('close codes', await leave(pages), { 1000: 6 });
    },
  },
  {
    name: 'response-errors',
    promises: 'answers that fail at the provider end their own turn only; the next one is answered',
    isQuick: true,
    async run({ a, tenant, provider }, { check }) {
      const { origin, token } = await tenant();
      const page = await converse(a, { token: token(), origin });
      const seen: string[] = [];
      for (const error of ['rate_limit_exceeded', 'server_error', 'whatever_else']) {
        provider.emulator.faults.set({ error: `${error}:9` });
        seen.push((await ask(page, 'Hello.')).outcome);
        provider.emulator.faults.set({ error: null });
        seen.push((await ask(page, 'Hello.')).outcome);
      }
      check.same('outcomes', seen, ['failed', 'answered', 'failed', 'answered', 'failed', 'answered']);
      check.tally('close codes', await leave([page]), { 1000: 1 });
    },
  },
  {
    name: 'moderation-away',
    promises: 'while nobody can rule on an answer, a strict policy lets none out; as soon as somebody can, it does',
    async run({ open, provider }, { check }) {
      const relay = await open({ env: { POLICY_BUDGET_MS: '300' } });
      const pages = await Promise.all(times(4, () => started(relay)));
      await Promise.all(pages.map(isUp));
      provider.moderation = 500;
      const refused = await Promise.all(pages.map((page) => ask(page, 'Hello.')));
      check.tally(
        'without moderation',
        refused.map(({ outcome }) => outcome),
        { refused: 4 },
      );
      check.tally('close codes', await leave(pages), { 1000: 4 });
    },
  },
  {
    name: 'moderation-silent',
    promises: 'moderation that hangs costs a turn its budget and not the conversation',
    async run({ open, provider }, { check }) {
      const relay = await open({ env: { POLICY_BUDGET_MS: '400' } });
      const page = await started(relay);
      await isUp(page);
      provider.moderation = 'silent';
      const beganAt = performance.now();
      check.same('outcome', (await ask(page, 'Hello.')).outcome, 'refused');
      check.holds('within seconds', performance.now() - beganAt < 6_000);
      check.tally('close codes', await leave([page]), { 1000: 1 });
    },
  },
  {
    name: 'oversize-deltas',
    promises: 'two megabytes of words at once from the provider end no conversation',
    async run({ a, tenant, provider }, { check }) {
      const { origin, token } = await tenant();
      const page = await converse(a, { token: token(), origin });
      provider.emulator.faults.set({ oversize: 2_000_000 });
      await ask(page, 'Hello.');
      check.same('afterwards', (await ask(page, 'Hello.')).outcome, 'answered');
      check.tally('close codes', await leave([page]), { 1000: 1 });
    },
  },
  {
    name: 'uninvited-answers',
    promises: 'answers that nobody asked the provider for are not heard',
    async run({ b, tenant, provider }, { check }) {
      const { origin, token } = await tenant();
      const page = await converse(b, { token: token(), origin });
      provider.emulator.faults.set({ duplicate: 3 });
      const ends = [];
      for (let turn = 0; turn < 3; turn++) {
        ends.push((await ask(page, 'Hello.')).outcome);
        const { responses } = provider.emulator.sessions().at(-1) ?? { responses: [] };
        await check.soon('what nobody asked for is over', () =>
          responses.every(({ status }) => status !== 'in_progress'),
        );
      }
      check.tally('outcomes', ends, { answered: 3 });
      const heard = new Set(page.all('item.started').map(({ turn }) => turn));
      check.same('turns that were heard', heard.size, 3);
      check.same('answers that were heard', page.all('item.started').length, 3);
      check.tally('close codes', await leave([page]), { 1000: 1 });
    },
  },
];
