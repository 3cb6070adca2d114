/** Sessions that talk without a pause, more and more of them on one relay, until something ends it: and what that was. */
import { percentile } from '../load/percentile.ts';
import { DEBUGGER_LINE, PROBED_FLAGS, lookAt, openProbe } from '../soak/probe.ts';
import { sleep, watchProcessor } from './child.ts';
import { EXCHANGE_MS, setHopStage } from './hop-stage.ts';
import { figure, judge, table, type Part } from './part.ts';
import { partsOf, type CpuProfile, type Spent } from './where.ts';

const STEPS = [1, 25, 50, 75, 100, 150, 200, 250, 300, 350, 400];
const QUICK_STEPS = [1, 10, 25];
/** A process that uses so much of a core is full. */
const FULL = 0.95;
/** All of them together, of each core of the machine. */
const MACHINE_FULL = 0.97;
/** … where at least so much of them is this measurement's. */
const OURS = 0.7;
/** Senders that are so late do not send what they should. */
const LATE_MS = 40;
/** A frame that takes so long is too late for the ear. */
const HOPELESS_MS = 1_000;
/** What the relay is to leave free of its core. */
const BUSY = 0.7;
/** With so many it is looked where the processor time goes: about as many as a core at 70 % carries. */
const LOOKED_AT = 50;
const QUICK_LOOKED_AT = 25;
/** So many sessions others carry, for comparison. */
const BESIDE = 150;
const MB = 1024 * 1024;

interface Step {
  sessions: number;
  cores: { relay: number; provider: number; load: number };
  machine: number;
  rssMb: number;
  lagP99Ms: number;
  upMs: [p50: number, p99: number];
  shareMs: [p50: number, p95: number];
  framesUp: number;
  lateMs: number;
  closed: number;
}

/** What has come to its end, if anything. */
function endOf(step: Step, cores: number): { what: string; isRelay: boolean } | null {
  const { relay, provider, load } = step.cores;
  if (relay >= FULL) return { what: 'the relay’s one thread', isRelay: true };
  if (provider >= FULL) return { what: 'the provider of the bench', isRelay: false };
  if (load >= FULL) return { what: 'the load generator', isRelay: false };
  const isOurs = relay + provider + load >= OURS * cores;
  if (step.machine >= MACHINE_FULL * cores && isOurs) return { what: 'the processors of this machine', isRelay: false };
  if (step.upMs[1] > HOPELESS_MS) return { what: 'latency', isRelay: step.lateMs < LATE_MS };
  if (step.lateMs > LATE_MS) return { what: 'senders that are late: the machine is too busy', isRelay: false };
  return null;
}

/** Cores in use by everybody on this machine since the last look. */
async function watchMachine(): Promise<() => number> {
  const { cpus } = await import('node:os');
  const look = () => {
    const all = cpus().map(({ times }) => ({ idle: times.idle, all: Object.values(times).reduce((a, b) => a + b, 0) }));
    return {
      idle: all.reduce((sum, one) => sum + one.idle, 0),
      all: all.reduce((sum, one) => sum + one.all, 0),
      cores: all.length,
    };
  };
  let before = look();
  return () => {
    const now = look();
    const share = 1 - (now.idle - before.idle) / Math.max(1, now.all - before.all);
    before = now;
    return share * now.cores;
  };
}

/** How many sessions a core at 70 % carries, between the two steps around it. */
function sessionsAtBusy(found: readonly Step[]): number {
  const above = found.findIndex(({ cores }) => cores.relay > BUSY);
  const [low, high] = [found[above - 1], found[above]];
  if (low === undefined || high === undefined) return Number.NaN;
  const share = (BUSY - low.cores.relay) / (high.cores.relay - low.cores.relay);
  return low.sessions + share * (high.sessions - low.sessions);
}

