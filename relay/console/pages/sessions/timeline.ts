/**
 * What the arbiter's record of a conversation looks like over time: who spoke and when, what was
 * held and cut, how long an answer took. Pure; it draws nothing.
 */
import type { ArbiterEvent, Cause, Effect, Lane, Owner } from '#arbiter';

export interface RecordRow {
  event: ArbiterEvent;
  effects: readonly Effect[];
}

export const ROWS = ['you', 'A', 'B', 'C', 'tools', 'policy'] as const;
export type Row = (typeof ROWS)[number];

export interface Span {
  row: Row;
  /** `hold`: the sound stood still. */
  kind: 'sound' | 'hold';
  fromMs: number;
  toMs: number;
  /** Number of the record that began it. */
  at: number;
}

export interface Mark {
  row: Row;
  kind: 'turn' | 'kill' | 'policy';
  atMs: number;
  label: string;
  at: number;
}

/** From the end of a turn to the first sound of a lane. */
export interface Latency {
  lane: Lane;
  fromMs: number;
  toMs: number;
}

export interface Timeline {
  spans: Span[];
  marks: Mark[];
  latencies: Latency[];
  /** Of the last record. */
  endMs: number;
}

/** Causes by which a lane falls silent before its end. */
const KILLS: ReadonlySet<Cause> = new Set<Cause>([
  ...(['onset', 'interrupt', 'decide', 'text', 'commit', 'policy', 'policy_timeout', 'error'] as const),
  ...(['provider_lost', 'widget_lost'] as const),
]);

/**
 * @param rows - In order, from the first one.
 * @param breaks - Numbers of the records with which it went on after its relay was lost: whatever sounded was cut there.
 */
export function timelineOf(rows: readonly RecordRow[], breaks: readonly number[] = []): Timeline {
  const startMs = rows[0]?.event.t ?? 0;
  const open = new Map<string, Span>();
  const timeline: Timeline = { spans: [], marks: [], latencies: [], endMs: 0 };
  let owner: Owner = 'none';
  let committedMs: number | undefined;
  let lanesHeard = new Set<Lane>();

  const begin = (name: string, span: Omit<Span, 'toMs'>) => {
    end(name, span.fromMs);
    const begun = { ...span, toMs: Number.POSITIVE_INFINITY };
    open.set(name, begun);
    timeline.spans.push(begun);
  };
  const end = (name: string, toMs: number) => {
    const span = open.get(name);
    if (span === undefined) return;
    span.toMs = toMs;
    open.delete(name);
  };

  const changeOwner = (to: Owner, cause: Cause, ms: number, at: number) => {
    if (owner !== 'none') {
      end('hold', ms);
      end('owner', ms);
      if (KILLS.has(cause)) timeline.marks.push({ row: owner, kind: 'kill', atMs: ms, label: cause, at });
    }
    owner = to;
    if (to === 'none') return;
    begin('owner', { row: to, kind: 'sound', fromMs: ms, at });
    if (committedMs === undefined || lanesHeard.has(to)) return;
    lanesHeard.add(to);
    timeline.latencies.push({ lane: to, fromMs: committedMs, toMs: ms });
  };

  rows.forEach(({ event, effects }, at) => {
    const ms = event.t - startMs;
    if (breaks.includes(at)) {
      for (const name of [...open.keys()]) end(name, timeline.endMs);
      owner = 'none';
      committedMs = undefined;
    }
    timeline.endMs = Math.max(timeline.endMs, ms);
    switch (event.type) {
      case 'user.onset':
        begin(`user ${event.utterance}`, { row: 'you', kind: 'sound', fromMs: ms, at });
        break;
      case 'user.offset':
        end(`user ${event.utterance}`, ms);
        break;
      case 'turn.committed':
        timeline.marks.push({ row: 'you', kind: 'turn', atMs: ms, label: event.turn, at });
        committedMs = ms;
        lanesHeard = new Set();
        break;
      case 'tool.started':
        begin(`tool ${event.call}`, { row: 'tools', kind: 'sound', fromMs: ms, at });
        break;
      case 'tool.ended':
        end(`tool ${event.call}`, ms);
        break;
      case 'policy.blocked':
        timeline.marks.push({ row: 'policy', kind: 'policy', atMs: ms, label: event.reason, at });
        break;
      default:
    }
    for (const effect of effects) {
      if (effect.type === 'owner.changed') changeOwner(effect.to, effect.cause, ms, at);
      else if (effect.type === 'gate.pause' && owner !== 'none')
        begin('hold', { row: owner, kind: 'hold', fromMs: ms, at });
      else if (effect.type === 'gate.resume' || effect.type === 'gate.close') end('hold', ms);
    }
  });
  for (const name of [...open.keys()]) end(name, timeline.endMs);
  return timeline;
}
