import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CLOSE, decodeAudioFrame, encodeAudioFrame, FLAG_SPEECH, type AudioFrame, type RelayMessage } from '#wire';
import { RelaySocket, socketClass } from '../testing/relay-socket.ts';
import { openLink, readClose, socketUrl, type LinkClosed } from './link.ts';

let relay: RelaySocket;
let abort: AbortController;
beforeEach(async () => {
  relay = await RelaySocket.listen();
  abort = new AbortController();
});
afterEach(() => {
  abort.abort();
  vi.useRealTimers();
  relay.close();
});

function withResolvers<T>() {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((done) => (resolve = done));
  return { promise, resolve };
}

function dial(pingEveryMs = 60_000) {
  const messages: RelayMessage[] = [];
  const frames: AudioFrame[] = [];
  const trips: number[] = [];
  const opened = withResolvers<void>();
  const closed = withResolvers<LinkClosed>();
  const heard = { wake: () => {} };
  const link = openLink({
    url: socketUrl(relay.src),
    token: 'a.b.c',
    signal: abort.signal,
    onOpen: opened.resolve,
    onMessage: (message) => {
      messages.push(message);
      heard.wake();
    },
    onSound: (frame) => {
      frames.push(frame);
      heard.wake();
    },
    onClosed: closed.resolve,
    onRoundTrip: (ms) => {
      trips.push(ms);
      heard.wake();
    },
    pingEveryMs,
    socketClass,
  });
  const until = async (isSo: () => boolean) => {
    while (!isSo()) await new Promise<void>((resolve) => (heard.wake = resolve));
  };
  return { link, messages, frames, trips, opened: opened.promise, closed: closed.promise, until };
}

describe('a link', () => {
  it('is at /ws of the relay’s origin, safe where the origin is', () => {
    expect(socketUrl('https://relay.example')).toBe('wss://relay.example/ws');
    expect(socketUrl('http://localhost:3000')).toBe('ws://localhost:3000/ws');
  });

  it('carries the token as a subprotocol and never in the address', async () => {
    await dial().opened;
    expect(relay.offered).toEqual(['vjj.1,token.a.b.c']);
  });

  it('counts its frames of sound and marks speech', async () => {
    const { link, opened } = dial();
    await opened;
    link.sendSound(Int16Array.of(1, 2), true, 7);
    link.sendSound(Int16Array.of(3), false, 7);
    await relay.until(() => relay.frames.length === 2);
    const read = relay.frames.map((bytes) => decodeAudioFrame(bytes));
    expect(read).toMatchObject([
      { ok: true, frame: { epoch: 7, seq: 0, lane: 'mic', flags: FLAG_SPEECH } },
      { ok: true, frame: { epoch: 7, seq: 1, lane: 'mic', flags: 0 } },
    ]);
  });

  it('hears sound and messages, and skips what it does not know', async () => {
    const { opened, messages, frames, until } = dial();
    await opened;
    const sound = encodeAudioFrame({ epoch: 3, seq: 9, lane: 'B', flags: 0, samples: Int16Array.of(5) });
    relay.says('{"type":"from.the.future"}', 'not json', Uint8Array.of(1, 2), sound);
    relay.says({ type: 'provider.changed', up: true });
    await until(() => messages.length > 0);
    expect(messages).toEqual([{ type: 'provider.changed', up: true }]);
    expect(frames).toMatchObject([{ epoch: 3, seq: 9, lane: 'B' }]);
  });

  it('measures the way to the relay and back', async () => {
    // Its pings come when the test says: a slow machine is no dead socket.
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const { trips, until, opened } = dial(5);
    await opened;
    vi.advanceTimersByTime(5);
    await relay.until(() => relay.messages('ping').length > 0);
    relay.says({ type: 'pong' });
    await until(() => trips.length > 0);
    expect(trips[0]).toBeGreaterThan(0);
  });

  it('takes a socket for dead that answers nothing', async () => {
    const { closed } = dial(5);
    expect(await closed).toMatchObject({ code: 1006, retryable: true, error: { code: 'NETWORK' } });
  });

  it('says how it was closed', async () => {
    const { opened, closed } = dial();
    await opened;
    relay.closes(CLOSE.origin);
    expect(await closed).toMatchObject({ code: 4502, retryable: false, error: { code: 'ORIGIN_DENIED' } });
  });

  it('says goodbye at the end, and nothing after it', async () => {
    const { link, opened } = dial();
    await opened;
    link.end();
    link.send({ type: 'user.interrupt' });
    await relay.until(() => relay.openSockets === 0);
    expect(relay.messages('session.end', 'user.interrupt')).toEqual([{ type: 'session.end' }]);
  });

  it('is let go of with its signal, also while it is being opened', async () => {
    const { closed } = dial();
    abort.abort();
    const again = dial();
    await relay.until(() => relay.openSockets === 0);
    const nothing = Symbol();
    expect(await Promise.race([closed, again.closed, Promise.resolve(nothing)])).toBe(nothing);
  });
});

it.each([
  [1000, false, false, undefined],
  [CLOSE['longest-session'], false, false, undefined],
  [CLOSE.drain, true, false, 'NETWORK'],
  [CLOSE.busy, true, true, 'QUOTA'],
  [CLOSE['token-expired'], true, false, 'TOKEN_EXPIRED'],
  [CLOSE.unauthorized, false, false, 'TOKEN_EXPIRED'],
  [CLOSE.quota, false, false, 'QUOTA'],
  [CLOSE.protocol, false, false, 'PROTOCOL'],
])('reads close code %i', (code, retryable, busy, error) => {
  const closed = readClose(code);
  expect([closed.retryable, closed.busy, closed.error?.code]).toEqual([retryable, busy, error]);
});
