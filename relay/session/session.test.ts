/** A conversation as the page sees it. */
import { afterEach, describe, expect, it } from 'vitest';
import { FLAG_LAST, msToSamples } from '#wire';
import {
  admit,
  answer,
  begin,
  bridge,
  dial,
  commands,
  finish,
  loud,
  outcomes,
  owners,
  page,
  pass,
  provider,
  relay,
  say,
  sentMs,
  tell,
  userTurn,
} from './testing/conversation.ts';
import { GOOD_TOKEN, aClip } from './testing/relay-under-test.ts';

afterEach(() => relay.stop());

describe('the beginning', () => {
  it('tells the page what it must know, and dials only when the page starts', async () => {
    await admit({ config: { ECHO_LEVEL_DB: -40 }, limits: { longestSessionMs: 60_000 } });
    expect(page.messages[0]).toMatchObject({
      type: 'session.created',
      epoch: 1,
      leadMs: 400,
      longestSessionMs: 60_000,
      tokenExpiresInMs: 600_000,
      assistant: { name: 'Jib', locale: 'en' },
      knobs: { echoLevelDb: -40, echoGuardMs: 3_000, transitionGapMs: 10 },
    });
    expect(provider.bridges).toHaveLength(0);
    await dial({ locale: 'de', context: 'Order 12.' });
    expect(bridge.setup).toMatchObject({ model: 'gpt-realtime-2.1', turn: 'auto', locale: 'de', voice: 'marin' });
    expect(bridge.commands).toEqual([{ is: 'connect' }, { is: 'context', text: 'Order 12.' }]);
    await say({ type: 'provider.up', generation: 1 });
    expect(page.all('provider.changed')).toEqual([{ type: 'provider.changed', up: true }]);
  });

  it('sends clips whole before they are needed, wordless ones first', async () => {
    const long = aClip('long', 'refusal', 1_500);
    await begin({ clips: [aClip('mm', 'reflex', 300)], voiced: [long, long, aClip('yes', 'reflex', 200, true)] });
    expect(page.all('clip.added').map(({ clip, kind, ms }) => [clip, kind, ms])).toEqual([
      ['mm', 'reflex', 300],
      ['long', 'refusal', 1_500],
      ['yes', 'reflex', 200],
    ]);
    expect([...page.clips]).toEqual([
      ['mm', 7_200],
      ['long', 36_000],
      ['yes', 4_800],
    ]);
  });

  it('sends no reflex where lane A is off', async () => {
    await begin({
      config: { LANE_A_ENABLED: false },
      clips: [aClip('mm', 'reflex')],
      voiced: [aClip('r', 'reflex'), aClip('no', 'refusal')],
    });
    expect(page.all('clip.added').map(({ clip }) => clip)).toEqual(['no']);
  });

  it('takes a newer token of the same subject, and goes on without a wrong one', async () => {
    await begin();
    page.send({ type: 'auth', token: GOOD_TOKEN });
    expect(await page.received('auth.accepted')).toMatchObject({ tokenExpiresInMs: 600_000 });
    page.send({ type: 'auth', token: 'other' });
    expect(await page.received('error')).toMatchObject({ code: 'token-invalid', retryable: false });
    page.send({ type: 'auth', token: 'nonsense' });
    await page.until(() => page.all('error').length === 2);
    expect(relay.leases).toBe(1);
  });
});

