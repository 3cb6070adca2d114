/**
 * What the relay costs as a hop: frames of 20 ms both ways at real-time pace through the relay, beside a bare `ws` proxy, nginx and the
 * same relay with sound as base64 in JSON on the browser's leg; one after the other, round after round. Then what a session takes in memory.
 */
import { lookAt, DEBUGGER_LINE, PROBED_FLAGS, openProbe } from '../soak/probe.ts';
import { percentile } from '../load/percentile.ts';
import { sleep, watchProcessor } from './child.ts';
import type { Seen, Target as Way } from './hop-load.ts';
import { POLICY_BUDGET_MS, setHopStage, type Hop, type HopStage, type ProviderSeen } from './hop-stage.ts';
import { figure, judge, median, spread, table, type Part, type PartContext } from './part.ts';

/** After talk begins, before anything counts. */
const SETTLE_MS = 1_500;
const KB = 1024;

interface Round {
  perSessionMs: number;
  cores: number;
  load: number;
  provider: number;
  upUs: number[];
  downUs: number[];
  wholeUs: number[];
  shareUs: number[];
  framesUp: number;
  framesDown: number;
  closed: number;
  lateMs: number;
}
type Rounds = Map<string, Round[]>;

const wayOf = ({ name, kind, url, origin }: Way): Way => ({ name, kind, url, origin });

async function oneRound(stage: HopStage, way: Way & { pid?: number }, sessions: number, ms: number): Promise<Round> {
  await stage.load.ask({ do: 'talk', name: way.name, isTalking: true });
  await sleep(SETTLE_MS);
  await stage.take();
  const pids = { load: stage.load.pid, provider: stage.provider.pid, ...(way.pid !== undefined && { hop: way.pid }) };
  const processor = watchProcessor(pids);
  const began = performance.now();
  await sleep(ms);
  const used = processor();
  const { load, provider }: { load: Seen; provider: ProviderSeen } = await stage.take();
  const seconds = (performance.now() - began) / 1000;
  await stage.load.ask({ do: 'talk', name: way.name, isTalking: false });
  // Until the provider has noticed.
  await sleep(600);
  return {
    perSessionMs: ((used['hop'] ?? 0) * 1000) / sessions,
    ...{ cores: used['hop'] ?? 0, load: used['load'] ?? 0, provider: used['provider'] ?? 0 },
    ...{ upUs: provider.upUs, downUs: load.downUs, wholeUs: load.wholeUs, shareUs: load.shareUs },
    framesUp: provider.framesUp / seconds / sessions,
    framesDown: load.framesDown / seconds / sessions,
    closed: load.closed,
    lateMs: Math.max(percentile(load.lateMs, 0.99), percentile(provider.lateMs, 0.99)),
  };
}

async function inTurns(
  stage: HopStage,
  ways: readonly (Way & { pid?: number })[],
  { sessions, rounds, ms }: { sessions: number; rounds: number; ms: number },
  progress: PartContext['progress'],
): Promise<Rounds> {
  const all: Rounds = new Map(ways.map(({ name }) => [name, []]));
  for (const way of ways) {
    await stage.load.ask({ do: 'connect', target: wayOf(way), sessions });
    // Code that has not run yet is many times slower; it would be the first round's.
    await oneRound(stage, way, sessions, ms);
  }
  for (let round = 0; round < rounds; round++)
    for (let place = 0; place < ways.length; place++) {
      const way = ways[(place + round) % ways.length];
      if (way === undefined) continue;
      const seen = await oneRound(stage, way, sessions, ms);
      all.get(way.name)?.push(seen);
      progress(`${way.name}, round ${round + 1} of ${rounds}: ${figure(seen.perSessionMs, 2)} ms/s a session`);
    }
  for (const { name } of ways) await stage.load.ask({ do: 'leave', name });
  return all;
}

