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
  ask(): void;
  /** @returns whether the effect was about such a turn's answer, and is done with. */
  takes(effect: Effect): boolean;
}

export function createAskAgain({ turns, controls, dispatch, run }: AskAgainOptions): AskAgain {
  const asking = new Set<string>();
  const responses = new Set<string>();
  let count = 0;

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

  return {
    ask() {
      const turn = turns.propose('speech');
      asking.clear();
      asking.add(turn);
      dispatch({ type: 'turn.committed', turn, utterances: [] });
    },
    takes(effect) {
      if (effect.type === 'response.cancel') return responses.has(effect.response);
      if (effect.type !== 'response.create' || !asking.delete(effect.turn)) return false;
      answer(effect.turn);
      return true;
    },
  };
}
