import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CLOSE, decodeAudioFrame, encodeAudioFrame, type RelayMessage } from '#wire';
import { RelaySocket, socketClass } from '../testing/relay-socket.ts';
import { LastingLink, type LastingOptions, type Ticket } from './lasting-link.ts';
import { openLink, socketUrl, type LinkClosed } from './link.ts';
import { GRACE_MS, QUIET_MS } from './reconnect.ts';

const SECRET = 'q7Zb0mGx3p1sT9vYkL2cR8dWnE5aUoHfJi4_-X6BwKQ';
const facts = {
  session: 'ses_1',
  epoch: 1,
  assistant: { name: 'Ada', locale: 'en' },
  leadMs: 400,
  longestSessionMs: 600_000,
  tokenExpiresInMs: 600_000,
  knobs: { echoLevelDb: -45, echoGuardMs: 3_000, transitionGapMs: 10 },
  resume: { secret: SECRET, windowMs: 60_000 },
};
const created: RelayMessage = { type: 'session.created', ...facts };
const resumed = (kept: 'all' | 'unplayed' | 'memory', messages = 0, frames = 0, epoch = 1): RelayMessage => ({
  ...{ type: 'session.resumed', ...facts, epoch, kept, received: { messages, frames } },
});
const down = (seq: number) => encodeAudioFrame({ epoch: 1, seq, lane: 'B', flags: 0, samples: Int16Array.of(seq) });

let relay: RelaySocket;
let abort: AbortController;
beforeEach(async () => {
  relay = await RelaySocket.listen();
  relay.greeting = created;
  abort = new AbortController();
});
afterEach(() => {
  abort.abort();
  relay.close();
});

/** A link whose waits end when the test says so, but for those before an attempt to dial. */
function dial(more: Partial<LastingOptions> = {}) {
  const heard: (RelayMessage | number)[] = [];
  const tickets: (Ticket | null)[] = [];
  const away: number[] = [];
  const back: boolean[] = [];
  const tokens: (string | undefined)[] = [];
  const waits = new Map<number, () => void>();
  const waiting = new Set<() => void>();
  const told = () => waiting.forEach((look) => look());
  let closed: LinkClosed | null = null;
  const link = new LastingLink({
    url: socketUrl(relay.src),
    signal: abort.signal,
    fetchToken: (previous) => {
      tokens.push(previous);
      return Promise.resolve(`t${tokens.length}`);
    },
    openLink: (options) => openLink({ ...options, socketClass }),
    wait: (ms) =>
      ms === QUIET_MS || ms === GRACE_MS || ms === 700 ? new Promise((done) => waits.set(ms, done)) : Promise.resolve(),
    start: { type: 'session.start', turn: 'auto' },
    onMessage: (message) => {
      heard.push(message);
      told();
    },
    onSound: (frame) => {
      heard.push(frame.samples[0] ?? 0);
      told();
    },
    onTicket: (ticket) => tickets.push(ticket),
    onSent: () => undefined,
    onRoundTrip: () => undefined,
    onAway: (attempt) => away.push(attempt),
    onBack: (_gapMs, replayed) => {
      back.push(replayed);
      told();
    },
    onClosed: (how) => {
      closed = how;
      told();
    },
    ...more,
  });
  void link.connect();
  const until = (isSo: () => boolean) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (!isSo()) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  return { link, heard, tickets, away, back, tokens, waits, until, closed: () => closed };
}

/** Live, and the relay has seen the start. */
async function live(more: Partial<LastingOptions> = {}) {
  const call = dial(more);
  await call.until(() => call.tickets.length > 0);
  return call;
}
const offers = () => relay.offered.map((offered) => offered.split(',')[2]);
const sounds = () => relay.frames.map((bytes) => decodeAudioFrame(bytes)).map((one) => (one.ok ? one.frame.seq : -1));

