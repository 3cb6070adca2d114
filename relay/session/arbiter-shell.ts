/**
 * The arbiter's thin shell: one job after the other, events in the order of arrival, effects
 * carried out in the order given, one timer for all deadlines. It gives events their time and
 * decides nothing.
 */
import {
  initialState,
  nextDeadline,
  step,
  type ArbiterConfig,
  type ArbiterEvent,
  type Effect,
  type State,
} from '#arbiter';
import type { Clock } from '../clock.ts';

type WithoutTime<T> = T extends unknown ? Omit<T, 't'> : never;
/** An event whose time is now. */
export type Happening = WithoutTime<ArbiterEvent>;

export interface ArbiterShellOptions {
  clock: Clock;
  config: ArbiterConfig;
  /** How old the session is already, in milliseconds. */
  ageMs?: number;
  /** Every event with its effects, before they are carried out, and the state that it met. */
  onStep: (event: ArbiterEvent, effects: Effect[], before: State) => void;
  /** Carries out one effect; `all` are those of the same step. */
  perform: (effect: Effect, all: Effect[]) => void;
  /** After each step's effects. */
  afterStep: (event: ArbiterEvent, effects: Effect[]) => void;
  /** A job threw: a fault of ours. */
  onFault: (error: unknown) => void;
}

export interface ArbiterShell {
  readonly state: State;
  /** Whole milliseconds since the session was created. */
  now(): number;
  /** Runs `job` now, or after the jobs before it when one is running. */
  run(job: () => void): void;
  /** One step; call it within a job only. */
  dispatch(event: Happening): Effect[];
  /** No job and no timer runs afterwards. */
  stop(): void;
}

class Shell implements ArbiterShell {
  readonly #options: ArbiterShellOptions;
  readonly #clock: Clock;
  readonly #config: ArbiterConfig;
  readonly #startedAt: number;
  readonly #jobs: (() => void)[] = [];
  #state: State;
  #isRunning = false;
  #isStopped = false;
  #timer: { at: number; cancel: () => void } | null = null;

  constructor(options: ArbiterShellOptions) {
    this.#options = options;
    const { clock, config } = options;
    this.#clock = clock;
    this.#config = config;
    this.#startedAt = clock.now() - (options.ageMs ?? 0);
    this.#state = initialState(config);
  }

  #arm(): void {
    const due = this.#isStopped ? undefined : nextDeadline(this.#state);
    if (this.#timer?.at === due) return;
    this.#timer?.cancel();
    this.#timer = null;
    if (due === undefined) return;
    const cancel = this.#clock.wakeAt(this.#startedAt + due, () => {
      this.#timer = null;
      this.run(() => void this.dispatch({ type: 'tick' }));
    });
    this.#timer = { at: due, cancel };
  }

  // Whole milliseconds keep the log readable, and a deadline is never seen too early.
  now(): number {
    return Math.floor(this.#clock.now() - this.#startedAt);
  }

  run(job: () => void): void {
    if (this.#isStopped) return;
    this.#jobs.push(job);
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      for (let next = this.#jobs.shift(); next; next = this.#jobs.shift()) next();
    } catch (error) {
      this.#jobs.length = 0;
      this.#options.onFault(error);
    } finally {
      this.#isRunning = false;
    }
  }

  dispatch(happening: Happening): Effect[] {
    const event: ArbiterEvent = { ...happening, t: this.now() };
    const before = this.#state;
    const result = step(before, event, this.#config);
    this.#state = result.state;
    const { effects } = result;
    this.#options.onStep(event, effects, before);
    for (const effect of effects) this.#options.perform(effect, effects);
    this.#options.afterStep(event, effects);
    this.#arm();
    return effects;
  }

  get state(): State {
    return this.#state;
  }

  stop(): void {
    this.#isStopped = true;
    this.#jobs.length = 0;
    this.#arm();
  }
}

export function createArbiterShell(options: ArbiterShellOptions): ArbiterShell {
  return new Shell(options);
}
