/**
 * From traces to figures, with the windows of the τ-voice benchmark. Pure. Nothing is left out: an
 * event that met no speaking agent is counted as such, a conversation that failed is a figure.
 */
import type { EventKind } from './scenario.ts';
import type { Decision, Pause, PlacedEvent, Span, Trace } from './trace.ts';

/** τ-voice: speech is seen in ticks of this length; a tick without any is a silence. */
export const TICK_MS = 200;
/** τ-voice: an interruption is yielded to when a silent tick begins within this. */
export const YIELD_WINDOW_MS = 2000;
/** τ-voice: a silent tick within this after a backchannel, a cough or side speech is an error. */
export const TALK_THROUGH_WINDOW_MS = 1000;
/** A kill until this long after the end of a sound is put down to it. */
const AFTERMATH_MS = 2300;
/** A detector may be sure before the sound has reached 30 dB below its loudest. */
const EARLY_MS = 40;

export interface EventFigures {
  plan: string;
  kind: EventKind;
  phrase: string | null;
  /** The agent's voice was heard when the sound began. */
  isOverAgent: boolean;
  /** How often this answer had been resumed before. */
  resumedBefore: number;
  /** From the acoustic onset: until the pause, the agent's last sample, the relay's kill. Null where there was none. */
  pauseMs: number | null;
  silenceMs: number | null;
  killMs: number | null;
  killCause: string | null;
  /** From the first pause to the decision about it. */
  decisionMs: number | null;
  /** The answer was not killed and was heard again, if it had stopped at all. */
  isSurvived: boolean;
  /** τ-voice: no tick of silence in the window of this kind of event. */
  isTalkedThrough: boolean;
}

const isWithin = (t: number, { onsetMs, endMs }: PlacedEvent, after: number) =>
  t >= onsetMs - EARLY_MS && t <= endMs + after;

/** Whether the agent leaves a whole tick silent that begins within `windowMs` of `fromMs`. */
export function hasSilentTick(spans: readonly Span[], fromMs: number, windowMs: number): boolean {
  const first = Math.floor(fromMs / TICK_MS);
  for (let tick = first; tick < first + windowMs / TICK_MS; tick++) {
    const [start, end] = [tick * TICK_MS, (tick + 1) * TICK_MS];
    if (!spans.some((span) => span.fromMs < end && span.toMs > start)) return true;
  }
  return false;
}

export function measureEvent(trace: Trace, event: PlacedEvent): EventFigures {
  const { spans, pauses, decisions } = trace;
  const { kind, phrase, onsetMs } = event;
  const over = spans.find((span) => span.lane === 'B' && span.fromMs <= onsetMs && span.toMs >= onsetMs - EARLY_MS);
  const pause = pauses.find(({ atMs }) => isWithin(atMs, event, 300));
  const kill = decisions.find(({ is, atMs }) => is === 'kill' && isWithin(atMs, event, AFTERMATH_MS));
  const last = kill && spans.findLast((span) => span.epoch < kill.epoch);
  const decision = pause && decisions.find(({ atMs }) => atMs >= pause.atMs);
  const windowMs = kind === 'interruption' ? YIELD_WINDOW_MS : TALK_THROUGH_WINDOW_MS;
  const since = (t: number | undefined) => (t === undefined ? null : Math.max(0, t - onsetMs));
  return {
    plan: trace.plan.id,
    kind,
    phrase,
    isOverAgent: over !== undefined,
    resumedBefore: decisions.filter(({ is, atMs, epoch }) => is === 'resume' && atMs < onsetMs && epoch === over?.epoch)
      .length,
    pauseMs: since(pause?.atMs),
    silenceMs: since(last?.toMs),
    killMs: since(kill?.atMs),
    killCause: kill?.cause ?? null,
    decisionMs: pause && decision ? decision.atMs - pause.atMs : null,
    isSurvived: kill === undefined && (pause === undefined || spans.some(({ toMs }) => toMs > pause.atMs + 50)),
    isTalkedThrough: !hasSilentTick(spans, onsetMs, windowMs),
  };
}

/** A pause that no interruption asked for, and what it cost the listener. */
export interface FalsePause {
  plan: string;
  /** What was in the microphone then; `nothing` is the room and the agent's own echo. */
  because: EventKind | 'nothing';
  level: number | null;
  by: Pause['by'];
  /** Silence heard, in milliseconds; null when the answer was not heard again. */
  costMs: number | null;
}