describe('a link that outlives its sockets', () => {
  it('comes back at once, says what it has, and goes on where both were', async () => {
    const call = await live();
    call.link.send({ type: 'user.text', text: 'a' });
    call.link.sendSound(Int16Array.of(1), false, 1);
    relay.says({ type: 'provider.changed', up: true }, down(0), down(1));
    await call.until(() => call.heard.length === 4);
    await relay.until(() => relay.frames.length === 1);
    relay.breaks();
    await relay.until(() => relay.offered.length === 2);
    call.link.send({ type: 'user.text', text: 'b' });
    call.link.sendSound(Int16Array.of(2), false, 1);
    relay.says(resumed('all', 2, 1), down(2));
    await call.until(() => call.heard.at(-1) === 2);
    await relay.until(() => relay.frames.length === 2);
    expect(offers()).toEqual([undefined, `resume.ses_1.${SECRET}.1.2.1`]);
    expect(relay.messages('session.start')).toHaveLength(1);
    expect(relay.messages('user.text').map(({ text }) => text)).toEqual(['a', 'b']);
    expect(sounds()).toEqual([0, 1]);
    expect([call.back, call.away, call.tokens]).toEqual([[true], [], [undefined]]);
  });

  it('sends again what the relay did not get, and takes nothing twice', async () => {
    const call = await live();
    call.link.send({ type: 'user.text', text: 'a' });
    relay.says(down(0));
    await call.until(() => call.heard.includes(0));
    await relay.until(() => relay.messages('user.text').length === 1);
    relay.breaks();
    await relay.until(() => relay.offered.length === 2);
    relay.says(resumed('all', 1, 0), down(0), down(1));
    await call.until(() => call.heard.includes(1));
    await relay.until(() => relay.messages('user.text').length === 2);
    expect(call.heard.filter((one) => one === 0)).toHaveLength(1);
  });

  it('acknowledges what came, and lets go of what is acknowledged', async () => {
    const call = await live();
    relay.says({ type: 'provider.changed', up: true }, down(0));
    await relay.until(() => relay.messages('ack').length > 0);
    expect(relay.messages('ack')).toEqual([{ type: 'ack', messages: 1, frames: 1 }]);
    call.link.send({ type: 'user.text', text: 'a' });
    relay.says({ type: 'ack', messages: 2, frames: 0 });
    await call.until(() => call.heard.some((one) => typeof one === 'object' && one.type === 'ack'));
    relay.breaks();
    await relay.until(() => relay.offered.length === 2);
    relay.says(resumed('memory', 0, 0, 5));
    await call.until(() => call.back.length > 0);
    expect(relay.messages('user.text')).toHaveLength(1);
    expect(call.back).toEqual([false]);
  });

  it('tells a relay that only remembers what was being said, from the onset on and under its epoch', async () => {
    const call = await live();
    call.link.send({ type: 'user.onset', utterance: 'u', epoch: 1, paused: true });
    call.link.sendSound(Int16Array.of(1), true, 1);
    await relay.until(() => relay.frames.length === 1);
    relay.breaks();
    await relay.until(() => relay.offered.length === 2);
    relay.says(resumed('memory', 0, 0, 5));
    await relay.until(() => relay.frames.length === 2);
    expect(relay.messages('user.onset').at(-1)).toEqual({
      type: 'user.onset',
      utterance: 'u',
      epoch: 5,
      paused: false,
    });
    expect(sounds()).toEqual([0, 0]);
    relay.breaks();
    await relay.until(() => relay.offered.length === 3);
    expect(offers()[2]).toBe(`resume.ses_1.${SECRET}.0.0.5`);
  });

  it('begins anew where the relay knows nothing of it, and says so', async () => {
    const call = await live();
    relay.breaks();
    await relay.until(() => relay.offered.length === 2);
    call.link.send({ type: 'user.text', text: 'kept' });
    relay.says({ ...created, session: 'ses_2' });
    await relay.until(() => relay.messages('user.text').length > 0);
    expect(relay.messages('session.start')).toHaveLength(2);
    await call.until(() => call.back.length > 0);
    expect([call.back, call.tickets.at(-1)?.session]).toEqual([[false], 'ses_2']);
  });

  it('closes its own gate when the grace is over, and offers the epoch after it', async () => {
    const call = await live();
    relay.refuses = true;
    relay.breaks();
    await relay.until(() => relay.refused > 2);
    call.waits.get(GRACE_MS)?.();
    await call.until(() => call.heard.some((one) => typeof one === 'object' && one.type === 'gate.close'));
    expect(call.heard.at(-1)).toEqual({ type: 'gate.close', epoch: 2, rampMs: 10 });
    relay.refuses = false;
    await relay.until(() => relay.offered.length > 1);
    expect(offers().at(-1)).toBe(`resume.ses_1.${SECRET}.0.0.2`);
  });

  it('speaks of it only after a second', async () => {
    const call = await live();
    relay.refuses = true;
    relay.breaks();
    await relay.until(() => relay.refused > 1);
    expect(call.away).toEqual([]);
    call.waits.get(QUIET_MS)?.();
    await relay.until(() => relay.refused > 5);
    expect(call.away.length).toBeGreaterThan(0);
  });

  it('gives a relay that stops the time it asks for', async () => {
    const call = await live();
    relay.says({ type: 'relay.draining', comeBackMs: 700 });
    await call.until(() => call.heard.length === 2);
    relay.closes(CLOSE.drain);
    while (!call.waits.has(700)) await new Promise((resolve) => setImmediate(resolve));
    expect(relay.offered).toHaveLength(1);
    call.waits.get(700)?.();
    await relay.until(() => relay.offered.length === 2);
  });

  it('fetches another token when the one it knows is refused', async () => {
    const call = await live();
    relay.breaks();
    await relay.until(() => relay.offered.length === 2);
    relay.closes(CLOSE.unauthorized);
    await relay.until(() => relay.offered.length === 3);
    expect(call.tokens).toEqual([undefined, 't1']);
    expect(relay.offered[2]).toContain('token.t2');
  });

  it('is over when another page of the tab has the conversation', async () => {
    const call = await live();
    relay.closes(CLOSE.moved);
    await call.until(() => call.closed() !== null);
    expect([call.closed()?.error, call.tickets.at(-1)]).toEqual([null, null]);
  });

  it('is over when the window is', async () => {
    relay.greeting = { type: 'session.created', ...facts, resume: { secret: SECRET, windowMs: 0 } };
    const call = await live();
    relay.refuses = true;
    relay.breaks();
    await call.until(() => call.closed() !== null);
    expect(call.closed()?.error).toMatchObject({ code: 'NETWORK' });
  });

  it('comes back for a page before it, which has received nothing', async () => {
    const ticket: Ticket = { session: 'ses_1', secret: SECRET, token: 't0', windowMs: 60_000 };
    relay.greeting = null;
    const call = dial({ ticket });
    await relay.until(() => relay.offered.length === 1);
    expect([offers(), call.tokens]).toEqual([[`resume.ses_1.${SECRET}`], ['t0']]);
    relay.says(resumed('unplayed', 0, 0, 3));
    await call.until(() => call.tickets.length > 0);
    call.link.send({ type: 'user.text', text: 'here again' });
    await relay.until(() => relay.messages('user.text').length > 0);
    expect(relay.messages('session.start')).toEqual([]);
  });

  it('is left without a goodbye, for the next page to come back', async () => {
    const call = await live();
    call.link.end(true);
    await relay.until(() => relay.openSockets === 0);
    expect(relay.messages('session.end')).toEqual([]);
    expect(relay.codes.at(-1)).toBe(4000);
  });
});
