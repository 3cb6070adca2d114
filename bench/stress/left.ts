/** What is there, counted: before the first scenario and after each. Whatever is more was left behind. */
import { createRequire } from 'node:module';
import type { Stage } from './stage.ts';

export interface Left {
  /** Sockets that the relays' servers hold. */
  connections: number;
  conversations: number;
  /** Sockets of this process, both ends of all. */
  sockets: number;
  /** Timers of this process, those that keep nothing alive among them. */
  timers: number;
  /** Connections to the provider. */
  provider: number;
  /** Places that are taken, in Redis. */
  leases: number;
  /** Conversations that somebody holds, in Redis. */
  ownerships: number;
  heapMb: number;
}

interface Timer {
  _idlePrev: Timer;
  _onTimeout?: unknown;
}
/** Only with `--expose-internals`. */
const { timerListMap } = createRequire(import.meta.url)('internal/timers') as {
  timerListMap: Record<string, Timer>;
};

/**
 * Timers that hold nothing and end by themselves: those of `AbortSignal.timeout` know their signal
 * weakly, idle connections of a database's pool are closed by theirs, and windows of a limit in memory
 * are forgotten by theirs.
 */
const HOLDS_NOTHING = /deref\(\)|remove idle client|_storage\.delete\(key\)/;

/** How many timers there are of each length, by length. */
export function timersByMs(): Record<string, number> {
  const found: Record<string, number> = {};
  for (const [ms, list] of Object.entries(timerListMap)) {
    let count = 0;
    for (let one = list._idlePrev; one !== list; one = one._idlePrev)
      if (!HOLDS_NOTHING.test(String(one._onTimeout))) count += 1;
    if (count > 0) found[ms] = count;
  }
  return found;
}

export const timersSet = (): number => Object.values(timersByMs()).reduce((sum, count) => sum + count, 0);

async function keysIn({ spy }: Stage, pattern: string): Promise<string[]> {
  return spy.keys(pattern);
}

export async function count(stage: Stage): Promise<Left> {
  const { a, b, provider, spy } = stage;
  const leaseKeys = await keysIn(stage, 'vjj:lease:*');
  const leases = await Promise.all(leaseKeys.map((key) => spy.zcard(key)));
  const sockets = process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;
  return {
    connections: (await a.relay.connections()) + (await b.relay.connections()),
    conversations: a.relay.sessions() + b.relay.sessions(),
    sockets,
    timers: timersSet(),
    provider: provider.open,
    leases: leases.reduce((sum, one) => sum + one, 0),
    ownerships: (await keysIn(stage, 'vjj:{own:*}:*')).length,
    heapMb: 0,
  };
}

const MB = 1024 * 1024;
/** Of heap and buffers, beside the baseline, whatever scenario it is after. */
export const MOST_GROWTH_MB = 24;
const SETTLE_MS = 30_000;
const LOOK_EVERY_MS = 25;
const COLLECT_EVERY_MS = 250;

export function heapMb(): number {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return Math.round(((heapUsed + external) / MB) * 10) / 10;
}

/** Waits until nothing is above the baseline. @returns what still is, in words, after half a minute. */
export async function leftBehind(stage: Stage, baseline: Left): Promise<string[]> {
  const until = performance.now() + SETTLE_MS;
  const names = Object.keys(baseline).filter((name): name is keyof Left => name !== 'heapMb');
  const most = baseline.heapMb + MOST_GROWTH_MB;
  for (;;) {
    const now = await count(stage);
    const more = names.filter((name) => now[name] > baseline[name]);
    // Collecting costs more than counting.
    const heap = more.length === 0 ? heapMb() : 0;
    if (more.length === 0 && heap <= most) return [];
    if (performance.now() > until) {
      const what = more.map((name) => `${name}: ${now[name]} instead of ${baseline[name]}`);
      if (heap > most) what.push(`heap: ${heap} MB instead of ${baseline.heapMb} MB`);
      return more.includes('timers') ? [...what, `of these lengths: ${JSON.stringify(timersByMs())}`] : what;
    }
    await new Promise((resolve) => setTimeout(resolve, more.length === 0 ? COLLECT_EVERY_MS : LOOK_EVERY_MS));
  }
}
