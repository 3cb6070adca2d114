/** Coming back over a new connection: what goes on, what comes again, and who is refused. */
import { afterEach, describe, expect, it } from 'vitest';
import { msToSamples, samplesToMs, type AudioFrame } from '#wire';
import {
  answer,
  begin,
  bridge,
  clock,
  commands,
  expectNothingLeft,
  finish,
  loud,
  page,
  pass,
  provider,
  relay,
  say,
  tell,
  userTurn,
} from './testing/conversation.ts';
import { back, cut, newPage } from './testing/coming-back.ts';
import { openPage, type PageClient } from './testing/page-client.ts';
import { GOOD_TOKEN, aClip } from './testing/relay-under-test.ts';

afterEach(() => relay.stop());

const samplesOf = (frames: AudioFrame[]) => frames.reduce((sum, { samples }) => sum + samples.length, 0);
const ramp = (ms: number, from = 0) =>
  Int16Array.from({ length: msToSamples(ms) }, (_, i) => 2_000 + ((from + i) % 20_000));
const heard = (...pages: PageClient[]) => pages.flatMap((one) => one.frames.flatMap(({ samples }) => [...samples]));

describe('a page that comes back in time', () => {
  it('goes on where it was: nothing is lost, nothing comes twice, the provider never knew', async () => {
    await begin();
    await userTurn();
    const sound = ramp(3_000);
    await say(
      { type: 'response.created', response: 'r1', turn: 'turn_1' },
      { type: 'response.audio', response: 'r1', item: 'i1', samples: sound },
    );
    await pass(300);
    await tell({ type: 'playout', epoch: 1, item: 'i1', playedMs: 200 });
    await cut();
    clock.advance(2_000);
    bridge.emit({ type: 'response.generated', response: 'r1', text: 'So.' });
    bridge.emit({ type: 'response.done', response: 'r1', status: 'completed' });
    const next = await back();
    expect(await next.received('session.resumed')).toMatchObject({
      kept: 'all',
      session: page.all('session.created')[0]!.session,
      received: { messages: 4 },
      epoch: 1,
    });
    expect(next.all('session.created')).toEqual([]);
    for (let at = 400; next.frames.at(-1)?.flags !== 2; at += 200) {
      next.send({ type: 'playout', epoch: 1, item: 'i1', playedMs: at });
      clock.advance(200);
      await next.settled();
    }
    expect(heard(page, next)).toEqual([...sound]);
    expect(next.all('gate.close')).toEqual([]);
    next.send({ type: 'playout.drained', epoch: 1, item: 'i1' });
    expect(await next.received('turn.ended')).toMatchObject({ outcome: 'answered' });
    expect(commands('cancel').length + commands('truncate').length).toBe(0);
    next.send({ type: 'session.end' });
    await expectNothingLeft();
  });

  it('gets what it had not got, and what it had acknowledged is let go of', async () => {
    await begin({ clips: [aClip('hum', 'reflex')] });
    await tell({ type: 'ack', ...page.came });
    const before = { ...page.came };
    await say({ type: 'input.transcript.done', item: 'u1', text: 'hello' });
    await cut();
    // It says that it lost the last message on its way.
    const next = await openPage(
      relay.url,
      GOOD_TOKEN,
      {},
      { offer: page.offer('same').replace(`.${page.came.messages}.`, `.${before.messages}.`), came: before },
    );
    await next.settled();
    expect(next.all('transcript.done')).toHaveLength(1);
    expect(next.all('provider.changed')).toEqual([]);
    expect(next.clips.size).toBe(0);
  });

  it('is told what came of it, over the first connection and since, at most a second after', async () => {
    await begin();
    await tell({ type: 'user.text', text: 'Hi.' });
    page.speak(loud(20));
    await page.settled();
    clock.advance(1_000);
    expect(await page.received('ack', ({ frames }) => frames > 0)).toEqual({ type: 'ack', messages: 2, frames: 1 });
    await cut();
    const next = await back(page, { seq: 1 });
    expect((await next.received('session.resumed')).received).toEqual({ messages: 2, frames: 1 });
    next.speak(loud(20));
    await next.settled();
    clock.advance(1_000);
    expect(await next.received('ack')).toEqual({ type: 'ack', messages: 2, frames: 2 });
    expect(commands('append').map(({ samples }) => samples)).toEqual([480, 480]);
  });

  it('may leave out silence, and not send anything twice', async () => {
    await begin();
    page.speak(loud(20));
    await page.settled();
    await cut();
    const next = await back(page, { seq: 40 });
    next.speak(loud(20));
    await next.settled();
    expect(commands('append')).toHaveLength(2);
    next.sendRaw(Uint8Array.of(0, 0, 0, 0, 0, 40, 0, 0, 1, 1));
    expect((await next.closed).code).toBe(4505);
  });

  it('takes over from a connection that the relay still believes in', async () => {
    await begin();
    const next = await back();
    expect(await page.closed).toEqual({ code: 4011, reason: 'moved' });
    expect((await next.received('session.resumed')).kept).toBe('all');
    expect([relay.door.live, relay.leases]).toEqual([1, 1]);
    next.send({ type: 'session.end' });
    await expectNothingLeft();
  });

  it('comes with its token as a message, too', async () => {
    await begin();
    await cut();
    const next = await openPage(relay.url, undefined, {}, { offer: page.offer('same'), came: page.came });
    next.send({ type: 'auth', token: GOOD_TOKEN });
    expect((await next.received('session.resumed')).kept).toBe('all');
    expect(relay.asked.at(-1)).toMatchObject({ isRenewal: true });
  });

  it('finds a gate that closed while it was away for more than the grace above the old epoch', async () => {
    await begin();
    await userTurn();
    await answer('r1', 'turn_1', 3_000);
    await pass(300);
    await cut();
    clock.advance(5_000);
    expect(commands('cancel')).toHaveLength(1);
    const next = await back(page, { epoch: 2 });
    await next.received('gate.close', ({ epoch }) => epoch > 2);
    expect(next.frames).toEqual([]);
    expect(next.all('turn.ended').map(({ outcome }) => outcome)).toEqual(['failed']);
    next.send({ type: 'session.end' });
    await expectNothingLeft();
  });

  it('that closed its own gate meanwhile is followed', async () => {
    await begin();
    await userTurn();
    await answer('r1', 'turn_1', 3_000);
    await pass(300);
    await cut();
    const next = await back(page, { epoch: 4 });
    expect(await next.received('gate.close')).toMatchObject({ epoch: 5 });
  });

  it('comes as often as it must', async () => {
    await begin();
    let last = page;
    for (let i = 0; i < 5; i++) {
      await cut(last);
      clock.advance(50_000);
      last = await back(last);
      expect((await last.received('session.resumed')).kept).toBe('all');
    }
    await cut(last);
    clock.advance(60_000);
    await expectNothingLeft();
  });

  it('gets its words said before the cut into the turn, and the answer over the next connection', async () => {
    await begin();
    page.speak(loud(100));
    await tell({ type: 'user.onset', utterance: 'w', epoch: 1, paused: false });
    await cut();
    clock.advance(3_000);
    const next = await back(page, { seq: 1 });
    next.speak(loud(100));
    next.send({ type: 'user.offset', utterance: 'w' });
    await next.settled();
    expect(commands('append').map(({ samples }) => samples)).toEqual([2_400, 2_400]);
    bridge.emit({ type: 'speech.started', item: 'u1', atMs: 0 }, { type: 'speech.stopped', item: 'u1', atMs: 200 });
    bridge.emit({ type: 'input.committed', item: 'u1' });
    expect(await next.received('turn.started')).toMatchObject({ turn: 'turn_1' });
  });
});

