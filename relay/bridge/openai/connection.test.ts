import { afterEach, describe, expect, it } from 'vitest';
import { virtualClock } from '../../testing/virtual-clock.ts';
import { bridgeScenes } from '../testing/bridge-fixture.ts';
import { type Probe, type ProbeOptions, openProbe } from '../testing/bridge-probe.ts';
import { type ScriptedProvider, startScriptedProvider } from '../testing/scripted-provider.ts';
import { INCIDENT_BUDGET_MS, STABLE_MS } from './connection.ts';

const up = bridgeScenes();
const undo: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const one of undo.splice(0).reverse()) await one();
});

async function provide(options: { answer?: number; port?: number } = {}): Promise<ScriptedProvider> {
  const provider = await startScriptedProvider(options);
  undo.push(() => provider.stop());
  return provider;
}

function open(baseUrl: string, options: ProbeOptions = {}): Probe {
  const probe = openProbe(baseUrl, options);
  undo.push(() => probe.bridge.close());
  probe.bridge.connect();
  return probe;
}

describe('dialling', () => {
  it('is up only when the set-up was accepted', async () => {
    const provider = await provide();
    provider.isPolite = false;
    const probe = open(provider.baseUrl);
    const peer = await provider.next();
    await peer.expect('session.update');
    peer.say('session.created', { session: {} });
    probe.bridge.createResponse('too early');
    await probe.nextProblem('create-while-down');
    expect(probe.events).toEqual([]);
    peer.say('session.updated', { session: {} });
    expect(await probe.next('provider.up')).toEqual({ type: 'provider.up', generation: 1 });
    expect(peer.count('response.create')).toBe(0);
  });

  it('dials once, however often it is told to', async () => {
    const { probe, provider, settled } = await up();
    probe.bridge.connect();
    await settled();
    expect(provider.peers).toHaveLength(1);
  });

  it.each([401, 403, 404])('takes an HTTP %i for final', async (answer) => {
    const probe = open((await provide({ answer })).baseUrl);
    expect(await probe.next('provider.down')).toEqual({
      type: 'provider.down',
      generation: 1,
      reason: `http-${answer}`,
      fatal: true,
    });
  });

  it.each([
    ['invalid_api_key', 3000],
    ['missing_model', 4000],
    ['model_not_found', 4004],
  ])('takes %s for final and does not dial again', async (code, close) => {
    const clock = virtualClock();
    const provider = await provide();
    provider.isPolite = false;
    const probe = open(provider.baseUrl, { clock });
    const peer = await provider.next();
    peer.refuse(code, { message: 'Incorrect API key provided: sk-123abc.' });
    peer.socket.close(close, `invalid_request_error.${code}`);
    expect(await probe.next('provider.down')).toEqual({
      type: 'provider.down',
      generation: 1,
      reason: code,
      fatal: true,
    });
    clock.advance(120_000);
    expect(clock.pending).toBe(0);
    expect(provider.peers).toHaveLength(1);
    expect(probe.events).toHaveLength(1);
    expect(JSON.stringify([probe.events, probe.problems])).not.toContain('123abc');
  });

  it.each([3000, 4004])('takes a bare close %i for final', async (code) => {
    const provider = await provide();
    provider.isPolite = false;
    const probe = open(provider.baseUrl);
    (await provider.next()).socket.close(code);
    expect(await probe.next('provider.down')).toMatchObject({ fatal: true });
  });

  it('takes a refused set-up for final, as the same would be refused again', async () => {
    const provider = await provide();
    provider.isPolite = false;
    const probe = open(provider.baseUrl);
    const peer = await provider.next();
    const { event_id } = await peer.expect('session.update');
    peer.refuse('invalid_value', { event_id, param: 'session.audio.output.voice' });
    expect(await probe.next('provider.down')).toMatchObject({ reason: 'setup-refused:invalid_value', fatal: true });
  });

  it('gives a provider that never answers the set-up ten seconds, then dials again', async () => {
    const clock = virtualClock();
    const provider = await provide();
    provider.isPolite = false;
    const probe = open(provider.baseUrl, { clock });
    const peer = await provider.next();
    await peer.expect('session.update');
    clock.advance(9_999);
    expect(probe.events).toEqual([]);
    clock.advance(1);
    expect(await probe.next('provider.down')).toMatchObject({ reason: 'setup-timeout', fatal: false });
    provider.isPolite = true;
    clock.advance(1_000);
    expect(await probe.next('provider.up')).toEqual({ type: 'provider.up', generation: 2 });
  });
});

