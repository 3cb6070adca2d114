import { expect, it } from 'vitest';
import { virtualClock } from '../../testing/virtual-clock.ts';
import { type Scene, bridgeScenes } from '../testing/bridge-fixture.ts';
import type { Peer } from '../testing/scripted-provider.ts';

const up = bridgeScenes();
const SECOND = 24_000;

async function talk(): Promise<Scene & { clock: ReturnType<typeof virtualClock> }> {
  const clock = virtualClock();
  const scene = await up({ clock });
  const { peer, probe, respond } = scene;
  peer.say('input_audio_buffer.committed', { item_id: 'u1', previous_item_id: null });
  peer.say('conversation.item.added', { item: { id: 'u1', type: 'message', role: 'user' }, previous_item_id: null });
  peer.say('conversation.item.input_audio_transcription.completed', { item_id: 'u1', transcript: 'Tell me a story' });
  await probe.next('input.transcript.done');
  await respond('r1');
  peer.addItem('r1', 'a1');
  peer.words('r1', 'a1', 'once upon a time there was a lamp');
  peer.sound('r1', 'a1', SECOND);
  peer.sound('r1', 'a1', SECOND);
  await probe.next('response.audio');
  await probe.next('response.audio');
  return { ...scene, clock };
}

async function finish({ peer, probe }: Scene): Promise<void> {
  const item = { id: 'a1', type: 'message', role: 'assistant', status: 'completed' };
  peer.say('conversation.item.done', { item });
  peer.say('response.output_item.done', { response_id: 'r1', item });
  peer.end('r1', 'completed');
  await probe.next('response.done');
}

async function reconnect({ peer, probe, provider, clock }: Awaited<ReturnType<typeof talk>>): Promise<Peer> {
  peer.socket.terminate();
  await probe.next('provider.down');
  clock.advance(125);
  const next = await provider.next();
  await probe.next('provider.up');
  return next;
}

const told = (peer: Peer) =>
  peer.received
    .filter(({ type }) => type === 'conversation.item.create')
    .map(({ item }) => `${item?.id}: ${item?.content?.[0]?.text ?? item?.type ?? ''}`);

it('tells the next connection what was said, before it is up', async () => {
  const scene = await talk();
  await finish(scene);
  scene.probe.bridge.addContext('The page shows a lamp.');
  const next = await reconnect(scene);
  expect(told(next)).toEqual([
    'u1: Tell me a story',
    'a1: once upon a time there was a lamp',
    'vjj_system_2: The page shows a lamp.'.replace('2', /vjj_system_(\d+)/.exec(told(next)[2] ?? '')?.[1] ?? ''),
  ]);
  expect(next.received.slice(1).map(({ item }) => item?.role)).toEqual(['user', 'assistant', 'system']);
  expect(next.received[2]?.item?.content?.[0]).toMatchObject({ type: 'output_text' });
});

it('tells only what was heard of an answer that was cut', async () => {
  const scene = await talk();
  await finish(scene);
  scene.probe.bridge.truncateItem('a1', 1_000);
  const next = await reconnect(scene);
  expect(told(next)).toEqual(['u1: Tell me a story', 'a1: once upon a time']);
});

it('tells of an unfinished answer no more than had come of its sound', async () => {
  const scene = await talk();
  scene.peer.words('r1', 'a1', ' that nobody had lit for as long as anyone could remember');
  await scene.settled();
  const next = await reconnect(scene);
  expect(told(next)[1]).toMatch(/^a1: once upon a time there was a$|^a1: once upon a time there was a lamp$/);
});

it('rewrites a restored answer when the user stops it later, in its place', async () => {
  const scene = await talk();
  await finish(scene);
  const next = await reconnect(scene);
  scene.probe.bridge.truncateItem('a1', 1_000);
  expect(await next.expect('conversation.item.delete')).toMatchObject({ item_id: 'a1' });
  const created = await next.expect('conversation.item.create');
  expect(created).toMatchObject({ previous_item_id: 'u1', item: { content: [{ text: 'once upon a time' }] } });
  expect(next.count('conversation.item.truncate')).toBe(0);
  // What it is called upstream by now.
  scene.probe.bridge.deleteItem('a1');
  expect(await next.expect('conversation.item.delete')).toMatchObject({ item_id: created.item?.id });
});

