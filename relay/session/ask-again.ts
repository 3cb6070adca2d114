/**
 * When the user's words were lost, lane C asks for them again. In the arbiter's words it is a turn
 * of the relay's own whose answer policy blocked at once, as with the goodbye of a used-up budget, so that the record
 * replays like any other.
 */
import type { Effect } from '#arbiter';
import type { Happening } from './arbiter-shell.ts';
import type { ControlClips } from './control-clips.ts';
import type { Turns } from './turns.ts';

export interface AskAgainOptions {
  turns: Turns;
  controls: ControlClips;
  dispatch: (event: Happening) => Effect[];
  run: (job: () => void) => void;
}

export interface AskAgain {
  /** As soon as there is a clip for it, unless the user says something else before. */
  ask(): void;
  /** A clip is ready. */
  ready(): void;
  /** The user has said something: nothing is owed any more. */
  settled(): void;
  /** @returns whether the effect was about such a turn's answer, and is done with. */
  takes(effect: Effect): boolean;
}

export function createAskAgain({ turns, controls, dispatch, run }: AskAgainOptions): AskAgain {
  const asking = new Set<string>();
  const responses = new Set<string>();
  let count = 0;
  let isOwed = false;

  function answer(turn: string): void {
    count += 1;
    const response = `again_${count}`;
    responses.clear();
    responses.add(response);
    turns.announce(turn);
    run(() => {
      dispatch({ type: 'response.created', response, turn });
      controls.choose('again');
      dispatch({ type: 'policy.blocked', response, reason: 'speech_lost' });
      dispatch({ type: 'response.done', response, status: 'cancelled' });
    });
  }

  function ask(): void {
    isOwed = !controls.has('again');
    if (isOwed) return;
    const turn = turns.propose('speech');
    asking.clear();
    asking.add(turn);
    dispatch({ type: 'turn.committed', turn, utterances: [] });
  }

  return {
    ask,
    ready() {
      if (isOwed) ask();
    },
    settled() {
      isOwed = false;
    },
    takes(effect) {
      if (effect.type === 'response.cancel') return responses.has(effect.response);
      if (effect.type !== 'response.create' || !asking.delete(effect.turn)) return false;
      answer(effect.turn);
      return true;
    },
  };
}
