/** What the folds are fed: one fact each, with its time. Only what some fold reads, and never a word that was said. */
import type { ArbiterEvent, Effect, State } from '#arbiter';
import type { Kept, RelayMessage } from '#wire';

type Of<T extends RelayMessage['type']> = Extract<RelayMessage, { type: T }>;

/** Monotonic milliseconds, with their fraction. */
type At = { at: number };

export type Seen = At &
  (
    | { is: 'opened' }
    | { is: 'step'; event: ArbiterEvent; effects: readonly Effect[]; before: State }
    | { is: 'told'; message: Told }
    | { is: 'cancelled' }
    | { is: 'dialled' }
    | { is: 'provider-up' }
    | { is: 'provider-down'; reason: string }
    | { is: 'resumed'; kept: Kept }
    | { is: 'lead'; ms: number }
    | { is: 'ended'; code: number }
  );

/** Messages to the page that say something about time or policy. */
export type Told = Of<'gate.pause' | 'item.started' | 'turn.ended' | 'policy.applied' | 'policy.escalated'>;

export function isTold(message: RelayMessage): message is Told {
  switch (message.type) {
    case 'gate.pause':
    case 'item.started':
    case 'turn.ended':
    case 'policy.applied':
    case 'policy.escalated':
      return true;
    default:
      return false;
  }
}

/** Whether a step is one of those that come with every frame and change nothing that anybody measures. */
export function isPlain(event: ArbiterEvent, effects: readonly Effect[]): boolean {
  if (effects.length > 0) return false;
  return event.type === 'response.audio' || event.type === 'response.text' || event.type === 'policy.cleared';
}
