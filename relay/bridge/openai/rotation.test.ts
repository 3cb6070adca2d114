import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../clock.ts';
import { startEmulator } from '../../emulator/emulator.ts';
import { virtualClock } from '../../testing/virtual-clock.ts';
import type { Moment } from '../bridge.ts';
import { type Probe, type ProbeOptions, openProbe } from '../testing/bridge-probe.ts';
import { type Peer, type ScriptedProvider, startScriptedProvider } from '../testing/scripted-provider.ts';
import { FAILED_PAUSE_MS, LOOK_EVERY_MS, MISSED_PAUSE_MS, ROTATION, moveAt } from './rotation.ts';

const undo: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const one of undo.splice(0).reverse()) await one();
});

const turn = () => new Promise((resolve) => setImmediate(resolve));
const until = async (condition: () => boolean) => {
  while (!condition()) await turn();
};

interface Aged {
  probe: Probe;
  provider: ScriptedProvider;
  clock: ReturnType<typeof virtualClock>;
  old: Peer;
  be: (moment: Moment) => void;
  /** Time passes in steps that let sockets breathe; both sides stay alive. */
  pass: (ms: number) => Promise<void>;
}

/** A connection that is up since so long, in minutes. */
async function aged(minutes: number, options: ProbeOptions = {}): Promise<Aged> {
  const clock = virtualClock();
  const provider = await startScriptedProvider();
  undo.push(() => provider.stop());
  let moment: Moment = 'busy';
  const probe = openProbe(provider.baseUrl, { clock, moment: () => moment, ...options });
  undo.push(() => probe.bridge.close());
  probe.bridge.connect();
  const old = await provider.next();
  await probe.next('provider.up');
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 10_000) {
      clock.advance(Math.min(10_000, left));
      const peer = provider.peers.findLast(({ closed }) => closed === null);
      peer?.say('input_audio_buffer.cleared');
      const seen = probe.of('input.cleared').length;
      await until(() => probe.of('input.cleared').length > seen || peer?.socket.isPaused === true);
    }
  };
  await pass(minutes * 60_000);
  return { probe, provider, clock, old, be: (next) => void (moment = next), pass };
}

const values = (peer: Peer) =>
  peer.received
    .filter(({ type }) => type === 'input_audio_buffer.append')
    .map(({ audio }) => Buffer.from(audio ?? '', 'base64').readInt16LE(0));
const sound = (value: number) => new Int16Array(480).fill(value);

describe('when', () => {
  it('a quiet moment always serves, unplayed sound from 58 minutes on, and from 59 and a half nothing is waited for', () => {
    const at = (moment: Moment, minutes: number) => moveAt(moment, minutes * 60_000, ROTATION);
    expect(at('quiet', 50)).toBe('switch');
    expect([at('playing', 57.9), at('playing', 58)]).toEqual(['stay', 'switch']);
    expect([at('busy', 59.4), at('busy', 59.5)]).toEqual(['stay', 'break']);
  });
});

