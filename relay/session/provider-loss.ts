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

class LossKeeper implements ProviderLoss {
  readonly #options: ProviderLossOptions;
  readonly #clock: Clock;
  readonly #state: () => State;
  readonly #dispatch: (event: Happening) => Effect[];
  readonly #turns: Turns;
  /** A loss that the arbiter has not heard of, with the turn for which that is so. */
  #withheld: { generation: number; turn: string; since: number } | null = null;
  /** Turns that are not asked again: they were, or were heard, or had ended before. */
  readonly #settled = new Set<string>();
  #cancelLook: (() => void) | null = null;
  #count = 0;

  constructor(options: ProviderLossOptions) {
    this.#options = options;
    const { clock, state, dispatch, turns } = options;
    this.#clock = clock;
    this.#state = state;
    this.#dispatch = dispatch;
    this.#turns = turns;
  }

  #settle(turn: string | null): void {
    if (turn === null) return;
    this.#settled.add(turn);
    const [oldest] = this.#settled;
    if (this.#settled.size > MOST_REMEMBERED && oldest !== undefined) this.#settled.delete(oldest);
  }

  #later(look: () => void): void {
    this.#cancelLook?.();
    this.#cancelLook = this.#clock.wakeAt(this.#clock.now() + LOOK_EVERY_MS, () => {
      this.#cancelLook = null;
      this.#options.run(look);
    });
  }

  /** The lost response is over. One that never came to be is given a name for that. */
  #fail(turn: string): void {
    const { response } = this.#state();
    if (response.is === 'requested') {
      this.#count += 1;
      const lost = `lost_${this.#count}`;
      this.#dispatch({ type: 'response.created', response: lost, turn });
      this.#dispatch({ type: 'response.done', response: lost, status: 'failed' });
    } else if (response.is !== 'none' && response.is !== 'cancelling') {
      this.#dispatch({ type: 'response.done', response: response.id, status: 'failed' });
    }
  }

  #tell(): void {
    if (this.#withheld === null) return;
    const { generation } = this.#withheld;
    this.#withheld = null;
    this.#dispatch({ type: 'provider.down', generation });
  }

  /** Whether the user has moved on, or has waited long enough. */
  #look(): void {
    if (this.#withheld === null) return;
    const { turn, since } = this.#withheld;
    const isOpen = unanswered(this.#state()) === turn;
    if (isOpen && this.#clock.now() - since < PATIENCE_MS) {
      this.#later(() => this.#look());
      return;
    }
    if (isOpen) this.#fail(turn);
    this.#tell();
  }

  /** The provider is back in time: the turn goes on as if it had asked a function. */
  #askInPlace(turn: string, generation: number): void {
    this.#settle(turn);
    this.#count += 1;
    const call = `lost_${this.#count}`;
    this.#dispatch({ type: 'tool.started', call });
    this.#fail(turn);
    this.#tell();
    this.#dispatch({ type: 'provider.up', generation });
    this.#dispatch({ type: 'tool.ended', call });
  }

  /** Asks what failed meanwhile, as soon as lane C has finished, unless the user has moved on. */
  #askInstead(turn: string, since: number): void {
    const { owner, provider } = this.#state();
    if (failedTurn(this.#state()) !== turn || provider.is === 'down' || !isUserSilent(this.#state())) return;
    if (owner !== 'none') {
      if (this.#clock.now() - since < LONGEST_CLIP_WAIT_MS) this.#later(() => this.#askInstead(turn, since));
      return;
    }
    this.#settle(turn);
    const next = this.#turns.proposeAgain(turn);
    this.#settle(next);
    this.#dispatch({ type: 'turn.committed', turn: next, utterances: [] });
    this.#turns.announce(next);
    this.#options.onAgain(turn, next);
  }

  down(generation: number, isFatal: boolean): void {
    if (this.#withheld !== null) {
      if (!isFatal) return;
      if (unanswered(this.#state()) === this.#withheld.turn) this.#fail(this.#withheld.turn);
      this.#tell();
      return;
    }
    const turn = unanswered(this.#state());
    if (turn !== null && !this.#settled.has(turn)) {
      if (!isFatal) {
        this.#withheld = { generation, turn, since: this.#clock.now() };
        this.#later(() => this.#look());
        return;
      }
      // Nobody will answer it: the user is told so.
      this.#fail(turn);
    }
    // What was heard in part is not repeated, and what failed before has nothing to do with this.
    this.#settle(heardTurn(this.#state()) ?? failedTurn(this.#state()));
    this.#dispatch({ type: 'provider.down', generation });
  }

  up(generation: number): void {
    if (this.#withheld !== null && unanswered(this.#state()) === this.#withheld.turn) {
      this.#askInPlace(this.#withheld.turn, generation);
      return;
    }
    this.#tell();
    this.#dispatch({ type: 'provider.up', generation });
    const turn = failedTurn(this.#state());
    if (turn !== null && !this.#settled.has(turn)) this.#askInstead(turn, this.#clock.now());
  }

  stop(): void {
    this.#cancelLook?.();
    this.#cancelLook = null;
    this.#withheld = null;
  }
}

export function createProviderLoss(options: ProviderLossOptions): ProviderLoss {
  return new LossKeeper(options);
}
