import { describe, expect, it } from 'vitest';
import type { CallEvent } from './call.ts';
import { Conversation, type Happening } from './conversation.ts';

const created: CallEvent = {
  type: 'session.created',
  session: 's1',
  epoch: 1,
  assistant: { name: 'Ada', locale: 'en' },
  leadMs: 400,
  longestSessionMs: 1,
  tokenExpiresInMs: 1,
  knobs: { echoLevelDb: -45, echoGuardMs: 3000, transitionGapMs: 10 },
};
const owner = (from: 'none' | 'A' | 'B' | 'C', to: 'none' | 'A' | 'B' | 'C', cause: string): CallEvent => ({
  type: 'lane.owner_changed',
  from,
  to,
  cause,
  epoch: 1,
  t: 5,
});
const item = (id: string, turn = 't1'): CallEvent => ({
  type: 'item.started',
  item: id,
  response: 'r',
  turn,
  epoch: 1,
  lane: 'B',
  fromMs: 0,
});
const turn = (id: string): CallEvent => ({ type: 'turn.started', turn: id, source: 'speech', t: 0 });
const ended = (id: string, outcome: 'answered' | 'superseded' | 'refused' | 'failed'): CallEvent => ({
  type: 'turn.ended',
  turn: id,
  outcome,
  firstSentMs: { B: 400 },
});
const said = (id: string, role: 'user' | 'agent', text: string): CallEvent => ({
  type: 'transcript.done',
  item: id,
  role,
  text,
});

/** Feeds events one millisecond apart. */
function live(...events: CallEvent[]) {
  const conversation = new Conversation();
  const happened: Happening[] = [];
  let nowMs = 0;
  const feed = (...list: CallEvent[]) => {
    for (const event of list) happened.push(...conversation.apply(event, (nowMs += 1)));
    return conversation;
  };
  feed(created, ...events);
  return { conversation, happened, feed };
}
const states = (conversation: Conversation, id: string) =>
  conversation.entries
    .find((entry) => entry.id === id)
    ?.words.map(({ text, state }) => `${text.trim()}:${state}`)
    .join(' ');

describe('the phase', () => {
  it('goes from listening over thinking to speaking and back', () => {
    const { happened, feed } = live();
    feed(
      turn('t1'),
      item('i1'),
      owner('none', 'B', 'b_audible'),
      owner('B', 'none', 'drained'),
      ended('t1', 'answered'),
    );
    const phases = happened.flatMap((one) => (one.type === 'phase' ? [one.phase] : []));
    expect(phases).toEqual(['listening', 'thinking', 'speaking', 'listening']);
  });

  it('is held from the local pause to the relay’s word', () => {
    const { conversation, feed, happened } = live(turn('t1'), item('i1'), owner('none', 'B', 'b_audible'));
    feed({ type: 'onset', utterance: 'u', paused: true });
    expect(conversation.phase).toBe('held');
    feed({ type: 'gate.resume', epoch: 1, rewindMs: 120 });
    expect(conversation.phase).toBe('speaking');
    expect(happened).toContainEqual({ type: 'interrupt', by: 'speech', heardMs: 0, recovered: true, item: null });
  });

  it('goes back to thinking after a reflex, and after a function that the model called', () => {
    const { conversation, feed } = live(turn('t1'), owner('none', 'A', 'reflex'), owner('A', 'none', 'clip_ended'));
    expect(conversation.phase).toBe('thinking');
    feed(item('i1'), owner('none', 'B', 'b_audible'), owner('B', 'none', 'drained'));
    expect(conversation.phase).toBe('listening');
    feed({ type: 'state.changed', state: 'B_RESPONDING', cause: 'tool', t: 1 });
    expect(conversation.phase).toBe('thinking');
  });

  it('is held by the relay’s pause only while somebody is heard', () => {
    const { conversation, feed } = live({ type: 'gate.pause', epoch: 1 });
    expect(conversation.phase).toBe('listening');
    feed(owner('none', 'B', 'b_audible'), { type: 'gate.pause', epoch: 1 });
    expect(conversation.phase).toBe('held');
    feed({ type: 'gate.close', epoch: 2, rampMs: 10 });
    expect(conversation.phase).toBe('listening');
  });

  it('is listening while the user speaks, even before an answer', () => {
    const { conversation, feed } = live(turn('t1'));
    feed({ type: 'onset', utterance: 'u', paused: false });
    expect(conversation.phase).toBe('listening');
    expect(conversation.isUserSpeaking).toBe(true);
    feed({ type: 'offset', utterance: 'u' });
    expect(conversation.phase).toBe('thinking');
  });

  it('is thinking as soon as the relay waits for the model', () => {
    const { conversation } = live({ type: 'state.changed', state: 'B_RESPONDING', cause: 'commit', t: 0 });
    expect(conversation.phase).toBe('thinking');
  });

  it('is idle after the call, with its words kept', () => {
    const { conversation } = live(said('u1', 'user', 'Hello'));
    expect(conversation.stop()).toEqual([{ type: 'phase', phase: 'idle', from: 'listening' }]);
    expect(conversation.entries).toHaveLength(1);
  });
});