it('deletes a restored answer of which not one word was heard', async () => {
  const scene = await talk();
  await finish(scene);
  scene.probe.bridge.deleteItem('u1');
  const next = await reconnect(scene);
  scene.probe.bridge.truncateItem('a1', 20);
  await next.expect('conversation.item.delete');
  scene.probe.bridge.addUserText('go on');
  await next.expect('conversation.item.create');
  expect(told(next)).toHaveLength(2);
});

it('rewrites what was first in the conversation to its beginning', async () => {
  const scene = await talk();
  await finish(scene);
  scene.probe.bridge.deleteItem('u1');
  const next = await reconnect(scene);
  scene.probe.bridge.truncateItem('a1', 1_000);
  await next.expect('conversation.item.delete');
  expect(await next.expect('conversation.item.create')).toMatchObject({ previous_item_id: 'root' });
});

it('keeps what is told while nobody is there for the next connection', async () => {
  const scene = await talk();
  await finish(scene);
  scene.peer.socket.terminate();
  await scene.probe.next('provider.down');
  scene.probe.bridge.truncateItem('a1', 0);
  scene.probe.bridge.addUserText('still there?');
  scene.clock.advance(125);
  const next = await scene.provider.next();
  await scene.probe.next('provider.up');
  expect(told(next).map((line) => line.replace(/^\w+: /, ''))).toEqual(['Tell me a story', 'still there?']);
});

it('hands the output of an earlier connection’s call over together with the call', async () => {
  const scene = await talk();
  const call = {
    id: 'f1',
    type: 'function_call',
    call_id: 'c1',
    name: 'weather',
    arguments: '{"a":1}',
    status: 'completed',
  };
  scene.peer.say('response.output_item.added', { response_id: 'r1', item: call });
  scene.peer.say('response.output_item.done', { response_id: 'r1', item: call });
  await scene.probe.next('tool.called');
  await finish(scene);
  const next = await reconnect(scene);
  expect(told(next)).toHaveLength(2);
  scene.probe.bridge.addToolOutput('c1', 'sun');
  while ((await next.expect('conversation.item.create')).item?.type !== 'function_call_output');
  expect(next.received.slice(-2).map(({ item }) => item)).toMatchObject([
    { id: 'f1', type: 'function_call', call_id: 'c1', name: 'weather', arguments: '{"a":1}' },
    { type: 'function_call_output', call_id: 'c1', output: 'sun' },
  ]);
});

it('goes on without an item that the provider will not take back', async () => {
  const scene = await talk();
  await finish(scene);
  scene.provider.isPolite = false;
  scene.peer.socket.terminate();
  await scene.probe.next('provider.down');
  scene.clock.advance(125);
  const next = await scene.provider.next();
  await next.expect('session.update');
  next.say('session.updated', { session: {} });
  const user = await next.expect('conversation.item.create');
  const agent = await next.expect('conversation.item.create');
  next.refuse('invalid_value', { event_id: user.event_id });
  expect(scene.probe.of('provider.up')).toHaveLength(1);
  next.say('conversation.item.done', { item: agent.item });
  expect(await scene.probe.next('provider.up')).toMatchObject({ generation: 2 });
  expect(scene.probe.problems.map(({ code }) => code)).toContain('replay-refused');
});

it('says the user’s unfinished utterance again, so that its start is not lost', async () => {
  const scene = await talk();
  await finish(scene);
  scene.peer.say('input_audio_buffer.speech_started', { item_id: 'u2', audio_start_ms: 0 });
  await scene.probe.next('speech.started');
  scene.probe.bridge.appendAudio(new Int16Array(480).fill(1));
  await scene.peer.expect('input_audio_buffer.append');
  scene.peer.socket.terminate();
  await scene.probe.next('provider.down');
  scene.probe.bridge.appendAudio(new Int16Array(480).fill(2));
  scene.clock.advance(125);
  const next = await scene.provider.next();
  const first = await next.expect('input_audio_buffer.append');
  const second = await next.expect('input_audio_buffer.append');
  expect([first, second].map(({ audio }) => Buffer.from(audio ?? '', 'base64').readInt16LE(0))).toEqual([1, 2]);
});
