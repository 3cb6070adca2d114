import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CLOSE, encodeAudioFrame, FLAG_LAST, type RelayMessage } from '#wire';
import { CallError } from '../errors.ts';
import { openLink } from '../link/link.ts';
import { QUIET_MS } from '../link/reconnect.ts';
import { RelaySocket, socketClass } from '../testing/relay-socket.ts';
import { ScriptedSound } from '../testing/scripted-sound.ts';
import type { Call, CallConfig, CallEvent } from './call.ts';
import { joinCall, type CallParts } from './open-call.ts';

const created: RelayMessage = {
  type: 'session.created',
  session: 's1',
  epoch: 4,
  assistant: { name: 'Ada', locale: 'en' },
  leadMs: 400,
  longestSessionMs: 600_000,
  tokenExpiresInMs: 600_000,
  knobs: { echoLevelDb: -45, echoGuardMs: 3_000, transitionGapMs: 10 },
};
const frame = (mark: number, speaking = true) => ({
  type: 'mic.frame' as const,
  samples: new Int16Array(480).fill(mark),
  speaking,
});

let relay: RelaySocket;
let sound: ScriptedSound;
let abort: AbortController;
beforeEach(async () => {
  relay = await RelaySocket.listen();
  relay.greeting = created;
  sound = new ScriptedSound();
  abort = new AbortController();
});
afterEach(() => {
  abort.abort();
  relay.close();
});

function begin(more: Partial<CallConfig> = {}, parts: Partial<CallParts> = {}) {
  const events: CallEvent[] = [];
  const waiting: (() => void)[] = [];
  const early: Call[] = [];
  let fail: (error: unknown) => void = () => {};
  const failed = new Promise<unknown>((resolve) => (fail = resolve));
  const config: CallConfig = {
    ...{ src: relay.src, tenant: 'pk', assistant: '', tokenSrc: '', turn: 'auto', mode: 'voice', locale: 'de' },
    ...{ context: '', tools: [], workletUrls: [], inputId: '', micMuted: false, mutePolicy: 'silence' },
    ...{ muted: false, volume: 1 },
    ...more,
  };
  const on = (event: CallEvent) => {
    events.push(event);
    for (const wake of waiting.splice(0)) wake();
  };
  const until = async (type: CallEvent['type']) => {
    while (!events.some((event) => event.type === type)) await new Promise<void>((resolve) => waiting.push(resolve));
    return events.findLast((event) => event.type === type);
  };
  const call = joinCall(
    { config, signal: abort.signal, on, early: (one) => early.push(one), fail },
    {
      openAudio: sound.openAudio,
      openLink: (options) => openLink({ ...options, socketClass }),
      fetchToken: () => Promise.resolve('jwt'),
      wait: () => Promise.resolve(),
      ...parts,
    },
  );
  return { call, events, until, early, failed };
}

describe('the start of a call', () => {
  it('asks for sound before anything is awaited, as a click demands', () => {
    begin().call.catch(() => undefined);
    expect(sound.options).not.toBeNull();
  });

  it('tells the relay how turns end, in which language, with which functions and context', async () => {
    const tools = [{ name: 'f', description: '', parameters: {} }];
    await begin({ context: 'on /prices', tools, turn: 'hold' }).call;
    expect(relay.messages('session.start')).toEqual([
      { type: 'session.start', turn: 'hold', locale: 'de', context: 'on /prices', tools },
    ]);
  });

  it('keeps what is said before the relay answers, and sends it in order under the session’s epoch', async () => {
    relay.greeting = null;
    const { call, early } = begin();
    await relay.until(() => relay.messages('session.start').length > 0);
    expect(early).toHaveLength(1);
    sound.happens({ type: 'onset', utterance: 'u1', epoch: 0, level: -20, paused: false }, frame(1), frame(2));
    sound.happens({ type: 'offset', utterance: 'u1' });
    expect(relay.frames).toHaveLength(0);
    relay.says(created);
    await call;
    await relay.until(() => relay.messages('user.offset').length > 0);
    expect(relay.messages('user.onset')).toMatchObject([{ utterance: 'u1', epoch: 4 }]);
    expect(relay.received.map((one) => (one instanceof Uint8Array ? 'sound' : one['type'])).slice(1)).toEqual([
      ...['user.onset', 'sound', 'sound', 'user.offset'],
    ]);
  });

  it('fails with the microphone’s own reason', async () => {
    sound.failure = new CallError('MIC_DENIED', 'no');
    await expect(begin().call).rejects.toMatchObject({ code: 'MIC_DENIED' });
  });

  it('fails with the relay’s reason', async () => {
    relay.greeting = null;
    const { call } = begin();
    await relay.until(() => relay.messages('session.start').length > 0);
    relay.closes(CLOSE.quota);
    await expect(call).rejects.toMatchObject({ code: 'QUOTA' });
  });

  it('fails for lack of a network when the relay closes without a reason', async () => {
    relay.greeting = null;
    const { call } = begin();
    await relay.until(() => relay.messages('session.start').length > 0);
    relay.closes(1000);
    await expect(call).rejects.toMatchObject({ code: 'NETWORK' });
  });

  it('leaves nothing behind when it is given up half way', async () => {
    relay.greeting = null;
    const { call } = begin();
    await relay.until(() => relay.messages('session.start').length > 0);
    abort.abort();
    await call;
    await relay.until(() => relay.openSockets === 0);
  });

  it('begins muted where the page says so', async () => {
    await begin({ micMuted: true, mutePolicy: 'release', muted: true, volume: 0.5 }).call;
    expect(sound.asked).toContainEqual(['setMicMuted', true, 'release']);
    expect(sound.asked).toContainEqual(['setOutput', { muted: true, volume: 0.5 }]);
  });

  it('goes on in writing where there is no sound at all', async () => {
    sound.failure = new CallError('CSP_WORKLET', 'no');
    const { call, until } = begin({ mode: 'text' });
    const live = await call;
    await until('soundless');
    live.sendText('Hello');
    live.setOutput({ muted: true, volume: 1 });
    live.waveform(new Float32Array(1), new Float32Array(1));
    await live.setInput('x');
    await live.setSinkId('x');
    await live.setMicMuted(true, 'silence');
    expect(live.levels).toEqual({ in: 0, out: 0 });
    await relay.until(() => relay.messages('user.text').length > 0);
    expect(relay.messages('device.changed', 'user.text')).toEqual([
      { type: 'device.changed', suspended: true },
      { type: 'user.text', text: 'Hello', n: 1 },
    ]);
  });
});