describe('a connection that will soon have lasted its time', () => {
  it('gives way at a quiet moment: nobody is told, and all later sound goes to the next', async () => {
    const { probe, provider, old, be, pass } = await aged(49.9);
    probe.bridge.addUserText('Remember the lamp');
    be('quiet');
    await pass(5_000);
    expect(provider.peers).toHaveLength(1);
    await pass(2_000);
    const next = await provider.next();
    probe.bridge.appendAudio(sound(1));
    const { item } = await next.expect('conversation.item.create');
    expect(item?.content?.[0]?.text).toBe('Remember the lamp');
    await old.untilClosed();
    probe.bridge.appendAudio(sound(2));
    await next.expect('input_audio_buffer.append');
    while (values(next).at(-1) !== 2) await next.expect('input_audio_buffer.append');
    expect(values(old)).not.toContain(2);
    expect(old.closed).toMatchObject({ code: 1000 });
    expect(probe.types().filter((type) => type.startsWith('provider'))).toEqual(['provider.up']);
    expect(probe.problems).toEqual([]);
    expect(probe.switched).toBe(1);
    // The next loss is the next generation's.
    next.socket.terminate();
    expect(await probe.next('provider.down')).toMatchObject({ generation: 2 });
  });

  it('each sample of the user’s is heard by exactly one of the two, what no turn was made of yet by the next as well', async () => {
    const { probe, provider, old, be, clock } = await aged(49.9);
    be('quiet');
    provider.isPolite = false;
    clock.advance(10_000);
    const next = await provider.next();
    await next.expect('session.update');
    for (let i = 1; i <= 100; i += 1) probe.bridge.appendAudio(sound(i));
    await until(() => values(old).length === 100);
    next.say('session.updated', { session: {} });
    await old.untilClosed();
    for (let i = 101; i <= 120; i += 1) probe.bridge.appendAudio(sound(i));
    await until(() => values(next).at(-1) === 120);
    expect(values(old)).toEqual(Array.from({ length: 100 }, (_, at) => at + 1));
    // The last second before it, in which somebody may have begun to speak, and everything after.
    expect(values(next)).toEqual(Array.from({ length: 70 }, (_, at) => at + 51));
  });

  it('waits while somebody speaks, an answer is under way or words are still to come', async () => {
    const { probe, provider, old, be, pass } = await aged(49.9);
    be('quiet');
    old.say('input_audio_buffer.speech_started', { item_id: 'u1', audio_start_ms: 0 });
    await probe.next('speech.started');
    await pass(20_000);
    expect(provider.peers).toHaveLength(1);
    old.say('input_audio_buffer.committed', { item_id: 'u1', previous_item_id: null });
    await probe.next('input.committed');
    await pass(5_000);
    expect(provider.peers).toHaveLength(1);
    probe.bridge.createResponse('t1');
    const { response } = await old.expect('response.create');
    old.begin('r1', response?.metadata);
    await probe.next('response.created');
    await pass(30_000);
    expect(provider.peers).toHaveLength(1);
    old.end('r1', 'completed');
    await probe.next('response.done');
    await pass(1_000);
    await provider.next();
    await old.untilClosed();
  });

  it('keeps the old one when the next cannot be had, and tries again', async () => {
    const { probe, provider, old, be, pass, clock } = await aged(49.9);
    provider.isPolite = false;
    be('quiet');
    await pass(10_000);
    const failing = await provider.next();
    await failing.expect('session.update');
    failing.socket.terminate();
    await probe.nextProblem('rotation-missed');
    expect(old.closed).toBeNull();
    provider.isPolite = true;
    await pass(FAILED_PAUSE_MS - 1_000);
    expect(provider.peers).toHaveLength(2);
    clock.advance(1_000 + LOOK_EVERY_MS);
    await provider.next();
    await old.untilClosed();
    expect(probe.of('provider.down')).toEqual([]);
  });

  it('lets a next one go that was ready at the wrong moment, or does not know everything', async () => {
    const { probe, provider, old, be, clock, pass } = await aged(49.9);
    provider.isPolite = false;
    be('quiet');
    await pass(10_000);
    const early = await provider.next();
    await early.expect('session.update');
    be('busy');
    early.say('session.updated', { session: {} });
    await early.untilClosed();
    be('quiet');
    clock.advance(MISSED_PAUSE_MS + LOOK_EVERY_MS);
    const behind = await provider.next();
    await behind.expect('session.update');
    behind.say('session.updated', { session: {} });
    // Nothing to tell yet: it is ready at once, so this is said to the one after it.
    await old.untilClosed();
    expect(probe.problems.map(({ code, detail }) => `${code} ${detail}`)).toEqual(['rotation-missed not the moment']);
    expect(old.closed).toMatchObject({ code: 1000 });
  });

  it('does not hand over to one that missed what was said meanwhile', async () => {
    const { probe, provider, old, be, clock, pass } = await aged(49.9);
    probe.bridge.addUserText('first');
    await old.expect('conversation.item.create');
    provider.isPolite = false;
    be('quiet');
    await pass(10_000);
    const behind = await provider.next();
    await behind.expect('session.update');
    behind.say('session.updated', { session: {} });
    const { item } = await behind.expect('conversation.item.create');
    probe.bridge.addContext('second');
    behind.say('conversation.item.done', { item });
    await behind.untilClosed();
    provider.isPolite = true;
    clock.advance(MISSED_PAUSE_MS + LOOK_EVERY_MS);
    const next = await provider.next();
    await old.untilClosed();
    expect(next.count('conversation.item.create')).toBe(2);
  });

  it('does not wait for what still plays from 58 minutes on', async () => {
    const { provider, old, be, pass } = await aged(57.9);
    be('playing');
    await pass(5_000);
    expect(provider.peers).toHaveLength(1);
    await pass(2_000);
    await provider.next();
    await old.untilClosed();
  });

  it('at the very last breaks off like a loss, with the next dialled at once', async () => {
    const { probe, provider, old, clock } = await aged(59.4);
    clock.advance(7_000);
    expect(await probe.next('provider.down')).toMatchObject({ generation: 1, reason: 'rotation', fatal: false });
    clock.advance(0);
    await provider.next();
    expect(await probe.next('provider.up')).toMatchObject({ generation: 2 });
    await old.untilClosed();
  });

  it('is replaced as ever when it is lost while the next is on its way', async () => {
    const { probe, provider, old, be, clock } = await aged(49.9);
    provider.isPolite = false;
    be('quiet');
    clock.advance(10_000);
    const standby = await provider.next();
    await standby.expect('session.update');
    old.socket.terminate();
    await probe.next('provider.down');
    await standby.untilClosed();
    provider.isPolite = true;
    clock.advance(250);
    expect(await probe.next('provider.up')).toMatchObject({ generation: 2 });
    probe.bridge.close();
    expect(clock.pending).toBe(0);
  });

  it('leaves nothing behind when the conversation ends meanwhile', async () => {
    const { probe, provider, be, clock } = await aged(49.9);
    provider.isPolite = false;
    be('quiet');
    clock.advance(10_000);
    const standby = await provider.next();
    probe.bridge.close();
    await standby.untilClosed();
    expect(clock.pending).toBe(0);
  });
});

