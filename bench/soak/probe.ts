/**
 * A process seen from outside: memory, processor time and descriptors as the kernel counts them,
 * and heap, timers and event-loop lag through the debugger's own port. Nothing of it is in the
 * process that is watched; the port is open in a soak and nowhere else.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { WebSocket } from 'ws';

/** Of the kernel; the same on every Linux that Node runs on. */
const TICKS_A_SECOND = 100;

export interface Outside {
  rssBytes: number;
  /** Processor seconds since its start. */
  cpuS: number;
  descriptors: number;
  threads: number;
}

/** @throws when there is no such process. */
export function lookAt(pid: number): Outside {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? Number.NaN);
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name before may hold spaces.
  const [utime, stime] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number);
  return {
    rssBytes: field('VmRSS') * 1024,
    cpuS: ((utime ?? 0) + (stime ?? 0)) / TICKS_A_SECOND,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    threads: field('Threads'),
  };
}

export interface Inside {
  heapUsedBytes: number;
  heapTotalBytes: number;
  externalBytes: number;
  arrayBuffersBytes: number;
  /** Timers of JavaScript that are set, those that keep no process alive among them. */
  timers: number;
  /** What keeps the process alive, by kind. */
  resources: Record<string, number>;
  /** Event-loop lag since the last look, in milliseconds. */
  lagP50Ms: number;
  lagP99Ms: number;
  lagMaxMs: number;
}

/** Node must run with this, so that timers can be counted. */
export const PROBED_FLAGS: readonly string[] = ['--inspect=127.0.0.1:0', '--expose-internals'];
export const DEBUGGER_LINE = /Debugger listening on (ws:\/\/127\.0\.0\.1:\d+\/[0-9a-f-]+)/;

const LAG_RESOLUTION_MS = 10;
const SAMPLE_EVERY_US = 500;
const SETUP = `
  globalThis.soak = (() => {
    const { monitorEventLoopDelay } = process.getBuiltinModule('perf_hooks');
    const { timerListMap } = process.getBuiltinModule('module').createRequire('/')('internal/timers');
    const lag = monitorEventLoopDelay({ resolution: ${LAG_RESOLUTION_MS} });
    lag.enable();
    const countTimers = () => {
      let count = 0;
      for (const list of Object.values(timerListMap)) for (let one = list._idlePrev; one !== list; one = one._idlePrev) count += 1;
      return count;
    };
    return () => {
      const { heapUsed, heapTotal, external, arrayBuffers } = process.memoryUsage();
      const resources = {};
      for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
      const over = (nanoseconds) => Math.max(0, Math.round(nanoseconds / 1e4) / 100 - ${LAG_RESOLUTION_MS});
      const seen = {
        heapUsedBytes: heapUsed, heapTotalBytes: heapTotal, externalBytes: external, arrayBuffersBytes: arrayBuffers,
        timers: countTimers(), resources,
        lagP50Ms: over(lag.percentile(50)), lagP99Ms: over(lag.percentile(99)), lagMaxMs: over(lag.max),
      };
      lag.reset();
      return JSON.stringify(seen);
    };
  })();
  true`;

export interface Probe {
  look(): Promise<Inside>;
  /** Has all garbage collected, and then some: twice, so that what finalizers let go of goes too. */
  collect(): Promise<void>;
  /** Samples of what its thread does while `meanwhile` lasts, as the debugger gives them. What is measured then costs more. */
  profile(meanwhile: () => Promise<void>): Promise<unknown>;
  close(): void;
}

/** @param url - That the process said when it began to listen for a debugger. */
export async function openProbe(url: string): Promise<Probe> {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  const waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  let asked = 0;
  socket.on('message', (data: Buffer) => {
    const { id, result, error } = JSON.parse(data.toString()) as Partial<Record<'id', number>> & {
      result?: unknown;
      error?: { message: string };
    };
    const one = id === undefined ? undefined : waiting.get(id);
    if (id === undefined || one === undefined) return;
    waiting.delete(id);
    if (error) one.reject(new Error(error.message));
    else one.resolve(result);
  });
  socket.on('close', () => {
    for (const { reject } of waiting.values()) reject(new Error('the process that was watched is gone'));
    waiting.clear();
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  const ask = (method: string, params: object = {}) =>
    new Promise<unknown>((resolve, reject) => {
      asked += 1;
      waiting.set(asked, { resolve, reject });
      socket.send(JSON.stringify({ id: asked, method, params }));
    });
  async function evaluate(expression: string): Promise<unknown> {
    const answer = (await ask('Runtime.evaluate', { expression, returnByValue: true })) as {
      result: { value?: unknown };
      exceptionDetails?: { exception?: { description?: string } };
    };
    if (answer.exceptionDetails) throw new Error(answer.exceptionDetails.exception?.description ?? 'it threw');
    return answer.result.value;
  }
  await evaluate(SETUP);
  return {
    look: async () => JSON.parse((await evaluate('soak()')) as string) as Inside,
    async collect() {
      for (let round = 0; round < 2; round++) await ask('HeapProfiler.collectGarbage');
    },
    async profile(meanwhile) {
      await ask('Profiler.enable');
      await ask('Profiler.setSamplingInterval', { interval: SAMPLE_EVERY_US });
      await ask('Profiler.start');
      await meanwhile();
      const { profile } = (await ask('Profiler.stop')) as { profile: unknown };
      await ask('Profiler.disable');
      return profile;
    },
    close: () => socket.close(),
  };
}
