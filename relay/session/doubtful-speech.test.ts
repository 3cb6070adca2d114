/** What may not have been speech at all: short sounds, and what only one of the two detectors hears. */
import { afterEach, describe, expect, it } from 'vitest';
import {
  answer,
  begin,
  commands,
  expectNothingLeft,
  finish,
  outcomes,
  owners,
  page,
  pass,
  relay,
  say,
  tell,
  userTurn,
} from './testing/conversation.ts';

afterEach(() => relay.stop());

describe('a sound whose true length the widget tells', () => {
  async function soundOver(ms: number): Promise<void> {
    await begin();
    await userTurn();
    await answer('r1', 'turn_1', 3_000);
    await pass(500);
    await tell({ type: 'playout', epoch: 1, item: 'item_of_r1', playedMs: 500 });
    await tell({ type: 'user.onset', utterance: 'w2', epoch: 1, paused: true });
    // The silence that ends it is part of the time until it is told.
    await pass(170);
    await tell({ type: 'user.offset', utterance: 'w2', ms });
  }

  it('is noise at once when it was too short to be speech, however late its end is told', async () => {
    await soundOver(90);
    expect(page.all('gate.resume')).toEqual([{ type: 'gate.resume', epoch: 1, rewindMs: 120 }]);
    await pass(2_000);
    expect(page.all('gate.close')).toEqual([]);
    expect(outcomes()).toEqual([]);
  });

  it('is waited for when it was long enough', async () => {
    await soundOver(130);
    expect(page.all('gate.resume')).toEqual([]);
  });

  it('interrupts all the same when its words say so: a soft "Stop." is no cough', async () => {
    await soundOver(90);
    await say(
      { type: 'speech.started', item: 'user_2', atMs: 0 },
      { type: 'speech.stopped', item: 'user_2', atMs: 700 },
      { type: 'input.committed', item: 'user_2' },
    );
    expect(page.all('gate.close')).toEqual([]);
    await say({ type: 'input.transcript.done', item: 'user_2', text: 'Stop.' });
    expect(page.all('gate.close')).toHaveLength(1);
    expect(outcomes()).toEqual(['turn_1 superseded']);
    expect(page.all('turn.started').map(({ turn }) => turn)).toEqual(['turn_1', 'turn_2']);
  });

  it('is answered at once when it was ruled an interruption before it ended', async () => {
    await begin();
    await userTurn();
    await answer('r1', 'turn_1', 3_000);
    await pass(500);
    await say({ type: 'speech.started', item: 'user_2', atMs: 0 });
    await tell({ type: 'user.onset', utterance: 'w2', epoch: 1, paused: true });
    await say({ type: 'input.transcript.delta', item: 'user_2', text: 'Stop.' });
    expect(page.all('gate.close')).toHaveLength(1);
    await tell({ type: 'user.offset', utterance: 'w2', ms: 90 });
    await say(
      { type: 'speech.stopped', item: 'user_2', atMs: 700 },
      { type: 'input.committed', item: 'user_2' },
      { type: 'input.transcript.done', item: 'user_2', text: 'Stop.' },
    );
    await say({ type: 'response.done', response: 'r1', status: 'cancelled' });
    await answer('r2', 'turn_2', 1_000);
    expect(owners().at(-1)).toBe('none→B b_audible');
  });

  it('makes no turn of a cough that the provider takes for one', async () => {
    await soundOver(90);
    await say(
      { type: 'speech.started', item: 'user_2', atMs: 0 },
      { type: 'speech.stopped', item: 'user_2', atMs: 700 },
      { type: 'input.committed', item: 'user_2' },
      { type: 'input.transcript.done', item: 'user_2', text: '[cough]' },
    );
    expect(commands('delete')).toEqual([{ is: 'delete', item: 'user_2' }]);
    expect(page.all('turn.started')).toHaveLength(1);
    expect(page.all('gate.close')).toEqual([]);
  });
});

