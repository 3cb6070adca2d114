/** Redis and Postgres that stand still, die and come back, and clocks that jump. */
import { readFileSync } from 'node:fs';
import type { PageClient } from '../../../relay/session/testing/page-client.ts';
import { ask, converse, knock, leave } from '../page.ts';
import type { Scenario } from '../scenario.ts';
import type { Stage, Tenant } from '../stage.ts';

const times = <T>(count: number, make: (at: number) => T): T[] => Array.from({ length: count }, (_, at) => make(at));
const conversations = (count: number, { a, b }: Stage, { token, origin }: Tenant): Promise<PageClient[]> =>
  Promise.all(times(count, (at) => converse(at % 2 === 0 ? a : b, { token: token(`user ${at}`), origin })));
const askAll = async (pages: readonly PageClient[]) =>
  (await Promise.all(pages.map((page) => ask(page, 'Hello.')))).map(({ outcome }) => outcome);

interface RelayStatus {
  isSharedStateUp?: boolean;
}

/** What both relays say of the state they share. */
async function shared(stage: Stage): Promise<(boolean | undefined)[]> {
  const answers = await Promise.all([stage.a, stage.b].map((one) => stage.ask(one, 'GET', '/api/status')));
  return answers.map(({ text }) => (JSON.parse(text) as RelayStatus).isSharedStateUp);
}

export const STORES: readonly Scenario[] = [
  {
    name: 'redis-frozen',
    promises:
      "Redis stands still: conversations go on, callers are let in by each instance's own share, and all is well afterwards",
    async run(stage, { check }) {
      const { redis, tenant, a, b } = stage;
      const one = await tenant({ concurrentSessions: 40 });
      const pages = await conversations(6, stage, one);
      redis.freeze();
      try {
        check.tally('answers meanwhile', await askAll(pages), { answered: 6 });
        const callers = await Promise.all(
          times(6, (at) => knock(at % 2 === 0 ? a : b, { token: one.token(`late ${at}`), origin: one.origin })),
        );
        check.tally('callers meanwhile', callers, { in: 6 });
      } finally {
        redis.thaw();
      }
      check.tally('answers afterwards', await askAll(pages), { answered: 6 });
      check.tally('close codes', await leave(pages), { 1000: 6 });
      await check.soon('both share again', async () => (await shared(stage)).every((isUp) => isUp === true), 15_000);
    },
    withinMs: 45_000,
  },
  {
    name: 'redis-dies',
    promises: 'Redis dies with all it knew and comes back empty: conversations go on, and places are counted again',
    async run(stage, { check }) {
      const { redis, tenant, spy } = stage;
      const one = await tenant({ concurrentSessions: 8 });
      const pages = await conversations(6, stage, one);
      await redis.kill();
      check.tally('answers meanwhile', await askAll(pages), { answered: 6 });
      await redis.restart();
      await check.soon('both share again', async () => (await shared(stage)).every((isUp) => isUp === true), 15_000);
      await check.soon(
        'the six places are taken again',
        async () => {
          const [key] = await spy.keys('vjj:lease:*');
          return key !== undefined && (await spy.zcard(key)) === 6;
        },
        15_000,
      );
      check.tally('answers afterwards', await askAll(pages), { answered: 6 });
      check.tally('close codes', await leave(pages), { 1000: 6 });
    },
    withinMs: 45_000,
  },
  {
    name: 'postgres-frozen',
    promises: 'Postgres stands still: conversations go on, known callers are let in, and nothing is lost afterwards',
    async run(stage, { check }) {
      const { postgres, tenant } = stage;
      const one = await tenant();
      const pages = await conversations(4, stage, one);
      process.kill(postgres.pid, 'SIGSTOP');
      const children = childrenOf(postgres.pid);
      for (const pid of children) process.kill(pid, 'SIGSTOP');
      try {
        check.tally('answers meanwhile', await askAll(pages), { answered: 4 });
      } finally {
        for (const pid of [postgres.pid, ...children]) process.kill(pid, 'SIGCONT');
      }
      check.tally('answers afterwards', await askAll(pages), { answered: 4 });
      check.tally('close codes', await leave(pages), { 1000: 4 });
      await check.soon('all four are in the books', async () => (await recorded(stage, one)) === 4, 15_000);
    },
    withinMs: 45_000,
  },
  {
    name: 'clock-forward',
    promises: 'the wall clock jumps an hour ahead: conversations go on, old tokens are too old, new ones are taken',
    isQuick: true,
    run: (stage, tools) => jump(stage, tools, 3_600_000, { 4010: 2 }),
  },
  {
    name: 'clock-back',
    promises: 'the wall clock jumps an hour back: conversations go on, and tokens from the future are refused',
    run: (stage, tools) => jump(stage, tools, -3_600_000, { 4501: 2 }),
  },
];

/** Processes that this one started: Postgres has one for each connection. */
function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text
    .split(' ')
    .map(Number)
    .filter((child) => child > 0);
}

async function recorded({ manage }: Stage, { id }: Tenant): Promise<number> {
  const { rows } = await manage<{ rows: { endedAt: unknown }[] }>('GET', `/tenants/${id}/sessions`);
  return rows.filter(({ endedAt }) => endedAt !== null).length;
}

async function jump(
  stage: Stage,
  { check }: Parameters<Scenario['run']>[1],
  byMs: number,
  old: Record<string, number>,
): Promise<void> {
  const { a, b, tenant } = stage;
  const one = await tenant();
  const pages = await conversations(4, stage, one);
  const before = [one.token('old'), one.token('old')];
  const real = Date.now;
  // The operating system's answer; what is monotonic is not asked of it.
  Date.now = () => real() + byMs;
  try {
    check.tally('answers', await askAll(pages), { answered: 4 });
    const outcomes = await Promise.all(
      before.map((token, at) => knock(at === 0 ? a : b, { token, origin: one.origin })),
    );
    check.tally('tokens from before', outcomes, old);
    if (byMs > 0) {
      const fresh = await Promise.all(
        [a, b].map((door) => knock(door, { token: one.token('new'), origin: one.origin })),
      );
      check.tally('tokens from now', fresh, { in: 2 });
    }
  } finally {
    Date.now = real;
  }
  check.tally('answers afterwards', await askAll(pages), { answered: 4 });
  check.tally('close codes', await leave(pages), { 1000: 4 });
}
