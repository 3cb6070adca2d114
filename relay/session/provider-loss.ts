/**
 * What becomes of the user's question when the provider is lost before a sound of the answer was
 * heard: it is asked again, once, and the user is told when that takes time. All in the arbiter's
 * own vocabulary. For a moment it is not told of such a loss, as with a page that is away: when the
 * provider is back by then, the same turn is asked for again, like the answer to a function's
 * result. Otherwise the turn ends as an answer that failed silently does, with lane C's fallback,
 * and a turn of the relay's own takes its place later. What was heard in part is not repeated.
 */
import type { Effect, State } from '#arbiter';
import type { Clock } from '../clock.ts';
import type { Happening } from './arbiter-shell.ts';
import { isUserSilent } from './arbiter-view.ts';
import type { Turns } from './turns.ts';

/** How long a question waits for the provider before the user is told that it takes time. */
export const PATIENCE_MS = 1_500;
/** While something waits: how often the arbiter's state is looked at. */
const LOOK_EVERY_MS = 50;
/** Longer than any clip of lane C: after that the question is not worth asking again. */
const LONGEST_CLIP_WAIT_MS = 20_000;
/** Turns that were asked again; each is once only. */
const MOST_REMEMBERED = 32;

export interface ProviderLossOptions {
  clock: Clock;
  state: () => State;
  dispatch: (event: Happening) => Effect[];
  /** Runs a job of this file's timers in the session's order. */
  run: (job: () => void) => void;
  turns: Turns;
  /** The question of one turn is asked in another. */
  onAgain: (turn: string, next: string) => void;
}

export interface ProviderLoss {
  down(generation: number, isFatal: boolean): void;
  up(generation: number): void;
  stop(): void;
}

/** The turn whose answer is on its way and was not heard yet. */
function unanswered({ turn, heard, response }: State): string | null {
  if (turn.is !== 'open' || turn.audible === true || heard.is !== 'none') return null;
  if (response.is === 'none' || response.is === 'cancelling') return null;
  return response.turn === turn.id && !(response.is === 'requested' && response.cancel === true) ? turn.id : null;
}

/** The open turn, when something of its answer is heard, held or played. */
function heardTurn({ turn, heard }: State): string | null {
  return turn.is === 'open' && (turn.audible === true || heard.is !== 'none') ? turn.id : null;
}

const failedTurn = ({ turn }: State) => (turn.is === 'ended' && turn.outcome === 'failed' ? turn.id : null);

export function createProviderLoss(options: ProviderLossOptions): ProviderLoss {
  const { clock, state, dispatch, turns } = options;
  /** A loss that the arbiter has not heard of, with the turn for which that is so. */
  let withheld: { generation: number; turn: string; since: number } | null = null;
  /** Turns that are not asked again: they were, or were heard, or had ended before. */
  const settled = new Set<string>();
  let cancelLook: (() => void) | null = null;
  let count = 0;

  function settle(turn: string | null): void {
    if (turn === null) return;
    settled.add(turn);
    const [oldest] = settled;
    if (settled.size > MOST_REMEMBERED && oldest !== undefined) settled.delete(oldest);
  }

  function later(look: () => void): void {
    cancelLook?.();
    cancelLook = clock.wakeAt(clock.now() + LOOK_EVERY_MS, () => {
      cancelLook = null;
      options.run(look);
    });
  }

  /** The lost response is over. One that never came to be is given a name for that. */
  function fail(turn: string): void {
    const { response } = state();
    if (response.is === 'requested') {
      count += 1;
      const lost = `lost_${count}`;
      dispatch({ type: 'response.created', response: lost, turn });
      dispatch({ type: 'response.done', response: lost, status: 'failed' });
    } else if (response.is !== 'none' && response.is !== 'cancelling') {
      dispatch({ type: 'response.done', response: response.id, status: 'failed' });
    }
  }

  function tell(): void {
    if (withheld === null) return;
    const { generation } = withheld;
    withheld = null;
    dispatch({ type: 'provider.down', generation });
  }

  /** Whether the user has moved on, or has waited long enough. */
  function look(): void {
    if (withheld === null) return;
    const { turn, since } = withheld;
    const isOpen = unanswered(state()) === turn;
    if (isOpen && clock.now() - since < PATIENCE_MS) {
      later(look);
      return;
    }
    if (isOpen) fail(turn);
    tell();
  }

  /** The provider is back in time: the turn goes on as if it had asked a function. */
  function askInPlace(turn: string, generation: number): void {
    settle(turn);
    count += 1;
    const call = `lost_${count}`;
    dispatch({ type: 'tool.started', call });
    fail(turn);
    tell();
    dispatch({ type: 'provider.up', generation });
    dispatch({ type: 'tool.ended', call });
  }

  /** Asks what failed meanwhile, as soon as lane C has finished, unless the user has moved on. */
  function askInstead(turn: string, since: number): void {
    const { owner, provider } = state();
    if (failedTurn(state()) !== turn || provider.is === 'down' || !isUserSilent(state())) return;
    if (owner !== 'none') {
      if (clock.now() - since < LONGEST_CLIP_WAIT_MS) later(() => askInstead(turn, since));
      return;
    }
    settle(turn);
    const next = turns.proposeAgain(turn);
    settle(next);
    dispatch({ type: 'turn.committed', turn: next, utterances: [] });
    turns.announce(next);
    options.onAgain(turn, next);
  }

  return {
    down(generation, isFatal) {
      if (withheld !== null) {
        if (!isFatal) return;
        if (unanswered(state()) === withheld.turn) fail(withheld.turn);
        tell();
        return;
      }
      const turn = unanswered(state());
      if (turn !== null && !settled.has(turn)) {
        if (!isFatal) {
          withheld = { generation, turn, since: clock.now() };
          later(look);
          return;
        }
        // Nobody will answer it: the user is told so.
        fail(turn);
      }
      // What was heard in part is not repeated, and what failed before has nothing to do with this.
      settle(heardTurn(state()) ?? failedTurn(state()));
      dispatch({ type: 'provider.down', generation });
    },
    up(generation) {
      if (withheld !== null && unanswered(state()) === withheld.turn) {
        askInPlace(withheld.turn, generation);
        return;
      }
      tell();
      dispatch({ type: 'provider.up', generation });
      const turn = failedTurn(state());
      if (turn !== null && !settled.has(turn)) askInstead(turn, clock.now());
    },
    stop() {
      cancelLook?.();
      cancelLook = null;
      withheld = null;
    },
  };
}
