/** Both halves of barge-in, and who speaks at all. */
import { afterEach, describe, expect, it } from 'vitest';
import {
  answer,
  begin,
  blip,
  bridge,
  commands,
  loud,
  outcomes,
  owners,
  page,
  pass,
  relay,
  say,
  sentMs,
  speechEnds,
  talkOver,
  tell,
  userTurn,
} from './testing/conversation.ts';

afterEach(() => relay.stop());

describe('an interruption', () => {
  async function talking(ms = 3_000): Promise<void> {
    await begin();
    await userTurn();
    await answer('r1', 'turn_1', ms);
  }

  it('stops at the word, and the model remembers what was heard', async () => {
    await talking();
    await pass(1_000);
    await tell({ type: 'user.onset', utterance: 'w2', epoch: 1, level: -20, paused: true });
    expect(page.all('gate.pause')).toHaveLength(1);
    const atPause = sentMs();
    await tell({ type: 'playout', epoch: 1, item: 'item_of_r1', playedMs: 912.4 });
    await say({ type: 'speech.started', item: 'user_2', atMs: 2_000 });
    await say({ type: 'input.transcript.delta', item: 'user_2', text: 'Stop ' });
    expect(page.all('gate.close')).toEqual([{ type: 'gate.close', epoch: 2, rampMs: 10 }]);
    expect(commands('cancel')).toEqual([{ is: 'cancel', response: 'r1' }]);
    expect(commands('truncate')).toEqual([{ is: 'truncate', item: 'item_of_r1', audioEndMs: 912 }]);
    expect(page.all('item.truncated')).toEqual([{ type: 'item.truncated', item: 'item_of_r1', heardMs: 912 }]);
    expect(outcomes()).toEqual(['turn_1 superseded']);
    await say({ type: 'response.audio', response: 'r1', item: 'item_of_r1', samples: loud(500) });
    await pass(1_000);
    expect(sentMs()).toBe(atPause);
  });

  it('without a pause is settled by what the gate says when it has closed', async () => {
    await talking();
    await pass(1_000);
    await tell({ type: 'playout', epoch: 1, item: 'item_of_r1', playedMs: 880 });
    await tell({ type: 'user.text', text: 'Never mind.' });
    expect(page.all('gate.close')).toHaveLength(1);
    expect(commands('truncate')).toEqual([]);
    await tell({ type: 'playout', epoch: 1, item: 'item_of_r1', playedMs: 1_013, last: true });
    expect(commands('truncate')).toEqual([{ is: 'truncate', item: 'item_of_r1', audioEndMs: 1_013 }]);
    expect(page.all('item.truncated')).toEqual([{ type: 'item.truncated', item: 'item_of_r1', heardMs: 1_013 }]);
  });

  it('that nobody ruled becomes one while the user still speaks', async () => {
    await talking();
    await pass(500);
    await talkOver();
    await pass(499);
    expect(page.all('gate.close')).toEqual([]);
    await pass(1);
    expect(page.all('gate.close')).toHaveLength(1);
  });

  it('by a cough costs a pause and nothing else', async () => {
    await talking();
    await pass(500);
    await talkOver();
    await tell({ type: 'playout', epoch: 1, item: 'item_of_r1', playedMs: 500 });
    await pass(90);
    await tell({ type: 'user.offset', utterance: 'w2' });
    expect(page.all('gate.resume')).toEqual([{ type: 'gate.resume', epoch: 1, rewindMs: 120 }]);
    expect(commands('truncate')).toEqual([]);
    await tell({ type: 'playout', epoch: 1, item: 'item_of_r1', playedMs: 380 });
    await pass(600);
    expect(sentMs()).toBeGreaterThan(900);
  });

  it('by an acknowledgement resumes, makes no turn and leaves nothing in memory', async () => {
    await talking();
    await pass(500);
    await talkOver();
    await say({ type: 'speech.started', item: 'user_2', atMs: 1_900 });
    await pass(350);
    await tell({ type: 'user.offset', utterance: 'w2' });
    await pass(400);
    await speechEnds('user_2', 2_700);
    expect(page.all('gate.resume')).toEqual([]);
    await pass(200);
    await say({ type: 'input.transcript.done', item: 'user_2', text: 'Mm-hm.' });
    expect(page.all('gate.resume')).toEqual([{ type: 'gate.resume', epoch: 1, rewindMs: 120 }]);
    expect(commands('delete')).toEqual([{ is: 'delete', item: 'user_2' }]);
    expect(page.all('item.deleted')).toEqual([{ type: 'item.deleted', item: 'user_2' }]);
    expect(page.all('turn.started')).toHaveLength(1);
    expect(page.all('gate.close')).toEqual([]);
    expect(outcomes()).toEqual([]);
  });

  it('whose words do not come is a turn after the wait', async () => {
    await talking();
    await pass(500);
    await talkOver();
    await say({ type: 'speech.started', item: 'user_2', atMs: 1_900 });
    await pass(300);
    await tell({ type: 'user.offset', utterance: 'w2' });
    await speechEnds('user_2', 2_700);
    await pass(799);
    expect(page.all('turn.started')).toHaveLength(1);
    await pass(1);
    expect(page.all('turn.started')).toHaveLength(2);
    expect(outcomes()).toEqual(['turn_1 superseded']);
  });

  it('with other words is a turn as soon as they are known', async () => {
    await talking();
    await pass(500);
    await talkOver();
    await say({ type: 'speech.started', item: 'user_2', atMs: 1_900 });
    await pass(300);
    await tell({ type: 'user.offset', utterance: 'w2' });
    await speechEnds('user_2', 2_700);
    await say({ type: 'input.transcript.done', item: 'user_2', text: 'And tomorrow?' });
    expect(page.all('turn.started').map(({ turn }) => turn)).toEqual(['turn_1', 'turn_2']);
    await say({ type: 'response.done', response: 'r1', status: 'cancelled' });
    expect(commands('create').at(-1)).toEqual({ is: 'create', turn: 'turn_2' });
  });

  it('from two detectors is one', async () => {
    await talking();
    await pass(500);
    await say({ type: 'speech.started', item: 'user_2', atMs: 1_900 });
    await talkOver();
    expect(page.all('gate.pause')).toHaveLength(1);
    await tell({ type: 'user.onset', utterance: 'w2', epoch: 1, level: -10, paused: true });
    expect(page.all('gate.pause')).toHaveLength(1);
    expect(page.all('gate.resume')).toEqual([]);
  });

  it('by the stop button leaves silence', async () => {
    await talking();
    await pass(500);
    await tell({ type: 'user.interrupt' });
    expect(owners().at(-1)).toBe('B→none interrupt');
    expect(page.all('state.changed').at(-1)).toMatchObject({ state: 'LISTENING' });
    expect(commands('create')).toHaveLength(1);
  });

  it('that the arbiter does not hold is let go at once', async () => {
    await begin();
    await tell({ type: 'user.onset', utterance: 'w', epoch: 1, paused: true });
    expect(page.all('gate.resume')).toEqual([{ type: 'gate.resume', epoch: 1, rewindMs: 0 }]);
  });

  it('below the echo level is let go at once', async () => {
    await talking();
    await tell({ type: 'user.onset', utterance: 'echo', epoch: 1, level: -60, paused: true });
    expect(page.all('gate.resume')).toEqual([{ type: 'gate.resume', epoch: 1, rewindMs: 0 }]);
    expect(page.all('gate.pause')).toEqual([]);
  });
});

