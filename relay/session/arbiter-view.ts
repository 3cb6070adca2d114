/** What the shell reads of the arbiter's state: the few questions that its gates and queues must ask. */
import type { State } from '#arbiter';
import type { Moment } from '../bridge/bridge.ts';

/** Whether sound of the response may still be admitted. */
export function isWanted(state: State, response: string): boolean {
  const slot = state.response;
  if (slot.is === 'cancelling' && slot.id === response) return false;
  return state.responses[response] !== undefined;
}

/** Whether there is an answer to talk over: on its way, heard or paused. */
export function isAgentActive(state: State): boolean {
  return state.owner !== 'none' || state.heard.is !== 'none' || state.turn.is === 'open';
}

export function isPaused(state: State): boolean {
  return state.gate.is === 'paused';
}

/** Whether the user neither speaks nor is waited for, as far as is known: also before a verdict. */
export function isUserSilent(state: State): boolean {
  const speaks = Object.values(state.speaking).some(
    ({ ended, verdict }) => ended === undefined && verdict !== 'backchannel' && verdict !== 'noise',
  );
  return !speaks && state.floor.is !== 'deciding';
}

/** Whether nobody is in the middle of anything. */
export function isQuiet(state: State): boolean {
  const isUsers = state.floor.is === 'user' || state.floor.is === 'deciding';
  return !isUsers && !isAgentActive(state);
}

/** What a change of the provider's connection would meet. */
export function momentOf(state: State): Moment {
  const isAsked = state.response.is !== 'none' || state.queued !== null || Object.keys(state.tools).length > 0;
  if (isAsked || !isUserSilent(state)) return 'busy';
  if (isQuiet(state)) return 'quiet';
  return state.heard.is !== 'none' || state.owner !== 'none' ? 'playing' : 'busy';
}