describe('what only the provider hears while the agent speaks', () => {
  const STORY = 'Once there was a small harbour where the boats came in at night.';

  async function overAgent(item = 'user_2'): Promise<void> {
    await begin();
    await userTurn();
    await answer('r1', 'turn_1', 5_000, STORY);
    await pass(1_000);
    await heard(item);
  }
  /** The provider's detector hears something for a second and makes an item of it. */
  async function heard(item: string): Promise<void> {
    await say({ type: 'speech.started', item, atMs: 2_000 });
    await pass(1_000);
    await say({ type: 'speech.stopped', item, atMs: 3_000 }, { type: 'input.committed', item });
  }
  const written = (text: string, item = 'user_2') => say({ type: 'input.transcript.done', item, text });
  const goesOn = () => ({
    pauses: page.all('gate.pause').length,
    kills: page.all('gate.close').length,
    turns: page.all('turn.started').length,
    deleted: page.all('item.deleted').map(({ item }) => item),
  });
  const UNTOUCHED = { pauses: 0, kills: 0, turns: 1, deleted: ['user_2'] };

  it.each([
    ['no words', '[speech 1.2 s]'],
    ['the words of the agent', 'A small harbor where the boats came in'],
    ['an acknowledgement', 'Mm-hm.'],
  ])('is forgotten when it has %s', async (_what, text) => {
    await overAgent();
    expect(goesOn()).toEqual({ ...UNTOUCHED, deleted: [] });
    await written(text);
    expect(goesOn()).toEqual(UNTOUCHED);
    expect(commands('delete')).toEqual([{ is: 'delete', item: 'user_2' }]);
    expect(outcomes()).toEqual([]);
  });

  it('is a turn when somebody said something else', async () => {
    await overAgent();
    await written('What is the time?');
    expect(goesOn()).toEqual({ pauses: 0, kills: 1, turns: 2, deleted: [] });
    expect(outcomes()).toEqual(['turn_1 superseded']);
  });

  it('is a turn when its words came before its end', async () => {
    await overAgent('echo');
    await say({ type: 'speech.started', item: 'user_3', atMs: 4_000 });
    await written('Stop it now.', 'user_3');
    await say({ type: 'speech.stopped', item: 'user_3', atMs: 5_000 }, { type: 'input.committed', item: 'user_3' });
    // What was doubtful before it has had its time.
    expect(goesOn()).toEqual({ pauses: 0, kills: 1, turns: 2, deleted: ['echo'] });
  });

  it('is forgotten when no words come at all', async () => {
    await overAgent();
    await pass(2_999);
    expect(goesOn().deleted).toEqual([]);
    await pass(1);
    expect(goesOn()).toEqual(UNTOUCHED);
    await written('Late words.');
    expect(goesOn()).toEqual(UNTOUCHED);
  });

  it('is the same within half a second of the end of the agent', async () => {
    await begin();
    await userTurn();
    await answer('r1', 'turn_1', 500, STORY);
    await finish('r1', STORY);
    await tell({ type: 'playout.drained', epoch: 1, item: 'item_of_r1' });
    await pass(400);
    await heard('user_2');
    await written('the boats came in at night');
    expect(goesOn()).toEqual(UNTOUCHED);
  });

  it('is speech as ever once the widget hears it too', async () => {
    await begin();
    await userTurn();
    await answer('r1', 'turn_1', 5_000, STORY);
    await pass(1_000);
    await say({ type: 'speech.started', item: 'user_2', atMs: 2_000 });
    expect(page.all('gate.pause')).toEqual([]);
    await tell({ type: 'user.onset', utterance: 'w2', epoch: 1, paused: true });
    expect(page.all('gate.pause')).toHaveLength(1);
    await pass(500);
    expect(page.all('gate.close')).toHaveLength(1);
  });

  it('pauses as ever while the widget has never heard anything', async () => {
    await begin();
    await tell({ type: 'user.text', text: 'Go on' });
    await answer('r1', 'turn_1', 2_000, STORY);
    await pass(300);
    await say({ type: 'speech.started', item: 'user_1', atMs: 900 });
    expect(page.all('gate.pause')).toHaveLength(1);
  });

  it('pauses as ever after the widget has missed what was said in silence', async () => {
    await begin();
    await userTurn();
    await answer('r1', 'turn_1', 300);
    await finish('r1');
    await tell({ type: 'playout.drained', epoch: 1, item: 'item_of_r1' });
    await pass(2_000);
    await heard('user_2');
    await written('Tell me a story.');
    await answer('r2', 'turn_2', 3_000, STORY);
    await pass(500);
    await say({ type: 'speech.started', item: 'user_3', atMs: 9_000 });
    expect(page.all('gate.pause')).toHaveLength(1);
  });

  it('leaves no timer when the provider goes, and none when the session does', async () => {
    await overAgent();
    await say({ type: 'provider.down', generation: 1, fatal: false, reason: 'gone' });
    await pass(3_000);
    expect(goesOn().deleted).toEqual([]);
    await say({ type: 'provider.up', generation: 2 });
    await tell({ type: 'session.end' });
    await expectNothingLeft();
  });
});