const costOf = (rounds: Rounds, name: string) => median((rounds.get(name) ?? []).map((one) => one.perSessionMs));
const allOf = (rounds: Rounds, name: string, what: 'upUs' | 'downUs' | 'wholeUs' | 'shareUs') =>
  (rounds.get(name) ?? []).flatMap((one) => one[what]).map((us) => us / 1000);
/** In the same round, so that what the machine did then falls on both. */
function ratio(rounds: Rounds, name: string, to: string, of: (round: Round) => number): number {
  const [ours = [], theirs = []] = [rounds.get(name), rounds.get(to)];
  return median(
    ours.flatMap((one, index) => {
      const other = theirs[index];
      return other === undefined ? [] : [of(one) / of(other)];
    }),
  );
}

const TITLES: Record<string, string> = {
  direct: 'nothing between',
  proxy: 'a bare `ws` proxy',
  nginx: 'nginx',
  bridge: 'the least bridge: frames ↔ JSON, nothing else',
  relay: '**the relay**',
  base64: 'the relay, base64 JSON to the browser',
  'proxy-tls': 'a bare `ws` proxy, TLS above',
  'bridge-tls': 'the least bridge, TLS above',
  'relay-tls': '**the relay**, TLS above',
  'ahead-tls': '**the relay**, TLS above, sound as models send it',
  'before-tls': 'the relay before, TLS above',
};

function costTable(rounds: Rounds): string {
  return table(
    [
      ...['way', 'ms of processor a second and session', 'up p50 / p99, ms', 'down p50 / p99, ms', 'frames/s up, down'],
      ...['relay or proxy, cores', 'load, cores', 'provider, cores', 'senders late p99, ms'],
    ],
    [...rounds].map(([name, seen]) => {
      const middle = (of: (round: Round) => number, digits = 2) => figure(median(seen.map(of)), digits);
      return [
        TITLES[name] ?? name,
        name === 'direct' ? '–' : middle((one) => one.perSessionMs),
        spread(allOf(rounds, name, 'upUs'), [0.5, 0.99], 2),
        name.startsWith('ahead') ? '–' : spread(allOf(rounds, name, 'downUs'), [0.5, 0.99], 2),
        `${middle((one) => one.framesUp, 0)}, ${middle((one) => one.framesDown, 0)}`,
        ...[middle((one) => one.cores), middle((one) => one.load), middle((one) => one.provider)],
        middle((one) => one.lateMs, 1),
      ];
    }),
  );
}

interface Memory {
  what: string;
  idleKb: number;
  idleHeapKb: number;
  talkingKb: number;
}

/** `base` are there before: what takes memory for a moment while people come has its place by then. */
interface Crowds {
  base: number;
  idle: number;
  talking: number;
}

/** What so many sessions add to a process, a session; all garbage collected where that can be asked for. */
async function memoryOf(stage: HopStage, hop: Hop, { base, idle, talking }: Crowds): Promise<Memory> {
  const url = DEBUGGER_LINE.exec(hop.complaints())?.[1];
  const probe = url === undefined ? null : await openProbe(url);
  const look = async () => {
    await sleep(1_500);
    await probe?.collect();
    await sleep(300);
    const inside = await probe?.look();
    const heap = inside === undefined ? Number.NaN : inside.heapUsedBytes + inside.externalBytes;
    return { rss: lookAt(hop.pid).rssBytes, heap };
  };
  // What is loaded once is loaded before.
  await stage.load.ask({ do: 'connect', target: wayOf(hop), sessions: base });
  await stage.load.ask({ do: 'talk', name: hop.name, isTalking: true });
  await sleep(3_000);
  await stage.load.ask({ do: 'talk', name: hop.name, isTalking: false });
  await sleep(1_500);
  const before = await look();
  await stage.load.ask({ do: 'connect', target: wayOf(hop), sessions: base + idle });
  const after = await look();
  await stage.load.ask({ do: 'leave', name: hop.name });
  await sleep(1_500);
  const empty = await look();
  await stage.load.ask({ do: 'connect', target: wayOf(hop), sessions: talking });
  await stage.load.ask({ do: 'talk', name: hop.name, isTalking: true });
  await sleep(5_000);
  const loud = await look();
  await stage.load.ask({ do: 'leave', name: hop.name });
  probe?.close();
  return {
    what: hop.name,
    idleKb: (after.rss - before.rss) / idle / KB,
    idleHeapKb: (after.heap - before.heap) / idle / KB,
    talkingKb: (loud.rss - empty.rss) / talking / KB,
  };
}

