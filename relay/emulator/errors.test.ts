/** Every error a client can provoke: its code, its words where clients match them, and that nothing else happens. */
import { describe, expect, it } from 'vitest';
import { PUSH_TO_TALK, TEXT, bench, type Bench } from './testing/session-bench.ts';
import { base64, toldEar, tone } from './testing/sounds.ts';

/** Sends `event` and gives the error that answers it. */
function refusal({ send, events }: Bench, event: Record<string, unknown>) {
  const before = events.length;
  send({ event_id: 'mine', ...event });
  expect(events.slice(before).map(({ type }) => type)).toEqual(['error']);
  const { error } = events.at(-1)!;
  expect(error.event_id).toBe('mine');
  return error;
}
const message = (role: string, ...content: object[]) => ({ type: 'message', role, content });
const item = (value: object) => ({ type: 'conversation.item.create', item: value });
const update = (session: object) => ({ type: 'session.update', session: { type: 'realtime', ...session } });
const create = (response: object) => ({ type: 'response.create', response });

describe('what is refused', () => {
  it.each([
    ['an unknown type', { type: 'response.pause' }, 'invalid_value', 'type'],
    ['no type', { kind: 'x' }, 'missing_required_parameter', 'type'],
    ['an unknown field', { type: 'response.cancel', reason: 'x' }, 'unknown_parameter', 'reason'],
    ['an event without its field', { type: 'conversation.item.delete' }, 'missing_required_parameter', 'item_id'],
    ['a session without a type', { type: 'session.update', session: {} }, 'missing_required_parameter', 'session.type'],
    ['an update without a session', { type: 'session.update' }, 'missing_required_parameter', 'session'],
    ['a session that is no object', { type: 'session.update', session: 3 }, 'missing_required_parameter', 'session'],
    ['both modalities', update({ output_modalities: ['text', 'audio'] }), 'invalid_value', 'session.output_modalities'],
    ['another model', update({ model: 'gpt-realtime' }), 'invalid_value', 'session.model'],
    ['a beta field', update({ voice: 'marin' }), 'unknown_parameter', 'session.voice'],
    [
      'a format without its rate',
      update({ audio: { input: { format: { type: 'audio/pcm' } } } }),
      'missing_required_parameter',
      'session.audio.input.format.rate',
    ],
    [
      'another rate',
      update({ audio: { input: { format: { type: 'audio/pcm', rate: 16_000 } } } }),
      'invalid_value',
      'session.audio.input.format.rate',
    ],
    [
      'a format that is not spoken here',
      update({ audio: { output: { format: { type: 'pcm16' } } } }),
      'invalid_value',
      'session.audio.output.format.type',
    ],
    [
      'a voice nobody has',
      update({ audio: { output: { voice: 'robot' } } }),
      'invalid_value',
      'session.audio.output.voice',
    ],
    [
      'a detector without a type',
      update({ audio: { input: { turn_detection: { threshold: 1 } } } }),
      'missing_required_parameter',
      'session.audio.input.turn_detection.type',
    ],
    [
      'a threshold out of range',
      update({ audio: { input: { turn_detection: { type: 'server_vad', threshold: 2 } } } }),
      'invalid_value',
      'session.audio.input.turn_detection.threshold',
    ],
    ['tools that are no list', update({ tools: {} }), 'invalid_type', 'session.tools'],
    [
      'a tool without a name',
      update({ tools: [{ type: 'function' }] }),
      'missing_required_parameter',
      'session.tools[0].name',
    ],
    ['half a token', update({ max_output_tokens: 1.5 }), 'invalid_type', 'session.max_output_tokens'],
    ['a token limit in words', update({ max_output_tokens: 'many' }), 'invalid_value', 'session.max_output_tokens'],
    ['instructions in numbers', update({ instructions: 1 }), 'invalid_type', 'session.instructions'],
    ['a flag in words', update({ parallel_tool_calls: 'yes' }), 'invalid_type', 'session.parallel_tool_calls'],
    ['tracing by number', update({ tracing: 1 }), 'invalid_type', 'session.tracing'],
    ['sound that is not base64', { type: 'input_audio_buffer.append', audio: '***' }, 'invalid_value', 'audio'],
    ['half a sample', { type: 'input_audio_buffer.append', audio: 'AAAA' }, 'invalid_value', 'audio'],
    ['an id as long as a UUID', item({ id: 'x'.repeat(36), ...message('user') }), 'string_above_max_length', 'item.id'],
    ['an item without a type', item({ role: 'user' }), 'missing_required_parameter', 'item.type'],
    ['an item that is no object', item([]), 'invalid_type', 'item'],
    ['a message of nobody', item({ type: 'message', content: [] }), 'missing_required_parameter', 'item.role'],
    [
      'a message without content',
      item({ type: 'message', role: 'user' }),
      'missing_required_parameter',
      'item.content',
    ],
    [
      'speech put into the assistant',
      item(message('assistant', { type: 'output_audio', audio: '' })),
      'missing_required_parameter',
      'item.content[0].text',
    ],
    [
      "a user's words as output",
      item(message('user', { type: 'text', text: 'x' })),
      'invalid_value',
      'item.content[0].type',
    ],
    [
      'an output nobody called for',
      item({ type: 'function_call_output', call_id: 'call_1', output: '' }),
      'invalid_tool_call_id',
      'item.call_id',
    ],
    [
      'a place after nothing',
      { ...item(message('user')), previous_item_id: 'x' },
      'item_create_invalid_item_id',
      'previous_item_id',
    ],
    [
      'retrieving nothing',
      { type: 'conversation.item.retrieve', item_id: 'x' },
      'item_retrieve_invalid_item_id',
      'item_id',
    ],
    [
      'truncating nothing',
      { type: 'conversation.item.truncate', item_id: 'x', content_index: 0, audio_end_ms: 1 },
      'item_truncate_invalid_item_id',
      'item_id',
    ],
    [
      'truncating half a millisecond',
      { type: 'conversation.item.truncate', item_id: 'x', content_index: 0, audio_end_ms: 1.5 },
      'invalid_type',
      'audio_end_ms',
    ],
    ['an unknown response', { type: 'response.cancel', response_id: 'resp_x' }, 'response_cancel_not_active', null],
    ['a wrong conversation', create({ conversation: 'other' }), 'invalid_value', 'response.conversation'],
    ['metadata in numbers', create({ metadata: { lane: 1 } }), 'invalid_type', 'response.metadata.lane'],
    [
      'too much metadata',
      create({ metadata: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, 'v'])) }),
      'invalid_value',
      'response.metadata',
    ],
    ['long metadata', create({ metadata: { k: 'v'.repeat(513) } }), 'string_above_max_length', 'response.metadata.k'],
    [
      'a reference to nothing',
      create({ conversation: 'none', input: [{ type: 'item_reference', id: 'x' }] }),
      'item_retrieve_invalid_item_id',
      'item_id',
    ],
  ])('%s', (_, event, code, param) => {
    expect(refusal(bench(), event)).toMatchObject({ type: 'invalid_request_error', code, param });
  });

  it('what is not JSON, not an object or not text', () => {
    const { session, events } = bench();
    session.receive('{');
    session.receive('[]');
    session.receiveBinary();
    const codes = events.slice(1).map(({ error }) => error.code);
    expect(codes).toEqual(['invalid_json', 'invalid_event', 'invalid_event']);
  });

  it('names every type that is known when one is not', () => {
    expect(refusal(bench(), { type: 'x' }).message).toMatch(
      /^Invalid value: 'x'\. Supported values are: 'session\.update', .*'response\.create', and 'response\.cancel'\.$/,
    );
  });

  it('a commit of less than 100 ms, counted since the last one', () => {
    const own = bench({}, PUSH_TO_TALK);
    own.append(tone(100));
    own.send({ type: 'input_audio_buffer.commit' });
    expect(refusal(own, { type: 'input_audio_buffer.commit' })).toMatchObject({
      code: 'input_audio_buffer_commit_empty',
      message:
        'Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer only has 0.00ms of audio.',
    });
    own.append(tone(99));
    expect(refusal(own, { type: 'input_audio_buffer.commit' }).message).toContain('only has 99.00ms');
    own.append(tone(1));
    own.send({ type: 'input_audio_buffer.clear' });
    expect(refusal(own, { type: 'input_audio_buffer.commit' }).message).toContain('only has 0.00ms');
  });

  it('an append of more than 15 MiB', () => {
    const audio = 'A'.repeat(20 * 1024 * 1024 + 4);
    expect(refusal(bench(), { type: 'input_audio_buffer.append', audio }).code).toBe('invalid_value');
  });

  it('a second response while one is active, naming it; nothing else follows', async () => {
    const own = bench();
    own.type('Tell me a long story');
    own.send({ type: 'response.create' });
    const { response } = await own.until('response.created');
    expect(refusal(own, { type: 'response.create' })).toMatchObject({
      code: 'conversation_already_has_active_response',
      message:
        `Conversation already has an active response in progress: ${response.id}. ` +
        'Wait until the response is finished before creating a new one.',
    });
    await own.until('response.done');
    expect(own.events.filter(({ type }) => type === 'response.created')).toHaveLength(1);
  });

  it('a cancellation of what is over, with the words clients know it by', async () => {
    const own = bench();
    own.type('Thanks');
    own.send({ type: 'response.create' });
    const { response } = await own.until('response.done');
    for (const event of [{}, { response_id: response.id }]) {
      expect(refusal(own, { type: 'response.cancel', ...event })).toMatchObject({
        code: 'response_cancel_not_active',
        message: 'Cancellation failed: no active response found',
      });
    }
  });

  it('a truncation beyond what was made, of no sound, or of what the model did not say', async () => {
    const own = bench();
    own.type('Thanks');
    const [user] = own.session.report().items;
    own.send({ type: 'response.create' });
    const { response } = await own.until('response.done');
    const [{ id }] = response.output;
    const cut = (item_id: unknown, audio_end_ms: number) =>
      refusal(own, { type: 'conversation.item.truncate', item_id, content_index: 0, audio_end_ms });
    expect(cut(id, 8160)).toMatchObject({
      code: 'invalid_value',
      param: 'audio_end_ms',
      message: 'Audio content of 960ms is already shorter than 8160ms',
    });
    const notSpeech = {
      code: 'unsupported_content_type',
      message: 'Only model output audio messages can be truncated',
    };
    expect(cut(id, 0)).toMatchObject(notSpeech);
    expect(cut(user?.['id'], 100)).toMatchObject(notSpeech);
    own.send({ type: 'conversation.item.truncate', item_id: id, content_index: 0, audio_end_ms: 500 });
    expect(cut(id, 501)).toMatchObject({ message: 'Audio content of 500ms is already shorter than 501ms' });
  });

  it('a truncation before the first sound', async () => {
    const own = bench();
    own.type('Thanks');
    own.send({ type: 'response.create' });
    const { item: spoken } = await own.until('response.output_item.added');
    expect(own.events.some(({ type }) => type === 'response.output_audio.delta')).toBe(false);
    const cut = { type: 'conversation.item.truncate', item_id: spoken.id, content_index: 0, audio_end_ms: 1 };
    expect(refusal(own, cut).code).toBe('unsupported_content_type');
  });

  it('another voice once the assistant was heard, and all that came with it', async () => {
    const own = bench();
    own.send(update({ audio: { output: { voice: 'cedar' } } }));
    own.type('Thanks');
    own.send({ type: 'response.create' });
    await own.until('response.done');
    const event = update({ instructions: 'Be brief.', audio: { output: { voice: 'ash' } } });
    expect(refusal(own, event)).toMatchObject({
      code: 'cannot_update_voice',
      message: "Cannot update a conversation's voice if assistant audio is present.",
    });
    const { instructions, audio } = own.session.report().config;
    expect([instructions, audio.output.voice]).toEqual(['', 'cedar']);
    own.send(update({ audio: { output: { voice: 'cedar' } } }));
    expect(own.events.at(-1)?.type).toBe('session.updated');
  });

  it('an item whose id is taken', () => {
    const own = bench();
    own.send(item({ id: 'one', ...message('user', { type: 'input_text', text: 'x' }) }));
    expect(refusal(own, item({ id: 'one', ...message('user') })).code).toBe('item_create_duplicate_item_id');
  });
});