describe('speech that is much softer than the user', () => {
  /** The user has spoken at -20 dBFS; the agent answers, and somebody else is heard. */
  async function faint(level = -38): Promise<void> {
    await begin();
    await tell({ type: 'user.onset', utterance: 'w1', epoch: 1, level: -28, paused: false });
    await tell({ type: 'user.onset', utterance: 'w1', epoch: 1, level: -20, paused: false });
    await say({ type: 'speech.started', item: 'user_1', atMs: 0 });
    await pass(600);
    await tell({ type: 'user.offset', utterance: 'w1', ms: 600 });
    await say({ type: 'speech.stopped', item: 'user_1', atMs: 900 }, { type: 'input.committed', item: 'user_1' });
    await answer('r1', 'turn_1', 8_000);
    await pass(1_000);
    await tell({ type: 'user.onset', utterance: 'w2', epoch: 1, level, paused: true });
    expect(page.all('gate.pause')).toHaveLength(1);
  }
  const decisions = () => ({ resumes: page.all('gate.resume').length, kills: page.all('gate.close').length });
  const item = async (text: string) => {
    await say({ type: 'speech.started', item: 'user_2', atMs: 2_000 });
    await pass(1_000);
    await tell({ type: 'user.offset', utterance: 'w2', ms: 1_300 });
    await say({ type: 'speech.stopped', item: 'user_2', atMs: 4_000 }, { type: 'input.committed', item: 'user_2' });
    await say({ type: 'input.transcript.done', item: 'user_2', text });
  };

  it('holds the agent for a moment, and is somebody else without words', async () => {
    await faint();
    await pass(399);
    expect(decisions()).toEqual({ resumes: 0, kills: 0 });
    await pass(1);
    expect(decisions()).toEqual({ resumes: 1, kills: 0 });
    await item('');
    expect(decisions()).toEqual({ resumes: 1, kills: 0 });
    expect(commands('delete')).toEqual([{ is: 'delete', item: 'user_2' }]);
    expect(outcomes()).toEqual([]);
  });

  it('is a turn when its words are known', async () => {
    await faint();
    await pass(400);
    await item('Can you speak up?');
    expect(decisions()).toEqual({ resumes: 1, kills: 1 });
    expect(page.all('turn.started')).toHaveLength(2);
  });

  it('interrupts as ever when it becomes louder in time', async () => {
    await faint();
    await pass(200);
    await tell({ type: 'user.onset', utterance: 'w2', epoch: 1, level: -30, paused: false });
    await pass(300);
    expect(decisions()).toEqual({ resumes: 0, kills: 1 });
  });

  it('holds the agent again when it becomes louder after it was let go', async () => {
    await faint();
    await pass(600);
    await tell({ type: 'user.onset', utterance: 'w2', epoch: 1, level: -30, paused: false });
    expect(page.all('gate.pause')).toHaveLength(2);
    await pass(500);
    expect(decisions()).toEqual({ resumes: 1, kills: 1 });
  });

  it('is the user, leaning back, when it is only a little softer', async () => {
    await faint(-34);
    await pass(500);
    expect(decisions()).toEqual({ resumes: 0, kills: 1 });
  });

  it('teaches nothing of the level of the user', async () => {
    await faint();
    await pass(400);
    await item('');
    await tell({ type: 'user.onset', utterance: 'w3', epoch: 1, level: -36, paused: true });
    await pass(400);
    expect(decisions()).toEqual({ resumes: 2, kills: 0 });
  });
});
