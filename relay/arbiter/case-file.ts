/**
 * Reads case files: JSONL, one case a line, in the arbiter's fixed words. Everything in a line is
 * checked against the vocabulary before a case runs, so that a misspelt word can neither pass nor
 * fail a case by accident. Text comes in, cases and faults go out; it opens no file.
 */
import { DEFAULT_CONFIG, type ArbiterConfig, type ArbiterEvent, type Effect } from './vocabulary.ts';

/** An effect as a case describes it: `type`, any of its fields, and `at`, the time of its event. */
export interface Pattern {
  type: Effect['type'];
  at?: number;
  [field: string]: unknown;
}

/** An event of a case. A widget's event may leave its epoch to the runner. */
export type CaseEvent = ArbiterEvent | Omit<WidgetEvent, 'epoch'>;
type WidgetEvent = Extract<ArbiterEvent, { type: 'playout' | 'playout.drained' | 'clip.ended' }>;

export interface Case {
  name: string;
  /** Where it stands, as `file:line`. */
  where: string;
  config: Partial<ArbiterConfig>;
  events: CaseEvent[];
  expect: Pattern[];
  forbid: Pattern[];
  count: Partial<Record<Effect['type'], number>>;
  final: Record<string, unknown>;
}

/** What a file holds: `faults` are lines that cannot run, `notes` are words that nobody reads. */
export interface CaseFile {
  cases: Case[];
  faults: string[];
  notes: string[];
}

type Check = { says: string; holds: (value: unknown) => boolean };
type Fields = Record<string, Check>;

const text: Check = { says: 'a string', holds: (value) => typeof value === 'string' };
const number: Check = { says: 'a number', holds: (value) => typeof value === 'number' };
const boolean: Check = { says: 'true or false', holds: (value) => typeof value === 'boolean' };
const strings: Check = {
  says: 'a list of strings',
  holds: (value) => Array.isArray(value) && value.every((one) => typeof one === 'string'),
};
/** JSON has no NaN; a position that is not a number is written as null. */
const position: Check = { says: 'a number, or null', holds: (value) => value === null || number.holds(value) };
const anything: Check = { says: 'anything', holds: () => true };
const oneOf = (...words: readonly string[]): Check => ({
  says: `one of ${words.join(', ')}`,
  holds: (value) => words.includes(value as string),
});
const maybe = (check: Check): Check => ({
  says: check.says,
  holds: (value) => value === undefined || check.holds(value),
});

const lane = oneOf('A', 'B', 'C');
const owner = oneOf('none', 'A', 'B', 'C');

const EVENTS: Record<ArbiterEvent['type'], Fields> = {
  'session.started': {},
  'session.ended': {},
  'user.onset': { utterance: text, source: oneOf('widget', 'provider'), level: maybe(number) },
  'user.offset': { utterance: text },
  'user.verdict': { utterance: text, verdict: oneOf('interrupt', 'backchannel', 'noise') },
  'user.text': { turn: text },
  'turn.committed': { turn: text, item: maybe(text), utterances: maybe(strings) },
  'turn.dropped': { turn: text, utterances: maybe(strings) },
  'response.created': { response: text, turn: text },
  'response.text': { response: text },
  'response.audio': { response: text, item: text, ms: number, audible: boolean },
  'response.generated': { response: text, question: maybe(boolean) },
  'response.done': { response: text, status: oneOf('completed', 'cancelled', 'incomplete', 'failed') },
  'response.error': { code: text, response: maybe(text) },
  playout: { epoch: maybe(number), item: text, playedMs: position },
  'playout.drained': { epoch: maybe(number), item: maybe(text) },
  'clip.ready': {
    kind: oneOf('reflex', 'refusal', 'fallback', 'idle'),
    clip: text,
    ms: maybe(number),
    affirmative: maybe(boolean),
  },
  'clip.ended': { epoch: maybe(number), clip: maybe(text) },
  'policy.cleared': { response: text, upToMs: number },
  'policy.blocked': { response: text, reason: text },
  'tool.started': { call: text },
  'tool.ended': { call: text },
  'provider.down': { generation: number },
  'provider.up': { generation: number },
  'widget.down': {},
  'widget.up': { epoch: maybe(number) },
  'device.suspended': {},
  'device.resumed': {},
  tick: {},
};