describe('a spoken turn', () => {
  it('goes from the microphone to the provider and back to the ear', async () => {
    await begin();
    page.speak(new Int16Array(480));
    await userTurn();
    expect(bridge.heard).toBe(480);
    expect(page.all('turn.started')).toEqual([{ type: 'turn.started', turn: 'turn_1', source: 'speech', t: 600 }]);
    expect(commands('create')).toEqual([{ is: 'create', turn: 'turn_1' }]);

    await pass(250);
    await answer('r1', 'turn_1', 300);
    await finish('r1');
    expect(owners()).toEqual(['none→B b_audible']);
    expect(page.all('item.started')).toEqual([
      {
        type: 'item.started',
        item: 'item_of_r1',
        response: 'r1',
        turn: 'turn_1',
        epoch: 1,
        lane: 'B',
        fromMs: 0,
      },
    ]);
    expect(sentMs()).toBe(300);
    expect(page.frames.map(({ lane, epoch }) => `${lane}${epoch}`)).toEqual(page.frames.map(() => 'B1'));
    expect(page.frames.map(({ flags }) => flags === FLAG_LAST)).toEqual(
      page.frames.map((_, i) => i === page.frames.length - 1),
    );
    await tell({ type: 'playout.drained', epoch: 1, item: 'item_of_r1' });
    expect(owners()).toEqual(['none→B b_audible', 'B→none drained']);
    expect(page.all('turn.ended')).toEqual([
      { type: 'turn.ended', turn: 'turn_1', outcome: 'answered', firstSentMs: { B: 250 } },
    ]);
    expect(page.all('state.changed').map(({ state }) => state)).toEqual([
      'LISTENING',
      'B_RESPONDING',
      'B_PLAYING',
      'LISTENING',
    ]);
  });

  it('shows both sides their words', async () => {
    await begin();
    await userTurn();
    await say(
      { type: 'input.transcript.delta', item: 'user_1', text: 'How is ' },
      { type: 'input.transcript.delta', item: 'user_1', text: 'it?' },
      { type: 'input.transcript.done', item: 'user_1', text: 'How is it?' },
    );
    await answer('r1', 'turn_1', 100, 'Fine.');
    await finish('r1', 'Fine.');
    const words = page.messages.filter((one) => one.type === 'transcript.delta' || one.type === 'transcript.done');
    expect(words).toEqual([
      { type: 'transcript.delta', item: 'user_1', role: 'user', text: 'How is ' },
      { type: 'transcript.delta', item: 'user_1', role: 'user', text: 'it?' },
      { type: 'transcript.done', item: 'user_1', role: 'user', text: 'How is it?' },
      { type: 'transcript.delta', item: 'item_of_r1', role: 'agent', text: 'Fine.' },
      { type: 'transcript.done', item: 'item_of_r1', role: 'agent', text: 'Fine.' },
    ]);
  });

  it('leaves out leading silence and keeps what is around the first sound', async () => {
    await begin();
    await userTurn();
    const samples = new Int16Array(msToSamples(500));
    samples.fill(4_000, msToSamples(300));
    await say(
      { type: 'response.created', response: 'r1', turn: 'turn_1' },
      { type: 'response.audio', response: 'r1', item: 'i', samples: new Int16Array(msToSamples(200)) },
    );
    expect(owners()).toEqual([]);
    await say({ type: 'response.audio', response: 'r1', item: 'i', samples });
    expect(page.all('item.started')[0]).toMatchObject({ fromMs: 480 });
    await finish('r1');
    expect(sentMs()).toBe(220);
  });

  it('runs no further ahead of the ear than the lead, by the reports of the page and by the clock', async () => {
    await begin();
    await userTurn();
    await answer('r1', 'turn_1', 3_000);
    expect(sentMs()).toBeLessThanOrEqual(400);
    expect(sentMs()).toBeGreaterThan(300);
    expect(page.frames.slice(0, 4).map(({ samples }) => samples.length)).toEqual([480, 480, 480, 480]);
    await pass(200);
    expect(sentMs()).toBeGreaterThan(500);
    expect(sentMs()).toBeLessThanOrEqual(600);
    // The ear is 100 ms behind what the clock says: the way there takes as much, and is added to the lead.
    await tell({ type: 'playout', epoch: 1, item: 'item_of_r1', playedMs: 100 });
    await pass(100);
    expect(sentMs()).toBeLessThanOrEqual(700);
    await pass(3_000);
    expect(sentMs()).toBeLessThanOrEqual(2_700);
    for (let playedMs = 1_000; playedMs <= 3_000; playedMs += 100) {
      await tell({ type: 'playout', epoch: 1, item: 'item_of_r1', playedMs });
      await pass(100);
    }
    await finish('r1');
    expect(sentMs()).toBe(3_000);
  });

  it('fills a silence with a clip and hands over to the answer in the same epoch', async () => {
    await begin({ clips: [aClip('mm', 'reflex', 300)] });
    await userTurn();
    await pass(100);
    expect(page.all('clip.play')).toEqual([{ type: 'clip.play', epoch: 1, lane: 'A', clip: 'mm' }]);
    await pass(100);
    await answer('r1', 'turn_1', 200);
    expect(owners()).toEqual(['none→A reflex', 'A→B b_audible']);
    await finish('r1');
    await tell({ type: 'playout.drained', epoch: 1, item: 'item_of_r1' });
    expect(page.all('turn.ended')[0]?.firstSentMs).toEqual({ A: 100, B: 200 });
  });

  it('sends two items of one response one after the other, each with its end', async () => {
    await begin();
    await userTurn();
    await say(
      { type: 'response.created', response: 'r1', turn: 'turn_1' },
      { type: 'response.audio', response: 'r1', item: 'a', samples: loud(150) },
      { type: 'response.audio', response: 'r1', item: 'b', samples: loud(150) },
    );
    await finish('r1');
    expect(page.all('item.started').map(({ item }) => item)).toEqual(['a', 'b']);
    expect(page.frames.filter(({ flags }) => flags === FLAG_LAST)).toHaveLength(2);
    expect(sentMs()).toBe(300);
  });

  it('does not send the sound of a response that nobody asked for', async () => {
    await begin();
    await answer('stray', 'turn_9', 200);
    await say({ type: 'response.created', response: 'other', turn: null });
    await say({ type: 'response.audio', response: 'unknown', item: 'x', samples: loud(100) });
    expect([page.frames, page.all('item.started'), page.all('transcript.delta')]).toEqual([[], [], []]);
  });

  it('ends a failed answer as failed', async () => {
    await begin();
    await userTurn();
    await say({ type: 'response.error', code: 'server_error', turn: 'turn_1' });
    expect(outcomes()).toEqual(['turn_1 failed']);
    await say({ type: 'response.error', code: 'some_other_trouble' });
    await userTurn('user_2');
    await answer('r2', 'turn_2', 100);
    await say({ type: 'response.done', response: 'r2', status: 'failed' });
    await pass(60_000);
    expect(outcomes()[1]).toBe('turn_2 failed');
  });
});

