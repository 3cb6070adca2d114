import { expect, it } from 'vitest';
import { standingOf, type StandingFacts } from './standing.ts';

const live: StandingFacts = {
  at: 'live',
  isDisabled: false,
  phase: 'listening',
  isMicOff: false,
  turn: 'auto',
  isTalking: false,
};

it.each<[Partial<StandingFacts>, string]>([
  [{}, 'listening'],
  [{ at: 'idle' }, 'idle'],
  [{ at: 'idle', isDisabled: true }, 'unavailable'],
  [{ at: 'ended', isDisabled: true }, 'unavailable'],
  [{ isDisabled: true }, 'listening'],
  [{ at: 'connecting' }, 'connecting'],
  [{ at: 'reconnecting', phase: 'speaking' }, 'reconnecting'],
  [{ at: 'ended' }, 'ended'],
  [{ at: 'failed' }, 'error'],
  [{ phase: 'thinking' }, 'thinking'],
  [{ phase: 'speaking', isMicOff: true }, 'speaking'],
  [{ phase: 'held' }, 'held'],
  [{ isMicOff: true }, 'muted'],
  [{ turn: 'hold' }, 'ready'],
  [{ turn: 'hold', isTalking: true, phase: 'speaking' }, 'listening'],
])('%j is said as "%s"', (facts, expected) => {
  expect(standingOf({ ...live, ...facts })).toBe(expected);
});
