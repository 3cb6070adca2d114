/** What tenants may: places, connections a minute, budgets, and who is shut out in the middle of a call. */
import type { PageClient } from '../../../relay/session/testing/page-client.ts';
import { ask, codes, converse, enter, knock, leave } from '../page.ts';
import type { Scenario } from '../scenario.ts';

const times = <T>(count: number, make: (at: number) => T): T[] => Array.from({ length: count }, (_, at) => make(at));
const isOpen = (page: PageClient) => page.socket.readyState === page.socket.OPEN;

export const LIMITS: readonly Scenario[] = [
  {
    name: 'race-for-places',
    promises: 'forty callers race for seven places on two instances: seven are in, the others get 4029',
    isQuick: true,
    async run({ a, b, tenant, spy }, { check }) {
      const { origin, token } = await tenant({ concurrentSessions: 7 });
      const tokens = times(40, (at) => token(`user ${at}`));
      const tried = await Promise.allSettled(
        tokens.map((one, at) => enter(at % 2 === 0 ? a : b, { token: one, origin })),
      );
      const pages = tried.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      const others = tried.flatMap((one) => (one.status === 'rejected' ? [(one.reason as Error).message] : []));
      check.same('in', pages.length, 7);
      check.tally('the others', others, { 'closed with 4029 at the door': 33 });
      const [key = ''] = await spy.keys('vjj:lease:*');
      check.same('places taken', await spy.zcard(key), 7);
      check.tally('close codes', await leave(pages), { 1000: 7 });
      await check.soon('all places are free', async () => (await spy.keys('vjj:lease:*')).length === 0);
      const again = await Promise.all(
        times(7, (at) => enter(at % 2 === 0 ? b : a, { token: token(`late ${at}`), origin })),
      );
      check.tally('seven more', await leave(again), { 1000: 7 });
    },
  },
  {
    name: 'turnstile',
    promises: 'a tenant with three places serves thirty callers who try again, never more than three at once',
    async run({ a, b, tenant }, { check, random }) {
      const { origin, token } = await tenant({ concurrentSessions: 3 });
      let inside = 0;
      let most = 0;
      let served = 0;
      let refused = 0;
      await Promise.all(
        times(30, async (at) => {
          for (;;) {
            const page = await enter(at % 2 === 0 ? a : b, { token: token(`user ${at}`), origin }).catch(
              () => undefined,
            );
            if (page === undefined) {
              refused += 1;
              await new Promise((resolve) => setTimeout(resolve, random.between(5, 60)));
              continue;
            }
            inside += 1;
            most = Math.max(most, inside);
            await new Promise((resolve) => setTimeout(resolve, random.between(1, 10)));
            inside -= 1;
            await leave([page]);
            served += 1;
            return;
          }
        }),
      );
      check.same('served', served, 30);
      check.holds(`never more than three at once, though ${refused} were refused`, most <= 3);
    },
  },
  {
    name: 'connections-a-minute',
    promises: 'a tenant with ten connections a minute has ten on both instances together, and 4029 beyond',
    isQuick: true,
    async run({ a, b, tenant }, { check }) {
      const { origin, token } = await tenant({ connectsPerMinute: 10 });
      const outcomes = await Promise.all(
        times(30, (at) => knock(at % 2 === 0 ? a : b, { token: token(`user ${at}`), origin })),
      );
      check.tally('outcomes', outcomes, { in: 10, 4029: 20 });
    },
  },
  {
    name: 'revoked-subject',
    promises: 'a revoked end user is out with 4504 on both instances, and nobody else is',
    isQuick: true,
    async run({ a, b, tenant, manage }, { check }) {
      const { id, origin, token } = await tenant();
      const bad = await Promise.all(times(6, (at) => enter(at % 2 === 0 ? a : b, { token: token('bad'), origin })));
      const good = await Promise.all(times(6, (at) => enter(at % 2 === 0 ? a : b, { token: token('good'), origin })));
      const old = token('bad');
      const started = performance.now();
      await manage('POST', `/tenants/${id}/revocations`, { kind: 'subject', value: 'bad' });
      check.tally('the revoked', await codes(bad), { 4504: 6 });
      check.holds('within two seconds on all instances', performance.now() - started < 2_000);
      check.same('the others are there', good.filter(isOpen).length, 6);
      check.tally(
        'an old token again',
        [await knock(a, { token: old, origin }), await knock(b, { token: old, origin })],
        {
          4504: 2,
        },
      );
      check.tally('the others', await leave(good), { 1000: 6 });
    },
  },
  {
    name: 'revoked-token',
    promises: 'one revoked token ends its own conversation, on whichever instance',
    async run({ a, b, tenant, manage }, { check }) {
      const { id, origin, token } = await tenant();
      const pages = await Promise.all(
        times(8, (at) => enter(at % 2 === 0 ? a : b, { token: token('same', { jti: `ticket-${at}` }), origin })),
      );
      for (const value of ['ticket-2', 'ticket-5'])
        await manage('POST', `/tenants/${id}/revocations`, { kind: 'token', value });
      const out = [pages[2], pages[5]].flatMap((page) => (page === undefined ? [] : [page]));
      check.tally('the revoked', await codes(out), { 4504: 2 });
      const others = pages.filter((page) => !out.includes(page));
      check.same('the others are there', others.filter(isOpen).length, 6);
      check.tally('the others', await leave(others), { 1000: 6 });
    },
  },
  {
    name: 'revoked-key',
    promises: 'a revoked signing key ends what its tokens opened; pages with tokens of the relay stay',
    async run({ a, b, tenant, manage, ask: request }, { check }) {
      const { id, origin, token, publishableKey } = await tenant();
      const signed = await Promise.all(times(4, (at) => enter(at % 2 === 0 ? a : b, { token: token(), origin })));
      const fetched = await fetch(`http://127.0.0.1:${a.port}/api/token`, {
        ...{ method: 'POST', headers: { 'content-type': 'application/json', origin, connection: 'close' } },
        body: JSON.stringify({ tenant: publishableKey }),
      });
      const { token: own } = (await fetched.json()) as { token: string };
      const stays = await enter(b, { token: own, origin });
      await manage('POST', `/tenants/${id}/revocations`, { kind: 'key', value: 'backend' });
      check.tally('of that key', await codes(signed), { 4504: 4 });
      check.holds('the other is there', isOpen(stays));
      check.tally('the other', await leave([stays]), { 1000: 1 });
      check.same('health', (await request(b, 'GET', '/health')).status, 200);
    },
  },
  {
    name: 'suspended-tenant',
    promises: 'a suspended tenant is out with 4504 in the middle of its calls; another does not notice',
    async run({ a, b, tenant, manage }, { check }) {
      const [bad, good] = [await tenant(), await tenant()];
      const out = await Promise.all(
        times(8, (at) => enter(at % 2 === 0 ? a : b, { token: bad.token(), origin: bad.origin })),
      );
      const page = await converse(b, { token: good.token(), origin: good.origin });
      await manage('POST', `/tenants/${bad.id}/revocations`, { kind: 'tenant', value: bad.id });
      check.tally('the suspended', await codes(out), { 4504: 8 });
      check.same('the other is answered', (await ask(page, 'Hello.')).outcome, 'answered');
      check.tally('the other', await leave([page]), { 1000: 1 });
    },
  },
  {
    name: 'budget',
    promises: 'a tenant whose minutes are used up is told so with 4503 at the door, on both instances',
    async run({ a, b, tenant }, { check }) {
      const { origin, token } = await tenant({ minutesPerDay: 0 });
      const outcomes = await Promise.all(times(10, (at) => knock(at % 2 === 0 ? a : b, { token: token(), origin })));
      check.tally('close codes', outcomes, { 4503: 10 });
    },
  },
  {
    name: 'longest-session',
    promises: 'a conversation that has lasted as long as it may ends with 4506',
    async run({ a, b, tenant }, { check }) {
      const { origin, token } = await tenant({ longestSessionMs: 1_200 });
      const pages = await Promise.all(times(6, (at) => enter(at % 2 === 0 ? a : b, { token: token(), origin })));
      check.tally('close codes', await codes(pages), { 4506: 6 });
    },
  },
];
