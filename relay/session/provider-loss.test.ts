import { afterEach, describe, expect, it } from 'vitest';
import { initialState, type State } from '#arbiter';
import type { BridgeEvent } from '../bridge/bridge.ts';
import { momentOf } from './arbiter-view.ts';
import { askAgainFor } from './ask-again-words.ts';
import { PATIENCE_MS } from './provider-loss.ts';
import {
  answer,
  begin,
  bridge,
  commands,
  expectNothingLeft,
  finish,
  outcomes,
  page,
  pass,
  relay,
  say,
  tell,
  userTurn,
} from './testing/conversation.ts';
import { aClip } from './testing/relay-under-test.ts';

afterEach(() => relay.stop());

const down = (generation = 1, fatal = false): BridgeEvent => ({
  ...{ type: 'provider.down', generation, reason: 'close-1006', fatal },
});
const up = (generation = 2): BridgeEvent => ({ type: 'provider.up', generation });
const ONE_MOMENT = { clips: [aClip('one-moment', 'fallback', 400)] };
const clips = () => page.all('clip.play').map(({ clip }) => clip);
const asked = () => commands('create').map(({ turn }) => turn);
const started = () => page.all('turn.started').map(({ turn }) => turn);

describe('a question whose answer was not heard yet when the provider was lost', () => {
  it.each(['requested', 'created', 'silent'])('is asked again when it is back at once (%s)', async (was) => {
    await begin(ONE_MOMENT);
    await userTurn();
    if (was !== 'requested') await say({ type: 'response.created', response: 'r1', turn: 'turn_1' });
    if (was === 'silent')
      await say({ type: 'response.audio', response: 'r1', item: 'i1', samples: new Int16Array(480) });
    await say(down());
    await pass(PATIENCE_MS - 50);
    await say(up());
    expect(asked()).toEqual(['turn_1', 'turn_1']);
    await answer('r2', 'turn_1', 300);
    await finish('r2');
    await tell({ type: 'playout.drained', epoch: 1, item: 'item_of_r2' });
    expect(outcomes()).toEqual(['turn_1 answered']);
    expect(started()).toEqual(['turn_1']);
    expect(clips()).toEqual([]);
  });

  it('is asked again after lane C has said that it takes time, as one line of the user’s and one answer', async () => {
    await begin(ONE_MOMENT);
    await userTurn();
    await say({ type: 'input.transcript.done', item: 'user_1', text: 'What time is it?' }, down());
    await pass(PATIENCE_MS + 50);
    expect(clips()).toEqual(['one-moment']);
    expect(outcomes()).toEqual(['turn_1 failed']);
    await say(up());
    await pass(200);
    expect(asked()).toEqual(['turn_1']);
    await tell({ type: 'clip.ended', epoch: 1, clip: 'one-moment' });
    await pass(100);
    expect(asked()).toEqual(['turn_1', 'turn_2']);
    await answer('r2', 'turn_2', 300);
    await finish('r2');
    await tell({ type: 'playout.drained', epoch: 1, item: 'item_of_r2' });
    expect(outcomes()).toEqual(['turn_1 failed', 'turn_2 answered']);
    expect(page.all('transcript.done').filter(({ role }) => role === 'user')).toHaveLength(1);
    expect(clips()).toEqual(['one-moment']);
  });

  it('is asked again even without a clip, and keeps how it was asked', async () => {
    await begin();
    await tell({ type: 'user.text', text: 'Hello' });
    await say(down());
    await pass(PATIENCE_MS + 50);
    await say(up());
    expect(asked()).toEqual(['turn_1', 'turn_2']);
    expect(page.all('turn.started').map(({ source }) => source)).toEqual(['text', 'text']);
  });

  it('is asked again once only', async () => {
    await begin(ONE_MOMENT);
    await userTurn();
    await say(down(), up(), down(2));
    expect(outcomes()).toEqual(['turn_1 failed']);
    await say(up(3));
    await pass(5_000);
    expect(asked()).toEqual(['turn_1', 'turn_1']);
    expect(clips()).toEqual([]);
  });

  it('stands behind what the user says next', async () => {
    await begin(ONE_MOMENT);
    await userTurn();
    await say(down());
    await tell({ type: 'user.text', text: 'Something else' });
    expect(outcomes()).toEqual(['turn_1 superseded']);
    await pass(500);
    expect(asked()).toEqual(['turn_1']);
    await say(up());
    expect(asked()).toEqual(['turn_1', 'turn_2']);
    expect(clips()).toEqual([]);
  });

  it('is not asked again when the user speaks as the provider comes back', async () => {
    await begin();
    await userTurn();
    await say(down());
    await pass(PATIENCE_MS + 50);
    await tell({ type: 'user.onset', utterance: 'w9', epoch: 1, paused: false });
    await say(up());
    await pass(500);
    expect(asked()).toEqual(['turn_1']);
  });

  it('is answered by the fallback at once when the provider is gone for good', async () => {
    await begin(ONE_MOMENT);
    await userTurn();
    await say(down(1, true));
    expect(clips()).toEqual(['one-moment']);
    page.send({ type: 'clip.ended', epoch: 1, clip: 'one-moment' });
    expect((await page.closed).code).toBe(4008);
    await expectNothingLeft();
  });

  it('the same when that becomes known a moment later', async () => {
    await begin(ONE_MOMENT);
    await userTurn();
    await say(down());
    expect(clips()).toEqual([]);
    await say(down(2, true));
    expect(clips()).toEqual(['one-moment']);
  });
});