describe('what a session is set to', () => {
  it('keeps what an update leaves out, and clears by null, empty text and empty lists', () => {
    const { send, events } = bench();
    send(update({ instructions: 'Be kind.', tools: [{ type: 'function', name: 'f' }], max_output_tokens: 100 }));
    send(update({ tracing: 'auto' }));
    expect(events.at(-1)?.['session']).toMatchObject({
      instructions: 'Be kind.',
      max_output_tokens: 100,
      tracing: 'auto',
    });
    send(update({ instructions: null, tools: [], max_output_tokens: null, tracing: null }));
    expect(events.at(-1)?.['session']).toMatchObject({
      ...{ instructions: '', tools: [], max_output_tokens: 'inf', tracing: null },
    });
  });

  it('tells turn detection with every default filled in', () => {
    const { send, events } = bench({ vad: { silence_duration_ms: 200 } });
    expect(events[0]?.['session'].audio.input.turn_detection.silence_duration_ms).toBe(200);
    send(update({ audio: { input: { turn_detection: { type: 'semantic_vad' } } } }));
    expect(events.at(-1)?.['session'].audio.input.turn_detection).toEqual({
      type: 'semantic_vad',
      eagerness: 'auto',
      create_response: true,
      interrupt_response: true,
    });
    send(update({ audio: { input: { turn_detection: { type: 'server_vad', create_response: false } } } }));
    expect(events.at(-1)?.['session'].audio.input.turn_detection).toEqual({
      ...{
        type: 'server_vad',
        threshold: 0.5,
        prefix_padding_ms: 300,
        silence_duration_ms: 200,
        idle_timeout_ms: null,
      },
      ...{ create_response: false, interrupt_response: true },
    });
    expect(events.at(-1)?.['session'].audio.input.format).toEqual({ type: 'audio/pcm', rate: 24_000 });
  });

  it('speaks and hears G.711 when asked to', async () => {
    const g711 = {
      input: { format: { type: 'audio/pcmu' }, turn_detection: null },
      output: { format: { type: 'audio/pcma' } },
    };
    const { send, until, session } = bench({ ear: toldEar('Thank you') }, { audio: g711 });
    send({ type: 'input_audio_buffer.append', audio: Buffer.alloc(8000, 0x80).toString('base64') });
    expect(session.report().receivedMs).toBe(1000);
    send({ type: 'input_audio_buffer.commit' });
    send({ type: 'response.create' });
    const delta = await until('response.output_audio.delta');
    expect(Buffer.from(delta['delta'], 'base64')).toHaveLength(800);
  });

  it('hears sound that comes inside an item', async () => {
    const { send, until } = bench({ ear: toldEar('Thank you') }, TEXT);
    const audio = base64(tone(300));
    send(item(message('user', { type: 'input_audio', audio })));
    expect((await until('conversation.item.added'))['item'].content).toEqual([
      { type: 'input_audio', transcript: null },
    ]);
    send({ type: 'response.create' });
    expect((await until('response.output_text.done'))['text']).toBe('You are welcome.');
  });
});