/** Every field may be left out of a pattern; an audit's further fields are free. */
const EFFECTS: Record<Effect['type'], Fields> = {
  'gate.close': { epoch: number, rampMs: number },
  'gate.pause': { epoch: number },
  'gate.resume': { epoch: number, rewindMs: number },
  'response.cancel': { response: text },
  'item.truncate': { item: text, audioEndMs: number },
  'item.delete': { item: text },
  'input.clear': {},
  'owner.changed': { from: owner, to: owner, cause: text },
  audit: { cause: text },
  'turn.outcome': { turn: text, outcome: oneOf('answered', 'superseded', 'refused', 'failed') },
  'gate.open': { epoch: number, lane },
  'lane.admit': { response: text, epoch: number, upToMs: number },
  'clip.play': { epoch: number, lane: oneOf('A', 'C'), clip: text },
  'response.create': { turn: text },
  metric: { name: text, value: number },
  stale: { event: oneOf(...Object.keys(EVENTS)) },
};

/** Every type of effect. */
export const EFFECT_TYPES = Object.keys(EFFECTS) as Effect['type'][];

const KNOBS: Fields = {
  ...Object.fromEntries(
    Object.entries(DEFAULT_CONFIG).map(([knob, value]) => [knob, typeof value === 'boolean' ? boolean : number]),
  ),
  EXPECTED_FIRST_AUDIO_MS: number,
  POLICY_MODE: oneOf('strict', 'lenient'),
  POLICY_ON_TIMEOUT: oneOf('closed', 'open'),
  ON_PROVIDER_LOSS: oneOf('drain', 'stop'),
};

const PARTS = ['name', 'config', 'events', 'expect', 'forbid', 'count', 'final'];
/** Words for readers: they may stand in a case or an event and mean nothing. */
const REMARKS = ['note', 'comment'];

class Fault extends Error {}

type Plain = Record<string, unknown>;
const isPlain = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Reads the lines of a case file. `file` is its name, for the messages. */
export function readCases(source: string, file: string): CaseFile {
  const read: CaseFile = { cases: [], faults: [], notes: [] };
  source.split(/\r?\n/).forEach((line, index) => {
    if (line.trim() === '') return;
    const where = `${file}:${index + 1}`;
    const note = (words: string) => void read.notes.push(`${where}: ${words}`);
    try {
      read.cases.push(readCase(parse(line), where, note));
    } catch (fault) {
      if (!(fault instanceof Fault)) throw fault;
      read.faults.push(`${where}: ${fault.message}`);
    }
  });
  return read;
}