describe('a call', () => {
  it('passes the relay’s words about sound to the ear', async () => {
    const { call, until } = begin();
    await call;
    const item = {
      type: 'item.started',
      item: 'i1',
      response: 'r1',
      turn: 't1',
      epoch: 4,
      lane: 'B',
      fromMs: 0,
    } as const;
    const open = { type: 'gate.open', epoch: 5, lane: 'B' } as const;
    const close = { type: 'gate.close', epoch: 6, rampMs: 10 } as const;
    const pause = { type: 'gate.pause', epoch: 5 } as const;
    relay.says(item, open, pause, close, { type: 'auth.accepted', tokenExpiresInMs: 600_000 });
    await until('auth.accepted');
    expect(sound.commands).toEqual([item, open, pause, close]);
    expect(sound.asked).toContainEqual(['configure', 4]);
  });

  it('knows an item’s length with its last frame', async () => {
    const { call, until } = begin();
    const live = await call;
    relay.says({ type: 'item.started', item: 'i1', response: 'r', turn: 't', epoch: 4, lane: 'B', fromMs: 20 });
    const samples = new Int16Array(480);
    relay.says(encodeAudioFrame({ epoch: 4, seq: 0, lane: 'B', flags: 0, samples }));
    relay.says(encodeAudioFrame({ epoch: 4, seq: 1, lane: 'B', flags: FLAG_LAST, samples }));
    expect(await until('item.complete')).toEqual({ type: 'item.complete', item: 'i1', totalMs: 60 });
    expect(sound.played).toHaveLength(2);
    expect(live.stats.framesReceived).toBe(2);
  });

  it('reports what was heard', async () => {
    await begin().call;
    sound.happens(
      { type: 'playout', epoch: 4, item: 'i1', playedMs: 120 },
      { type: 'drained', epoch: 4, item: 'i1' },
      { type: 'clip.ended', epoch: 4, clip: 'c1' },
      { type: 'device', suspended: true },
      { type: 'mic.lost' },
    );
    await relay.until(() => relay.messages('device.changed').length > 0);
    expect(relay.messages('playout', 'playout.drained', 'clip.ended', 'device.changed')).toEqual([
      { type: 'playout', epoch: 4, item: 'i1', playedMs: 120 },
      { type: 'playout.drained', epoch: 4, item: 'i1' },
      { type: 'clip.ended', epoch: 4, clip: 'c1' },
      { type: 'device.changed', suspended: true },
    ]);
  });

  it('measures how fast the output fell silent', async () => {
    const { call, until } = begin();
    const live = await call;
    const timing = { acousticOnsetFrame: 0, decidedAtFrame: 1440 };
    sound.happens(
      { type: 'onset', utterance: 'u', epoch: 4, level: -20, paused: true, timing },
      { type: 'playout', epoch: 4, item: 'i', playedMs: 1, silentAtFrame: 2016 },
      { type: 'playout', epoch: 4, item: 'i', playedMs: 1, silentAtFrame: 9999 },
    );
    expect(await until('pause')).toEqual({ type: 'pause', detectMs: 30, silenceMs: 12 });
    expect(live.stats.pauseMs).toBe(12);
  });

  it('sends what it is asked for', async () => {
    const live = await begin().call;
    live.interrupt();
    live.updateContext('new page');
    live.updateContext('new price', 'price');
    live.answerTool('c1', '18', false);
    live.answerTool('c2', 'broken', true);
    await live.setMicMuted(true, 'silence');
    await live.setInput('');
    await live.setInput('mic2');
    await live.setSinkId('ear2');
    await relay.until(() => relay.messages('mic.changed').length > 0);
    expect(relay.received.slice(1)).toEqual([
      { type: 'user.interrupt' },
      { type: 'context.update', text: 'new page' },
      { type: 'context.update', text: 'new price', key: 'price' },
      { type: 'tool.result', call: 'c1', output: '18' },
      { type: 'tool.result', call: 'c2', output: 'broken', failed: true },
      { type: 'mic.changed', muted: true },
    ]);
    expect(sound.asked.slice(-3)).toEqual([
      ['setMicMuted', false, 'silence'],
      ['setInput', 'mic2'],
      ['setSinkId', 'ear2'],
    ]);
    expect(live.levels).toEqual({ in: 0.1, out: 0.2 });
  });

  it('with a button sends only what is said while it is down', async () => {
    sound.pausesOnTalk = true;
    const live = await begin({ turn: 'hold' }).call;
    sound.happens(frame(1), { type: 'onset', utterance: 'u', epoch: 4, level: -9, paused: false });
    live.talk(true);
    live.talk(true);
    sound.happens(frame(2));
    live.talk(false);
    live.talk(false);
    sound.happens(frame(3), { type: 'offset', utterance: 'u' });
    await relay.until(() => relay.messages('talk.end').length > 0);
    expect(relay.received.slice(1).map((one) => (one instanceof Uint8Array ? 'sound' : one))).toEqual([
      { type: 'talk.start', utterance: 'talk-1', epoch: 4, paused: true },
      'sound',
      { type: 'talk.end', utterance: 'talk-1' },
    ]);
  });

  it('gets a new token before the old one is too old, without a new connection', async () => {
    relay.greeting = { ...created, tokenExpiresInMs: 1 };
    await begin().call;
    await relay.until(() => relay.messages('auth').length > 0);
    expect(relay.messages('auth')).toEqual([{ type: 'auth', token: 'jwt' }]);
    expect(relay.offered).toHaveLength(1);
  });

  it('ends with a goodbye', async () => {
    const live = await begin().call;
    live.end();
    await relay.until(() => relay.openSockets === 0);
    expect(relay.messages('session.end')).toHaveLength(1);
  });
});

