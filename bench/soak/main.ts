/**
 * `npm run soak`: people talk to the built relay for an hour or a day, come, go and lose their
 * connections, while it is watched from outside. Relay and model emulator are processes of their
 * own; the people are in this one. Loopback only.
 *
 *     npm run soak -- [--minutes N] [--sessions N] [--talk DENSITY] [--env NAME=VALUE] [--fault NAME=VALUE]
 *                     [--dist DIR] [--out DIR] [--seed N] [--note TEXT]
 *     npm run soak -- --report RECORD.jsonl [--out DIR] [--note TEXT]      the report of a record, again
 *
 * Ends with 1 when a promise of the report was not kept, with 130 when it was interrupted.
 */
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { gatherCrowd, type Crowd } from '../load/crowd.ts';
import { percentile } from '../load/percentile.ts';
import { startEmulatorProcess, startRelayProcess, type RelayProcess, type Running } from '../load/processes.ts';
import { seeded } from '../load/random.ts';
import { loadVoice } from '../load/speech-frames.ts';
import { createTally } from '../load/tally.ts';
import { fetchToken } from '../load/tokens.ts';
import { DEBUGGER_LINE, PROBED_FLAGS, lookAt, openProbe, type Probe } from './probe.ts';
import { readRecord, type Line, type Relay } from './record.ts';
import { soakPlot, soakReport } from './report.ts';
import { verdict } from './verdict.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '65' },
    sessions: { type: 'string', default: '100' },
    talk: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    env: { type: 'string', multiple: true, default: [] },
    fault: { type: 'string', multiple: true, default: [] },
    dist: { type: 'string', default: path.join(ROOT, 'dist') },
    out: { type: 'string', default: path.join(ROOT, 'bench/soak') },
    note: { type: 'string', default: '' },
    commit: { type: 'string' },
    report: { type: 'string' },
  },
});

function number(name: 'minutes' | 'sessions' | 'talk' | 'seed', least: number, most: number): number {
  const value = Number(values[name]);
  if (!(value >= least && value <= most)) throw new Error(`--${name} takes a number from ${least} to ${most}`);
  return value;
}

const EVERY_MS = 10_000;
const TENANT = 'pk_demo';
const STAYING_SHARE = 0.2;
const STAY_MS = [60_000, 360_000] as const;
const PAUSE_MS = [5_000, 15_000] as const;
/** Before the baseline is taken, so many talk for so long: what is loaded once is loaded then. */
const WARM_SESSIONS = 10;
const WARM_MS = 25_000;
/** Longest wait for everything to be back: a lost connection may come back for a minute. */
const SETTLE_MS = 150_000;
const LONGEST_SESSION_MS = 86_400_000;
const ADMIN = 'operator-of-the-soak-0123456789';

const say = (text: string) => process.stdout.write(`${text}\n`);
const sleep = (ms: number, signal?: AbortSignal) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    }
    signal?.addEventListener('abort', done);
    if (signal?.aborted === true) done();
  });