describe('with the emulator, whose sessions end after a second and a half', () => {
  async function up(options: ProbeOptions): Promise<Probe> {
    const emulator = await startEmulator({ clock: systemClock });
    undo.push(() => emulator.close());
    emulator.faults.set({ expire: 1.5 });
    const probe = openProbe(emulator.url, { clock: systemClock, ...options });
    undo.push(() => probe.bridge.close());
    probe.bridge.connect();
    await probe.next('provider.up');
    return probe;
  }

  it('a session that stays is expired', async () => {
    const probe = await up({});
    expect(await probe.next('provider.down')).toMatchObject({ reason: 'session_expired', fatal: false });
    expect(await probe.next('provider.up')).toMatchObject({ generation: 2 });
  });

  it('one that gives way in time never is, and the conversation goes on', async () => {
    const times = { fromMs: 500, toMs: 600, forceMs: 1_200, latestMs: 1_400 };
    const probe = await up({ rotation: times });
    probe.bridge.addUserText('My name is Ada.');
    probe.bridge.createResponse('turn-1');
    await probe.next('response.done');
    await new Promise<void>((resolve) => systemClock.wakeAt(systemClock.now() + 2_000, resolve));
    probe.bridge.addUserText('Hello again');
    probe.bridge.createResponse('turn-2');
    expect(await probe.next('response.done')).toMatchObject({ status: 'completed' });
    expect(probe.of('provider.down')).toEqual([]);
    expect(probe.bridge.history().map((entry) => entry.is)).toEqual(['user', 'agent', 'user', 'agent']);
  }, 15_000);
});
