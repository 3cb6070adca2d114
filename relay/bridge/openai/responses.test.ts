import { expect, it } from 'vitest';
import { bridgeScenes } from '../testing/bridge-fixture.ts';
import { Ring } from './responses.ts';

const up = bridgeScenes();

it('tells an answer of several items in order, and that it is all there just before its end', async () => {
  const { peer, probe, respond } = await up();
  await respond('r1', 'turn-1');
  for (const [item, word] of [
    ['i1', 'one moment'],
    ['i2', 'here it is'],
  ] as const) {
    peer.addItem('r1', item);
    peer.words('r1', item, word);
    peer.sound('r1', item, 240);
    const at = { response_id: 'r1', item_id: item, output_index: 0, content_index: 0 };
    peer.say('response.output_audio.done', at);
    peer.say('response.output_audio_transcript.done', { ...at, transcript: word });
    peer.say('response.output_item.done', {
      response_id: 'r1',
      item: { id: item, type: 'message', role: 'assistant', status: 'completed' },
    });
  }
  const usage = {
    input_token_details: {
      text_tokens: 10,
      audio_tokens: 20,
      cached_tokens_details: { text_tokens: 1, audio_tokens: 2 },
    },
    output_token_details: { text_tokens: 3, audio_tokens: 4 },
  };
  peer.end('r1', 'completed', { usage });
  await probe.next('response.done');
  expect(probe.types().slice(1)).toEqual([
    'response.created',
    ...['response.text', 'response.audio', 'response.text.done'],
    ...['response.text', 'response.audio', 'response.text.done'],
    ...['usage', 'response.generated', 'response.done'],
  ]);
  expect(probe.of('response.created')).toEqual([{ type: 'response.created', response: 'r1', turn: 'turn-1' }]);
  expect(probe.of('response.generated')).toEqual([
    { type: 'response.generated', response: 'r1', text: 'one moment here it is' },
  ]);
  expect(probe.of('usage')[0]?.usage).toEqual({
    kind: 'response',
    response: 'r1',
    inputTextTokens: 10,
    inputAudioTokens: 20,
    cachedTextTokens: 1,
    cachedAudioTokens: 2,
    outputTextTokens: 3,
    outputAudioTokens: 4,
  });
});

it('passes an answer in text on as words', async () => {
  const { peer, probe, respond } = await up();
  await respond('r1');
  const at = { response_id: 'r1', item_id: 'i1' };
  peer.say('response.output_text.delta', { ...at, delta: 'hi' });
  peer.say('response.output_text.delta', { ...at, delta: '' });
  peer.say('response.output_text.done', { ...at, text: 'hi' });
  peer.say('response.output_audio.delta', { ...at, delta: '' });
  peer.end('r1', 'incomplete', { status_details: { type: 'incomplete', reason: 'max_output_tokens' } });
  expect(await probe.next('response.done')).toEqual({
    type: 'response.done',
    response: 'r1',
    status: 'incomplete',
    code: 'max_output_tokens',
  });
  expect(probe.types().slice(2)).toEqual(['response.text', 'response.text.done', 'response.done']);
});

it('cancels by id and once, then passes on the end and nothing else', async () => {
  const { peer, probe, respond, settled } = await up();
  await respond('r1');
  peer.addItem('r1', 'i1');
  peer.sound('r1', 'i1', 2_400);
  await probe.next('response.audio');
  probe.bridge.cancelResponse('r1');
  probe.bridge.cancelResponse('r1');
  expect(await peer.expect('response.cancel')).toMatchObject({ response_id: 'r1' });
  peer.sound('r1', 'i1', 2_400);
  peer.words('r1', 'i1', 'late');
  peer.addItem('r1', 'i2');
  const call = {
    id: 'f1',
    type: 'function_call',
    call_id: 'c1',
    name: 'weather',
    arguments: '{}',
    status: 'completed',
  };
  peer.say('response.output_item.added', { response_id: 'r1', item: call });
  peer.say('conversation.item.added', { item: call });
  peer.say('response.output_item.done', { response_id: 'r1', item: call });
  peer.end('r1', 'cancelled', { status_details: { type: 'cancelled', reason: 'client_cancelled' } });
  expect(await probe.next('response.done')).toMatchObject({ status: 'cancelled', code: 'client_cancelled' });
  peer.sound('r1', 'i1', 2_400);
  peer.end('r1', 'cancelled');
  peer.begin('r1', null);
  await settled();
  expect(probe.types().slice(1)).toEqual(['response.created', 'response.audio', 'response.done', 'input.cleared']);
  expect(peer.count('response.cancel')).toBe(1);
  probe.bridge.cancelResponse('r1');
  await peer.expect('conversation.item.delete');
  await peer.expect('conversation.item.delete');
  // The model forgets what was never passed on: the rest of the first item, the second, the call.
  expect(peer.received.filter(({ type }) => /truncate|delete/.test(type))).toMatchObject([
    { type: 'conversation.item.truncate', item_id: 'i1', audio_end_ms: 100, content_index: 0 },
    { type: 'conversation.item.delete', item_id: 'i2' },
    { type: 'conversation.item.delete', item_id: 'f1' },
  ]);
  expect(peer.count('response.cancel')).toBe(1);
});

it('truncates where it was heard, also after the answer was complete, and deletes what was not heard', async () => {
  const { peer, probe, respond } = await up();
  await respond('r1');
  for (const item of ['i1', 'i2', 'i3']) {
    peer.addItem('r1', item);
    peer.sound('r1', item, 24_000);
  }
  peer.end('r1', 'completed');
  await probe.next('response.done');
  probe.bridge.truncateItem('i1', 1_000);
  probe.bridge.truncateItem('i2', 420.7);
  probe.bridge.truncateItem('i2', 300);
  probe.bridge.truncateItem('i3', 0);
  await peer.expect('conversation.item.delete');
  expect(peer.received.filter(({ type }) => /truncate|delete/.test(type))).toMatchObject([
    { type: 'conversation.item.truncate', item_id: 'i2', audio_end_ms: 420 },
    { type: 'conversation.item.delete', item_id: 'i3' },
  ]);
});