export const growth: Part = async ({ isQuick, progress }) => {
  const stage = await setHopStage();
  const found: Step[] = [];
  let ended: { what: string; isRelay: boolean } | null = null;
  const { cpus } = await import('node:os');
  const cores = cpus().length;
  const beside: { name: string; cores: number; upMs: number }[] = [];
  let spent: Spent[] = [];
  try {
    const relay = await stage.relay('growth', { isTls: true, isAhead: true, flags: PROBED_FLAGS });
    const probe = await openProbe(DEBUGGER_LINE.exec(relay.complaints())?.[1] ?? '');
    const { name, kind, url, origin } = relay;
    for (const sessions of isQuick ? QUICK_STEPS : STEPS) {
      await stage.load.ask({ do: 'connect', target: { name, kind, url, origin }, sessions });
      await stage.load.ask({ do: 'talk', name, isTalking: true, overMs: EXCHANGE_MS });
      await sleep(isQuick ? 1_000 : found.length === 0 ? 6_000 : 4_000);
      await stage.take();
      await probe.look();
      const processor = watchProcessor({ relay: relay.pid, provider: stage.provider.pid, load: stage.load.pid });
      const machine = await watchMachine();
      await sleep(isQuick ? 3_000 : 8_000);
      const used = processor();
      const all = machine();
      const { load, provider } = await stage.take();
      const inside = await probe.look();
      const ms = (values: readonly number[], share: number) => percentile(values, share) / 1000;
      const step: Step = {
        sessions,
        cores: { relay: used['relay'] ?? 0, provider: used['provider'] ?? 0, load: used['load'] ?? 0 },
        machine: all,
        rssMb: lookAt(relay.pid).rssBytes / MB,
        lagP99Ms: inside.lagP99Ms,
        upMs: [ms(provider.upUs, 0.5), ms(provider.upUs, 0.99)],
        shareMs: [ms(load.shareUs, 0.5), ms(load.shareUs, 0.95)],
        framesUp: provider.framesUp / (isQuick ? 3 : 8) / sessions,
        lateMs: Math.max(percentile(load.lateMs, 0.99), percentile(provider.lateMs, 0.99)),
        closed: load.closed,
      };
      found.push(step);
      progress(`${sessions} sessions: relay ${figure(step.cores.relay, 2)} cores, up p99 ${figure(step.upMs[1])} ms`);
      if (sessions === (isQuick ? QUICK_LOOKED_AT : LOOKED_AT)) {
        spent = partsOf((await probe.profile(() => sleep(isQuick ? 2_000 : 6_000))) as CpuProfile);
      }
      ended = endOf(step, cores);
      if (ended !== null) break;
    }
    probe.close();
    await stage.load.ask({ do: 'leave', name });
    for (const other of [await stage.proxy('proxy', true), await stage.bridge('bridge', true)]) {
      const target = { name: other.name, kind: other.kind, url: other.url, origin: other.origin };
      await stage.load.ask({ do: 'connect', target, sessions: isQuick ? 25 : BESIDE });
      await stage.load.ask({ do: 'talk', name: other.name, isTalking: true });
      await sleep(isQuick ? 2_000 : 4_000);
      await stage.take();
      const processor = watchProcessor({ other: other.pid });
      await sleep(isQuick ? 2_000 : 6_000);
      const used = processor()['other'] ?? Number.NaN;
      const { provider } = await stage.take();
      beside.push({ name: other.name, cores: used, upMs: percentile(provider.upUs, 0.99) / 1000 });
      await stage.load.ask({ do: 'leave', name: other.name });
    }
  } finally {
    await stage.close();
  }
  const last = found.at(-1);
  const atBusy = sessionsAtBusy(found);
  const under = found.filter((step) => step.cores.relay <= BUSY && endOf(step, cores) === null).at(-1);
  const slope = (() => {
    const [first, top] = [found[0], under ?? last];
    if (first === undefined || top === undefined || first === top) return Number.NaN;
    return ((top.cores.relay - first.cores.relay) * 1000) / (top.sessions - first.sessions);
  })();
  const grownKb = (() => {
    const first = found[0];
    if (first === undefined || last === undefined || first === last) return Number.NaN;
    return ((last.rssMb - first.rssMb) * 1024) / (last.sessions - first.sessions);
  })();
  const words =
    ended === null
      ? `Nothing ended it up to ${last?.sessions ?? 0} sessions.`
      : `At ${last?.sessions ?? 0} sessions it ended: ${ended.what}. ${ended.isRelay ? '' : 'That is not the relay, which would go on: the figures beyond are not its own.'}`;
  const line = (title: string, unit: string, series: [name: string, of: (step: Step) => number][]) => ({
    ...{ title, unit },
    series: series.map(([label, of]) => ({
      name: label,
      points: found.map((step) => [step.sessions, of(step)] as const),
    })),
  });
  return {
    markdown: [
      'Everybody talks without a pause and nobody’s turns end with another’s, TLS above, sound as models send it; the same people stay and more come. Load and provider are processes of their own.',
      table(
        [
          ...['sessions', 'relay, cores', 'provider', 'load', 'machine', 'resident, MB', 'up p50 / p99, ms'],
          ...['own share of a first byte p50 / p95, ms', 'event loop late p99, ms', 'senders late p99, ms'],
        ],
        found.map((step) => [
          step.sessions,
          ...[step.cores.relay, step.cores.provider, step.cores.load, step.machine].map((one) => figure(one, 2)),
          figure(step.rssMb, 0),
          ...[step.upMs, step.shareMs].map((pair) => pair.map((one) => figure(one)).join(' / ')),
          ...[figure(step.lagP99Ms), figure(step.lateMs)],
        ]),
      ),
      `${words} A core at 70 % carries ${figure(atBusy, 0)} (between the steps around it). A session costs ${figure(slope, 2)} ms of processor a second, as far as the relay is below 70 % of a core${under === undefined ? '' : `, where it carried ${under.sessions}`}; the more there are, the less each costs, because what comes at the same time is read and written together. The relay is one process with one thread that does the work: what ends first is its core, long before memory (${figure(grownKb, 0)} kB resident a session more, without collecting garbage). One more relay on another core or machine adds as many again: relays share tokens, limits and who holds which conversation through Redis, and nothing of a conversation’s sound.`,
      table(
        [`of the relay’s thread, ${isQuick ? QUICK_LOOKED_AT : LOOKED_AT} sessions`, '% of its busy time'],
        spent.map(({ name, share }) => [name, figure(share * 100)]),
      ),
      '_Sampled every half a millisecond, after the figures above were taken. What Node and the system do for somebody is counted as theirs, all writing to sockets together._',
      `Beside it, ${isQuick ? 25 : BESIDE} sessions with frames of 20 ms both ways: ${beside
        .map(
          (one) =>
            `${one.name === 'proxy' ? 'a bare `ws` proxy' : 'the least bridge'} takes ${figure(one.cores, 2)} cores (a frame’s way up p99 ${figure(one.upMs)} ms)`,
        )
        .join(', ')}.`,
    ],
    targets: [
      judge('talking sessions per core at 70 %, TLS above, sound as models send it', atBusy, 150, {
        ...{ digits: 0, atLeast: true },
      }),
    ],
    plots: [
      {
        ...{ file: 'growth.svg', alt: 'Cores, memory and latency by sessions', xUnit: 'sessions' },
        panels: [
          line('processor', 'cores', [
            ['relay', ({ cores: { relay } }) => relay],
            ['provider', ({ cores: { provider } }) => provider],
            ['load', ({ cores: { load } }) => load],
          ]),
          line('resident memory of the relay', 'MB', [['relay', ({ rssMb }) => rssMb]]),
          line('a frame’s way up', 'ms', [
            ['p50', ({ upMs }) => upMs[0]],
            ['p99', ({ upMs }) => upMs[1]],
          ]),
        ],
      },
    ],
    notMeasured: ['What a second relay adds was not run here: two relays, load and provider do not fit on two cores.'],
    json: { found, ended, atBusy, beside, spent },
  };
};
