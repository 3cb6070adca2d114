/** What the shell reads of the arbiter's state: the few questions that its gates and queues must ask. */
import type { State } from '#arbiter';

/** Whether sound of the response may still be admitted. */
export function isWanted(state: State, response: string): boolean {
  const slot = state.response;
  if (slot.is !== 'none' && slot.is !== 'requested' && slot.is !== 'cancelling' && slot.id === response) return true;
  return state.heard.is !== 'none' && state.heard.response === response;
}

/** Whether there is an answer to talk over: on its way, heard or paused. */
export function isAgentActive(state: State): boolean {
  return state.owner !== 'none' || state.response.is !== 'none' || state.heard.is !== 'none';
}

export function isPaused(state: State): boolean {
  return state.gate.is === 'paused';
}

/** Whether nobody is in the middle of anything. */
export function isQuiet(state: State): boolean {
  const { floor, tools } = state;
  return floor.is === 'idle' && !isAgentActive(state) && Object.keys(tools).length === 0;
}