export function falsePausesOf(trace: Trace): FalsePause[] {
  const { spans, decisions, events, plan } = trace;
  const gave = (pause: Pause): Decision | undefined => decisions.find(({ atMs }) => atMs >= pause.atMs);
  return trace.pauses.flatMap((pause) => {
    const cause = events.find((event) => isWithin(pause.atMs, event, 300));
    if (cause?.kind === 'interruption') return [];
    const before = spans.findLast(({ fromMs }) => fromMs < pause.atMs);
    const after = spans.find(({ fromMs, epoch }) => fromMs > pause.atMs && epoch === before?.epoch);
    const isResumed = gave(pause)?.is === 'resume' && before !== undefined && after !== undefined;
    const costMs = isResumed ? Math.max(0, after.fromMs - before.toMs) : null;
    return [{ plan: plan.id, because: cause?.kind ?? 'nothing', level: pause.level, by: pause.by, costMs }];
  });
}

/** Kills that are the relay's own business, whoever speaks. */
const OWN_KILLS = new Set(['policy', 'policy_timeout', 'ended', 'none heard']);

/** Kills that nobody asked for and no planned sound explains. */
export function unprovokedKillsOf(trace: Trace): Decision[] {
  // After an interruption the rest of what was said may supersede its own first answer.
  const end = trace.events.find(({ kind }) => kind === 'interruption')?.onsetMs ?? Infinity;
  return trace.decisions.filter(
    ({ is, atMs, cause }) =>
      is === 'kill' &&
      !OWN_KILLS.has(cause) &&
      atMs < end &&
      !trace.events.some((event) => isWithin(atMs, event, AFTERMATH_MS)),
  );
}

/** The `p`-th percentile (0 … 100) by the nearest rank; NaN of nothing. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil((p / 100) * sorted.length) - 1))] ?? Number.NaN;
}

export interface Row {
  name: string;
  value: number;
  unit: '%' | 'ms' | '';
  /** How many the value is of. */
  of: number;
  /** `0` must be met, or the run has failed. */
  target: { is: 'at least' | 'at most' | 'must be'; value: number } | null;
  isMet: boolean | null;
}

export interface Figures {
  conversations: number;
  failures: { plan: string; failure: string }[];
  /** Of sound from lane B that was heard, in all. */
  agentMs: number;
  rows: Row[];
  /** By what caused them. */
  falsePauses: { because: string; count: number; perAgentMinute: number; costMs: number; lost: number }[];
  events: EventFigures[];
}

function row(name: string, value: number, unit: Row['unit'], of: number, target: Row['target'] = null): Row {
  const is = target?.is;
  const isMet =
    target === null || Number.isNaN(value)
      ? null
      : is === 'at least'
        ? value >= target.value
        : is === 'at most'
          ? value <= target.value
          : value === target.value;
  return { name, value, unit, of, target, isMet };
}

const atLeast = (value: number) => ({ is: 'at least', value }) as const;
const atMost = (value: number) => ({ is: 'at most', value }) as const;
const ZERO = { is: 'must be', value: 0 } as const;
/** The largest, at least 0; NaN of nothing. */
const most = (values: readonly number[]) => (values.length === 0 ? Number.NaN : Math.max(0, ...values));
const numbers = (values: readonly (number | null)[]) => values.filter((value): value is number => value !== null);
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

function share(all: readonly EventFigures[], is: (one: EventFigures) => boolean): number {
  return all.length === 0 ? Number.NaN : (100 * all.filter(is).length) / all.length;
}

/** The limit on resumes of one answer; from the arbiter's defaults. */
const RESUMES_PER_RESPONSE = 2;

