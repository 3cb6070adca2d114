/**
 * One conversation as measurements: a pure fold over what was seen of it. It counts and subtracts
 * times; it knows no registry and no clock, and keeps nothing that was said.
 */
import type { ArbiterEvent, Effect, State } from '#arbiter';
import { closeName } from '#wire';
import { KILL_CAUSES, OTHER, WATCHDOGS, type METRICS, type MetricName } from './metric-table.ts';
import type { Seen, Told } from './seen.ts';

type OfKind<N extends MetricName, Kind> = N extends MetricName
  ? (typeof METRICS)[N]['kind'] extends Kind
    ? N
    : never
  : never;
export type CounterName = OfKind<MetricName, 'counter'>;
export type HistogramName = OfKind<MetricName, 'histogram'>;
export type LabelsOf<N extends MetricName> = (typeof METRICS)[N] extends { labels: infer L }
  ? Readonly<Record<keyof L & string, string>>
  : Readonly<Record<string, never>>;

export type Measurement =
  | { is: 'count'; name: CounterName; labels: Readonly<Record<string, string>> }
  | { is: 'time'; name: HistogramName; labels: Readonly<Record<string, string>>; s: number };

/** What must be remembered between two facts: times in milliseconds, null where there is none. */
export interface Memory {
  /** The first dialling, until the provider is up. */
  readonly dialledAt: number | null;
  /** Since when the page is away. */
  readonly awayAt: number | null;
  /** The onset that has just paused the gate. */
  readonly onsetAt: number | null;
  /** The kill whose cancel is on its way. */
  readonly killAt: number | null;
  /** The turn that is being answered, until its first sound was heard. */
  readonly turn: { readonly id: string; readonly at: number } | null;
  /** Its item that sounds first. */
  readonly item: { readonly id: string; readonly fromMs: number } | null;
}

export const NOTHING_YET: Memory = {
  dialledAt: null,
  awayAt: null,
  onsetAt: null,
  killAt: null,
  turn: null,
  item: null,
};

export interface Folded {
  memory: Memory;
  measured: readonly Measurement[];
}

const NONE: readonly Measurement[] = [];
const NO_LABELS = {};
const KILLS: ReadonlySet<string> = new Set(KILL_CAUSES);

const count = <N extends CounterName>(name: N, labels: LabelsOf<N>): Measurement => ({ is: 'count', name, labels });
const time = <N extends HistogramName>(name: N, ms: number, labels: LabelsOf<N>): Measurement => ({
  ...{ is: 'time', name, labels },
  s: Math.max(0, ms) / 1000,
});

export function measure(memory: Memory, seen: Seen): Folded {
  const { at } = seen;
  switch (seen.is) {
    case 'opened':
      return { memory, measured: [count('vjj_sessions_started_total', NO_LABELS)] };
    case 'step':
      return stepped(memory, seen.event, seen.effects, seen.before, at);
    case 'told':
      return told(memory, seen.message, at);
    case 'cancelled':
      if (memory.killAt === null) return { memory, measured: NONE };
      return {
        memory: { ...memory, killAt: null },
        measured: [time('vjj_kill_to_cancel_seconds', at - memory.killAt, NO_LABELS)],
      };
    case 'dialled':
      return { memory: { ...memory, dialledAt: at }, measured: NONE };
    case 'provider-up':
      if (memory.dialledAt === null) return { memory, measured: NONE };
      return {
        memory: { ...memory, dialledAt: null },
        measured: [time('vjj_provider_connect_seconds', at - memory.dialledAt, NO_LABELS)],
      };
    case 'provider-down': {
      const reason = downReason(seen.reason);
      const measured = [count('vjj_provider_downs_total', { reason })];
      if (reason === 'rotation') measured.push(count('vjj_provider_rotations_total', { result: 'broken' }));
      return { memory, measured };
    }
    case 'resumed': {
      const measured = [count('vjj_session_resumes_total', { kept: seen.kept })];
      if (memory.awayAt !== null) measured.push(time('vjj_resume_seconds', at - memory.awayAt, NO_LABELS));
      return { memory: { ...memory, awayAt: null }, measured };
    }
    case 'lead':
      return { memory, measured: [time('vjj_pacing_lead_seconds', seen.ms, NO_LABELS)] };
    case 'ended':
      return { memory, measured: [count('vjj_sessions_ended_total', { code: closeCode(seen.code) })] };
    default:
      return seen satisfies never;
  }
}

