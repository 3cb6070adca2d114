/**
 * The record of one session: every event with the effects it had, append-only, with ids and
 * monotonic time. It holds no words and no sound by construction, because the arbiter's vocabulary
 * has none. The newest records stay in memory, all of them go to a file where a folder is given.
 */
import type { ArbiterConfig, ArbiterEvent, Effect } from '#arbiter';
import { appendLines, type LineFile } from './line-file.ts';

/** Records kept in memory; the oldest go first. */
const MOST_RECORDS = 5_000;
/** … where all of them are in a file: an hour of talk would be two megabytes of each conversation. */
const MOST_BESIDE_A_FILE = 250;

export interface AuditRecord {
  event: ArbiterEvent;
  effects: Effect[];
}

export interface AuditHead {
  session: string;
  /** Wall-clock milliseconds at the session's `t` of 0. */
  startedAt: number;
  config: ArbiterConfig;
}

export interface AuditLog {
  record: (event: ArbiterEvent, effects: Effect[]) => void;
  /** Records that were made but are no longer in memory. */
  readonly forgotten: number;
  /** Newest records, oldest first. */
  records(): readonly AuditRecord[];
  /** The head and the records as JSON lines, as they stand in the file. */
  toJsonl(): string;
  /** Writes what waits and closes the file. */
  close(): Promise<void>;
}

class SessionRecord implements AuditLog {
  readonly #file: LineFile | null;
  readonly #head: AuditHead;
  // A ring: `first` is where the oldest record is.
  readonly #ring: AuditRecord[] = [];
  #first = 0;
  #forgotten = 0;
  readonly #most: number;

  constructor(options: {
    head: AuditHead;
    /** Of a conversation that goes on after its relay was lost: each part of it replays from its own file. */
    part?: number | undefined;
    dir: string | null;
    onProblem: (error: unknown) => void;
  }) {
    const { head, dir, part } = options;
    const name = part === undefined ? head.session : `${head.session}-${part}`;
    this.#file = dir === null ? null : appendLines(dir, `${name}.jsonl`, options.onProblem);
    this.#head = head;
    this.#file?.append(JSON.stringify(head));
    this.#most = this.#file === null ? MOST_RECORDS : MOST_BESIDE_A_FILE;
  }

  records(): readonly AuditRecord[] {
    return [...this.#ring.slice(this.#first), ...this.#ring.slice(0, this.#first)];
  }

  record(event: ArbiterEvent, effects: Effect[]): void {
    const record = { event, effects };
    if (this.#ring.length < this.#most) this.#ring.push(record);
    else {
      this.#ring[this.#first] = record;
      this.#first = (this.#first + 1) % this.#most;
      this.#forgotten += 1;
    }
    this.#file?.append(JSON.stringify(record));
  }

  get forgotten(): number {
    return this.#forgotten;
  }

  toJsonl(): string {
    return [this.#head, ...this.records()].map((line) => JSON.stringify(line)).join('\n') + '\n';
  }

  close(): Promise<void> {
    return this.#file?.close() ?? Promise.resolve();
  }
}

/**
 * @param options.dir - folder of `<session>.jsonl`, or `<session>-<part>.jsonl`; null keeps memory only.
 * @param options.onProblem - told once when the file cannot be written; the session goes on.
 */
export function createAuditLog(options: {
  head: AuditHead;
  /** Of a conversation that goes on after its relay was lost: each part of it replays from its own file. */
  part?: number | undefined;
  dir: string | null;
  onProblem: (error: unknown) => void;
}): AuditLog {
  return new SessionRecord(options);
}

/** What a case file of the arbiter holds on one line. */
export interface AuditCase {
  name: string;
  config: ArbiterConfig;
  events: ArbiterEvent[];
  expect: Effect[];
}

/**
 * Turns a session's JSON lines into a case: the same events must give the same effects.
 *
 * @throws {SyntaxError} when a line is no JSON; {RangeError} when there is no head.
 */
export function auditToCase(jsonl: string): AuditCase {
  const [headLine, ...lines] = jsonl.split('\n').filter((line) => line !== '');
  if (headLine === undefined) throw new RangeError('an audit file begins with its head');
  const head = JSON.parse(headLine) as AuditHead;
  const records = lines
    .map((line) => JSON.parse(line) as AuditRecord | { lost: number })
    .filter((line): line is AuditRecord => 'event' in line);
  return {
    name: head.session,
    config: head.config,
    events: records.map(({ event }) => event),
    expect: records.flatMap(({ effects }) => effects),
  };
}
