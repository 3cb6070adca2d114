/** Conversations in sound, tokens that end in the middle of one, and those who are told about it. */
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { gatherCrowd } from '../../load/crowd.ts';
import { loadVoice } from '../../load/speech-frames.ts';
import { createTally } from '../../load/tally.ts';
import { ask, codes, converse, enter, leave } from '../page.ts';
import type { Scenario } from '../scenario.ts';

const times = <T>(count: number, make: (at: number) => T): T[] => Array.from({ length: count }, (_, at) => make(at));

export const TALK: readonly Scenario[] = [
  {
    name: 'talkers',
    promises: 'eight people talk to two instances in recorded speech, and all are answered in sound',
    async run({ a, b, tenant }, { check, random }) {
      const voice = await loadVoice();
      const crowds = await Promise.all(
        [a, b].map(async (door) => {
          const { origin, token } = await tenant();
          const tally = createTally();
          const crowd = gatherCrowd({
            ...{ url: door.url, origin, voice, tally, random: random.fork(door.url), size: 4, staying: 4 },
            ...{ habits: { pauseMs: [50, 300] as const }, stayMs: [60_000, 60_000] as const, rampMs: 100 },
            token: () => Promise.resolve(token()),
          });
          return { crowd, tally };
        }),
      );
      const answers = () => crowds.map(({ tally }) => tally.take().answerMs.length);
      let heard = [0, 0];
      await check.soon(
        'four answers begin to be heard on each',
        () => {
          heard = answers().map((count, at) => count + (heard[at] ?? 0));
          return heard.every((count) => count >= 4);
        },
        15_000,
      );
      await Promise.all(crowds.map(({ crowd }) => crowd.leave()));
      for (const { tally } of crowds) {
        const closes = Object.entries(tally.counts).filter(([name]) => /^(close|refused|stayer|error)/.test(name));
        check.same('closes', Object.fromEntries(closes), { 'close 1000, wished': 4 });
      }
    },
  },
  {
    name: 'token-ends',
    promises: 'a conversation whose token ends is closed with 4010; one that renews it goes on',
    async run({ a, b, tenant }, { check }) {
      const { origin, token } = await tenant();
      const nowS = Math.floor(Date.now() / 1000);
      // Taken with the leeway for clocks that differ; over a second or two later.
      const old = (agoS: number) => token('somebody', { iat: nowS - 120, exp: nowS - agoS });
      const ends = await Promise.all(times(4, (at) => enter(at % 2 === 0 ? a : b, { token: old(22), origin })));
      const renews = await Promise.all(times(4, (at) => converse(at % 2 === 0 ? a : b, { token: old(5), origin })));
      for (const page of renews) page.send({ type: 'auth', token: token() });
      await Promise.all(renews.map((page) => page.received('auth.accepted')));
      check.tally('not renewed', await codes(ends), { 4010: 4 });
      const answers = await Promise.all(renews.map((page) => ask(page, 'Hello.')));
      check.tally(
        'renewed',
        answers.map(({ outcome }) => outcome),
        { answered: 4 },
      );
      check.tally('close codes', await leave(renews), { 1000: 4 });
    },
  },
  {
    name: 'token-of-another',
    promises: 'a newer token of another user or tenant is refused in the call, which goes on',
    isQuick: true,
    async run({ a, tenant }, { check }) {
      const [who, other] = [await tenant(), await tenant()];
      const page = await converse(a, { token: who.token('one'), origin: who.origin });
      for (const token of [who.token('two'), other.token('one'), 'no.token.at-all']) page.send({ type: 'auth', token });
      await page.until(() => page.all('error').length === 3);
      check.tally(
        'errors',
        page.all('error').map(({ code }) => code),
        { 'token-invalid': 2, 'origin-refused': 1 },
      );
      check.same('the answer', (await ask(page, 'Hello.')).outcome, 'answered');
      check.tally('close codes', await leave([page]), { 1000: 1 });
    },
  },
  {
    name: 'webhooks-fail',
    promises: 'who is told of conversations may hang or be away: conversations do not notice, deliveries wait',
    async run({ open, tenant, manage }, { check }) {
      const relay = await open({ env: { RELAY_WEBHOOK_ALLOW_CIDR: '127.0.0.0/8' } });
      const who = await tenant({}, relay);
      const held = new Set<Socket>();
      const hangs = createServer((socket) => void held.add(socket));
      await new Promise<void>((resolve) => hangs.listen(0, '127.0.0.1', resolve));
      const { port } = hangs.address() as AddressInfo;
      const hooks: string[] = [];
      for (const url of [`https://127.0.0.1:${port}/hangs`, 'https://127.0.0.1:9/away']) {
        const { id = '' } = await manage('POST', `/tenants/${who.id}/webhooks`, { url }, relay);
        hooks.push(id);
      }
      const pages = await Promise.all(times(4, () => converse(relay, { token: who.token(), origin: who.origin })));
      const answers = await Promise.all(pages.map((page) => ask(page, 'Hello.')));
      check.tally(
        'answers',
        answers.map(({ outcome }) => outcome),
        { answered: 4 },
      );
      check.tally('close codes', await leave(pages), { 1000: 4 });
      const rowsOf = async (hook: string) =>
        (
          await manage<{ rows: { status: string; attempts: number }[] }>(
            ...(['GET', `/tenants/${who.id}/webhooks/${hook}/deliveries`, undefined, relay] as const),
          )
        ).rows;
      const [, away = ''] = hooks;
      await check.soon('it was tried', async () => (await rowsOf(away)).some(({ attempts }) => attempts > 0));
      const rows = (await Promise.all(hooks.map(rowsOf))).flat();
      check.same('delivered or given up', rows.filter(({ status }) => status !== 'pending').length, 0);
      check.holds('every conversation waits to be told, to both', rows.length >= 8);
      for (const socket of held) socket.destroy();
      hangs.close();
    },
  },
];
