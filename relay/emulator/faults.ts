/**
 * What can be made to go wrong, by flag or over HTTP, while the server runs. One table: name,
 * what it takes, what it does; the README's table is checked against it.
 */

/** Every knob at its present setting; null is off. */
export interface Faults {
  'created-ms': number;
  'first-audio-ms': number;
  pace: number | null;
  error: string | null;
  drop: string | null;
  duplicate: number;
  oversize: number;
  transcript: string;
  expire: number | null;
  'commit-race': number;
  preamble: boolean;
}
export type FaultName = keyof Faults;
export type FaultPatch = { [Name in FaultName]?: Faults[Name] | null };

const NO_FAULTS: Faults = {
  'created-ms': 15,
  'first-audio-ms': 180,
  pace: null,
  error: null,
  drop: null,
  duplicate: 0,
  oversize: 0,
  transcript: '120',
  expire: null,
  'commit-race': 0,
  preamble: false,
};

type Reader = (value: unknown) => Faults[FaultName] | undefined;
const amount =
  (max: number, isNullable = false): Reader =>
  (value) => {
    if (isNullable && value === null) return null;
    const read = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
    return typeof read === 'number' && read >= 0 && read <= max ? read : undefined;
  };
const pattern =
  (shape: RegExp): Reader =>
  (value) => {
    const read = typeof value === 'number' ? String(value) : value;
    return typeof read === 'string' && shape.test(read) ? read : undefined;
  };
const orNull =
  (reader: Reader): Reader =>
  (value) =>
    value === null ? null : reader(value);
const flag: Reader = (value) =>
  value === true || value === 'true' ? true : value === false || value === 'false' ? false : undefined;

/** One knob: how its value is read, and what the documentation says of it. */
export const FAULTS: Record<FaultName, { read: Reader; takes: string; does: string }> = {
  'created-ms': { read: amount(600_000), takes: 'milliseconds', does: 'from `response.create` to `response.created`' },
  'first-audio-ms': {
    read: amount(600_000),
    takes: 'milliseconds',
    does: 'from `response.create` to the first delta of sound or text',
  },
  pace: { read: amount(1_000_000, true), takes: 'factor', does: 'how much faster than it plays sound is sent' },
  error: {
    read: orNull(pattern(/^[a-z_]+(:[1-9]\d*)?$/)),
    takes: 'code[:count]',
    does: 'the next response (or `count` of them) fails with this code: `rate_limit_exceeded`, `insufficient_quota`, `server_error`, any other',
  },
  drop: {
    read: orNull(pattern(/^(1006|1001|1011|1012|1013|[34]\d{3})(:\d+)?$/)),
    takes: 'close code[:deltas]',
    does: 'closes the socket in the next response after that many deltas of sound or text (3); 1006 cuts it without a close frame',
  },
  duplicate: {
    read: amount(1000),
    takes: 'count',
    does: 'that many responses are followed by a second one that nobody asked for',
  },
  oversize: {
    read: amount(64 * 1024 * 1024),
    takes: 'bytes',
    does: 'the next transcript or text delta carries this much padding',
  },
  transcript: {
    read: pattern(/^(early|late|failed|none|\d+)$/),
    takes: '`early`, `late`, `failed`, `none` or milliseconds',
    does: "when the user's transcript comes: before the response, after it, as a failure, never, or so long after the commit",
  },
  expire: {
    read: amount(86_400, true),
    takes: 'seconds',
    does: 'sessions end after this long (3600); running ones too',
  },
  'commit-race': {
    read: amount(600_000),
    takes: 'milliseconds',
    does: "a client's commit takes effect only so much later",
  },
  preamble: {
    read: flag,
    takes: '`true` or `false`',
    does: 'each answer comes as two items: a `commentary`, then the `final_answer`',
  },
};

export function isFaultName(name: string): name is FaultName {
  return Object.hasOwn(FAULTS, name);
}

/** The knobs of a running server. */
export class FaultKnobs {
  #current: Faults = { ...NO_FAULTS };
  readonly #watchers = new Set<() => void>();

  get current(): Readonly<Faults> {
    return this.#current;
  }

  /**
   * Sets some knobs, all or none; `null` sets one back.
   *
   * @throws {RangeError} naming each knob that is unknown or has a wrong value.
   */
  set(patch: Record<string, unknown>): void {
    const next: Record<string, unknown> = { ...this.#current };
    const wrong: string[] = [];
    for (const [name, value] of Object.entries(patch)) {
      if (!isFaultName(name)) {
        wrong.push(`${name}: there is no such fault`);
        continue;
      }
      const read = value === null ? NO_FAULTS[name] : FAULTS[name].read(value);
      if (read === undefined) wrong.push(`${name}: takes ${FAULTS[name].takes}`);
      next[name] = read;
    }
    if (wrong.length > 0) throw new RangeError(wrong.join('; '));
    this.#current = next as unknown as Faults;
    for (const watcher of this.#watchers) watcher();
  }

  /** Sets one knob back, or all. */
  clear(name?: FaultName): void {
    this.set(Object.fromEntries((name === undefined ? Object.keys(NO_FAULTS) : [name]).map((knob) => [knob, null])));
  }

  /** Calls `watcher` after each change. @returns what stops it. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  /** The code with which the next response fails, if any; counts it. */
  takeError(): string | null {
    const [code = null, count = '1'] = this.#current.error?.split(':') ?? [];
    if (code !== null) this.set({ error: Number(count) > 1 ? `${code}:${Number(count) - 1}` : null });
    return code;
  }

  /** After how many deltas the next response closes the socket, and with what, if at all; once. */
  takeDrop(): { code: number; afterDeltas: number } | null {
    const [code, deltas = '3'] = this.#current.drop?.split(':') ?? [];
    if (code === undefined) return null;
    this.set({ drop: null });
    return { code: Number(code), afterDeltas: Number(deltas) };
  }

  /** Whether the response that just ended is repeated; counts it. */
  takeDuplicate(): boolean {
    const left = this.#current.duplicate;
    if (left > 0) this.set({ duplicate: left - 1 });
    return left > 0;
  }

  /** Bytes of padding for the next delta of words; once. */
  takeOversize(): number {
    const bytes = this.#current.oversize;
    if (bytes > 0) this.set({ oversize: 0 });
    return bytes;
  }
}

/**
 * Reads `name=value` as it stands on a command line.
 *
 * @throws {RangeError} when there is no `=`.
 */
export function faultOfFlag(flagText: string): Record<string, unknown> {
  const at = flagText.indexOf('=');
  if (at < 1) throw new RangeError(`--fault takes name=value, not "${flagText}"`);
  return { [flagText.slice(0, at)]: flagText.slice(at + 1) };
}
