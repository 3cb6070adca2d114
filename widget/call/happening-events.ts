/** What happened in a conversation, as the events that pages listen to. */
import {
  InterruptEvent,
  LaneChangeEvent,
  PhaseChangeEvent,
  TranscriptEvent,
  TurnEndEvent,
  TurnStartEvent,
  WordHeardEvent,
} from '../events.ts';
import type { Happening } from './conversation.ts';

/** The event that tells a page what happened. */
export function eventOf(happening: Happening): Event {
  switch (happening.type) {
    case 'phase':
      return new PhaseChangeEvent(happening.phase, happening.from);
    case 'turn-start':
      return new TurnStartEvent(happening.turn, happening.source);
    case 'turn-end':
      return new TurnEndEvent(happening.turn, happening.outcome, happening.metrics);
    case 'transcript':
      return new TranscriptEvent(happening.entry);
    case 'word-heard':
      return new WordHeardEvent(happening.entry, happening.index);
    case 'interrupt':
      return new InterruptEvent(happening.by, happening.heardMs, happening.recovered);
    case 'lane':
      return new LaneChangeEvent(happening.from, happening.to, happening.cause, happening.t);
    default:
      return happening satisfies never;
  }
}
