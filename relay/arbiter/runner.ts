/**
 * Runs cases against the reducer and says, for those that fail, what happened instead: each event,
 * what it gave, and the regions it changed. It inserts nothing: a deadline fires only on a `tick`
 * that the case gives.
 */
import { readCases, type Case, type CaseEvent, type Pattern } from './case-file.ts';
import { initialState, stateName, type State } from './state.ts';
import { step } from './step.ts';
import { DEFAULT_CONFIG, type ArbiterConfig, type ArbiterEvent, type Effect } from './vocabulary.ts';

/** One event of a run and what it led to. */
export interface Move {
  event: ArbiterEvent;
  before: State;
  effects: Effect[];
  after: State;
}

export interface Report {
  passed: number;
  failed: number;
  /** For people: failing cases with their traces; nothing for those that pass. */
  lines: string[];
}

/** Runs every case of a file. A line that cannot be read counts as a failed case. */
export function runCaseFile(source: string, file: string): Report {
  const { cases, faults, notes } = readCases(source, file);
  const lines = [...notes.map((note) => `note: ${note}`), ...faults.map((fault) => `FAILED ${fault}`)];
  let passed = 0;
  for (const one of cases) {
    const moves = play(one);
    const problems = moves instanceof Error ? [`the reducer threw: ${moves.message}`] : judge(one, moves);
    if (problems.length === 0) passed += 1;
    else
      lines.push(`FAILED ${one.where}: ${one.name}`, ...problems.map((problem) => `  ✗ ${problem}`), ...trace(moves));
  }
  if (cases.length + faults.length === 0) {
    lines.push(`FAILED ${file}: there is no case in it; write one JSON object on each line`);
    return { passed: 0, failed: 1, lines };
  }
  return { passed, failed: cases.length - passed + faults.length, lines };
}

/** The knobs of a case: the defaults and what it overrides. */
export function configOf(one: Pick<Case, 'config'>): ArbiterConfig {
  return { ...DEFAULT_CONFIG, ...one.config };
}

/** Feeds a case's events to the reducer, one after another. */
export function run(one: Pick<Case, 'config' | 'events'>): Move[] {
  const config = configOf(one);
  const moves: Move[] = [];
  let state = initialState(config);
  for (const written of one.events) {
    const event = complete(written, state.epoch);
    const { state: after, effects } = step(state, event, config);
    moves.push({ event, before: state, effects, after });
    state = after;
  }
  return moves;
}

function play(one: Case): Move[] | Error {
  try {
    return run(one);
  } catch (error) {
    return error as Error;
  }
}

function complete(event: CaseEvent, epoch: number): ArbiterEvent {
  switch (event.type) {
    case 'playout':
    case 'playout.drained':
    case 'clip.ended':
      return { epoch, ...event } as ArbiterEvent;
    default:
      return event;
  }
}

/** What does not hold of a run, in sentences; empty when the case passes. */
export function judge(one: Case, moves: readonly Move[]): string[] {
  const given = moves.flatMap(({ event, effects }) => effects.map((effect) => ({ ...effect, at: event.t })));
  const final = moves.at(-1)?.after ?? initialState(configOf(one));
  return [
    ...missing(one.expect, given),
    ...one.forbid.flatMap((pattern) => {
      const found = given.find((effect) => matches(pattern, effect));
      return found ? [`forbidden, but given at ${found.at}: ${JSON.stringify(pattern)}`] : [];
    }),
    ...Object.entries(one.count).flatMap(([type, times]) => {
      const found = given.filter((effect) => effect.type === type).length;
      return found === times ? [] : [`${type} was given ${found} times instead of ${times}`];
    }),
    ...differences(one.final, { ...final, view: stateName(final) }, 'final'),
  ];
}

function missing(expected: readonly Pattern[], given: readonly (Effect & { at: number })[]): string[] {
  let next = 0;
  for (const pattern of expected) {
    const found = given.findIndex((effect, index) => index >= next && matches(pattern, effect));
    if (found === -1) {
      const early = given.find((effect) => matches(pattern, effect));
      const hint = early ? ` (given at ${early.at}, but before an effect that is expected earlier)` : '';
      return [`expected, but not given: ${JSON.stringify(pattern)}${hint}`];
    }
    next = found + 1;
  }
  return [];
}

function matches(pattern: Pattern, effect: Effect & { at: number }): boolean {
  return differences(pattern, effect, '').length === 0;
}

/**
 * Where `actual` does not hold what `wanted` names. A region's tag may stand for the region, null
 * for what is absent, a list of ids for a map by id and the other way round.
 */
function differences(wanted: unknown, actual: unknown, place: string): string[] {
  if (wanted === null) return actual === undefined || actual === null ? [] : [differs(place, wanted, actual)];
  if (Array.isArray(wanted)) return listDifferences(wanted, actual, place);
  if (typeof wanted === 'object') {
    if (typeof actual !== 'object' || actual === null) return [differs(place, wanted, actual)];
    const fields: Record<string, unknown> = Array.isArray(actual) ? byId(actual) : { ...actual };
    return Object.entries(wanted).flatMap(([field, value]) => differences(value, fields[field], `${place}.${field}`));
  }
  const tag = typeof actual === 'object' && actual !== null && 'is' in actual ? actual.is : actual;
  return tag === wanted ? [] : [differs(place, wanted, actual)];
}

function listDifferences(wanted: readonly unknown[], actual: unknown, place: string): string[] {
  const values: unknown[] = Array.isArray(actual) ? actual : Object.keys(actual ?? {});
  if (values.length !== wanted.length) return [differs(place, wanted, actual)];
  return wanted.flatMap((value, index) => differences(value, values[index], `${place}[${index}]`));
}

function byId(list: readonly unknown[]): Record<string, unknown> {
  return Object.fromEntries(list.map((one, index) => [(one as { id?: string } | null)?.id ?? String(index), one]));
}

function differs(place: string, wanted: unknown, actual: unknown): string {
  return `${place} is ${JSON.stringify(actual)} instead of ${JSON.stringify(wanted)}`;
}

/** A run as lines for people. */
export function trace(moves: readonly Move[] | Error): string[] {
  if (moves instanceof Error) return [];
  return moves.flatMap(({ event, before, effects, after }) => {
    const { t, type, ...fields } = event;
    const words = Object.keys(fields).length > 0 ? ` ${JSON.stringify(fields)}` : '';
    return [
      `  ${String(t).padStart(7)}  ${type}${words}`,
      ...effects.map(({ type: effect, ...rest }) => `             → ${effect} ${JSON.stringify(rest)}`),
      ...changes(before, after).map((change) => `             · ${change}`),
    ];
  });
}

function changes(before: State, after: State): string[] {
  return (Object.keys(after) as (keyof State)[]).flatMap((region) => {
    const [old, now] = [JSON.stringify(before[region]), JSON.stringify(after[region])];
    return old === now || region === 'past' ? [] : [`${region} ${old} ⇒ ${now}`];
  });
}