describe('a lost connection', () => {
  it('comes back by itself, with what was said meanwhile', async () => {
    let goOn: () => void = () => {};
    const paused = new Promise<void>((resolve) => (goOn = resolve));
    const isNoticed = (ms: number) => ms === QUIET_MS;
    const { call, until, events } = begin({}, { wait: (ms) => (isNoticed(ms) ? Promise.resolve() : paused) });
    const live = await call;
    relay.breaks();
    await until('link.down');
    sound.happens(frame(7), { type: 'playout', epoch: 4, item: 'old', playedMs: 5 });
    goOn();
    await until('link.up');
    await relay.until(() => relay.frames.length > 0);
    expect(relay.messages('session.start')).toHaveLength(2);
    expect(relay.messages('playout')).toEqual([]);
    expect(events).toContainEqual({ type: 'link.down', attempt: 1 });
    expect(live.stats.reconnects).toBe(1);
  });

  it('is tried again as long as that may help', async () => {
    let tries = 0;
    const fetchToken = () => {
      tries += 1;
      return tries === 2 ? Promise.reject(new CallError('NETWORK', 'away')) : Promise.resolve('jwt');
    };
    const { call, until, events } = begin({}, { fetchToken });
    await call;
    relay.closes(CLOSE.drain);
    await until('link.up');
    expect(events.filter(({ type }) => type === 'link.down')).toHaveLength(2);
  });

  it('is final where the relay says so, at once or on the way back', async () => {
    const { call, failed } = begin();
    await call;
    relay.closes(CLOSE.revoked);
    expect(await failed).toMatchObject({ code: 'TOKEN_EXPIRED' });
  });

  it('is final when the page may no longer come back', async () => {
    let tries = 0;
    const fetchToken = () => {
      tries += 1;
      return tries > 1 ? Promise.reject(new CallError('ORIGIN_DENIED', 'no')) : Promise.resolve('jwt');
    };
    const { call, failed } = begin({}, { fetchToken });
    await call;
    relay.breaks();
    expect(await failed).toMatchObject({ code: 'ORIGIN_DENIED' });
  });

  it.each([
    [1000, 'relay'],
    [CLOSE['longest-session'], 'longest-session'],
  ])('with %i is no loss but the end', async (code, reason) => {
    const { call, until } = begin();
    await call;
    relay.closes(code);
    expect(await until('call.ended')).toEqual({ type: 'call.ended', reason });
  });
});
