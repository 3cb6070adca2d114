import { describe, expect, it } from 'vitest';
import type { RelayMessage } from '#wire';
import { createPageMirror } from './page-mirror.ts';

const after = (...messages: RelayMessage[]) => {
  const mirror = createPageMirror();
  for (const message of messages) mirror.told(message);
  return mirror.again();
};
const gate: RelayMessage = { type: 'gate.open', epoch: 1, lane: 'B' };
const admit: RelayMessage = { type: 'lane.admit', epoch: 1, response: 'r1', upToMs: 500 };
const pause: RelayMessage = { type: 'gate.pause', epoch: 1 };
const owned: RelayMessage = { type: 'lane.owner_changed', from: 'A', to: 'B', cause: 'b_audible', epoch: 1, t: 9 };

describe('what a new page is told', () => {
  it('is the newest of each thing, in the order in which it can be taken in', () => {
    const started: RelayMessage = { type: 'turn.started', turn: 't1', source: 'speech', t: 1 };
    const up: RelayMessage = { type: 'provider.changed', up: true };
    const state: RelayMessage = { type: 'state.changed', state: 'B_PLAYING', cause: 'b_audible', t: 9 };
    expect(
      after(
        { type: 'provider.changed', up: false },
        pause,
        owned,
        gate,
        { ...admit, upToMs: 1 },
        admit,
        pause,
        state,
        started,
        up,
      ),
    ).toEqual([up, started, gate, admit, pause, { ...owned, from: 'none' }, state]);
  });

  it('is nothing of a gate that has closed, a pause that is over, a turn that has ended, an owner who has gone', () => {
    const gone: RelayMessage = { ...owned, from: 'B', to: 'none' };
    expect(after(gate, admit, pause, { type: 'gate.close', epoch: 2, rampMs: 10 }, owned, gone)).toEqual([]);
    expect(after(gate, pause, { type: 'gate.resume', epoch: 1, rewindMs: 0 })).toEqual([gate]);
    expect(
      after(
        { type: 'turn.started', turn: 't1', source: 'text', t: 1 },
        { type: 'turn.ended', turn: 't1', outcome: 'answered', firstSentMs: {} },
      ),
    ).toEqual([]);
  });

  it('has the last words of both sides, as far as they were heard, and none that are in nobody’s memory', () => {
    const cut: RelayMessage = { type: 'item.truncated', item: 'a', heardMs: 900 };
    expect(
      after(
        { type: 'transcript.done', item: 'u', role: 'user', text: 'What?' },
        { type: 'transcript.delta', item: 'a', role: 'agent', text: 'It ' },
        { type: 'transcript.delta', item: 'a', role: 'agent', text: 'is.' },
        cut,
        { type: 'transcript.done', item: 'x', role: 'user', text: 'Mm.' },
        { type: 'item.deleted', item: 'x' },
        { type: 'item.truncated', item: 'unknown', heardMs: 1 },
      ),
    ).toEqual([
      { type: 'transcript.done', item: 'u', role: 'user', text: 'What?' },
      { type: 'transcript.delta', item: 'a', role: 'agent', text: 'It is.' },
      cut,
    ]);
    const many = Array.from({ length: 40 }, (_, i): RelayMessage => ({
      ...{ type: 'transcript.done', role: 'user', text: 'x' },
      item: `i${i}`,
    }));
    expect(after(...many)).toEqual(many.slice(-16));
  });
});
