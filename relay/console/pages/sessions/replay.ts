/**
 * A conversation again, step by step, through the very reducer that led it: what state each record
 * left, what it changed, and whether the effects are those that were recorded. Pure.
 */
import { initialState, stateName, step, type ArbiterConfig, type Effect, type State } from '#arbiter';
import type { RecordRow } from './timeline.ts';

export interface Replayed {
  name: ReturnType<typeof stateName>;
  /** Regions of the state that this record changed. */
  changed: string[];
  /** Whether the reducer gave the effects that were recorded. */
  isSame: boolean;
}

/**
 * @param rows - From the first record of the session.
 * @param config - The knobs of that session.
 */
export function replay(rows: readonly RecordRow[], config: ArbiterConfig): Replayed[] {
  let state: State = initialState(config);
  return rows.map(({ event, effects }) => {
    const before = state;
    const after = step(state, event, config);
    state = after.state;
    return {
      name: stateName(state),
      changed: changes(before, state),
      isSame: sameEffects(after.effects, effects),
    };
  });
}

const changes = (before: State, after: State): string[] =>
  (Object.keys(after) as (keyof State)[]).filter(
    (region) => JSON.stringify(before[region]) !== JSON.stringify(after[region]),
  );

/** Without the order of fields. */
const sameEffects = (one: readonly Effect[], other: readonly Effect[]) => plain(one) === plain(other);
const plain = (effects: readonly Effect[]) =>
  JSON.stringify(effects.map((effect) => Object.entries(effect).sort(([a], [b]) => (a < b ? -1 : 1))));
