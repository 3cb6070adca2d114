/** Which one word says how things stand. The order is the order of importance to the person. */
import type { CallState } from '../call/call-controller.ts';
import type { Phase } from '../call/conversation.ts';
import type { Standing } from '../labels/labels.ts';

export interface StandingFacts {
  at: CallState['at'];
  isDisabled: boolean;
  phase: Phase;
  /** The microphone is muted, or the call has none. */
  isMicOff: boolean;
  turn: 'auto' | 'hold' | 'toggle';
  isTalking: boolean;
}

export function standingOf({ at, isDisabled, phase, isMicOff, turn, isTalking }: StandingFacts): Standing {
  switch (at) {
    case 'failed':
      return 'error';
    case 'idle':
    case 'ended':
      return isDisabled ? 'unavailable' : at;
    case 'connecting':
    case 'reconnecting':
      return at;
    case 'live':
      break;
    default:
      return at satisfies never;
  }
  if (isTalking) return 'listening';
  if (phase !== 'listening' && phase !== 'idle') return phase;
  if (isMicOff) return 'muted';
  return turn === 'auto' ? 'listening' : 'ready';
}