describe('the words', () => {
  const text = 'One two three four five';

  it('are heard by their share of the sound', () => {
    const { conversation, feed } = live(turn('t1'), item('i1'), said('i1', 'agent', text));
    feed({ type: 'item.complete', item: 'i1', totalMs: 2300 }, { type: 'playout', item: 'i1', playedMs: 1300 });
    expect(states(conversation, 'i1')).toBe('One:heard two:heard three:heard four:unheard five:unheard');
    expect(conversation.heardText).toBe('One two three');
  });

  it('are told one by one as they are heard, and never twice', () => {
    const { feed, happened } = live(turn('t1'), item('i1'), said('i1', 'agent', text));
    feed({ type: 'item.complete', item: 'i1', totalMs: 2300 });
    for (const playedMs of [400, 900, 500, 2300]) feed({ type: 'playout', item: 'i1', playedMs });
    feed({ type: 'drained', item: 'i1' });
    const heard = happened.flatMap((one) => (one.type === 'word-heard' ? [one.index] : []));
    expect(heard).toEqual([0, 1, 2, 3, 4]);
  });

  it('after a cut stay struck, whatever is reported later', () => {
    const { conversation, feed } = live(turn('t1'), item('i1'), said('i1', 'agent', text));
    feed({ type: 'item.complete', item: 'i1', totalMs: 2300 }, { type: 'item.truncated', item: 'i1', heardMs: 800 });
    feed({ type: 'playout', item: 'i1', playedMs: 2300 }, { type: 'drained', item: 'i1' });
    expect(states(conversation, 'i1')).toBe('One:heard two:heard three:cut four:cut five:cut');
    expect(conversation.entries[0]).toMatchObject({ heardMs: 800, final: true });
  });

  it('of an item that was never heard disappear', () => {
    const { conversation, feed } = live(item('i1'), said('i1', 'agent', text));
    feed({ type: 'item.deleted', item: 'i1' });
    expect(conversation.entries).toEqual([]);
  });

  it('come in pieces, until the whole replaces them', () => {
    const { conversation, feed } = live(item('i1'));
    feed({ type: 'transcript.delta', item: 'i1', role: 'agent', text: 'Hel' });
    feed({ type: 'transcript.delta', item: 'i1', role: 'agent', text: 'lo' });
    expect(conversation.entries[0]).toMatchObject({ text: 'Hello', final: false });
    feed(said('i1', 'agent', 'Hello!'), { type: 'transcript.delta', item: 'i1', role: 'agent', text: ' late' });
    expect(conversation.entries[0]).toMatchObject({ text: 'Hello!', final: true });
  });

  it('of the user stand before the answer to them, however late they are recognised', () => {
    const { conversation, feed } = live(turn('t1'), item('i1'), said('i1', 'agent', 'At nine.'));
    feed(said('u1', 'user', 'When do you open?'));
    expect(conversation.entries.map(({ id }) => id)).toEqual(['u1', 'i1']);
  });

  it('of the user that came to nothing leave no empty line', () => {
    const { conversation } = live(turn('t1'), said('u1', 'user', ''));
    expect(conversation.entries).toEqual([]);
  });

  it('that were typed are shown at once and once', () => {
    const { conversation, feed, happened } = live();
    conversation.typed('Hello');
    feed(said('u1', 'user', 'Hello'));
    expect(conversation.entries.map(({ id, text: words }) => [id, words])).toEqual([['u1', 'Hello']]);
    expect(happened.filter(({ type }) => type === 'transcript')).toEqual([]);
  });

  it('are all heard when the turn was answered, whatever the estimate said', () => {
    const { conversation, feed } = live(turn('t1'), item('i1'), said('i1', 'agent', text));
    feed({ type: 'playout', item: 'i1', playedMs: 200 }, ended('t1', 'answered'));
    expect(states(conversation, 'i1')).not.toContain('unheard');
  });

  it('are all heard when the sound was drained', () => {
    const { conversation, feed } = live(turn('t1'), item('i1'), said('i1', 'agent', text));
    feed(owner('none', 'B', 'b_audible'), { type: 'playout', item: 'i1', playedMs: 100 });
    feed(owner('B', 'none', 'drained'));
    expect(states(conversation, 'i1')).not.toContain('unheard');
  });

  it('count as read in a call without sound', () => {
    const { conversation } = live({ type: 'soundless' }, item('i1'), said('i1', 'agent', text));
    expect(states(conversation, 'i1')).not.toContain('unheard');
  });

  it('of scripts without spaces go by the character', () => {
    const { conversation, feed } = live(item('i1'), said('i1', 'agent', '九時から六時まで'));
    feed({ type: 'item.complete', item: 'i1', totalMs: 800 }, { type: 'playout', item: 'i1', playedMs: 300 });
    expect(conversation.heardText).toBe('九時から');
  });

  it('learn how fast this voice speaks', () => {
    const { conversation, feed } = live(item('i1'), said('i1', 'agent', 'Twenty characters!!!'));
    feed({ type: 'item.complete', item: 'i1', totalMs: 20 * 100 });
    feed(item('i2'), said('i2', 'agent', 'One two three four'), { type: 'playout', item: 'i2', playedMs: 900 });
    expect(states(conversation, 'i2')).toBe('One:heard two:heard three:unheard four:unheard');
  });

  it('of a refusal are shown, of a reflex not', () => {
    const clip = (id: string, kind: 'refusal' | 'reflex'): CallEvent => ({
      type: 'clip.added',
      clip: id,
      kind,
      ms: 100,
      affirmative: false,
      text: 'I cannot say that.',
    });
    const { conversation, feed } = live(clip('c', 'refusal'), clip('a', 'reflex'));
    feed({ type: 'clip.play', epoch: 1, lane: 'A', clip: 'a' }, { type: 'clip.play', epoch: 1, lane: 'C', clip: 'c' });
    expect(conversation.entries.map(({ text: words }) => words)).toEqual(['I cannot say that.']);
  });
});