function stepped(memory: Memory, event: ArbiterEvent, effects: readonly Effect[], before: State, at: number): Folded {
  let next = memory;
  const measured: Measurement[] = [];
  switch (event.type) {
    case 'turn.committed':
    case 'user.text':
      if (isTaken(event, effects)) next = { ...next, turn: { id: event.turn, at }, item: null };
      break;
    case 'widget.down':
      next = { ...next, awayAt: next.awayAt ?? at };
      break;
    case 'playout':
      if (next.turn !== null && next.item?.id === event.item && event.playedMs > next.item.fromMs) {
        const heardAt = at - (event.playedMs - next.item.fromMs);
        measured.push(time('vjj_ear_seconds', heardAt - next.turn.at, NO_LABELS));
        next = { ...next, turn: null, item: null };
      }
      break;
    case 'tick': {
      const name = firstDue(before, event.t);
      if (name !== undefined) measured.push(count('vjj_watchdogs_total', { name }));
      break;
    }
    default:
  }
  if (effects.length === 0) return { memory: next, measured };

  const cause = killCause(effects);
  if (cause !== undefined) {
    measured.push(count('vjj_kills_total', { cause }));
    const slot = before.response.is;
    next = { ...next, killAt: slot === 'requested' || slot === 'created' || slot === 'streaming' ? at : null };
  }
  for (const effect of effects) {
    switch (effect.type) {
      case 'gate.pause':
        if (event.type === 'user.onset') next = { ...next, onsetAt: at };
        break;
      case 'gate.resume':
        measured.push(count('vjj_gate_resumes_total', NO_LABELS));
        break;
      case 'turn.outcome':
        measured.push(count('vjj_turns_total', { outcome: effect.outcome }));
        break;
      case 'stale':
        measured.push(count('vjj_stale_events_total', { event: effect.event }));
        break;
      case 'response.create':
        // The one before has ended without a cancel.
        next = { ...next, killAt: null };
        break;
      default:
    }
  }
  return { memory: next, measured };
}

function told(memory: Memory, message: Told, at: number): Folded {
  switch (message.type) {
    case 'gate.pause':
      if (memory.onsetAt === null) return { memory, measured: NONE };
      return {
        memory: { ...memory, onsetAt: null },
        measured: [time('vjj_onset_to_pause_seconds', at - memory.onsetAt, NO_LABELS)],
      };
    case 'item.started':
      if (memory.item !== null || memory.turn?.id !== message.turn) return { memory, measured: NONE };
      return { memory: { ...memory, item: { id: message.item, fromMs: message.fromMs } }, measured: NONE };
    case 'turn.ended': {
      const measured: Measurement[] = [];
      for (const lane of ['A', 'B', 'C'] as const) {
        const ms = message.firstSentMs[lane];
        if (ms !== undefined) measured.push(time('vjj_first_audible_seconds', ms, { lane }));
      }
      return { memory, measured };
    }
    case 'policy.applied':
      return { memory, measured: [count('vjj_policy_decisions_total', { decision: message.decision })] };
    case 'policy.escalated':
      return { memory, measured: [count('vjj_policy_decisions_total', { decision: 'escalate' })] };
    default:
      return message satisfies never;
  }
}

/**
 * Why everything was ended in this step; undefined where it was not. A gate also closes over a reflex
 * alone, at a return to a higher epoch and at the end of a silent answer: those end nothing for good.
 */
export function killCause(effects: readonly Effect[]): string | undefined {
  if (!effects.some(({ type }) => type === 'gate.close')) return undefined;
  const owner = effects.find((effect) => effect.type === 'owner.changed');
  const isEnded = effects.some(({ type }) => type === 'turn.outcome') || owner?.from === 'B' || owner?.from === 'C';
  if (!isEnded) return undefined;
  const cause = owner?.cause ?? effects.find((effect) => effect.type === 'audit')?.cause;
  return cause !== undefined && KILLS.has(cause) ? cause : undefined;
}

/** Whether the arbiter made a turn of it: an acknowledgement is taken out of the model's memory instead. */
export function isTaken(event: ArbiterEvent, effects: readonly Effect[]): boolean {
  const item = event.type === 'turn.committed' ? event.item : undefined;
  return !effects.some((one) => one.type === 'stale' || (one.type === 'item.delete' && one.item === item));
}

/** The watchdog that this tick sets off: the earliest that is due. */
function firstDue({ deadlines }: State, t: number): (typeof WATCHDOGS)[number] | undefined {
  let first: string | undefined;
  let soonest = Infinity;
  for (const [name, due] of Object.entries(deadlines)) {
    if (due > t || due >= soonest) continue;
    first = name;
    soonest = due;
  }
  return WATCHDOGS.find((name) => name === first);
}

function closeCode(code: number): string {
  return code === 1000 || closeName(code) !== undefined ? String(code) : OTHER;
}

const REFUSED = /api_key|organization|account|model|quota|billing|invalid|beta_api|setup-refused|^http-4/;
const UNREACHABLE = /^E[A-Z]+$|^http-5|timeout|unreachable|no-address|key-unavailable|^close-1006$/;

/** The class of a provider's or a transport's code: there are too many codes for a label. */
export function downReason(reason: string): string {
  if (reason === 'rotation') return 'rotation';
  if (reason === 'session_expired') return 'expired';
  if (reason === 'http-429' || reason.startsWith('rate_limit')) return 'throttled';
  if (REFUSED.test(reason)) return 'refused';
  if (UNREACHABLE.test(reason)) return 'unreachable';
  return reason.startsWith('close-') ? 'closed' : OTHER;
}
