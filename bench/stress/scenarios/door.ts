/** Coming and going: crowds, storms, handshakes that are none, callers who may not come in. */
import { connect } from 'node:net';
import { raw, request, UPGRADE, upgradeWith } from '../../../relay/security/testing/raw.ts';
import { openPage } from '../../../relay/session/testing/page-client.ts';
import { fetchToken } from '../../load/tokens.ts';
import { ask, codes, converse, enter, knock, leave } from '../page.ts';
import type { Scenario } from '../scenario.ts';

const times = <T>(count: number, make: (at: number) => T): T[] => Array.from({ length: count }, (_, at) => make(at));

export const DOOR: readonly Scenario[] = [
  {
    name: 'churn',
    promises: '120 conversations begin and end one after another, four at a time, on both instances',
    isQuick: true,
    async run({ a, b, tenant }, { check }) {
      const { origin, token } = await tenant();
      const seen: number[] = [];
      const waiting = times(120, (at) => at);
      const ids = new Set<string>();
      await Promise.all(
        times(4, async () => {
          for (let at = waiting.shift(); at !== undefined; at = waiting.shift()) {
            const page = await enter(at % 2 === 0 ? a : b, { token: token(`user ${at}`), origin });
            ids.add(page.all('session.created')[0]?.session ?? '');
            seen.push(...(await leave([page])));
          }
        }),
      );
      check.tally('close codes', seen, { 1000: 120 });
      check.same('different conversations', ids.size, 120);
    },
  },
  {
    name: 'storm',
    promises: '150 callers at the same moment are all let in, and all can be told goodbye at the same moment',
    isQuick: true,
    async run({ a, b, tenant }, { check }) {
      const { origin, token } = await tenant();
      const tokens = times(150, (at) => token(`user ${at}`));
      const pages = await Promise.all(tokens.map((one, at) => enter(at % 2 === 0 ? a : b, { token: one, origin })));
      check.same('conversations', [a.relay.sessions(), b.relay.sessions()], [75, 75]);
      check.tally('close codes', await leave(pages), { 1000: 150 });
    },
  },
  {
    name: 'vanishing',
    promises: 'callers who break off at any point of coming in leave nothing, and the next one is let in',
    async run({ a, tenant }, { check, random }) {
      const { origin, token } = await tenant();
      await Promise.all(
        times(60, async () => {
          const bytes = upgradeWith(token(), origin);
          const one = await raw(a, bytes.slice(0, random.whole(0, bytes.length)));
          const patience = new Promise((resolve) => setTimeout(resolve, random.between(0, 300)));
          await Promise.race([one.until('101 Switching'), patience]);
          if (random.chance(0.5)) one.socket.resetAndDestroy();
          else one.socket.destroy();
          await one.closed;
        }),
      );
      const page = await enter(a, { token: token(), origin });
      check.tally('the next one', await leave([page]), { 1000: 1 });
    },
  },
  {
    name: 'half-handshakes',
    promises:
      'who does not come to the point is cut off in time: requests with 408, upgrades without a token with 4501',
    isQuick: true,
    async run({ open }, { check }) {
      const hasty = await open({
        start: { door: { deadlineMs: 400, closeTimeoutMs: 200 }, requests: { headMs: 400, wholeMs: 800 } },
      });
      const half = request('/ws', UPGRADE);
      const partial = times(20, (at) => half.slice(0, 10 + at * 4));
      const outcomes = await Promise.all(partial.map(async (bytes) => (await raw(hasty, bytes)).closed));
      check.tally('half requests', outcomes, { 'http 408': 20 });
      const silent = await Promise.all(times(20, () => knock(hasty, { token: undefined, origin: undefined })));
      check.tally('upgrades without a token', silent, { 4501: 20 });
      check.same('connections', await hasty.relay.connections(), 0);
    },
  },
  {
    name: 'no-websocket',
    promises: 'other upgrades and other paths are refused over HTTP and closed',
    async run({ b }, { check }) {
      const h2c = request('/ws', ['Connection: Upgrade', 'Upgrade: h2c']);
      const elsewhere = request('/elsewhere', UPGRADE);
      const outcomes = await Promise.all(
        times(20, async (at) => (await raw(b, at % 2 === 0 ? h2c : elsewhere)).closed),
      );
      check.tally('answers', outcomes, { 'http 426': 10, 'http 404': 10 });
    },
  },
  {
    name: 'late-token',
    promises: 'a token may come as first message; before it only pings are answered',
    async run({ a, tenant }, { check }) {
      const { origin, token } = await tenant();
      const early = await Promise.all(
        times(10, async (at) => {
          const page = await openPage(a.url, undefined, { origin });
          page.send({ type: 'ping' });
          if (at % 2 === 0) page.send({ type: 'auth', token: token(`user ${at}`) });
          else page.send({ type: 'user.text', text: 'Hello.' });
          if (at % 2 === 0) {
            await page.received('session.created');
            page.send({ type: 'session.end' });
          }
          return page;
        }),
      );
      check.tally('close codes', await codes(early), { 1000: 5, 4505: 5 });
    },
  },
  {
    name: 'wrong-tokens',
    promises: 'each wrong token gets its own close code: forged, old, of another page, of nobody',
    isQuick: true,
    async run({ a, b, tenant }, { check }) {
      const [one, other] = [await tenant(), await tenant()];
      const nowS = Math.floor(Date.now() / 1000);
      const { origin } = one;
      const good = one.token();
      const calls = [
        { token: `${good.slice(0, -4)}AAAA`, origin },
        { token: one.token('x', { exp: nowS - 60, iat: nowS - 300 }), origin },
        { token: one.token('x', { aud: 'somebody-else' }), origin },
        { token: one.token('x', { iss: other.id }), origin },
        { token: good, origin: other.origin },
        { token: good, origin: undefined },
        { token: 'no.jws.at-all', origin },
      ];
      const outcomes = (
        await Promise.all([a, b, a, b].map((door) => Promise.all(calls.map((call) => knock(door, call)))))
      ).flat();
      check.tally('close codes', outcomes, { 4501: 16, 4010: 4, 4502: 8 });
    },
  },
  {
    name: 'full-house',
    promises: 'an instance lets in as many as it may hold, and tells the others when to come again',
    async run({ open }, { check }) {
      const small = await open({ start: { door: { maxSessions: 5 } } });
      const origin = `http://localhost:${small.port}`;
      const call = async () => ({
        token: await fetchToken(`http://127.0.0.1:${small.port}`, { tenant: 'pk_demo', origin }),
        origin,
      });
      const pages = await Promise.all(times(5, async () => enter(small, await call())));
      const more = await Promise.all(times(15, async () => knock(small, await call())));
      check.tally('the others', more, { 'http 503': 15 });
      check.tally('close codes', await leave(pages), { 1000: 5 });
      await check.soon('its places are free', () => small.relay.sessions() === 0);
      check.same('the next one', await knock(small, await call()), 'in');
    },
  },
  {
    name: 'knocking',
    promises: 'a network may knock so often a window and no more, whatever it forwards',
    async run({ open }, { check }) {
      const narrow = await open({ start: { door: { perAddress: { max: 12, windowMs: 3_600_000 } } } });
      const outcomes = [];
      for (let i = 0; i < 30; i++) outcomes.push(await knock(narrow, { token: 'x', origin: undefined }));
      check.tally('answers', outcomes, { 4501: 12, 'http 429': 18 });
    },
  },
  {
    name: 'slow-loris',
    promises: 'fifty connections that say nothing keep nobody from talking',
    async run({ a, tenant }, { check }) {
      const { origin, token } = await tenant();
      const silent = times(50, () => connect(a.port, '127.0.0.1'));
      await Promise.all(silent.map((one) => new Promise((resolve) => one.once('connect', resolve))));
      const page = await converse(a, { token: token(), origin });
      check.same('the answer', (await ask(page, 'Hello.')).outcome, 'answered');
      check.tally('close codes', await leave([page]), { 1000: 1 });
      for (const one of silent) one.destroy();
    },
  },
];