it('drops what an item says after it was truncated while its answer goes on', async () => {
  const { peer, probe, respond, settled } = await up();
  await respond('r1');
  peer.addItem('r1', 'i1');
  peer.sound('r1', 'i1', 2_400);
  await probe.next('response.audio');
  probe.bridge.truncateItem('i1', 50);
  peer.sound('r1', 'i1', 2_400);
  peer.words('r1', 'i1', 'late');
  peer.say('response.output_audio_transcript.done', { response_id: 'r1', item_id: 'i1', transcript: 'late' });
  await settled();
  expect(probe.types().slice(1)).toEqual(['response.created', 'response.audio', 'input.cleared']);
});

it('stops at once a response that nobody asked for, passes nothing of it on and has it forgotten', async () => {
  const { peer, probe, respond } = await up();
  await respond('r1');
  const { metadata } = peer.received.find(({ type }) => type === 'response.create')!.response!;
  peer.begin('r2', metadata);
  expect(await probe.next('response.created')).toEqual({ type: 'response.created', response: 'r2', turn: null });
  expect(await peer.expect('response.cancel')).toMatchObject({ response_id: 'r2' });
  peer.addItem('r2', 'i2');
  peer.sound('r2', 'i2', 240);
  peer.end('r2', 'completed');
  await probe.next('response.done');
  expect(await peer.expect('conversation.item.delete')).toMatchObject({ item_id: 'i2' });
  expect(probe.types()).not.toContain('response.audio');
  expect(probe.types()).not.toContain('response.generated');
  expect(probe.problems).toContainEqual({ code: 'uninvited-response', detail: 'r2' });
});

it('takes a second created of one id for none', async () => {
  const { peer, probe, respond } = await up();
  await respond('r1');
  peer.begin('r1', null);
  await probe.nextProblem('duplicate-response');
  expect(probe.of('response.created')).toHaveLength(1);
});

it('knows its answer from a server that echoes no metadata', async () => {
  const { peer, probe } = await up();
  probe.bridge.createResponse('turn-1');
  await peer.expect('response.create');
  peer.begin('r1', null);
  expect(await probe.next('response.created')).toMatchObject({ turn: 'turn-1' });
  peer.begin('r2', null);
  expect(await probe.next('response.created')).toMatchObject({ turn: null });
});

it('says which turn failed when a request is refused, and which response was in its way', async () => {
  const { peer, probe } = await up();
  probe.bridge.createResponse('turn-1');
  const { event_id } = await peer.expect('response.create');
  const message =
    'Conversation already has an active response in progress: resp_X. Wait until the response is finished.';
  peer.refuse('conversation_already_has_active_response', { event_id, message });
  expect(await probe.next('response.error')).toEqual({
    type: 'response.error',
    code: 'conversation_already_has_active_response',
    response: 'resp_X',
    turn: 'turn-1',
  });
  probe.bridge.cancelResponse('resp_X');
  expect(await peer.expect('response.cancel')).toMatchObject({ response_id: 'resp_X' });
  probe.bridge.createResponse('turn-2');
  await peer.expect('response.create');
  peer.refuse('conversation_already_has_active_response', { message: 'busy' });
  expect(await probe.next('response.error')).toEqual({
    type: 'response.error',
    code: 'conversation_already_has_active_response',
    turn: 'turn-2',
  });
});

it('passes nothing on of an answer that is cancelled in the moment in which it is created', async () => {
  const { peer, probe, settled } = await up({
    onEvent: (event, bridge) => event.type === 'response.created' && bridge.cancelResponse(event.response),
  });
  probe.bridge.createResponse('turn-1');
  const { response } = await peer.expect('response.create');
  peer.begin('r1', response?.metadata);
  peer.addItem('r1', 'i1');
  peer.sound('r1', 'i1', 240);
  peer.end('r1', 'completed');
  await settled();
  expect(probe.types()).toEqual(['provider.up', 'response.created', 'response.done', 'input.cleared']);
  expect(await peer.expect('response.cancel')).toMatchObject({ response_id: 'r1' });
  expect(await peer.expect('conversation.item.delete')).toMatchObject({ item_id: 'i1' });
});

it('keeps two requests apart whose responses come in the other order', async () => {
  const { peer, probe } = await up();
  probe.bridge.createResponse('turn-1');
  probe.bridge.createResponse('turn-2');
  const first = await peer.expect('response.create');
  const second = await peer.expect('response.create');
  peer.begin('r2', second.response?.metadata);
  expect(await probe.next('response.created')).toMatchObject({ response: 'r2', turn: 'turn-2' });
  peer.begin('r1', first.response?.metadata);
  expect(await probe.next('response.created')).toMatchObject({ response: 'r1', turn: 'turn-1' });
});

it('reads an event far larger than any that is usual', async () => {
  const { peer, probe, respond } = await up();
  await respond('r1');
  peer.addItem('r1', 'i1');
  peer.sound('r1', 'i1', 3_000_000);
  expect((await probe.next('response.audio')).samples).toHaveLength(3_000_000);
});

it('remembers the newest ids that are over and forgets the oldest', () => {
  const ring = new Ring(2);
  expect([ring.add('a'), ring.add('a'), ring.add('b'), ring.add('c')]).toEqual([true, false, true, true]);
  expect([ring.has('a'), ring.has('b'), ring.has('c')]).toEqual([false, true, true]);
});