describe('a page that was away for too much', () => {
  it('is told that the conversation has only its memory, with everything else anew', async () => {
    await begin({ clips: [aClip('hum', 'reflex')] });
    await userTurn();
    await cut();
    for (let i = 0; i < 10; i++)
      bridge.emit({ type: 'input.transcript.delta', item: `x${i}`, text: 'x'.repeat(500_000) });
    const next = await openPage(relay.url, GOOD_TOKEN, {}, { offer: page.offer('same', 1) });
    await next.settled();
    const hello = await next.received('session.resumed');
    expect(hello).toMatchObject({ kept: 'memory', received: { messages: 0, frames: 0 } });
    expect(await next.received('gate.close')).toMatchObject({ epoch: hello.epoch });
    expect(next.clips.get('hum')).toBe(msToSamples(300));
    expect(provider.bridges).toHaveLength(1);
    next.send({ type: 'session.end' });
    await expectNothingLeft();
  });
});

describe('a turn that was typed', () => {
  it('is taken once where the page says it again, and anew from a page that was loaded anew', async () => {
    await begin();
    await tell({ type: 'user.text', text: 'Hi.', n: 1 });
    await tell({ type: 'user.text', text: 'Hi.', n: 1 });
    // Who counts nothing says everything once.
    await tell({ type: 'user.text', text: 'Ho.' }, { type: 'user.text', text: 'Ho.' });
    expect(commands('user-text').map(({ text }) => text)).toEqual(['Hi.', 'Ho.', 'Ho.']);
    await cut();
    const next = await newPage();
    next.send({ type: 'user.text', text: 'Hi.', n: 1 });
    await next.settled();
    expect(commands('user-text')).toHaveLength(4);
  });
});

