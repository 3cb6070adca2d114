/** Where the processor time of a process goes: samples of its one thread, by whose code it was. Knows no process and no session. */

/** As the debugger's protocol gives it, as far as it is needed. */
export interface CpuProfile {
  nodes: { id: number; callFrame: { functionName: string; url: string }; children?: number[] }[];
  samples: number[];
  /** Microseconds before each sample. */
  timeDeltas: number[];
}

/** Calls into the system that hand bytes to a socket; those of a TLS socket encrypt them, too. */
const WRITES = /^(writev|writeBuffer|writeLatin1String|writeUtf8String)$/;
const OF_THE_RUNTIME: ReadonlyMap<string, string> = new Map([
  ['(garbage collector)', 'collecting garbage'],
  ['(program)', 'outside of JavaScript: reading from sockets, timers'],
]);
/** Folders of the relay and libraries that are one thing to whoever asks what it costs. */
const OWNERS: readonly (readonly [RegExp, string])[] = [
  [/\/relay\/arbiter\//, 'arbiter'],
  [/\/relay\/audit\//, 'record of the arbiter’s steps'],
  [/\/relay\/(policy|reflex)\/|\/undici\//, 'policy and its questions to moderation'],
  [
    /\/relay\/(store|usage|continuity|webhooks)\/|\/relay\/bookkeeping|\/(kysely|libsql|lru-cache)\//,
    'database: turns, usage, newest state',
  ],
  [/\/relay\/telemetry\/|\/(prom-client|pino)\//, 'metrics and log'],
  [/\/relay\/(bridge|wire)\/|\/(openai|valibot)\//, 'protocols: frames, JSON, base64'],
  [/\/relay\//, 'the conversation itself: order, sound held and sent, limits'],
  [/\/node_modules\/ws\//, 'WebSocket frames (`ws`)'],
];
const RUNTIME = 'Node: streams, sockets, promises';
const WRITING = 'writing to sockets: system calls, TLS';

export interface Spent {
  name: string;
  /** Of the time in which the thread was busy. */
  share: number;
}

/** @returns largest first; they add up to 1, unless nothing was busy. */
export function partsOf(profile: CpuProfile): Spent[] {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map(
    profile.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)),
  );
  const names = new Map<number, string | null>();

  /** Whose it is: what the runtime does for somebody is theirs, up to the nearest code that has an owner. */
  function ownerOf(leaf: number): string | null {
    const { functionName } = nodes.get(leaf)?.callFrame ?? { functionName: '(idle)' };
    if (functionName === '(idle)') return null;
    const runtime = OF_THE_RUNTIME.get(functionName);
    if (runtime !== undefined) return runtime;
    for (let at: number | undefined = leaf; at !== undefined; at = parents.get(at)) {
      const frame = nodes.get(at)?.callFrame;
      if (frame === undefined) break;
      if (WRITES.test(frame.functionName)) return WRITING;
      const owner = OWNERS.find(([pattern]) => pattern.test(frame.url));
      if (owner) return owner[1];
    }
    return RUNTIME;
  }

  const spent = new Map<string, number>();
  let busy = 0;
  for (const [at, id] of profile.samples.entries()) {
    let name = names.get(id);
    if (name === undefined) names.set(id, (name = ownerOf(id)));
    if (name === null) continue;
    const us = Math.max(0, profile.timeDeltas[at] ?? 0);
    busy += us;
    spent.set(name, (spent.get(name) ?? 0) + us);
  }
  return [...spent].map(([name, us]) => ({ name, share: us / busy })).sort((a, b) => b.share - a.share);
}