describe('a turn', () => {
  it('ends with what it took and what was heard', () => {
    const { feed, happened } = live(turn('t1'), item('i1'), said('i1', 'agent', 'Hello there'));
    feed(owner('none', 'B', 'b_audible'), { type: 'playout', item: 'i1', playedMs: 700 }, ended('t1', 'superseded'));
    expect(happened.at(-1)).toEqual({
      type: 'turn-end',
      turn: 't1',
      outcome: 'superseded',
      metrics: { ttfaMs: 3, firstSentMs: { B: 400 }, heardMs: 700 },
    });
  });

  it('that the page interrupts is an interruption by a button', () => {
    const { feed, happened } = live(turn('t1'), item('i1'), owner('none', 'B', 'b_audible'));
    feed({ type: 'sent', message: { type: 'user.interrupt' } }, { type: 'gate.close', epoch: 2, rampMs: 10 });
    feed(owner('B', 'none', 'interrupt'));
    expect(happened.at(-1)).toMatchObject({ type: 'interrupt', by: 'button' });
  });

  it.each([
    ['interrupt', 'speech'],
    ['text', 'text'],
    ['policy', 'relay'],
  ])('that is killed by %s is an interruption by %s', (cause, by) => {
    const { feed, happened } = live(turn('t1'), item('i1'), said('i1', 'agent', 'Hello'));
    feed(owner('none', 'B', 'b_audible'), { type: 'playout', item: 'i1', playedMs: 50 }, owner('B', 'none', cause));
    expect(happened).toContainEqual({ type: 'interrupt', by, heardMs: 50, recovered: false, item: 'i1' });
  });
});