describe('a lost connection', () => {
  it.each([1000, 1001, 1006, 1011, 1012])('is replaced after close %i, with one down and one up', async (code) => {
    const clock = virtualClock();
    const { probe, provider, peer } = await up({ clock });
    if (code === 1006) peer.socket.terminate();
    else peer.socket.close(code);
    expect(await probe.next('provider.down')).toEqual({
      type: 'provider.down',
      generation: 1,
      reason: `close-${code}`,
      fatal: false,
    });
    clock.advance(124);
    expect(provider.peers).toHaveLength(1);
    clock.advance(1);
    await provider.next();
    expect(await probe.next('provider.up')).toEqual({ type: 'provider.up', generation: 2 });
  });

  it('ends every response of it: nothing of them comes any more', async () => {
    const clock = virtualClock();
    const { probe, peer, respond } = await up({ clock });
    await respond('r1');
    peer.addItem('r1', 'i1');
    peer.sound('r1', 'i1', 240);
    await probe.next('response.audio');
    peer.socket.terminate();
    await probe.next('provider.down');
    probe.bridge.cancelResponse('r1');
    expect(probe.types()).toEqual(['provider.up', 'response.created', 'response.audio', 'provider.down']);
  });

  it('follows a session that lasted its time at once', async () => {
    const clock = virtualClock();
    const { probe, peer } = await up({ clock });
    peer.refuse('session_expired', { message: 'Your session hit the maximum duration of 60 minutes.' });
    peer.socket.close(1001, 'Your session hit the maximum duration of 60 minutes.');
    expect(await probe.next('provider.down')).toMatchObject({ reason: 'session_expired', fatal: false });
    clock.advance(0);
    expect(await probe.next('provider.up')).toMatchObject({ generation: 2 });
  });

  it('is given up when one incident lasts a minute, with a last down of its own generation', async () => {
    const clock = virtualClock();
    const { probe, provider, peer } = await up({ clock });
    await provider.stop();
    undo.push(() => provider.stop().catch(() => undefined));
    expect(peer.closed).toBeDefined();
    await probe.next('provider.down');
    const startedAt = clock.now();
    while (probe.of('provider.down').length < 2) {
      clock.advance(250);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await probe.next('provider.down')).toEqual({
      type: 'provider.down',
      generation: 2,
      reason: 'ECONNREFUSED',
      fatal: true,
    });
    expect(clock.now() - startedAt).toBeGreaterThan(INCIDENT_BUDGET_MS - 5_000);
    expect(clock.pending).toBe(0);
    expect(probe.types()).toEqual(['provider.up', 'provider.down', 'provider.down']);
    await expect(probe.bridge.renderSpeech('hi', new AbortController().signal)).rejects.toThrow('gone');
  });

  it('waits longer each time while new connections do not last', async () => {
    const clock = virtualClock();
    const { probe, provider, peer } = await up({ clock });
    peer.socket.terminate();
    await probe.next('provider.down');
    clock.advance(125);
    const second = await provider.next();
    await probe.next('provider.up');
    second.socket.terminate();
    expect(await probe.next('provider.down')).toMatchObject({ generation: 2 });
    clock.advance(249);
    expect(provider.peers).toHaveLength(2);
    clock.advance(1);
    const third = await provider.next();
    await probe.next('provider.up');
    clock.advance(STABLE_MS);
    third.socket.terminate();
    expect(await probe.next('provider.down')).toMatchObject({ generation: 3 });
    clock.advance(125);
    await provider.next();
    expect(await probe.next('provider.up')).toMatchObject({ generation: 4 });
  });

  it('is noticed when the provider is not heard of for thirty seconds', async () => {
    const clock = virtualClock();
    const { probe, peer, settled } = await up({ clock });
    clock.advance(15_000);
    await settled();
    peer.socket.pause();
    clock.advance(29_999);
    expect(probe.types()).not.toContain('provider.down');
    clock.advance(1);
    expect(await probe.next('provider.down')).toMatchObject({ reason: 'pong-timeout', fatal: false });
  });

  it('ends for good when the money is used up', async () => {
    const { probe, peer, respond } = await up();
    await respond('r1');
    peer.end('r1', 'failed', { status_details: { type: 'failed', error: { code: 'insufficient_quota' } } });
    expect(await probe.next('response.done')).toMatchObject({ status: 'failed', code: 'insufficient_quota' });
    expect(await probe.next('provider.down')).toMatchObject({ reason: 'insufficient_quota', fatal: true });
    await peer.untilClosed();
  });

  it('leaves nothing behind when it is closed while waiting to dial again', async () => {
    const clock = virtualClock();
    const { probe, peer } = await up({ clock });
    peer.socket.terminate();
    await probe.next('provider.down');
    probe.bridge.close();
    expect(clock.pending).toBe(0);
  });
});

describe('a provider that does not read', () => {
  it('is given up at once when far too much is unsent', async () => {
    const { probe, peer } = await up({ clock: virtualClock() });
    peer.socket.pause();
    const text = 'x'.repeat(4_000_000);
    for (let i = 0; i < 5; i += 1) probe.bridge.addContext(text);
    expect(await probe.next('provider.down')).toMatchObject({ reason: 'upstream-stalled', fatal: false });
  });

  it('is not fed any further, and given up after ten seconds', async () => {
    const clock = virtualClock();
    const { probe, peer } = await up({ clock });
    peer.socket.pause();
    const second = new Int16Array(24_000);
    // The network's own buffers take several megabytes before anything is seen here.
    for (let i = 0; i < 2_000 && probe.problems.length === 0; i += 1) {
      probe.bridge.appendAudio(second);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await probe.nextProblem('sound-dropped')).toMatchObject({ detail: "1000 ms of the user's sound" });
    clock.advance(10_000);
    expect(await probe.next('provider.down')).toMatchObject({ reason: 'upstream-stalled', fatal: false });
  });
});
