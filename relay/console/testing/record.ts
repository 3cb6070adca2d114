/** The record of a conversation, made by the reducer that leads real ones. */
import { DEFAULT_CONFIG, initialState, step, type ArbiterConfig, type ArbiterEvent } from '#arbiter';
import type { RecordRow } from '../pages/sessions/timeline.ts';

/** A question, its answer, a barge-in that holds it and then cuts it, a refused answer, and a function. */
export const EVENTS: readonly ArbiterEvent[] = [
  { t: 0, type: 'session.started' },
  { t: 0, type: 'provider.up', generation: 1 },
  { t: 400, type: 'user.onset', utterance: 'u1', source: 'widget' },
  { t: 800, type: 'user.offset', utterance: 'u1' },
  { t: 1_000, type: 'turn.committed', turn: 't1' },
  { t: 1_100, type: 'response.created', response: 'r1', turn: 't1' },
  { t: 1_150, type: 'policy.cleared', response: 'r1', upToMs: 9_000 },
  { t: 1_200, type: 'response.audio', response: 'r1', item: 'i1', ms: 3_000, audible: true },
  { t: 1_900, type: 'playout', epoch: 1, item: 'i1', playedMs: 700 },
  { t: 2_000, type: 'user.onset', utterance: 'u2', source: 'widget' },
  { t: 2_300, type: 'user.verdict', utterance: 'u2', verdict: 'interrupt' },
  { t: 2_600, type: 'user.offset', utterance: 'u2' },
  { t: 2_800, type: 'turn.committed', turn: 't2' },
  { t: 2_900, type: 'response.created', response: 'r2', turn: 't2' },
  { t: 2_950, type: 'tool.started', call: 'c1' },
  { t: 3_400, type: 'tool.ended', call: 'c1' },
  { t: 3_500, type: 'response.audio', response: 'r2', item: 'i2', ms: 900, audible: true },
  { t: 3_600, type: 'policy.blocked', response: 'r2', reason: 'disallowed' },
  { t: 9_000, type: 'session.ended' },
];

export const recordOf = (events: readonly ArbiterEvent[], config: ArbiterConfig = DEFAULT_CONFIG): RecordRow[] => {
  let state = initialState(config);
  return events.map((event) => {
    const { state: after, effects } = step(state, event, config);
    state = after;
    return { event, effects };
  });
};
