/** The bridge against a whole provider: what the parts' own tests assume must hold there too. */
import { afterEach, beforeAll, expect, it } from 'vitest';
import { samplesToMs } from '#wire';
import { systemClock } from '../../clock.ts';
import { type Emulator, startEmulator } from '../../emulator/emulator.ts';
import { createEar } from '../../emulator/ear/ear.ts';
import type { Ear, Voice } from '../../emulator/speech.ts';
import { createVoice } from '../../emulator/voice/voice.ts';
import { type Probe, type ProbeOptions, openProbe } from '../testing/bridge-probe.ts';

let voice: Voice;
let ear: Ear;
let emulator: Emulator;
const probes: Probe[] = [];
beforeAll(async () => {
  [voice, ear] = await Promise.all([createVoice(), createEar()]);
});
afterEach(async () => {
  for (const probe of probes.splice(0)) probe.bridge.close();
  await emulator.close();
});

async function up(options: ProbeOptions = {}, faults: Record<string, unknown> = {}): Promise<Probe> {
  emulator = await startEmulator({ voice, ear, pace: 50, faults: { 'first-audio-ms': 20, ...faults } });
  const probe = openProbe(emulator.url, { clock: systemClock, ...options });
  probes.push(probe);
  probe.bridge.connect();
  await probe.next('provider.up');
  return probe;
}

const heardMs = (probe: Probe, item: string) =>
  samplesToMs(
    probe
      .of('response.audio')
      .filter((event) => event.item === item)
      .reduce((sum, { samples }) => sum + samples.length, 0),
  );
const report = () => emulator.sessions().at(-1)!;

it('carries a spoken turn and its answer', async () => {
  const probe = await up({}, { transcript: 'early' });
  const question = await probe.bridge.renderSpeech('Who are you?', new AbortController().signal);
  probe.bridge.appendAudio(new Int16Array(12_000));
  for (let at = 0; at < question.length; at += 2_400) probe.bridge.appendAudio(question.subarray(at, at + 2_400));
  for (let i = 0; i < 10; i += 1) probe.bridge.appendAudio(new Int16Array(2_400));
  const started = await probe.next('speech.started');
  const stopped = await probe.next('speech.stopped');
  expect(stopped.item).toBe(started.item);
  expect(started.atMs).toBeGreaterThanOrEqual(100);
  expect(stopped.atMs).toBeGreaterThan(started.atMs);
  const { item } = await probe.next('input.committed');
  expect(item).toBe(started.item);
  probe.bridge.createResponse('turn-1');
  const created = await probe.next('response.created');
  expect(created.turn).toBe('turn-1');
  const generated = await probe.next('response.generated');
  expect(generated.text.length).toBeGreaterThan(5);
  expect(await probe.next('response.done')).toMatchObject({ response: created.response, status: 'completed' });
  const audio = probe.of('response.audio');
  expect(new Set(audio.map((one) => one.response))).toEqual(new Set([created.response]));
  expect(heardMs(probe, audio[0]!.item)).toBeGreaterThan(500);
  expect(
    probe
      .of('response.text')
      .map(({ delta }) => delta)
      .join(''),
  ).toBe(generated.text);
  expect(probe.of('input.transcript.done')).toHaveLength(1);
  expect(probe.of('usage').filter(({ usage }) => usage.kind === 'response').length).toBe(2);
  expect(probe.problems).toEqual([]);
});

it('stops an answer in its middle and has the rest forgotten', async () => {
  const probe = await up({}, { pace: 6 });
  probe.bridge.addUserText('Tell me a long story');
  probe.bridge.createResponse('turn-1');
  const { response, item } = await probe.next('response.audio');
  await probe.next('response.audio');
  const receivedMs = heardMs(probe, item);
  probe.bridge.cancelResponse(response);
  probe.bridge.truncateItem(item, receivedMs - 50);
  expect(await probe.next('response.done')).toMatchObject({ response, status: 'cancelled' });
  expect(heardMs(probe, item)).toBe(receivedMs);
  probe.bridge.addUserText('What did you say?');
  probe.bridge.createResponse('turn-2');
  expect(await probe.next('response.done')).toMatchObject({ status: 'completed' });
  expect(report().items.find(({ id }) => id === item)).toMatchObject({ status: 'incomplete' });
  expect(report().clientEvents.filter((type) => /cancel|truncate|delete/.test(type))).toEqual([
    'response.cancel',
    'conversation.item.truncate',
  ]);
  expect(probe.problems).toEqual([]);
});