it('asks again what was typed while nobody was there, when that took too long', async () => {
  await begin();
  await say(down());
  await tell({ type: 'user.text', text: 'Still there?' });
  await pass(6_000);
  expect(outcomes()).toEqual(['turn_1 failed']);
  await say(up());
  expect(asked()).toEqual(['turn_2']);
});

it('repeats nothing that was heard in part', async () => {
  await begin(ONE_MOMENT);
  await userTurn();
  await answer('r1', 'turn_1', 600);
  await say(down());
  await tell({ type: 'playout.drained', epoch: 1, item: 'item_of_r1' });
  expect(outcomes()).toEqual(['turn_1 failed']);
  await say(up());
  await pass(3_000);
  expect(asked()).toEqual(['turn_1']);
  expect(clips()).toEqual([]);
});

it('asks nothing that had failed before the provider was lost', async () => {
  await begin();
  await userTurn();
  await say({ type: 'response.created', response: 'r1', turn: 'turn_1' });
  await say({ type: 'response.done', response: 'r1', status: 'failed' });
  await say(down(), up());
  await pass(1_000);
  expect(asked()).toEqual(['turn_1']);
});

it('lets a page’s function end its turn after the provider was lost and found', async () => {
  const city = { name: 'weather', description: 'd', parameters: { type: 'object', properties: {} } };
  await begin({}, { tools: [city] });
  await userTurn();
  await say(
    { type: 'response.created', response: 'r1', turn: 'turn_1' },
    { type: 'tool.called', response: 'r1', call: 'c1', name: 'weather', arguments: '{}' },
    down(),
    up(),
  );
  expect(asked()).toEqual(['turn_1']);
  await tell({ type: 'tool.result', call: 'c1', output: 'sun' });
  expect(asked()).toEqual(['turn_1', 'turn_1']);
  expect(commands('output')).toEqual([{ is: 'output', call: 'c1', output: 'sun' }]);
});

it('leaves no timer behind when the session ends in the middle of it', async () => {
  await begin(ONE_MOMENT);
  await userTurn();
  await say(down());
  await tell({ type: 'session.end' });
  await expectNothingLeft();
  expect(bridge.isClosed).toBe(true);
});

it('asks for what could not be kept until the next provider was there', async () => {
  await begin({ clips: [{ ...aClip('again', 'refusal'), text: askAgainFor('en') }] });
  await tell({ type: 'user.onset', utterance: 'w1', epoch: 1, paused: false });
  await say({ type: 'speech.started', item: 'user_1', atMs: 0 }, down());
  await pass(40_000);
  await tell({ type: 'user.offset', utterance: 'w1' });
  await say(up(), { type: 'speech.lost', ms: 10_000 });
  await pass(3_000);
  expect(clips()).toEqual(['again']);
});

describe('what the session says of the moment', () => {
  const state = { ...initialState(), started: true };
  const playing = { is: 'playing', response: 'r', turn: 't', resumes: 0 } as const;
  const open = { is: 'open', id: 't', committedAt: 0 } as const;
  it.each([
    ['quiet', {}],
    ['playing', { heard: playing, owner: 'B', turn: open, floor: { is: 'agent' } }],
    ['playing', { owner: 'C', control: { is: 'playing', clip: 'c', kind: 'refusal', resumes: 0 } }],
    ['busy', { turn: open }],
    ['busy', { queued: 't' }],
    ['busy', { heard: playing, owner: 'B', response: { is: 'streaming', id: 'r', turn: 't' } }],
    ['busy', { heard: playing, owner: 'B', tools: { c: { turn: 't', since: 0 } } }],
    ['busy', { speaking: { u: { since: 0 } } }],
    ['busy', { floor: { is: 'deciding', since: 0 } }],
  ] as [string, Partial<State>][])('%s', (moment, changes) => {
    expect(momentOf({ ...state, ...changes })).toBe(moment);
  });
});

describe('speech under way when the provider is lost', () => {
  it('is one utterance and one turn, though the next provider calls it by another name', async () => {
    await begin();
    await tell({ type: 'user.onset', utterance: 'w1', epoch: 1, paused: false });
    await say({ type: 'speech.started', item: 'user_1', atMs: 0 });
    await pass(600);
    await say(down());
    await pass(300);
    await say(up(), { type: 'speech.started', item: 'user_2', atMs: 0 });
    await pass(300);
    await tell({ type: 'user.offset', utterance: 'w1' });
    await say({ type: 'speech.stopped', item: 'user_2', atMs: 1_200 }, { type: 'input.committed', item: 'user_2' });
    await pass(1_000);
    expect(asked()).toEqual(['turn_1']);
    expect(started()).toEqual(['turn_1']);
  });

  it('is that also when it had ended long before the next one heard it', async () => {
    await begin();
    await tell({ type: 'user.onset', utterance: 'w1', epoch: 1, paused: false });
    await say({ type: 'speech.started', item: 'user_1', atMs: 0 });
    await pass(600);
    await say(down());
    await tell({ type: 'user.offset', utterance: 'w1' });
    await pass(5_000);
    await say(up(), { type: 'speech.started', item: 'user_2', atMs: 0 });
    await say({ type: 'speech.stopped', item: 'user_2', atMs: 900 }, { type: 'input.committed', item: 'user_2' });
    await pass(1_000);
    expect(asked()).toEqual(['turn_1']);
    expect(page.all('gate.pause')).toEqual([]);
  });
});