function parse(line: string): Plain {
  let value: unknown;
  try {
    value = JSON.parse(line.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new Fault(`not JSON (${(error as Error).message}); write one whole case on each line`);
  }
  if (!isPlain(value)) throw new Fault('a case is an object; write {"name": …, "events": […], …}');
  return value;
}

function readCase(line: Plain, where: string, note: (words: string) => void): Case {
  for (const part of Object.keys(line)) {
    if (!PARTS.includes(part) && !REMARKS.includes(part)) {
      note(`"${part}" is no part of a case and is not read; the parts are ${PARTS.join(', ')}`);
    }
  }
  const { name, config = {}, expect = [], forbid = [], count = {}, final = {} } = line;
  if (typeof name !== 'string' || name === '') throw new Fault('"name" is missing; give the case a name of its own');
  if (!Array.isArray(line.events)) throw new Fault('"events" is not a list; write the events in the order they arrive');
  return {
    ...{ name, where },
    config: readConfig(config),
    events: line.events.map((event, index) => readEvent(event, `events[${index}]`, note)),
    expect: readPatterns(expect, 'expect', note),
    forbid: readPatterns(forbid, 'forbid', note),
    count: readCount(count),
    final: plain(final, 'final', 'a partial state'),
  };
}

function plain(value: unknown, place: string, what: string): Plain {
  if (!isPlain(value)) throw new Fault(`"${place}" is not an object; write ${what}`);
  return value;
}

function readConfig(value: unknown): Partial<ArbiterConfig> {
  const config = plain(value, 'config', '{knob: value}');
  for (const [knob, given] of Object.entries(config)) {
    const check = Object.hasOwn(KNOBS, knob) ? KNOBS[knob] : undefined;
    if (!check) throw new Fault(`config: there is no knob ${knob}${nearest(knob, Object.keys(KNOBS))}`);
    if (!check.holds(given)) throw new Fault(`config.${knob} is ${show(given)}; it takes ${check.says}`);
  }
  return config;
}

function readEvent(value: unknown, place: string, note: (words: string) => void): CaseEvent {
  const event = typed(value, place, EVENTS, 'event');
  if (!number.holds(event.t))
    throw new Fault(`${place} (${event.type}): "t" is ${show(event.t)}; it takes milliseconds`);
  const read: Plain = { t: event.t, type: event.type };
  const fields = EVENTS[event.type];
  for (const [field, check] of Object.entries(fields)) {
    const given = event[field];
    if (!check.holds(given)) {
      throw new Fault(`${place} (${event.type}): "${field}" is ${show(given)}; it takes ${check.says}`);
    }
    if (given !== undefined) read[field] = check === position && given === null ? Number.NaN : given;
  }
  const unread = Object.keys(event).filter((field) => !Object.hasOwn(read, field) && !REMARKS.includes(field));
  for (const field of unread) note(`${place}: ${event.type} has no "${field}"; it is not read`);
  return read as CaseEvent;
}

function readPatterns(value: unknown, part: string, note: (words: string) => void): Pattern[] {
  if (!Array.isArray(value)) throw new Fault(`"${part}" is not a list; write effects in it`);
  return value.map((one: unknown, index) => {
    const place = `${part}[${index}]`;
    const pattern = typed(one, place, EFFECTS, 'effect');
    const fields: Fields = { type: anything, at: number, ...EFFECTS[pattern.type] };
    for (const [field, given] of Object.entries(pattern)) {
      const check = fields[field];
      if (!check) {
        if (pattern.type !== 'audit') note(`${place}: ${pattern.type} has no "${field}", so nothing matches it`);
      } else if (!check.holds(given)) {
        throw new Fault(`${place} (${pattern.type}): "${field}" is ${show(given)}; it takes ${check.says}`);
      }
    }
    return pattern;
  });
}

function readCount(value: unknown): Case['count'] {
  const count = plain(value, 'count', '{effect type: number}');
  for (const [type, times] of Object.entries(count)) {
    if (!Object.hasOwn(EFFECTS, type)) {
      throw new Fault(`count: there is no effect "${type}"${nearest(type, Object.keys(EFFECTS))}`);
    }
    if (!number.holds(times)) throw new Fault(`count.${type} is ${show(times)}; it takes a number`);
  }
  return count;
}

function typed<T extends string>(
  value: unknown,
  place: string,
  words: Record<T, Fields>,
  what: string,
): Plain & { type: T } {
  if (!isPlain(value)) throw new Fault(`${place} is not an object; write one ${what}`);
  const { type } = value;
  if (typeof type !== 'string') throw new Fault(`${place} has no "type"; name the ${what}`);
  if (!Object.hasOwn(words, type)) {
    throw new Fault(`${place}: there is no ${what} "${type}"${nearest(type, Object.keys(words))}`);
  }
  return value as Plain & { type: T };
}

function show(value: unknown): string {
  return value === undefined ? 'missing' : JSON.stringify(value);
}

/** What the writer may have meant: the word that shares most pairs of letters with the one given. */
function nearest(given: string, words: string[]): string {
  const pairs = (word: string) => new Set(Array.from({ length: word.length - 1 }, (_, at) => word.slice(at, at + 2)));
  const wanted = pairs(given);
  let best = { word: '', shared: 0 };
  for (const word of words) {
    const own = pairs(word);
    const shared = [...wanted].filter((pair) => own.has(pair)).length / Math.max(wanted.size, own.size, 1);
    if (shared > best.shared) best = { word, shared };
  }
  return best.shared > 0.4 ? `; did you mean "${best.word}"?` : `; there are ${words.join(', ')}`;
}
