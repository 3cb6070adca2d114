import { expect, it } from 'vitest';
import { bridgeScenes } from '../testing/bridge-fixture.ts';

const up = bridgeScenes();

it('sets the session up so that the relay alone decides when to answer and when to stop', async () => {
  const tools = [{ name: 'weather', description: 'Tells it', parameters: { type: 'object' } }];
  const { peer } = await up({ setup: { tools }, apiKey: 'secret' });
  expect(peer.request.url).toBe('/v1/realtime?model=gpt-realtime-2.1');
  expect(peer.request.headers.authorization).toBe('Bearer secret');
  expect(peer.request.headers['openai-beta']).toBeUndefined();
  expect(peer.received[0]).toEqual({
    type: 'session.update',
    event_id: 'setup_1',
    session: {
      type: 'realtime',
      instructions: 'Be brief.',
      output_modalities: ['audio'],
      tools: [{ type: 'function', ...tools[0] }],
      tool_choice: 'auto',
      audio: {
        input: {
          format: { type: 'audio/pcm', rate: 24_000 },
          transcription: { model: 'gpt-transcribe', language: 'en' },
          turn_detection: {
            type: 'server_vad',
            threshold: 0.5,
            prefix_padding_ms: 300,
            silence_duration_ms: 500,
            create_response: false,
            interrupt_response: false,
          },
        },
        output: { format: { type: 'audio/pcm', rate: 24_000 }, voice: 'marin' },
      },
    },
  });
});

it('switches the provider’s detector off for push-to-talk and gives no language that it would refuse', async () => {
  const { peer } = await up({ setup: { turn: 'hold', locale: 'yue-HK' }, transcriptionModel: 'other' });
  expect(peer.received[0]?.session).toMatchObject({
    audio: { input: { turn_detection: null, transcription: { model: 'other' } } },
  });
});

it('passes a spoken turn on, from the onset to the words', async () => {
  const { peer, probe } = await up();
  probe.bridge.appendAudio(new Int16Array(2_400).fill(5));
  await peer.expect('input_audio_buffer.append');
  peer.say('input_audio_buffer.speech_started', { item_id: 'u1', audio_start_ms: 40 });
  peer.say('input_audio_buffer.speech_stopped', { item_id: 'u1', audio_end_ms: 90 });
  peer.say('input_audio_buffer.committed', { item_id: 'u1', previous_item_id: null });
  const content = [{ type: 'input_audio', transcript: null }];
  peer.say('conversation.item.added', { item: { id: 'u1', type: 'message', role: 'user', content } });
  peer.say('conversation.item.input_audio_transcription.delta', { item_id: 'u1', delta: 'hel' });
  const usage = { type: 'tokens', output_tokens: 3, input_token_details: { text_tokens: 0, audio_tokens: 9 } };
  peer.say('conversation.item.input_audio_transcription.completed', { item_id: 'u1', transcript: 'hello', usage });
  await probe.next('input.transcript.done');
  expect(probe.events.slice(1)).toEqual([
    { type: 'speech.started', item: 'u1', atMs: 40 },
    { type: 'speech.stopped', item: 'u1', atMs: 90 },
    { type: 'input.committed', item: 'u1' },
    { type: 'input.transcript.delta', item: 'u1', text: 'hel' },
    {
      type: 'usage',
      usage: {
        kind: 'transcription',
        inputTextTokens: 0,
        inputAudioTokens: 9,
        cachedTextTokens: 0,
        cachedAudioTokens: 0,
        outputTextTokens: 3,
        outputAudioTokens: 0,
      },
    },
    { type: 'input.transcript.done', item: 'u1', text: 'hello' },
  ]);
});

it('reports what could not be transcribed as no words, and bills by time where the provider does', async () => {
  const { peer, probe } = await up();
  peer.say('conversation.item.input_audio_transcription.failed', { item_id: 'u1', error: {} });
  expect(await probe.next('input.transcript.done')).toEqual({ type: 'input.transcript.done', item: 'u1', text: '' });
  const usage = { type: 'duration', seconds: 2 };
  peer.say('conversation.item.input_audio_transcription.completed', { item_id: 'u2', transcript: 'x', usage });
  expect((await probe.next('usage')).usage).toMatchObject({ kind: 'transcription', seconds: 2, inputAudioTokens: 0 });
});

it('keeps a user item deleted that the provider adds only later, and says no more of it', async () => {
  const { peer, probe, settled } = await up();
  peer.say('input_audio_buffer.committed', { item_id: 'u1', previous_item_id: null });
  await probe.next('input.committed');
  probe.bridge.deleteItem('u1');
  await settled();
  expect(peer.count('conversation.item.delete')).toBe(0);
  peer.say('conversation.item.added', { item: { id: 'u1', type: 'message', role: 'user' } });
  expect(await peer.expect('conversation.item.delete')).toMatchObject({ item_id: 'u1' });
  peer.say('conversation.item.input_audio_transcription.delta', { item_id: 'u1', delta: 'hm' });
  peer.say('conversation.item.input_audio_transcription.completed', { item_id: 'u1', transcript: 'hm' });
  await settled();
  expect(probe.types()).not.toContain('input.transcript.delta');
  expect(probe.types()).not.toContain('input.transcript.done');
});