export const hop: Part = async ({ isQuick, before, rounds: asked, progress }) => {
  const stage = await setHopStage();
  try {
    const scale = isQuick ? { sessions: 10, rounds: 1, ms: 2_500 } : { sessions: 20, rounds: asked ?? 3, ms: 5_000 };
    const plainWays = [
      stage.direct(),
      await stage.proxy('proxy', false),
      await stage.nginx(),
      await stage.bridge('bridge', false),
      await stage.relay('relay'),
      await stage.relay('base64', { isBase64: true }),
    ];
    const plain = await inTurns(stage, plainWays, scale, progress);
    const tlsWays = [
      await stage.proxy('proxy-tls', true),
      await stage.bridge('bridge-tls', true),
      await stage.relay('relay-tls', { isTls: true }),
      await stage.relay('ahead-tls', { isTls: true, isAhead: true }),
      ...(before === undefined ? [] : [await stage.relay('before-tls', { isTls: true, dist: before })]),
    ];
    const tls = await inTurns(stage, tlsWays, scale, progress);

    progress('memory');
    const memory: Memory[] = [];
    const crowds = isQuick ? { base: 10, idle: 40, talking: 10 } : { base: 60, idle: 240, talking: 30 };
    const probed = [
      await stage.proxy('memory-proxy', true, PROBED_FLAGS),
      ...(isQuick ? [] : [await stage.relay('memory-relay', { isTls: false, flags: PROBED_FLAGS })]),
      await stage.relay('memory-relay-tls', { isTls: true, flags: PROBED_FLAGS }),
    ];
    for (const one of probed) memory.push(await memoryOf(stage, one, crowds));
    memory.push(await memoryOf(stage, await stage.nginx(), crowds));

    const [direct = Number.NaN, bare = Number.NaN, ours = Number.NaN] = ['direct', 'proxy', 'relay'].map((name) =>
      percentile(allOf(plain, name, 'upUs'), 0.5),
    );
    const addedRatio = (ours - direct) / (bare - direct);
    const perCore = 700 / costOf(tls, 'relay-tls');
    const perCoreAhead = 700 / costOf(tls, 'ahead-tls');
    const idleKb = memory.find(({ what }) => what === 'memory-relay-tls')?.idleKb ?? Number.NaN;
    const MEMORY: Record<string, string> = {
      'memory-proxy': 'a bare `ws` proxy, TLS above',
      'memory-relay': 'the relay',
      'memory-relay-tls': 'the relay, TLS above',
      nginx: 'nginx',
    };
    const cost = (of: Round) => of.perSessionMs;
    const beforeRatio = ratio(tls, 'relay-tls', 'before-tls', cost);
    return {
      markdown: [
        `${scale.sessions} sessions at a time talk without a pause, 50 frames a second up and 50 down; ${scale.rounds} rounds of ${scale.ms / 1000} s each. Every frame carries the time at which it left. Down, the relay keeps the newest 20 ms of an answer that is still coming, so that its last frame can say that it is the last: what is given is from the frame that lets it go. Policy is on and moderation is asked (it has ${POLICY_BUDGET_MS} ms for its verdict here); conversations are kept in SQLite. _Senders late_: what the figures cannot be better than.`,
        costTable(plain),
        `Added to a frame on its way up, p50: ${figure(ours - direct, 2)} ms by the relay, ${figure(bare - direct, 2)} ms by the bare proxy. Processor time, in the same round: the relay takes ${figure(ratio(plain, 'relay', 'proxy', cost), 2)} × the bare proxy's, and with base64 JSON to the browser ${figure(ratio(plain, 'base64', 'relay', cost), 2)} × its own.`,
        costTable(tls),
        ...(before === undefined
          ? []
          : [
              `**Before and after**, in the same rounds: the relay takes ${figure(beforeRatio, 2)} × the processor time of the build before; a frame's way up takes ${spread(allOf(tls, 'before-tls', 'upUs'), [0.5, 0.99], 2)} ms before and ${spread(allOf(tls, 'relay-tls', 'upUs'), [0.5, 0.99], 2)} ms now (p50 / p99).`,
            ]),
        `_Sound as models send it_: a quarter of a second a message, twice as fast as it is heard, answers of four seconds. By the processor time above a core at 70 % would carry ${figure(perCore, 0)} sessions that talk without a pause, and ${figure(perCoreAhead, 0)} with sound as models send it; how many it carries is below, under growth.`,
        `**The least that a bridge must do** — frames to JSON and back, every turn answered, and nothing else ([ws-bridge.mjs](figures/ws-bridge.mjs)) — takes ${figure(ratio(plain, 'bridge', 'proxy', cost), 2)} × the bare proxy’s processor time, ${figure(ratio(tls, 'bridge-tls', 'proxy-tls', cost), 2)} × with TLS above; the relay takes ${figure(ratio(tls, 'relay-tls', 'bridge-tls', cost), 2)} × the bridge’s. The difference is what the relay is for: arbiter, policy, record, resuming, limits.`,
        table(
          ['memory', 'idle session, kB', 'of it heap and buffers, kB', 'talking session, kB'],
          memory.map(({ what, idleKb: rss, idleHeapKb, talkingKb }) => [
            MEMORY[what] ?? what,
            ...[figure(rss, 0), figure(idleHeapKb, 0), figure(talkingKb, 0)],
          ]),
        ),
        `Resident memory of the process, a session: ${crowds.idle} that are connected, started and say nothing, beside ${crowds.base} that were there before; ${crowds.talking} that talk. All garbage is collected before, except in nginx.`,
      ],
      targets: [
        judge('relay, added to a frame, p50, of a bare proxy’s', addedRatio, 1.5, { unit: ' ×', digits: 2 }),
        judge('relay, processor of a talking session, of a bare proxy’s', ratio(plain, 'relay', 'proxy', cost), 1.6, {
          ...{ unit: ' ×', digits: 2 },
        }),
        judge('… with TLS above both', ratio(tls, 'relay-tls', 'proxy-tls', cost), 1.6, { unit: ' ×', digits: 2 }),
        judge('talking sessions per core at 70 %, TLS above, 20 ms both ways (reckoned)', perCore, 150, {
          digits: 0,
          atLeast: true,
        }),
        judge('idle session, TLS above', idleKb, 120, { unit: ' kB', digits: 0 }),
      ],
      plots: [],
      notMeasured: [
        'A network between page, relay and provider: everything is loopback, so added latencies are those of processes alone.',
        'Memory that the kernel keeps for sockets.',
      ],
      json: {
        rounds: Object.fromEntries(
          [...plain, ...tls].map(([name, seen]) => [
            name,
            seen.map(({ upUs, downUs, wholeUs, shareUs, ...one }) => ({
              ...one,
              upMs: [percentile(upUs, 0.5) / 1000, percentile(upUs, 0.99) / 1000],
              downMs: [percentile(downUs, 0.5) / 1000, percentile(downUs, 0.99) / 1000],
              wholeMs: [percentile(wholeUs, 0.5) / 1000, percentile(wholeUs, 0.99) / 1000],
              shareMs: [percentile(shareUs, 0.5) / 1000, percentile(shareUs, 0.95) / 1000],
            })),
          ]),
        ),
        memory,
        ...{ perCore, perCoreAhead, addedRatio, beforeRatio },
      },
    };
  } finally {
    await stage.close();
  }
};