describe('a page that no longer acknowledges', () => {
  const flood = async () => {
    for (let i = 0; i < 12; i++)
      await say({ type: 'input.transcript.delta', item: `x${i}`, text: 'x'.repeat(500_000) });
  };

  it('is closed with 4009 when too much is kept for it, and comes back', async () => {
    await begin();
    await tell({ type: 'ack', ...page.came });
    await flood();
    expect(await page.closed).toEqual({ code: 4009, reason: 'slow' });
    expect((await (await back()).received('session.resumed')).kept).toBe('all');
  });

  it('and never did is older than that: it is let be', async () => {
    await begin();
    await flood();
    expect(page.socket.readyState).toBe(page.socket.OPEN);
  });
});

describe('a page that is loaded anew', () => {
  it('hears from where the former one was, once, and knows what holds', async () => {
    await begin({ clips: [aClip('hum', 'reflex')] });
    await userTurn();
    await say({ type: 'input.transcript.done', item: 'user_1', text: 'What is it?' });
    const sound = ramp(3_000);
    await say(
      { type: 'response.created', response: 'r1', turn: 'turn_1' },
      { type: 'response.text', response: 'r1', item: 'i1', delta: 'It is this.' },
      { type: 'response.audio', response: 'r1', item: 'i1', samples: sound },
    );
    await pass(400);
    await tell({ type: 'playout', epoch: 1, item: 'i1', playedMs: 350 });
    await cut();
    const next = await newPage();
    const hello = await next.received('session.resumed');
    expect(hello).toMatchObject({ kept: 'unplayed', received: { messages: 0, frames: 0 }, epoch: 1 });
    const told = next.messages.map(({ type }) => type).filter((type) => type !== 'pong');
    expect(told).toEqual([
      ...['session.resumed', 'clip.added', 'provider.changed', 'turn.started', 'transcript.done'],
      ...told.filter((type) => type === 'transcript.delta'),
      ...['gate.open', 'lane.admit', 'lane.owner_changed', 'state.changed', 'item.started'],
    ]);
    expect(await next.received('item.started')).toMatchObject({ item: 'i1', fromMs: 350, epoch: 1, lane: 'B' });
    bridge.emit({ type: 'response.generated', response: 'r1', text: 'It is this.' });
    bridge.emit({ type: 'response.done', response: 'r1', status: 'completed' });
    for (let at = 500; next.frames.at(-1)?.flags !== 2; at += 200) {
      next.send({ type: 'playout', epoch: 1, item: 'i1', playedMs: at });
      clock.advance(200);
      await next.settled();
    }
    expect(heard(next)).toEqual([...sound.subarray(msToSamples(350))]);
    next.send({ type: 'playout.drained', epoch: 1, item: 'i1' });
    expect(await next.received('turn.ended')).toMatchObject({ outcome: 'answered' });
  });

  it('hears the end of an answer that had all been sent', async () => {
    await begin();
    await userTurn();
    await answer('r1', 'turn_1', 300);
    await finish('r1');
    await pass(100);
    expect(page.frames.at(-1)?.flags).toBe(2);
    await tell({ type: 'playout', epoch: 1, item: 'item_of_r1', playedMs: 100 });
    await cut();
    const next = await newPage();
    await next.until(() => next.frames.at(-1)?.flags === 2);
    expect(samplesToMs(samplesOf(next.frames))).toBe(200);
  });

  it('serves the functions that are called from now on; those that were open have failed', async () => {
    await begin({}, { tools: [{ name: 'go', description: '', parameters: {} }] });
    await userTurn();
    await say(
      { type: 'response.created', response: 'r1', turn: 'turn_1' },
      { type: 'tool.called', response: 'r1', call: 'c1', name: 'go', arguments: '{}' },
      { type: 'response.done', response: 'r1', status: 'completed' },
    );
    await cut();
    const next = await newPage();
    expect(commands('output')).toMatchObject([{ call: 'c1', output: expect.stringContaining('left') }]);
    expect(commands('create').map(({ turn }) => turn)).toEqual(['turn_1', 'turn_1']);
    next.send({ type: 'tool.result', call: 'c1', output: '{}' });
    expect((await next.received('error')).code).toBe('not-found');
  });

  it('agrees on Opus anew', async () => {
    await begin({}, { codecs: ['opus'] });
    await page.received('session.ready');
    await cut();
    const next = await newPage();
    expect((await next.received('session.ready')).codec).toBe('opus');
  });
});

