/** One conversation on a real socket and the real arbiter, with a provider that a test speaks for. */
import { afterEach, describe, expect, it } from 'vitest';
import { FLAG_LAST, encodeAudioFrame, msToSamples, samplesToMs, type WidgetMessage } from '#wire';
import type { BridgeEvent } from '../bridge/bridge.ts';
import { virtualClock, type VirtualClock } from '../testing/virtual-clock.ts';
import { openPage, type PageClient } from './testing/page-client.ts';
import {
  GOOD_TOKEN,
  aClip,
  relayUnderTest,
  type RelayUnderTest,
  type RelayUnderTestOptions,
} from './testing/relay-under-test.ts';
import {
  scriptedProvider,
  type Command,
  type ScriptedBridge,
  type ScriptedProvider,
} from './testing/scripted-bridge.ts';

let relay: RelayUnderTest;
let clock: VirtualClock;
let provider: ScriptedProvider;
let page: PageClient;
let bridge: ScriptedBridge;
afterEach(() => relay.stop());

/** Lets a session in, not yet started. */
async function admit(options: Partial<RelayUnderTestOptions> = {}): Promise<void> {
  clock = virtualClock();
  provider = scriptedProvider();
  relay = await relayUnderTest({ clock, openBridge: provider.open, ...options });
  page = await openPage(relay.url, GOOD_TOKEN);
  await page.received('session.created');
}

/** A session under way with its provider up. */
async function begin(
  options: Partial<RelayUnderTestOptions> = {},
  start: Partial<Extract<WidgetMessage, { type: 'session.start' }>> = {},
): Promise<void> {
  await admit(options);
  page.send({ type: 'session.start', turn: 'auto', ...start });
  await page.settled();
  ({ bridge } = provider);
  await say({ type: 'provider.up', generation: 1 });
}

/** The provider says something, and the page has got what follows from it. */
async function say(...events: BridgeEvent[]): Promise<void> {
  bridge.emit(...events);
  await page.settled();
}
async function tell(...messages: WidgetMessage[]): Promise<void> {
  for (const message of messages) page.send(message);
  await page.settled();
}
/** Time passes in steps, so that what is sent on the way can leave. */
async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 2_000) {
    clock.advance(Math.min(left, 2_000));
    await page.settled();
  }
}

const loud = (ms: number) => new Int16Array(msToSamples(ms)).fill(4_000);
const commands = <T extends Command['is']>(is: T) =>
  bridge.commands.filter((one): one is Extract<Command, { is: T }> => one.is === is);
const sentMs = () => page.frames.reduce((sum, frame) => sum + samplesToMs(frame.samples.length), 0);
const owners = () => page.all('lane.owner_changed').map(({ from, to, cause }) => `${from}→${to} ${cause}`);
const outcomes = () => page.all('turn.ended').map(({ turn, outcome }) => `${turn} ${outcome}`);

/** The user spoke and the provider made a turn of it. */
async function userTurn(item = 'user_1'): Promise<void> {
  await tell({ type: 'user.onset', utterance: `of_${item}`, epoch: 1, paused: false });
  await say({ type: 'speech.started', item, atMs: 0 });
  await pass(600);
  await tell({ type: 'user.offset', utterance: `of_${item}` });
  await say({ type: 'speech.stopped', item, atMs: 900 }, { type: 'input.committed', item });
}

/** The model has said `ms` of sound, and words for it. */
async function answer(
  response: string,
  turn: string,
  ms: number,
  text = 'It is a fine day, and so on.',
): Promise<void> {
  const item = `item_of_${response}`;
  await say(
    { type: 'response.created', response, turn },
    { type: 'response.text', response, item, delta: text },
    { type: 'response.audio', response, item, samples: loud(ms) },
  );
}
async function finish(response: string, text = 'It is a fine day, and so on.'): Promise<void> {
  const item = `item_of_${response}`;
  await say(
    { type: 'response.text.done', response, item, text },
    { type: 'response.generated', response, text },
    { type: 'response.done', response, status: 'completed' },
  );
}