describe('typed text', () => {
  it('is a turn with its words shown', async () => {
    await begin();
    await tell({ type: 'user.text', text: 'Hello' });
    expect(commands('user-text')).toEqual([{ is: 'user-text', text: 'Hello', item: 'text_1' }]);
    expect(page.all('turn.started')).toMatchObject([{ turn: 'turn_1', source: 'text' }]);
    expect(page.all('transcript.done')).toEqual([
      { type: 'transcript.done', item: 'text_1', role: 'user', text: 'Hello' },
    ]);
    expect(commands('create')).toEqual([{ is: 'create', turn: 'turn_1' }]);
  });

  it('kills the answer under way', async () => {
    await begin();
    await userTurn();
    await answer('r1', 'turn_1', 2_000);
    await pass(300);
    await tell({ type: 'user.text', text: 'Never mind' });
    expect(owners().at(-1)).toBe('B→none text');
    expect(outcomes()).toEqual(['turn_1 superseded']);
  });
});

describe('the page', () => {
  it('tells the model what it should know, and whether it can be heard', async () => {
    await begin({ clips: [aClip('mm', 'reflex')] });
    await tell({ type: 'context.update', text: 'Checkout.' }, { type: 'device.changed', suspended: true });
    expect(commands('context')).toEqual([{ is: 'context', text: 'Checkout.' }]);
    await userTurn();
    await pass(200);
    expect(page.all('clip.play')).toEqual([]);
    await tell({ type: 'device.changed', suspended: false });
  });

  it('that mutes its microphone in mid-speech lets the provider find the end', async () => {
    await begin();
    await tell({ type: 'user.onset', utterance: 'w', epoch: 1, paused: false });
    await tell({ type: 'mic.changed', muted: true });
    expect(bridge.heard).toBe(24_000);
    await tell({ type: 'mic.changed', muted: false });
    await begin({}, { turn: 'hold' });
    await tell({ type: 'mic.changed', muted: true });
    expect(bridge.heard).toBe(0);
  });
});
