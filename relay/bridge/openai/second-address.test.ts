import { afterEach, describe, expect, it } from 'vitest';
import { startEmulator } from '../../emulator/emulator.ts';
import { systemClock } from '../../clock.ts';
import { virtualClock } from '../../testing/virtual-clock.ts';
import { type Probe, type ProbeOptions, openProbe } from '../testing/bridge-probe.ts';
import { type ScriptedProvider, startScriptedProvider } from '../testing/scripted-provider.ts';
import { REFUSED_MS } from './circuit.ts';
import { createCircuits } from './circuits.ts';
import { retryAfterMs } from './faults.ts';
import { LOOK_EVERY_MS, RETURN_AFTER_MS } from './rotation.ts';
import { FALLBACK_AFTER_MS } from './route.ts';
import { PROBE_TIMEOUT_MS } from './socket.ts';

const undo: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const one of undo.splice(0).reverse()) await one();
});

async function provide(options: Parameters<typeof startScriptedProvider>[0] = {}): Promise<ScriptedProvider> {
  const provider = await startScriptedProvider(options);
  undo.push(() => provider.stop().catch(() => undefined));
  return provider;
}

function open(baseUrl: string, options: ProbeOptions): Probe {
  const probe = openProbe(baseUrl, options);
  undo.push(() => probe.bridge.close());
  probe.bridge.connect();
  return probe;
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
/** Time passes in small steps, sockets in between, until the condition holds. */
async function passUntil(
  clock: ReturnType<typeof virtualClock>,
  condition: () => boolean,
  stepMs = 50,
): Promise<number> {
  const since = clock.now();
  while (!condition()) {
    clock.advance(stepMs);
    for (let i = 0; i < 5; i += 1) await turn();
  }
  return clock.now() - since;
}
const portOf = (provider: ScriptedProvider) => Number(new URL(provider.baseUrl).port);

describe('a second address', () => {
  it('takes over with the conversation when the first cannot be reached, and gives it back when that is well', async () => {
    const clock = virtualClock();
    const [first, second] = [await provide(), await provide()];
    const probe = open(first.baseUrl, { clock, fallbackBaseUrl: second.baseUrl, moment: () => 'quiet' });
    await first.next();
    await probe.next('provider.up');
    probe.bridge.addUserText('Remember the lamp');
    await first.stop();
    await probe.next('provider.down');
    const ms = await passUntil(clock, () => second.peers.length > 0);
    expect(ms).toBeGreaterThanOrEqual(FALLBACK_AFTER_MS - 1_500);
    expect(ms).toBeLessThanOrEqual(FALLBACK_AFTER_MS + 5_000);
    const peer = await second.next();
    expect((await peer.expect('conversation.item.create')).item?.content?.[0]?.text).toBe('Remember the lamp');
    expect(await probe.next('provider.up')).toMatchObject({ generation: 2 });
    const again = await provide({ port: portOf(first) });
    await passUntil(clock, () => again.peers.length > 0, LOOK_EVERY_MS);
    const back = await again.next();
    expect((await back.expect('conversation.item.create')).item?.content?.[0]?.text).toBe('Remember the lamp');
    await peer.untilClosed();
    expect(probe.of('provider.down')).toHaveLength(1);
  });

  it('stays while the first is still gone, and looks for it once a minute', async () => {
    const clock = virtualClock();
    const [first, second] = [await provide({ answer: 503 }), await provide()];
    const probe = open(first.baseUrl, { clock, fallbackBaseUrl: second.baseUrl });
    await passUntil(clock, () => probe.of('provider.up').length > 0);
    await passUntil(clock, () => probe.problems.some(({ code }) => code === 'rotation-missed'), 1_000);
    expect(clock.now()).toBeGreaterThanOrEqual(RETURN_AFTER_MS);
    expect(probe.problems.map(({ detail }) => detail)).toEqual(['http-503']);
    expect(second.peers).toHaveLength(1);
    expect(second.peers[0]?.closed).toBeNull();
  });

  it('is dialled at once when the first refuses the key, also by whoever comes next', async () => {
    const clock = virtualClock();
    const circuits = createCircuits(clock);
    const [first, second] = [await provide({ answer: 401 }), await provide()];
    const options = { clock, circuits, fallbackBaseUrl: second.baseUrl };
    const one = open(first.baseUrl, options);
    expect(await one.next('provider.down')).toMatchObject({ reason: 'http-401', fatal: false });
    clock.advance(0);
    expect(await one.next('provider.up')).toMatchObject({ generation: 2 });
    const two = open(first.baseUrl, options);
    expect(await two.next('provider.up')).toMatchObject({ generation: 1 });
    expect(circuits.view().map(({ is, why }) => [is, why])).toEqual([
      ['open', 'refused'],
      ['closed', undefined],
    ]);
  });

  it('is given no longer than its share of patience where the first does not answer the set-up', async () => {
    const clock = virtualClock();
    const [first, second] = [await provide(), await provide()];
    first.isPolite = false;
    const probe = open(first.baseUrl, { clock, fallbackBaseUrl: second.baseUrl });
    await (await first.next()).expect('session.update');
    clock.advance(FALLBACK_AFTER_MS);
    expect(await probe.next('provider.down')).toMatchObject({ reason: 'setup-timeout', fatal: false });
    await passUntil(clock, () => probe.of('provider.up').length > 0);
    expect(second.peers).toHaveLength(1);
  });

  it('that is wrong itself ends no conversation that the first may yet go on with', async () => {
    const clock = virtualClock();
    const [first, second] = [await provide({ answer: 503 }), await provide({ answer: 404 })];
    const probe = open(first.baseUrl, { clock, fallbackBaseUrl: second.baseUrl });
    await passUntil(clock, () => clock.now() > 12_000);
    expect(probe.of('provider.down').map(({ fatal }) => fatal)).toEqual([false]);
    await first.stop();
    await provide({ port: portOf(first) });
    await passUntil(clock, () => probe.of('provider.up').length > 0);
  });

  it('does not help when both refuse: then it is over', async () => {
    const clock = virtualClock();
    const [first, second] = [await provide({ answer: 401 }), await provide({ answer: 403 })];
    const probe = open(first.baseUrl, { clock, fallbackBaseUrl: second.baseUrl });
    await probe.next('provider.down');
    clock.advance(0);
    expect(await probe.next('provider.down')).toEqual({
      ...{ type: 'provider.down', generation: 2, reason: 'http-403', fatal: true },
    });
    expect(clock.pending).toBe(0);
  });
});

describe('a credential that is refused', () => {
  it('is left alone for its time, others are not', async () => {
    const clock = virtualClock();
    const circuits = createCircuits(clock);
    const provider = await provide();
    provider.isPolite = false;
    const bad = open(provider.baseUrl, { clock, circuits, apiKey: 'bad-key' });
    const peer = await provider.next();
    peer.refuse('invalid_api_key');
    peer.socket.close(3000);
    expect(await bad.next('provider.down')).toMatchObject({ fatal: true });
    const next = open(provider.baseUrl, { clock, circuits, apiKey: 'bad-key' });
    expect(await next.next('provider.down')).toMatchObject({ reason: 'invalid_api_key', fatal: true });
    expect(provider.peers).toHaveLength(1);
    provider.isPolite = true;
    const other = open(provider.baseUrl, { clock, circuits, apiKey: 'good-key' });
    await other.next('provider.up');
    clock.advance(REFUSED_MS);
    const trial = open(provider.baseUrl, { clock, circuits, apiKey: 'bad-key' });
    await trial.next('provider.up');
    expect(circuits.view().map(({ is }) => is)).toEqual(['closed', 'closed']);
  });

  it('because its money is used up opens its circuit, by an answer or by the body of a refusal', async () => {
    const emulator = await startEmulator({ clock: systemClock });
    undo.push(() => emulator.close());
    emulator.faults.set({ error: 'insufficient_quota' });
    const circuits = createCircuits(systemClock);
    const probe = open(emulator.url, { clock: systemClock, circuits });
    await probe.next('provider.up');
    probe.bridge.addUserText('Hello');
    probe.bridge.createResponse('turn-1');
    expect(await probe.next('provider.down')).toMatchObject({ reason: 'insufficient_quota', fatal: true });
    expect(circuits.view()).toMatchObject([{ is: 'open', why: 'refused', reason: 'insufficient_quota' }]);
    const body = '{"error":{"code":"insufficient_quota"}}';
    const busy = open((await provide({ answer: 429, body })).baseUrl, { clock: virtualClock() });
    expect(await busy.next('provider.down')).toMatchObject({ reason: 'insufficient_quota', fatal: true });
  });
});

describe('a provider that names a time', () => {
  it('is dialled again then and not before', async () => {
    const clock = virtualClock();
    const provider = await provide({ answer: 429, headers: { 'Retry-After': '7' } });
    const probe = open(provider.baseUrl, { clock });
    expect(await probe.next('provider.down')).toMatchObject({ reason: 'http-429', fatal: false });
    await provider.stop();
    const well = await provide({ port: portOf(provider) });
    const ms = await passUntil(clock, () => well.peers.length > 0);
    expect(ms).toBeGreaterThanOrEqual(7_000);
    expect(ms).toBeLessThanOrEqual(7_100);
    await probe.next('provider.up');
  });

  it('later than the incident may last is given up at once', async () => {
    const provider = await provide({ answer: 429, headers: { 'Retry-After': '61' } });
    const probe = open(provider.baseUrl, { clock: virtualClock() });
    expect(await probe.next('provider.down')).toMatchObject({ reason: 'http-429', fatal: true });
  });

  it('may do so in seconds or by a date, and nothing else counts', () => {
    const now = Date.UTC(2026, 10, 23, 8, 0, 0);
    expect(retryAfterMs('12', now)).toBe(12_000);
    expect(retryAfterMs('Mon, 23 Nov 2026 08:00:30 GMT', now)).toBe(30_000);
    expect(retryAfterMs('Mon, 23 Nov 2026 07:00:00 GMT', now)).toBe(0);
    for (const wrong of [undefined, '', '-1', '1.5', 'soon', '2026-11-23', 'Mon, soon']) {
      expect(retryAfterMs(wrong, now)).toBeUndefined();
    }
  });
});

it('stops dialling a provider that nobody reaches, but for one trial at a time, whoever asks', async () => {
  const clock = virtualClock();
  const circuits = createCircuits(clock);
  const provider = await provide({ answer: 503 });
  const probes = Array.from({ length: 8 }, () => open(provider.baseUrl, { clock, circuits }));
  await passUntil(clock, () => circuits.view()[0]?.is === 'open');
  const before = provider.refused;
  await passUntil(clock, () => clock.now() > 21_000);
  // Every five seconds one of them, instead of all eight.
  expect(provider.refused - before).toBeLessThanOrEqual(8);
  expect(circuits.view()).toMatchObject([{ why: 'unreachable', reason: 'http-503' }]);
  await provider.stop();
  await provide({ port: portOf(provider) });
  const ms = await passUntil(clock, () => probes.every((probe) => probe.of('provider.up').length === 1));
  expect(ms).toBeLessThanOrEqual(12_000);
});

it('finds a half-open connection within four seconds of asking for an answer', async () => {
  const clock = virtualClock();
  const provider = await provide();
  const probe = open(provider.baseUrl, { clock });
  const peer = await provider.next();
  await probe.next('provider.up');
  peer.socket.pause();
  probe.bridge.createResponse('turn-1');
  probe.bridge.createResponse('turn-2');
  clock.advance(PROBE_TIMEOUT_MS - 1);
  expect(probe.of('provider.down')).toEqual([]);
  clock.advance(1);
  expect(await probe.next('provider.down')).toMatchObject({ reason: 'pong-timeout', fatal: false });
});

it('tells the next connection by sound what the user said and nobody has written down', async () => {
  const clock = virtualClock();
  const provider = await provide();
  const probe = open(provider.baseUrl, { clock });
  const peer = await provider.next();
  await probe.next('provider.up');
  peer.say('input_audio_buffer.speech_started', { item_id: 'u1', audio_start_ms: 0 });
  await probe.next('speech.started');
  for (let i = 0; i < 100; i += 1) probe.bridge.appendAudio(new Int16Array(2_400).fill(i));
  peer.say('input_audio_buffer.committed', { item_id: 'u1', previous_item_id: null });
  peer.say('conversation.item.added', { item: { id: 'u1', type: 'message', role: 'user' }, previous_item_id: null });
  await probe.next('input.committed');
  peer.socket.terminate();
  await probe.next('provider.down');
  clock.advance(250);
  const next = await provider.next();
  const { item } = await next.expect('conversation.item.create');
  expect(item).toMatchObject({ id: 'u1', role: 'user', content: [{ type: 'input_audio' }] });
  const audio = (item?.content?.[0] as { audio?: string } | undefined)?.audio ?? '';
  expect(Buffer.from(audio, 'base64')).toHaveLength(100 * 2_400 * 2);
  expect(await probe.next('input.transcript.done')).toEqual({ type: 'input.transcript.done', item: 'u1', text: '' });
  // None of it is said again as if it were new.
  probe.bridge.appendAudio(new Int16Array(480).fill(7));
  await next.expect('input_audio_buffer.append');
  expect(next.count('input_audio_buffer.append')).toBe(1);
});

it('says that speech was lost when more was said than is kept', async () => {
  const clock = virtualClock();
  const provider = await provide();
  const probe = open(provider.baseUrl, { clock });
  const peer = await provider.next();
  await probe.next('provider.up');
  peer.socket.terminate();
  await probe.next('provider.down');
  for (let i = 0; i < 33; i += 1) probe.bridge.appendAudio(new Int16Array(24_000).fill(4_000));
  clock.advance(250);
  expect(await probe.next('speech.lost')).toEqual({ type: 'speech.lost', ms: 3_000 });
  expect(probe.types().slice(-2)).toEqual(['provider.up', 'speech.lost']);
});

it('is up again with the emulator a moment after a loss', async () => {
  const emulator = await startEmulator({ clock: systemClock });
  undo.push(() => emulator.close());
  const probe = open(emulator.url, { clock: systemClock });
  await probe.next('provider.up');
  for (let i = 0; i < 20; i += 1) probe.bridge.addUserText(`line ${i}`);
  emulator.faults.set({ drop: '1006:1' });
  probe.bridge.createResponse('turn-1');
  await probe.next('provider.down');
  expect(await probe.next('provider.up')).toMatchObject({ generation: 2 });
  expect(probe.of('provider.up')).toHaveLength(2);
});
