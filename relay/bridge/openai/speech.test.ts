import { expect, it } from 'vitest';
import { virtualClock } from '../../testing/virtual-clock.ts';
import { bridgeScenes } from '../testing/bridge-fixture.ts';
import { RENDER_TIMEOUT_MS } from './speech.ts';

const up = bridgeScenes();
const forever = () => new AbortController().signal;

it('renders a text outside the conversation and leaves nothing in it', async () => {
  const { probe, peer } = await up();
  const rendered = probe.bridge.renderSpeech('One "moment", please.', forever());
  const { response } = await peer.expect('response.create');
  expect(response).toMatchObject({
    conversation: 'none',
    input: [],
    instructions: 'Say exactly: "One \\"moment\\", please."',
    output_modalities: ['audio'],
    metadata: { purpose: 'speech' },
  });
  peer.begin('s1', response?.metadata, null);
  peer.say('response.output_item.added', { response_id: 's1', item: { id: 'x', type: 'message', role: 'assistant' } });
  peer.words('s1', 'x', 'One');
  peer.sound('s1', 'x', 3, 1);
  peer.sound('s1', 'x', 2, 2);
  peer.say('response.output_audio_transcript.done', { response_id: 's1', item_id: 'x', transcript: 'One' });
  peer.say('response.output_item.done', { response_id: 's1', item: { id: 'x', type: 'message', status: 'completed' } });
  peer.end('s1', 'completed');
  expect(await rendered).toEqual(new Int16Array([1, 1, 1, 2, 2]));
  expect(probe.types()).toEqual(['provider.up']);
  expect(peer.received.map(({ type }) => type)).toEqual(['session.update', 'response.create']);
});

it('renders one text after the other, beside an answer', async () => {
  const { probe, peer, respond } = await up();
  const first = probe.bridge.renderSpeech('one', forever());
  const second = probe.bridge.renderSpeech('two', forever());
  const asked = await peer.expect('response.create');
  peer.begin('s1', asked.response?.metadata, null);
  await respond('r1');
  expect(peer.count('response.create')).toBe(2);
  peer.sound('s1', 'x', 1, 1);
  peer.addItem('r1', 'a1');
  peer.sound('r1', 'a1', 1, 9);
  peer.end('s1', 'completed');
  expect(await first).toEqual(new Int16Array([1]));
  const next = await peer.expect('response.create');
  peer.begin('s2', next.response?.metadata, null);
  peer.sound('s2', 'x', 1, 2);
  peer.end('s2', 'completed');
  expect(await second).toEqual(new Int16Array([2]));
  expect(probe.of('response.audio')).toHaveLength(1);
});

it.each([
  ['the response fails', 'failed', 1],
  ['the response is cut short', 'incomplete', 1],
  ['nothing was said', 'completed', 0],
])('rejects when %s', async (_, status, samples) => {
  const { probe, peer } = await up();
  const rendered = probe.bridge.renderSpeech('one', forever());
  const { response } = await peer.expect('response.create');
  peer.begin('s1', response?.metadata, null);
  if (samples > 0) peer.sound('s1', 'x', samples);
  peer.end('s1', status);
  await expect(rendered).rejects.toMatchObject({ code: 'upstream-lost' });
  expect(probe.types()).toEqual(['provider.up']);
});

it('rejects when the request is refused, and goes on with the next', async () => {
  const { probe, peer } = await up();
  const first = probe.bridge.renderSpeech('one', forever());
  const second = probe.bridge.renderSpeech('two', forever());
  const { event_id } = await peer.expect('response.create');
  peer.refuse('invalid_value', { event_id });
  await expect(first).rejects.toThrow('invalid_value');
  const { response } = await peer.expect('response.create');
  peer.begin('s2', response?.metadata, null);
  peer.sound('s2', 'x', 1, 2);
  peer.end('s2', 'completed');
  expect(await second).toEqual(new Int16Array([2]));
  expect(probe.types()).toEqual(['provider.up']);
});

it('rejects with the reason of the signal and cancels by id what was begun', async () => {
  const { probe, peer, settled } = await up();
  const abort = new AbortController();
  const rendered = probe.bridge.renderSpeech('one', abort.signal);
  const { response } = await peer.expect('response.create');
  peer.begin('s1', response?.metadata, null);
  await settled();
  abort.abort(new Error('not wanted'));
  await expect(rendered).rejects.toThrow('not wanted');
  expect(await peer.expect('response.cancel')).toMatchObject({ response_id: 's1' });
  peer.sound('s1', 'x', 1);
  peer.end('s1', 'cancelled');
  await settled();
  expect(probe.types()).not.toContain('response.audio');
  await expect(probe.bridge.renderSpeech('two', abort.signal)).rejects.toThrow('not wanted');
});

it('cancels as soon as it is created what was given up before', async () => {
  const { probe, peer } = await up();
  const abort = new AbortController();
  const rendered = probe.bridge.renderSpeech('one', abort.signal);
  const queued = probe.bridge.renderSpeech('two', abort.signal);
  const { response } = await peer.expect('response.create');
  abort.abort(new Error('not wanted'));
  await expect(rendered).rejects.toThrow('not wanted');
  await expect(queued).rejects.toThrow('not wanted');
  peer.begin('s1', response?.metadata, null);
  expect(await peer.expect('response.cancel')).toMatchObject({ response_id: 's1' });
  expect(peer.count('response.create')).toBe(1);
});

it('rejects when it takes too long', async () => {
  const clock = virtualClock();
  const { probe, peer } = await up({ clock });
  const rendered = probe.bridge.renderSpeech('one', forever());
  await peer.expect('response.create');
  const outcome = expect(rendered).rejects.toThrow('too long');
  clock.advance(RENDER_TIMEOUT_MS);
  await outcome;
});

it('rejects when the connection is lost, and renders on the next what is asked meanwhile', async () => {
  const clock = virtualClock();
  const { probe, peer, provider } = await up({ clock });
  const lost = probe.bridge.renderSpeech('one', forever());
  const queued = probe.bridge.renderSpeech('two', forever());
  const outcomes = Promise.all([expect(lost).rejects.toThrow('close-1006'), expect(queued).rejects.toThrow()]);
  await peer.expect('response.create');
  peer.socket.terminate();
  await probe.next('provider.down');
  await outcomes;
  const later = probe.bridge.renderSpeech('three', forever());
  clock.advance(125);
  const next = await provider.next();
  const { response } = await next.expect('response.create');
  next.begin('s3', response?.metadata, null);
  next.sound('s3', 'x', 1, 3);
  next.end('s3', 'completed');
  expect(await later).toEqual(new Int16Array([3]));
});

it('rejects when the bridge is closed', async () => {
  const { probe } = await up();
  const rendered = probe.bridge.renderSpeech('one', forever());
  probe.bridge.close();
  await expect(rendered).rejects.toThrow('closed');
});

it('knows its speech from a server that echoes no metadata', async () => {
  const { probe, peer } = await up();
  const rendered = probe.bridge.renderSpeech('one', forever());
  await peer.expect('response.create');
  peer.begin('s1', null, null);
  peer.sound('s1', 'x', 1, 4);
  peer.end('s1', 'completed');
  expect(await rendered).toEqual(new Int16Array([4]));
});