describe('speech that was lost', () => {
  const again = aClip('again', 'refusal');
  again.text = 'Sorry, the connection was interrupted and I missed that. Could you say it again?';

  it('makes no turn, and the assistant asks to say it again', async () => {
    await begin({ voiced: [again] });
    await tell({ type: 'user.onset', utterance: 'w', epoch: 1, paused: false });
    await say({ type: 'speech.started', item: 'u1', atMs: 0 });
    await tell({ type: 'speech.lost', utterance: 'w' });
    expect(commands('clear')).toHaveLength(1);
    expect(await page.received('clip.play')).toMatchObject({ lane: 'C', clip: 'again' });
    await say({ type: 'speech.stopped', item: 'u1', atMs: 500 }, { type: 'input.committed', item: 'u1' });
    expect(commands('delete').map(({ item }) => item)).toEqual(['u1']);
    expect(commands('create')).toEqual([]);
    await tell({ type: 'clip.ended', epoch: page.all('clip.play')[0]!.epoch, clip: 'again' });
    // What is said then is answered.
    await userTurn('u2');
    expect(commands('create')).toHaveLength(1);
  });

  it('is asked for again where a page was loaded anew in the middle of it', async () => {
    await begin({ voiced: [again] });
    await tell({ type: 'user.onset', utterance: 'w', epoch: 1, paused: false });
    await pass(500);
    await cut();
    const next = await newPage();
    expect(await next.received('clip.play')).toMatchObject({ clip: 'again' });
  });

  it('is no reason to ask where nobody had spoken, and ends what was too short for a word', async () => {
    await begin({ voiced: [again] });
    await tell({ type: 'user.onset', utterance: 'w', epoch: 1, paused: false });
    await cut();
    const next = await newPage();
    expect(next.all('clip.play')).toEqual([]);
    expect(commands('clear')).toHaveLength(1);
  });

  it('of a page that pressed to talk: it may press again', async () => {
    await begin({ voiced: [again] }, { turn: 'hold' });
    await tell({ type: 'talk.start', utterance: 'w', epoch: 1, paused: false });
    await tell({ type: 'speech.lost' });
    expect(await page.received('clip.play')).toMatchObject({ clip: 'again' });
    await tell({ type: 'talk.start', utterance: 'w2', epoch: page.all('clip.play')[0]!.epoch, paused: false });
    expect(page.all('error')).toEqual([]);
  });
});