it('has a page’s function called and the answer made from what it gave', async () => {
  const parameters = { type: 'object', properties: { city: { type: 'string' } } };
  const probe = await up({ setup: { tools: [{ name: 'get_weather', description: 'Tells the weather', parameters }] } });
  probe.bridge.addUserText('What is the weather in Rome?');
  probe.bridge.createResponse('turn-1');
  const { call, name, arguments: args } = await probe.next('tool.called');
  expect(name).toBe('get_weather');
  expect(args.toLowerCase()).toContain('rome');
  await probe.next('response.done');
  probe.bridge.addToolOutput(call, 'sunny and warm');
  probe.bridge.createResponse('turn-1');
  expect((await probe.next('response.generated')).text).toContain('sunny and warm');
  expect(probe.problems).toEqual([]);
});

it('holds the floor by hand: nothing is a turn until it is committed', async () => {
  const probe = await up({ setup: { turn: 'hold' } });
  probe.bridge.appendAudio(new Int16Array(1_200).fill(900));
  expect(probe.bridge.commitAudio()).toBe(false);
  probe.bridge.clearAudio();
  await probe.next('input.cleared');
  probe.bridge.appendAudio(new Int16Array(12_000).fill(900));
  expect(probe.bridge.commitAudio()).toBe(true);
  const { item } = await probe.next('input.committed');
  expect(await probe.next('input.transcript.done')).toMatchObject({ item });
  expect(probe.types()).not.toContain('speech.started');
  expect(probe.problems).toEqual([]);
});

it('renders a clip while an answer is spoken, outside the conversation', async () => {
  const probe = await up();
  probe.bridge.addUserText('Tell me a long story');
  probe.bridge.createResponse('turn-1');
  const clip = await probe.bridge.renderSpeech('One moment, please.', new AbortController().signal);
  expect(samplesToMs(clip.length)).toBeGreaterThan(300);
  await probe.next('response.done');
  expect(report().items).toHaveLength(2);
  expect(new Set(probe.of('response.audio').map(({ response }) => response)).size).toBe(1);
  expect(probe.of('response.created')).toHaveLength(1);
});

it('stops and forgets a duplicate answer', async () => {
  const probe = await up({}, { duplicate: 1 });
  probe.bridge.addUserText('Who are you?');
  probe.bridge.createResponse('turn-1');
  await probe.next('response.done');
  const again = await probe.next('response.created');
  expect(again.turn).toBeNull();
  await probe.next('response.done');
  probe.bridge.addUserText('Hello');
  probe.bridge.createResponse('turn-2');
  await probe.next('response.done');
  const audible = new Set(probe.of('response.audio').map(({ response }) => response));
  expect(audible.has(again.response)).toBe(false);
  expect(report().items).toHaveLength(4);
});

it('goes on with what was said after the provider was lost in mid-answer', async () => {
  const probe = await up({}, { drop: '1006:6', pace: 6 });
  probe.bridge.addUserText('Tell me a long story');
  probe.bridge.createResponse('turn-1');
  expect(await probe.next('provider.down')).toMatchObject({ generation: 1, fatal: false });
  expect(await probe.next('provider.up')).toMatchObject({ generation: 2 });
  const items = report().items;
  expect(items[0]).toMatchObject({ role: 'user', content: [{ text: 'Tell me a long story' }] });
  probe.bridge.addUserText('Who are you?');
  probe.bridge.createResponse('turn-2');
  expect(await probe.next('response.done')).toMatchObject({ status: 'completed' });
  const { item } = probe.of('response.audio')[0]!;
  const heard = JSON.stringify(items.find(({ id }) => id === item) ?? items[1] ?? '');
  expect(heard).not.toContain('harbour');
});

it('opens a new session when the old one has lasted its time', async () => {
  const probe = await up({}, { expire: 0.2 });
  const down = await probe.next('provider.down');
  emulator.faults.clear('expire');
  expect(down).toMatchObject({ reason: 'session_expired', fatal: false });
  expect((await probe.next('provider.up')).generation).toBeGreaterThan(1);
});

it('says that an answer failed, and that the money is used up', async () => {
  const probe = await up({}, { error: 'rate_limit_exceeded' });
  probe.bridge.addUserText('Hello');
  probe.bridge.createResponse('turn-1');
  expect(await probe.next('response.done')).toMatchObject({ status: 'failed', code: 'rate_limit_exceeded' });
  emulator.faults.set({ error: 'insufficient_quota' });
  probe.bridge.createResponse('turn-2');
  expect(await probe.next('provider.down')).toMatchObject({ reason: 'insufficient_quota', fatal: true });
});