/** The session is over and nothing of it is left. */
async function expectNothingLeft(): Promise<void> {
  await relay.empty();
  expect({ sockets: relay.sockets, live: relay.door.live, leases: relay.leases, timers: clock.pending }).toEqual({
    sockets: 0,
    live: 0,
    leases: 0,
    timers: 0,
  });
  expect(provider.bridges.every((one) => one.isClosed)).toBe(true);
}

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
    await tell({ type: 'session.start', turn: 'auto', locale: 'de', context: 'Order 12.' });
    ({ bridge } = provider);
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
    // The ear is behind what the clock says.
    await tell({ type: 'playout', epoch: 1, item: 'item_of_r1', playedMs: 100 });
    await pass(100);
    expect(sentMs()).toBeLessThanOrEqual(600);
    await pass(3_000);
    expect(sentMs()).toBeLessThanOrEqual(2_600);
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

  it('that nobody ruled becomes one while the user still speaks', async () => {
    await talking();
    await pass(500);
    await tell({ type: 'user.onset', utterance: 'w2', epoch: 1, paused: true });
    await pass(499);
    expect(page.all('gate.close')).toEqual([]);
    await pass(1);
    expect(page.all('gate.close')).toHaveLength(1);
  });

  it('by a cough costs a pause and nothing else', async () => {
    await talking();
    await pass(500);
    await tell({ type: 'user.onset', utterance: 'w2', epoch: 1, paused: true });
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
    await tell({ type: 'user.onset', utterance: 'w2', epoch: 1, paused: true });
    await say({ type: 'speech.started', item: 'user_2', atMs: 1_900 });
    await pass(350);
    await tell({ type: 'user.offset', utterance: 'w2' });
    await pass(400);
    await say({ type: 'speech.stopped', item: 'user_2', atMs: 2_700 }, { type: 'input.committed', item: 'user_2' });
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
    await tell({ type: 'user.onset', utterance: 'w2', epoch: 1, paused: true });
    await say({ type: 'speech.started', item: 'user_2', atMs: 1_900 });
    await pass(300);
    await tell({ type: 'user.offset', utterance: 'w2' });
    await say({ type: 'speech.stopped', item: 'user_2', atMs: 2_700 }, { type: 'input.committed', item: 'user_2' });
    await pass(799);
    expect(page.all('turn.started')).toHaveLength(1);
    await pass(1);
    expect(page.all('turn.started')).toHaveLength(2);
    expect(outcomes()).toEqual(['turn_1 superseded']);
  });

  it('with other words is a turn as soon as they are known', async () => {
    await talking();
    await pass(500);
    await tell({ type: 'user.onset', utterance: 'w2', epoch: 1, paused: true });
    await say({ type: 'speech.started', item: 'user_2', atMs: 1_900 });
    await pass(300);
    await tell({ type: 'user.offset', utterance: 'w2' });
    await say(
      { type: 'speech.stopped', item: 'user_2', atMs: 2_700 },
      { type: 'input.committed', item: 'user_2' },
      { type: 'input.transcript.done', item: 'user_2', text: 'And tomorrow?' },
    );
    expect(page.all('turn.started').map(({ turn }) => turn)).toEqual(['turn_1', 'turn_2']);
    await say({ type: 'response.done', response: 'r1', status: 'cancelled' });
    expect(commands('create').at(-1)).toEqual({ is: 'create', turn: 'turn_2' });
  });

  it('from two detectors is one', async () => {
    await talking();
    await pass(500);
    await say({ type: 'speech.started', item: 'user_2', atMs: 1_900 });
    await tell({ type: 'user.onset', utterance: 'w2', epoch: 1, paused: true });
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
    await tell({ type: 'user.onset', utterance: 'w', epoch: 1, paused: false });
    await pass(60);
    await tell({ type: 'user.offset', utterance: 'w' });
    await say(
      { type: 'speech.started', item: 'user_1', atMs: 0 },
      { type: 'speech.stopped', item: 'user_1', atMs: 800 },
      { type: 'input.committed', item: 'user_1' },
      { type: 'input.transcript.done', item: 'user_1', text: 'No.' },
    );
    expect(commands('create')).toEqual([{ is: 'create', turn: 'turn_1' }]);
  });

  it('is noise when there are none', async () => {
    await begin();
    await tell({ type: 'user.onset', utterance: 'w', epoch: 1, paused: false });
    await pass(60);
    await tell({ type: 'user.offset', utterance: 'w' });
    await say(
      { type: 'speech.started', item: 'user_1', atMs: 0 },
      { type: 'speech.stopped', item: 'user_1', atMs: 800 },
      { type: 'input.committed', item: 'user_1' },
      { type: 'input.transcript.done', item: 'user_1', text: '' },
    );
    expect(commands('create')).toEqual([]);
    expect(commands('delete')).toEqual([{ is: 'delete', item: 'user_1' }]);
  });

  it('is a turn when the provider heard it long enough', async () => {
    await begin();
    await tell({ type: 'user.onset', utterance: 'w', epoch: 1, paused: false });
    await pass(60);
    await tell({ type: 'user.offset', utterance: 'w' });
    await say(
      { type: 'speech.started', item: 'user_1', atMs: 0 },
      { type: 'speech.stopped', item: 'user_1', atMs: 2_800 },
      { type: 'input.committed', item: 'user_1' },
    );
    await pass(800);
    expect(commands('create')).toEqual([{ is: 'create', turn: 'turn_1' }]);
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

describe('functions of the page', () => {
  const tool = { name: 'weather', description: 'Says the weather.', parameters: {} };

  async function call(name = 'weather'): Promise<void> {
    await userTurn();
    await say(
      { type: 'response.created', response: 'r1', turn: 'turn_1' },
      { type: 'tool.called', response: 'r1', call: 'c1', name, arguments: '{"city":"Oslo"}' },
      { type: 'response.generated', response: 'r1', text: '' },
      { type: 'response.done', response: 'r1', status: 'completed' },
    );
  }

  it('reach the page and come back into the answer', async () => {
    await begin({}, { tools: [tool] });
    expect(bridge.setup.tools).toEqual([tool]);
    await call();
    expect(page.all('tool.call')).toEqual([
      { type: 'tool.call', call: 'c1', name: 'weather', arguments: '{"city":"Oslo"}' },
    ]);
    expect(commands('create')).toHaveLength(1);
    await tell({ type: 'tool.result', call: 'c1', output: 'rain' });
    expect(commands('output')).toEqual([{ is: 'output', call: 'c1', output: 'rain' }]);
    expect(commands('create')).toHaveLength(2);
    await tell({ type: 'tool.result', call: 'c1', output: 'again' });
    expect(page.all('error')).toMatchObject([{ code: 'not-found' }]);
  });

  it('may fail, and the model is told', async () => {
    await begin({ assistant: { tools: [tool] } }, { tools: [{ ...tool, description: 'mine' }] });
    expect(bridge.setup.tools).toEqual([tool]);
    await call();
    await tell({ type: 'tool.result', call: 'c1', output: 'no network', failed: true });
    expect(commands('output')).toEqual([{ is: 'output', call: 'c1', output: '{"error":"no network"}' }]);
  });

  it('that do not exist are answered for the page', async () => {
    await begin({}, { tools: [tool] });
    await call('wether');
    expect(page.all('tool.call')).toEqual([]);
    expect(commands('output')).toEqual([{ is: 'output', call: 'c1', output: '{"error":"unknown function"}' }]);
    expect(commands('create')).toHaveLength(2);
  });

  it('are refused where the assistant takes none, and the session starts without them', async () => {
    await begin({ assistant: { pageTools: false } }, { tools: [tool] });
    expect(page.all('error')).toMatchObject([{ code: 'forbidden' }]);
    expect(bridge.setup.tools).toEqual([]);
  });

  it('are taken back when their turn ends; a late result asks for no answer', async () => {
    await begin({}, { tools: [tool] });
    await call();
    await tell({ type: 'user.text', text: 'Forget it' });
    expect(page.all('tool.cancelled')).toEqual([{ type: 'tool.cancelled', call: 'c1' }]);
    const asked = commands('create').length;
    await tell({ type: 'tool.result', call: 'c1', output: 'rain' });
    expect(commands('output')).toEqual([{ is: 'output', call: 'c1', output: 'rain' }]);
    expect(commands('create')).toHaveLength(asked);
    expect(page.all('error')).toEqual([]);
  });

  it('called by a response that is over are answered as cancelled', async () => {
    await begin({}, { tools: [tool] });
    await say({ type: 'tool.called', response: 'gone', call: 'c7', name: 'weather', arguments: '' });
    expect(commands('output')).toEqual([{ is: 'output', call: 'c7', output: '{"error":"cancelled"}' }]);
    expect(page.all('tool.call')).toEqual([]);
  });
});

describe('policy', () => {
  const assistant = { policy: { disallowed: ['secret plan'], refusal: 'No.', fallback: 'Sorry.' } };

  it('plays and shows nothing of a disallowed phrase, and refuses from the cache', async () => {
    await begin({ assistant, voiced: [aClip('no', 'refusal', 500)] });
    await userTurn();
    await say(
      { type: 'response.created', response: 'r1', turn: 'turn_1' },
      { type: 'response.text', response: 'r1', item: 'i', delta: 'Well, here is ' },
      { type: 'response.audio', response: 'r1', item: 'i', samples: loud(300) },
    );
    expect(sentMs()).toBeGreaterThan(0);
    await say(
      { type: 'response.text', response: 'r1', item: 'i', delta: 'the sec' },
      { type: 'response.audio', response: 'r1', item: 'i', samples: loud(1_500) },
    );
    await pass(300);
    const before = sentMs();
    expect(before).toBeLessThan(1_000);
    await say({ type: 'response.text', response: 'r1', item: 'i', delta: 'ret plan is' });
    expect(owners()).toEqual(['none→B b_audible', 'B→C policy']);
    expect(page.all('clip.play')).toEqual([{ type: 'clip.play', epoch: 2, lane: 'C', clip: 'no' }]);
    expect(page.all('turn.ended')).toMatchObject([{ outcome: 'refused', firstSentMs: { C: 300 } }]);
    expect(page.all('transcript.delta').map(({ text }) => text)).toEqual(['Well, here is ', 'the ']);
    await say(
      { type: 'response.text', response: 'r1', item: 'i', delta: ' more' },
      { type: 'response.text.done', response: 'r1', item: 'i', text: 'all of it' },
      { type: 'response.audio', response: 'r1', item: 'i', samples: loud(500) },
    );
    await pass(1_000);
    expect(sentMs()).toBe(before);
    await tell({ type: 'clip.ended', epoch: 2, clip: 'no' });
    expect(owners().at(-1)).toBe('C→none clip_ended');
  });

  it('in lenient mode lets sound play until it is blocked', async () => {
    await begin({ assistant, config: { POLICY_MODE: 'lenient' } });
    await userTurn();
    await say(
      { type: 'response.created', response: 'r1', turn: 'turn_1' },
      { type: 'response.audio', response: 'r1', item: 'i', samples: loud(1_000) },
    );
    expect(page.all('lane.admit')).toEqual([{ type: 'lane.admit', response: 'r1', epoch: 1 }]);
    await say({ type: 'response.text', response: 'r1', item: 'i', delta: 'The secret plan ' });
    expect(owners().at(-1)).toBe('B→none policy');
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

describe('the provider', () => {
  it('may go and come back: the page is told, what is heard drains', async () => {
    await begin();
    await userTurn();
    await answer('r1', 'turn_1', 300);
    await say({ type: 'provider.down', generation: 1, reason: 'close-1006', fatal: false });
    expect(sentMs()).toBe(300);
    expect(page.frames.at(-1)?.flags).toBe(FLAG_LAST);
    await tell({ type: 'playout.drained', epoch: 1, item: 'item_of_r1' });
    expect(outcomes()).toEqual(['turn_1 failed']);
    await say({ type: 'provider.up', generation: 2 });
    expect(page.all('provider.changed').map(({ up }) => up)).toEqual([true, false, true]);
  });

  it.each([
    ['invalid_api_key', 'upstream-refused'],
    ['close-1006', 'upstream-lost'],
  ])('that gives up for %s ends the session as %s', async (reason, code) => {
    await begin();
    bridge.emit({ type: 'provider.down', generation: 1, reason, fatal: true });
    expect(await page.closed).toEqual({ code: 4008, reason: 'upstream-lost' });
    expect(page.all('error')).toMatchObject([{ code }]);
    await expectNothingLeft();
  });

  it('that gives up while it is heard is heard to the end, but not for ever', async () => {
    await begin();
    await userTurn();
    await answer('r1', 'turn_1', 20_000);
    await say({ type: 'provider.down', generation: 1, reason: 'close-1006', fatal: true });
    expect(page.all('error')).toEqual([]);
    await pass(14_999);
    clock.advance(1);
    expect((await page.closed).code).toBe(4008);
    await expectNothingLeft();
  });

  it('that says more than a session may hold is stopped', async () => {
    await begin();
    await userTurn();
    await say({ type: 'response.created', response: 'r1', turn: 'turn_1' });
    const minute = loud(60_000);
    for (let i = 0; i < 7; i++) await say({ type: 'response.audio', response: 'r1', item: 'i', samples: minute });
    expect(commands('cancel')).toEqual([{ is: 'cancel', response: 'r1' }]);
  });

  it('bills are passed on with who caused them', async () => {
    const bills: string[] = [];
    await begin({ deps: { onUsage: ({ subject }, { kind }) => bills.push(`${subject} ${kind}`) } });
    const none = { inputTextTokens: 0, inputAudioTokens: 0, cachedTextTokens: 0 };
    const usage = {
      kind: 'response' as const,
      ...none,
      cachedAudioTokens: 0,
      outputTextTokens: 0,
      outputAudioTokens: 9,
    };
    await say({ type: 'usage', usage }, { type: 'input.cleared' });
    expect(bills).toEqual(['user response']);
  });
});

describe('the end', () => {
  it.each<[string, () => void, number]>([
    ['the page says so', () => page.send({ type: 'session.end' }), 1000],
    ['the longest session has passed', () => clock.advance(400), 4506],
  ])('comes when %s', async (_, act, code) => {
    await begin({ limits: { longestSessionMs: 1_000 } });
    await userTurn();
    act();
    expect((await page.closed).code).toBe(code);
    expect(outcomes()).toEqual(['turn_1 failed']);
    await expectNothingLeft();
  });

  it('comes when the connection is lost in mid-answer', async () => {
    await begin();
    await userTurn();
    await answer('r1', 'turn_1', 3_000);
    await tell({ type: 'user.onset', utterance: 'w2', epoch: 1, paused: true });
    page.socket.terminate();
    await expectNothingLeft();
  });

  it('comes when pings stay unanswered', async () => {
    await begin();
    clock.advance(30_000);
    await page.settled();
    page.socket.removeAllListeners('ping');
    (page.socket as unknown as { _autoPong: boolean })._autoPong = false;
    clock.advance(30_000);
    await page.settled();
    clock.advance(30_000);
    expect((await page.closed).code).toBe(1006);
    await expectNothingLeft();
  });

  it('waits in a drain for the end of the turn, and no longer than it may', async () => {
    await begin();
    await userTurn();
    await answer('r1', 'turn_1', 300);
    await finish('r1');
    const drained = relay.door.drain(60_000);
    await page.settled();
    expect(page.all('error')).toEqual([]);
    page.send({ type: 'playout.drained', epoch: 1, item: 'item_of_r1' });
    expect((await page.closed).code).toBe(4001);
    await drained;
    expect(outcomes()).toEqual(['turn_1 answered']);
    await expectNothingLeft();
  });

  it('comes in a drain at its limit', async () => {
    await begin();
    await userTurn();
    const drained = relay.door.drain(1_000);
    clock.advance(1_000);
    expect((await page.closed).code).toBe(4001);
    await drained;
    await expectNothingLeft();
  });

  it('comes with 4009 for a page that does not read', async () => {
    await begin();
    await userTurn();
    page.socket.pause();
    bridge.emit({ type: 'response.created', response: 'r1', turn: 'turn_1' });
    const item = 'i';
    for (let i = 0; i < 400 && !bridge.isClosed; i++) {
      const text = 'x'.repeat(50_000);
      bridge.emit({ type: 'response.text', response: 'r1', item, delta: text });
    }
    expect(bridge.isClosed).toBe(true);
    page.socket.resume();
    expect(await page.closed).toEqual({ code: 4009, reason: 'slow' });
    await expectNothingLeft();
  });

  it('of one that fails in our own code is 4008, and leaves nothing', async () => {
    await begin({
      deps: {
        onMetric: () => undefined,
        onUsage: () => {
          throw new Error('ours');
        },
      },
    });
    bridge.emit({ type: 'usage', usage: {} as never });
    expect((await page.closed).code).toBe(4008);
    await expectNothingLeft();
  });
});

describe('bad input', () => {
  const mic = (fields: object = {}) =>
    encodeAudioFrame({ epoch: 0, seq: 7, lane: 'mic', flags: 0, samples: new Int16Array(48), ...fields });

  it.each<[string, (string | Uint8Array)[], number]>([
    ['garbage', ['{{{'], 4505],
    ['an unknown type', ['{"type":"shout"}'], 4505],
    ['an unknown field', ['{"type":"ping","loud":true}'], 4505],
    ['a field out of range', ['{"type":"playout","epoch":-1,"item":"i","playedMs":0}'], 4505],
    ['a second start', ['{"type":"session.start","turn":"auto"}'], 4505],
    ['an oversize message', [`{"type":"user.text","text":"${'x'.repeat(1_048_600)}"}`], 4505],
    ['a message that is not even read', ['x'.repeat(1_300_000)], 1009],
    ['a frame without samples', [new Uint8Array(8)], 4505],
    ['half a header', [new Uint8Array(5)], 4505],
    ['half a sample', [new Uint8Array(9)], 4505],
    ['an oversize frame', [new Uint8Array(65_538)], 4505],
    ['a lane of the relay', [mic({ lane: 'B' })], 4505],
    ['an unknown lane', [Uint8Array.of(0, 0, 0, 0, 0, 0, 9, 0, 1, 1)], 4505],
    ['an unknown flag', [Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 64, 1, 1)], 4505],
    ['a frame twice', [mic(), mic()], 4505],
    ['frames in the wrong order', [mic(), mic({ seq: 6 })], 4505],
    [
      'sound faster than life',
      Array.from({ length: 7 }, (_, i) => mic({ seq: i, samples: new Int16Array(24_000) })),
      4029,
    ],
    ['a flood of messages', Array<string>(130).fill('{"type":"ping"}'), 4029],
  ])('%s ends the session with its code and leaves nothing', async (_, data, code) => {
    await begin();
    await userTurn();
    for (const one of data) page.sendRaw(one);
    expect((await page.closed).code).toBe(code);
    if (code !== 1009) expect(page.all('error')).toHaveLength(1);
    await expectNothingLeft();
  });

  it.each<[string, WidgetMessage | Uint8Array]>([
    ['a message', { type: 'user.text', text: 'early' }],
    ['sound', mic()],
  ])('%s before the start ends the session', async (_, data) => {
    await admit();
    if (data instanceof Uint8Array) page.sendRaw(data);
    else page.send(data);
    expect((await page.closed).code).toBe(4505);
    await expectNothingLeft();
  });

  it.each<[string, WidgetMessage[], string]>([
    ['talk.end alone', [{ type: 'talk.end', utterance: 'p' }], 'bad-request'],
    ['a result nobody waits for', [{ type: 'tool.result', call: 'x', output: '' }], 'not-found'],
    [
      'talk.start where the session listens',
      [{ type: 'talk.start', utterance: 'p', epoch: 1, paused: false }],
      'bad-request',
    ],
  ])('%s is answered with an error and the session goes on', async (_, messages, code) => {
    await begin();
    await tell(...messages);
    expect(page.all('error')).toMatchObject([{ code }]);
    expect(relay.door.live).toBe(1);
  });

  it('a second talk.start is answered with an error', async () => {
    await begin({}, { turn: 'hold' });
    await tell({ type: 'talk.start', utterance: 'p', epoch: 1, paused: false });
    await tell({ type: 'talk.start', utterance: 'q', epoch: 1, paused: false });
    expect(page.all('error')).toMatchObject([{ code: 'bad-request' }]);
  });

  it('what is over is ignored', async () => {
    await begin();
    await tell(
      { type: 'playout', epoch: 9, item: 'nothing', playedMs: 5 },
      { type: 'playout.drained', epoch: 0, item: 'nothing' },
      { type: 'clip.ended', epoch: 1, clip: 'nothing' },
      { type: 'user.offset', utterance: 'nothing' },
    );
    expect(page.all('error')).toEqual([]);
  });

  it('after the end is not heard', async () => {
    await begin();
    page.send({ type: 'session.end' });
    page.send({ type: 'user.text', text: 'wait' });
    page.sendRaw('garbage');
    expect((await page.closed).code).toBe(1000);
    await expectNothingLeft();
  });
});
