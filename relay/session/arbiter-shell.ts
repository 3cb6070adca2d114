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

export function createArbiterShell(options: ArbiterShellOptions): ArbiterShell {
  const { clock, config } = options;
  const startedAt = clock.now() - (options.ageMs ?? 0);
  // Whole milliseconds keep the log readable, and a deadline is never seen too early.
  const now = () => Math.floor(clock.now() - startedAt);
  const jobs: (() => void)[] = [];
  let state = initialState(config);
  let isRunning = false;
  let isStopped = false;
  let timer: { at: number; cancel: () => void } | null = null;

  function arm(): void {
    const due = isStopped ? undefined : nextDeadline(state);
    if (timer?.at === due) return;
    timer?.cancel();
    timer = null;
    if (due === undefined) return;
    const cancel = clock.wakeAt(startedAt + due, () => {
      timer = null;
      run(() => void dispatch({ type: 'tick' }));
    });
    timer = { at: due, cancel };
  }

  function run(job: () => void): void {
    if (isStopped) return;
    jobs.push(job);
    if (isRunning) return;
    isRunning = true;
    try {
      for (let next = jobs.shift(); next; next = jobs.shift()) next();
    } catch (error) {
      jobs.length = 0;
      options.onFault(error);
    } finally {
      isRunning = false;
    }
  }

  function dispatch(happening: Happening): Effect[] {
    const event: ArbiterEvent = { ...happening, t: now() };
    const before = state;
    const result = step(before, event, config);
    state = result.state;
    const { effects } = result;
    options.onStep(event, effects, before);
    for (const effect of effects) options.perform(effect, effects);
    options.afterStep(event, effects);
    arm();
    return effects;
  }

  return {
    get state() {
      return state;
    },
    now,
    run,
    dispatch,
    stop() {
      isStopped = true;
      jobs.length = 0;
      arm();
    },
  };
}