/** `NAME=VALUE`, as often as it was given. */
function settings(name: 'env' | 'fault'): Record<string, string> {
  return Object.fromEntries(
    values[name].map((text) => {
      const at = text.indexOf('=');
      if (at < 1) throw new Error(`--${name} takes NAME=VALUE`);
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}

/** @returns whether every promise was kept. */
async function writeReport(recordFile: string, out: string): Promise<boolean> {
  const record = readRecord(readFileSync(recordFile, 'utf8'));
  // What is known of a run only afterwards.
  if (values.report !== undefined && values.note !== '') record.start.note += `\n\n${values.note}`;
  writeFileSync(path.join(out, 'soak.svg'), soakPlot(record));
  const page = path.join(out, 'REPORT.md');
  const style = await resolveConfig(path.join(ROOT, 'README.md'));
  writeFileSync(page, await format(soakReport(record, 'soak.svg'), { ...style, parser: 'markdown' }));
  const checks = verdict(record);
  for (const { promise, seen, isKept } of checks)
    say(`${isKept === null ? '  ?  ' : isKept ? '  ok ' : 'FAIL '} ${promise}: ${seen}`);
  say(`report: ${page}`);
  return checks.every(({ isKept }) => isKept !== false);
}

function commitOf(folder: string): string {
  if (values.commit !== undefined) return values.commit;
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: folder, encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

/** A copy of the build that nobody rebuilds meanwhile. */
function ownCopy(dist: string): { dist: string; remove: () => void } {
  const dir = mkdtempSync(path.join(tmpdir(), 'vjj-soak-'));
  cpSync(dist, path.join(dir, 'dist'), { recursive: true });
  cpSync(path.join(ROOT, 'package.json'), path.join(dir, 'package.json'));
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(dir, 'node_modules'));
  return { dist: path.join(dir, 'dist'), remove: () => rmSync(dir, { recursive: true, force: true }) };
}

function sizeOf(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).reduce(
    (sum, entry) => sum + (entry.isFile() ? statSync(path.join(entry.parentPath, entry.name)).size : 0),
    0,
  );
}

/** The demo's tenant is as generous as the soak is long. */
async function widenLimits({ origin }: RelayProcess, sessions: number): Promise<void> {
  const ask = async (method: string, at: string, body?: object) => {
    const answer = await fetch(`${origin}/api/admin${at}`, {
      method,
      headers: { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${at}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as unknown;
  };
  const limits = { longestSessionMs: LONGEST_SESSION_MS, concurrentSessions: sessions * 3, connectsPerMinute: 10_000 };
  await ask('PUT', '/tenants/demo/limits', { ...limits, requestsPerMinute: 100_000 });
}

interface Stage {
  relay: RelayProcess;
  emulator: Running;
  probe: Probe;
  relayNow(): Promise<Relay>;
  conversations(): Promise<number>;
}

async function soak(stop: AbortController, closers: (() => Promise<unknown> | void)[]): Promise<string> {
  const minutes = number('minutes', 0.5, 100_000);
  const sessions = number('sessions', 1, 2_000);
  const talk = number('talk', 0.1, 10);
  const seed = number('seed', 0, 2 ** 32 - 1);
  const [env, faults] = [settings('env'), settings('fault')];
  const pauseMs = [PAUSE_MS[0] / talk, PAUSE_MS[1] / talk] as const;
  const staying = Math.round(sessions * STAYING_SHARE);
  mkdirSync(values.out, { recursive: true });
  const recordFile = path.join(values.out, 'soak.jsonl');
  writeFileSync(recordFile, '');
  const write = (line: Line) => appendFileSync(recordFile, `${JSON.stringify(line)}\n`);

  const copy = ownCopy(values.dist);
  closers.push(() => copy.remove());
  const voice = await loadVoice();
  const stage = await setStage(copy.dist, env, faults, sessions, closers);
  const { relay, emulator, probe } = stage;
  const tally = createTally();
  const { origin } = relay;
  const common = {
    ...{ url: `${origin.replace('http', 'ws')}/ws`, origin, voice, tally },
    token: (previous?: string) => fetchToken(origin, { tenant: TENANT, origin }, previous),
  };

  say(`warming up: ${WARM_SESSIONS} conversations, ${WARM_MS / 1000} s`);
  const warm = { ...common, habits: { pauseMs: [500, 1_500] as const }, random: seeded(seed).fork('warm') };
  const first = gatherCrowd({
    ...warm,
    tally: createTally(),
    size: WARM_SESSIONS,
    staying: WARM_SESSIONS,
    stayMs: STAY_MS,
    rampMs: 1_000,
  });
  closers.push(() => first.leave());
  await sleep(WARM_MS, stop.signal);
  await first.leave();
  await settled(stage, undefined, stop.signal);
  const baseline = await stage.relayNow();
  const [processor] = cpus();
  write({
    type: 'start',
    ...{ at: new Date().toISOString(), machine: `${cpus().length} cores ${processor?.model.trim() ?? ''}` },
    ...{ node: process.versions.node, commit: commitOf(ROOT), minutes, sessions, staying, pauseMs, stayMs: STAY_MS },
    ...{ env, faults, seed, note: values.note, baseline },
  });

  const crowd = gatherCrowd({
    ...{ ...common, habits: { pauseMs }, random: seeded(seed), size: sessions, staying, stayMs: STAY_MS },
    rampMs: Math.min(minutes * 6_000, sessions * 200),
  });
  closers.push(() => crowd.leave());
  const startedAt = performance.now();
  const elapsedS = () => Math.round((performance.now() - startedAt) / 100) / 10;
  const sample = sampler({ ...stage, crowd, tally, elapsedS, write });
  const isStopped = () => stop.signal.aborted;
  for (let next = EVERY_MS; next <= minutes * 60_000 && !isStopped(); next += EVERY_MS) {
    await sleep(Math.max(0, startedAt + next - performance.now()), stop.signal);
    if (!isStopped()) await sample();
  }

  say('everybody leaves');
  await crowd.leave();
  const leftAt = performance.now();
  await settled(stage, baseline, stop.signal);
  const after = await stage.relayNow();
  const settledAfterS = (performance.now() - leftAt) / 1000;
  const warnings = relay
    .complaints()
    .split('\n')
    .filter((line) => line.includes('"level"')).length;
  const dataBytes = sizeOf(relay.dataDir);
  probe.close();
  const relayExit = await relay.stop();
  await emulator.stop();
  write({
    type: 'end',
    ...{ t: elapsedS(), isCutShort: stop.signal.aborted, counts: { ...tally.counts }, after, settledAfterS },
    ...{ relayExit, warnings, dataBytes },
  });
  return recordFile;
}

async function setStage(
  dist: string,
  env: Record<string, string>,
  faults: Record<string, string>,
  sessions: number,
  closers: (() => Promise<unknown> | void)[],
): Promise<Stage> {
  const emulator = await startEmulatorProcess(dist, { 'created-ms': 0, 'first-audio-ms': 0, ...faults });
  closers.push(() => emulator.stop());
  const needed = { OPENAI_API_KEY: 'sk-for-the-soak', OPENAI_BASE_URL: emulator.url, ADMIN_TOKEN: ADMIN };
  const relay = await startRelayProcess(dist, { HOST: '127.0.0.1', ...env, ...needed }, PROBED_FLAGS);
  closers.push(() => relay.stop());
  const debuggerUrl = DEBUGGER_LINE.exec(relay.complaints())?.[1];
  if (debuggerUrl === undefined) throw new Error('the relay does not listen for its debugger');
  const probe = await openProbe(debuggerUrl);
  await widenLimits(relay, sessions);
  return {
    ...{ relay, emulator, probe },
    async relayNow() {
      await probe.collect();
      return { ...lookAt(relay.pid), ...(await probe.look()) };
    },
    async conversations() {
      const answer = await fetch(`${relay.origin}/api/status`);
      return ((await answer.json()) as { sessions: number }).sessions;
    },
  };
}

/** Waits until nobody is left and descriptors and timers are back, or for as long as that may take. */
async function settled(stage: Stage, baseline: Relay | undefined, signal: AbortSignal): Promise<void> {
  const until = performance.now() + SETTLE_MS;
  while (performance.now() < until && !signal.aborted) {
    await sleep(1_000, signal);
    if ((await stage.conversations()) > 0) continue;
    if (baseline === undefined) {
      // What closes a moment later is not part of the baseline.
      await sleep(6_000, signal);
      return;
    }
    const now = await stage.relayNow();
    if (now.descriptors <= baseline.descriptors && now.timers <= baseline.timers) return;
  }
}

function sampler(
  given: Stage & {
    crowd: Crowd;
    tally: ReturnType<typeof createTally>;
    elapsedS: () => number;
    write: (line: Line) => void;
  },
): () => Promise<void> {
  const { relay, emulator, probe, crowd, tally, elapsedS, write } = given;
  const lag = monitorEventLoopDelay({ resolution: 10 });
  lag.enable();
  const pids = { relay: relay.pid, emulator: emulator.pid, driver: process.pid };
  const spent = () => ({ relay: lookAt(pids.relay), emulator: lookAt(pids.emulator), driver: lookAt(pids.driver) });
  let before = spent();
  let beforeAt = performance.now();
  return async () => {
    const now = spent();
    const seconds = (performance.now() - beforeAt) / 1000;
    const share = (who: keyof typeof pids) => Math.round(((now[who].cpuS - before[who].cpuS) / seconds) * 1000) / 1000;
    const cpu = { relay: share('relay'), emulator: share('emulator'), driver: share('driver') };
    [before, beforeAt] = [now, performance.now()];
    const inside = await probe.look();
    const figures = tally.take();
    write({
      type: 'sample',
      ...{ t: elapsedS(), live: crowd.live, stayed: crowd.stayed, cpu, relay: { ...now.relay, ...inside } },
      ...{ emulatorRssBytes: now.emulator.rssBytes, driverRssBytes: now.driver.rssBytes },
      driverLagP99Ms: Math.max(0, Math.round(lag.percentile(99) / 1e4) / 100 - 10),
      ...{ load: loadavg()[0] ?? 0, counts: { ...tally.counts }, figures },
    });
    lag.reset();
    const mb = (bytes: number) => Math.round(bytes / 1024 / 1024);
    const first = (at: number) => percentile(figures.firstByteMs, at).toFixed(0);
    say(
      `${(elapsedS() / 60).toFixed(1).padStart(6)} min  ${String(crowd.live).padStart(4)} here  ` +
        `rss ${mb(now.relay.rssBytes)} heap ${mb(inside.heapUsedBytes)} MB  fd ${now.relay.descriptors}  timers ${inside.timers}  ` +
        `cpu ${cpu.relay} + ${cpu.emulator} + ${cpu.driver}  first byte ${first(0.5)}/${first(0.95)}/${first(0.99)} ms  ` +
        `underruns ${figures.underrunsMs.length}  turns ${tally.counts['turn answered'] ?? 0}`,
    );
  };
}

async function main(): Promise<number> {
  if (values.report !== undefined) return (await writeReport(values.report, values.out)) ? 0 : 1;
  const stop = new AbortController();
  const closers: (() => Promise<unknown> | void)[] = [];
  let signals = 0;
  const onSignal = () => {
    signals += 1;
    say('stopping');
    stop.abort();
    if (signals > 1) process.exit(130);
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  try {
    const record = await soak(stop, closers);
    const isKept = await writeReport(record, values.out);
    return stop.signal.aborted ? 130 : isKept ? 0 : 1;
  } finally {
    for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
  }
}

process.exit(await main());