it('reports a call once, when it is complete, and hands its output over once', async () => {
  const { peer, probe, respond } = await up();
  await respond('r1');
  const call = { id: 'f1', type: 'function_call', call_id: 'call_1', name: 'weather', arguments: '{"city":"Rome"}' };
  peer.say('response.output_item.added', {
    response_id: 'r1',
    item: { ...call, arguments: '', status: 'in_progress' },
  });
  peer.say('conversation.item.added', { item: { ...call, status: 'in_progress' } });
  peer.say('response.function_call_arguments.done', {
    response_id: 'r1',
    call_id: 'call_1',
    arguments: call.arguments,
  });
  peer.say('response.output_item.done', { response_id: 'r1', item: { ...call, status: 'incomplete' } });
  peer.say('response.output_item.done', { response_id: 'r1', item: { ...call, status: 'completed' } });
  peer.say('response.output_item.done', { response_id: 'r1', item: { ...call, status: 'completed' } });
  peer.end('r1', 'completed');
  await probe.next('response.done');
  expect(probe.of('tool.called')).toEqual([
    { type: 'tool.called', response: 'r1', call: 'call_1', name: 'weather', arguments: '{"city":"Rome"}' },
  ]);
  probe.bridge.addToolOutput('call_1', 'sunny');
  probe.bridge.addToolOutput('call_1', 'rain');
  probe.bridge.addContext('The page shows Rome.');
  await peer.expect('conversation.item.create');
  expect((await peer.expect('conversation.item.create')).item).toMatchObject({ type: 'message', role: 'system' });
  const created = peer.received.filter(({ type }) => type === 'conversation.item.create');
  expect(created.map(({ item }) => item?.type)).toEqual(['function_call_output', 'message']);
  expect(created[0]?.item).toMatchObject({ call_id: 'call_1', output: 'sunny' });
});

it('adds what the user typed without asking for an answer', async () => {
  const { peer, probe } = await up();
  const id = probe.bridge.addUserText('hello');
  const { item } = await peer.expect('conversation.item.create');
  expect(item).toMatchObject({ id, role: 'user', content: [{ type: 'input_text', text: 'hello' }] });
  probe.bridge.deleteItem(id);
  expect(await peer.expect('conversation.item.delete')).toMatchObject({ item_id: id });
  expect(peer.count('response.create')).toBe(0);
});

it('makes nothing of errors that a race explains, and passes others on', async () => {
  const { peer, probe } = await up();
  peer.refuse('response_cancel_not_active');
  peer.refuse('input_audio_buffer_commit_empty');
  peer.refuse('invalid_value', { event_id: 'truncate_7', param: 'audio_end_ms' });
  peer.refuse('rate_limit_exceeded');
  expect(await probe.next('response.error')).toEqual({ type: 'response.error', code: 'rate_limit_exceeded' });
  peer.say('error', { error: { type: 'server_error', message: 'sk-verysecret' } });
  expect(await probe.next('response.error')).toEqual({ type: 'response.error', code: 'server_error' });
  expect(probe.of('response.error')).toHaveLength(2);
  expect(probe.problems).toHaveLength(5);
  expect(JSON.stringify(probe.problems)).not.toContain('verysecret');
});

it('survives frames that are no JSON, no event, or not what they say they are', async () => {
  const { peer, probe, settled } = await up();
  peer.socket.send('{"type":');
  peer.socket.send('null');
  peer.socket.send('[1]');
  peer.socket.send(Buffer.from([1, 2, 3]));
  peer.say('constructor');
  peer.say('__proto__');
  peer.say('response.brand_new', { anything: 1 });
  peer.say('response.created', { response: 'r' });
  peer.say('response.done', { response: { id: 'never-seen', status: 'completed' } });
  peer.say('error', {});
  await settled();
  expect(probe.types()).toEqual(['provider.up', 'input.cleared']);
  expect(probe.problems.map(({ code }) => code)).toEqual([
    'unreadable-frame',
    'malformed-event',
    'unreadable-frame',
    'malformed-event',
    'unknown-response',
    'malformed-event',
  ]);
});

it('says nothing after it was closed, not even from inside an event', async () => {
  const { peer, probe, respond } = await up({
    onEvent: (event, bridge) => event.type === 'response.generated' && bridge.close(),
  });
  await respond('r1');
  peer.end('r1', 'completed', { usage: null });
  expect(await peer.untilClosed()).toMatchObject({ code: 1000 });
  expect(probe.types().at(-1)).toBe('response.generated');
  const { bridge } = probe;
  bridge.appendAudio(new Int16Array(480));
  bridge.clearAudio();
  bridge.cancelResponse('r1');
  bridge.addContext('late');
  bridge.close();
  expect(bridge.commitAudio()).toBe(false);
  await expect(bridge.renderSpeech('hi', new AbortController().signal)).rejects.toMatchObject({
    code: 'upstream-lost',
  });
});