export function measure(traces: readonly Trace[]): Figures {
  const good = traces.filter(({ failure }) => failure === null);
  const events = good.flatMap((trace) => trace.events.map((event) => measureEvent(trace, event)));
  const of = (kind: EventKind) => events.filter((one) => one.kind === kind && one.isOverAgent);
  const within = (kind: EventKind) => of(kind).filter((one) => one.resumedBefore < RESUMES_PER_RESPONSE);
  const hasYielded = (one: EventFigures) => one.killMs !== null && (one.silenceMs ?? Infinity) <= YIELD_WINDOW_MS;
  const interruptions = of('interruption');
  const silences = numbers(interruptions.map(({ silenceMs }) => silenceMs));
  const kills = numbers(interruptions.map(({ killMs }) => killMs));
  const pauses = numbers(interruptions.map(({ pauseMs }) => pauseMs));
  const decisions = numbers(events.map(({ decisionMs }) => decisionMs));
  const backchannels = within('backchannel');
  const beyond = of('backchannel').filter((one) => one.resumedBefore >= RESUMES_PER_RESPONSE);
  const agentMs = sum(
    good.flatMap(({ spans }) => spans.map((span) => (span.lane === 'B' ? span.toMs - span.fromMs : 0))),
  );
  const falsePauses = good.flatMap(falsePausesOf);
  const truncations = good.flatMap((trace) => trace.truncations);
  const errorsOf = (isOwn: boolean) =>
    truncations
      .filter(({ cause }) => OWN_KILLS.has(cause) === isOwn)
      .map(({ toldMs, heardMs }) => Math.abs(toldMs - heardMs));
  const [userErrors, ownErrors] = [errorsOf(false), errorsOf(true)];
  const handovers = good.flatMap((trace) => trace.handovers);
  const costs = numbers(falsePauses.map(({ costMs }) => costMs));

  const rows = [
    row(
      'interruptions: yield rate (silent and killed within 2 s)',
      share(interruptions, hasYielded),
      '%',
      interruptions.length,
      atLeast(99),
    ),
    row(
      'interruptions: silent tick within 2 s (τ-voice R_Y)',
      share(interruptions, (one) => !one.isTalkedThrough),
      '%',
      interruptions.length,
    ),
    row('time to yield: onset to silence, mean (τ-voice L_Y)', sum(silences) / silences.length, 'ms', silences.length),
    row('time to yield: onset to silence, p50', percentile(silences, 50), 'ms', silences.length),
    row('time to yield: onset to silence, p95', percentile(silences, 95), 'ms', silences.length, atMost(300)),
    row('time to yield: onset to kill decision, p50', percentile(kills, 50), 'ms', kills.length),
    row('time to yield: onset to kill decision, p95', percentile(kills, 95), 'ms', kills.length, atMost(300)),
    row('onset to pause, p50', percentile(pauses, 50), 'ms', pauses.length),
    row('onset to pause, p95', percentile(pauses, 95), 'ms', pauses.length),
    row('pause to decision (any), p50', percentile(decisions, 50), 'ms', decisions.length),
    row('pause to decision (any), p95', percentile(decisions, 95), 'ms', decisions.length),
    row(
      'backchannels survived (the answer goes on)',
      share(backchannels, (one) => one.isSurvived),
      '%',
      backchannels.length,
      atLeast(90),
    ),
    row(
      'backchannels: no silent tick within 1 s (τ-voice S_BC)',
      share(backchannels, (one) => one.isTalkedThrough),
      '%',
      backchannels.length,
    ),
    row(
      'backchannels beyond the limit of resumes: survived',
      share(beyond, (one) => one.isSurvived),
      '%',
      beyond.length,
    ),
    ...(['cough', 'side-speech', 'click'] as const).flatMap((kind) => [
      row(
        `${kind}: survived`,
        share(within(kind), (one) => one.isSurvived),
        '%',
        within(kind).length,
      ),
      row(
        `${kind}: no silent tick within 1 s (τ-voice)`,
        share(within(kind), (one) => one.isTalkedThrough),
        '%',
        within(kind).length,
      ),
    ]),
    row('false pauses', falsePauses.length, '', good.length),
    row('false pauses: audible cost, mean', sum(costs) / costs.length, 'ms', costs.length),
    row('false pauses: audible cost, p95', percentile(costs, 95), 'ms', costs.length),
    row(
      'answers killed though nothing was said',
      sum(good.map((trace) => unprovokedKillsOf(trace).length)),
      '',
      good.length,
    ),
    row('truncation error after speech, p95', percentile(userErrors, 95), 'ms', userErrors.length),
    row('truncation error after speech, largest', most(userErrors), 'ms', userErrors.length, atMost(20)),
    row('truncation error after a kill by policy, largest', most(ownErrors), 'ms', ownErrors.length, atMost(20)),
    row('from lane A to lane B, longest silence', most(handovers), 'ms', handovers.length),
    row(
      'answers that policy refused',
      sum(good.map(({ refused }) => refused)),
      '',
      good.filter(({ plan }) => plan.group === 'policy').length,
    ),
    row('uncleared sound played in strict mode', sum(good.map((trace) => trace.unclearedMs)), 'ms', good.length, ZERO),
    row('samples of two lanes at once', sum(good.map((trace) => trace.overlapSamples)), '', good.length, ZERO),
    row('samples admitted after a kill', sum(good.map((trace) => trace.afterKillSamples)), '', good.length, ZERO),
    row('conversations that could not take place', traces.length - good.length, '', traces.length, ZERO),
  ];
  const causes = [...new Set(falsePauses.map(({ because }) => because))].sort();
  return {
    conversations: traces.length,
    failures: traces.flatMap(({ plan, failure }) => (failure === null ? [] : [{ plan: plan.id, failure }])),
    agentMs,
    rows,
    falsePauses: causes.map((because) => {
      const some = falsePauses.filter((one) => one.because === because);
      return {
        because,
        count: some.length,
        perAgentMinute: (some.length * 60_000) / agentMs,
        costMs: sum(numbers(some.map(({ costMs }) => costMs))),
        lost: some.filter(({ costMs }) => costMs === null).length,
      };
    }),
    events,
  };
}
