/**
 * The end that a used-up budget brings, politely: the turn under way is answered, no new one is,
 * and in its place lane C says goodbye. In the arbiter's words the unasked answer is one that
 * policy blocked, so that the record of the conversation replays like any other.
 */
import type { Effect, State } from '#arbiter';
import type { Happening } from './arbiter-shell.ts';
import { isQuiet } from './arbiter-view.ts';
import type { ControlClips } from './control-clips.ts';
import type { Turns } from './turns.ts';

/** How long the turn under way may still take; together with the goodbye less than a slice of the budget. */
export const LAST_TURN_MS = 40_000;

export interface BudgetEndOptions {
  /** Whether a new turn may be answered. */
  mayAnswer: () => boolean;
  state: () => State;
  dispatch: (event: Happening) => Effect[];
  run: (job: () => void) => void;
  turns: Turns;
  controls: ControlClips;
  /** Ends the session when nobody is in the middle of anything, and after `withinMs` in any case. */
  endWithin: (withinMs: number) => void;
  /** Has `job` run after `ms`, unless the session ends before. */
  later: (ms: number, job: () => void) => void;
}

export interface BudgetEnd {
  /** @returns whether the effect was about an answer that is not asked for, and is done with. */
  takes(effect: Effect): boolean;
  /** No further slice was to be had. */
  usedUp(): void;
  /** After each message and event: says goodbye as soon as nobody is in the middle of anything. */
  afterwards(): void;
}

/** A goodbye takes no longer. */
const GOODBYE_MS = 15_000;

export function createBudgetEnd(options: BudgetEndOptions): BudgetEnd {
  const { state, dispatch, run, turns, controls } = options;
  const unasked = new Set<string>();
  let answered = '';
  let isUsedUp = false;
  let hasBegun = false;

  function refuse(turn: string): void {
    turns.announce(turn);
    const response = `unasked_${unasked.size + 1}`;
    unasked.add(response);
    run(() => {
      dispatch({ type: 'response.created', response, turn });
      controls.choose('ending');
      dispatch({ type: 'policy.blocked', response, reason: 'budget' });
      dispatch({ type: 'response.done', response, status: 'cancelled' });
      if (!hasBegun) options.endWithin(GOODBYE_MS);
      hasBegun = true;
    });
  }

  function afterwards(): void {
    if (!isUsedUp || hasBegun || !isQuiet(state())) return;
    // A turn of the relay's own, whose answer is the goodbye.
    const turn = turns.propose('text');
    dispatch({ type: 'turn.committed', turn, utterances: [] });
  }

  return {
    takes(effect) {
      if (effect.type === 'response.cancel') return unasked.has(effect.response);
      if (effect.type !== 'response.create') return false;
      // The answer goes on after a function's result: the turn was begun when there was a budget.
      if (effect.turn === answered || (!isUsedUp && options.mayAnswer())) {
        answered = effect.turn;
        return false;
      }
      refuse(effect.turn);
      return true;
    },
    usedUp() {
      if (isUsedUp) return;
      isUsedUp = true;
      options.later(LAST_TURN_MS, () => options.endWithin(0));
      afterwards();
    },
    afterwards,
  };
}