describe('speech that the widget found too short', () => {
  it('is a turn all the same when its words say so', async () => {
    await begin();
    await blip(800, 'No.');
    expect(commands('create')).toEqual([{ is: 'create', turn: 'turn_1' }]);
  });

  it('is noise when there are none', async () => {
    await begin();
    await blip(800, '');
    expect(commands('create')).toEqual([]);
    expect(commands('delete')).toEqual([{ is: 'delete', item: 'user_1' }]);
  });

  it.each(['[cough]', ' (laughs) ', '*sneeze*'])('is noise when the words are %s', async (text) => {
    await begin();
    await blip(800, text);
    expect(commands('delete')).toEqual([{ is: 'delete', item: 'user_1' }]);
  });

  it('is a turn when the provider heard it long enough', async () => {
    await begin();
    await blip(2_800);
    await pass(800);
    expect(commands('create')).toEqual([{ is: 'create', turn: 'turn_1' }]);
  });
});

describe('push-to-talk', () => {
  it('sends sound only while the button is held, and commits when it is let go', async () => {
    await begin({}, { turn: 'hold' });
    expect(bridge.setup.turn).toBe('hold');
    page.speak(loud(200));
    await tell({ type: 'talk.start', utterance: 'p1', epoch: 1, paused: false });
    page.speak(loud(300));
    await pass(300);
    await tell({ type: 'talk.end', utterance: 'p1' });
    page.speak(loud(200));
    await page.settled();
    expect(commands('append')).toEqual([{ is: 'append', samples: 7_200 }]);
    expect(commands('commit')).toHaveLength(1);
    await say({ type: 'input.committed', item: 'user_1' });
    expect(commands('create')).toEqual([{ is: 'create', turn: 'turn_1' }]);
  });

  it('makes no turn of a tap', async () => {
    await begin({}, { turn: 'toggle' });
    await tell({ type: 'talk.start', utterance: 'p1', epoch: 1, paused: false });
    await tell({ type: 'talk.end', utterance: 'p1' });
    expect(commands('clear')).toHaveLength(1);
    expect(page.all('turn.started')).toEqual([]);
    await pass(10_000);
    expect(page.all('state.changed').at(-1)).toMatchObject({ state: 'LISTENING' });
  });

  it('interrupts at once', async () => {
    await begin({}, { turn: 'hold' });
    await tell({ type: 'user.text', text: 'Go on' });
    await answer('r1', 'turn_1', 2_000);
    await pass(300);
    await tell({ type: 'user.onset', utterance: 'noise', epoch: 1, paused: true });
    expect(page.all('gate.resume')).toEqual([{ type: 'gate.resume', epoch: 1, rewindMs: 0 }]);
    await tell({ type: 'talk.start', utterance: 'p1', epoch: 1, paused: true });
    expect(owners().at(-1)).toBe('B→none interrupt');
  });
});
