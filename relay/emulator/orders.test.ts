/** The orders of events that clients rely on, each as it was captured from the real server. */
import { describe, expect, it } from 'vitest';
import { PUSH_TO_TALK, TEXT, TRANSCRIBED, bench } from './testing/session-bench.ts';
import { silence, toldEar, tone } from './testing/sounds.ts';

const SPOKEN = [
  'response.created',
  'response.output_item.added',
  'conversation.item.added',
  'response.content_part.added',
  'response.output_audio_transcript.delta*',
  'response.output_audio.delta*',
];
const SPOKEN_TAIL = [
  'response.output_audio.done',
  'response.output_audio_transcript.done',
  'response.content_part.done',
  'conversation.item.done',
  'response.output_item.done',
  'response.done',
];
const ADDED = ['conversation.item.added', 'conversation.item.done'];
const VAD_TURN = [
  'input_audio_buffer.speech_started',
  'input_audio_buffer.speech_stopped',
  'input_audio_buffer.committed',
  ...ADDED,
];

describe('the order of events', () => {
  it('of a spoken answer: words ahead of sound, the item done before the output item, rate limits last', async () => {
    const { type, send, until, order, run } = bench();
    order();
    type('Thanks');
    send({ type: 'response.create' });
    await until('response.done');
    expect(order()).toEqual([...ADDED, ...SPOKEN, ...SPOKEN_TAIL]);
    await run(50);
    expect(order()).toEqual(['rate_limits.updated']);
  });

  it('of a written answer', async () => {
    const { type, send, until, order } = bench({}, TEXT);
    order();
    type('Thanks');
    send({ type: 'response.create' });
    await until('response.done');
    expect(order()).toEqual([
      ...ADDED,
      ...['response.created', 'response.output_item.added', 'conversation.item.added', 'response.content_part.added'],
      ...['response.output_text.delta*', 'response.output_text.done', 'response.content_part.done'],
      ...['conversation.item.done', 'response.output_item.done', 'response.done'],
    ]);
  });

  it('of a turn by server detection, one item id throughout, answered by itself', async () => {
    const { append, until, order, events } = bench({ ear: toldEar('Thank you') }, TRANSCRIBED);
    order();
    append(silence(400), tone(800), silence(700));
    const done = await until('response.done');
    expect(order()).toEqual([
      ...VAD_TURN,
      ...SPOKEN.slice(0, 1),
      'conversation.item.input_audio_transcription.delta*',
      'conversation.item.input_audio_transcription.completed',
      ...SPOKEN.slice(1),
      ...SPOKEN_TAIL,
    ]);
    expect(done['response'].output[0].content[0].transcript).toBe('You are welcome.');
    const ids = events
      .filter(({ type }) => type.startsWith('input_audio_buffer') || type.includes('transcription'))
      .map(({ item_id: id }) => id);
    expect(new Set(ids).size).toBe(1);
    const [started, stopped, committed] = events.filter(({ type }) => type.startsWith('input_audio_buffer'));
    expect(started).toMatchObject({ audio_start_ms: 160 });
    expect(stopped).toMatchObject({ audio_end_ms: 1700 });
    expect(committed).toMatchObject({ previous_item_id: null });
    const added = events.find(({ type }) => type === 'conversation.item.added');
    expect(added?.['item']).toMatchObject({
      status: 'completed',
      content: [{ type: 'input_audio', transcript: null }],
    });
  });

  it('of push-to-talk: nothing but the committed item until the client asks', async () => {
    const { append, send, order, run } = bench({}, PUSH_TO_TALK);
    order();
    append(silence(100), tone(500), silence(800));
    await run(500);
    expect(order()).toEqual([]);
    send({ type: 'input_audio_buffer.commit' });
    await run(500);
    expect(order()).toEqual(['input_audio_buffer.committed', ...ADDED]);
  });

  it('of a cancelled answer: the usual tail, carrying what was streamed, and a cancelled response', async () => {
    const { type, send, until, run, order, events } = bench();
    type('Tell me a long story');
    send({ type: 'response.create' });
    await until('response.output_audio.delta');
    await run(300);
    order();
    send({ type: 'response.cancel' });
    expect(order()).toEqual(SPOKEN_TAIL);
    const done = events.at(-1)?.['response'];
    expect(done).toMatchObject({
      status: 'cancelled',
      status_details: { type: 'cancelled', reason: 'client_cancelled' },
      output: [{ status: 'incomplete' }],
    });
    expect(done.usage.output_token_details.audio_tokens).toBeGreaterThan(0);
    await run(2000);
    expect(order()).toEqual(['rate_limits.updated']);
  });

  it('of barge-in: speech_started, then the tail of the answer it cuts off', async () => {
    const { type, send, append, until, order, events } = bench();
    type('Tell me a long story');
    send({ type: 'response.create' });
    await until('response.output_audio.delta');
    order();
    append(tone(200));
    expect(order()).toEqual(['input_audio_buffer.speech_started', ...SPOKEN_TAIL]);
    expect(events.at(-1)?.['response'].status_details).toEqual({ type: 'cancelled', reason: 'turn_detected' });
  });

  it('of a function call, and of the answer from its output', async () => {
    const tools = [
      {
        type: 'function',
        name: 'get_weather',
        parameters: { type: 'object', properties: { city: { type: 'string' } } },
      },
    ];
    const { type, send, until, order } = bench({}, { tools });
    order();
    type('What is the weather in Paris?');
    send({ type: 'response.create' });
    const { response } = await until('response.done');
    expect(order()).toEqual([
      ...ADDED,
      ...['response.created', 'response.output_item.added', 'conversation.item.added'],
      ...['response.function_call_arguments.delta*', 'response.function_call_arguments.done'],
      ...['conversation.item.done', 'response.output_item.done', 'response.done'],
    ]);
    const [call] = response.output;
    expect(call).toMatchObject({ type: 'function_call', status: 'completed', name: 'get_weather' });
    expect(JSON.parse(call.arguments)).toEqual({ city: 'Paris' });
    const output = JSON.stringify({ conditions: 'sunny' });
    send({ type: 'conversation.item.create', item: { type: 'function_call_output', call_id: call.call_id, output } });
    send({ type: 'response.create' });
    const answer = await until('response.done');
    expect(answer['response'].output[0].content[0].transcript).toBe('Here is the weather report: conditions sunny.');
  });

  it('of a response outside the conversation: no conversation items, its metadata echoed, in parallel', async () => {
    const { type, send, until, events, session } = bench();
    type('Tell me a long story');
    send({ type: 'response.create' });
    await until('response.output_audio.delta');
    send({
      type: 'response.create',
      response: { conversation: 'none', input: [], instructions: 'Say only: Let me see.', metadata: { lane: 'A' } },
    });
    const { response } = await until('response.done');
    expect(response).toMatchObject({ conversation_id: null, metadata: { lane: 'A' }, status: 'completed' });
    expect(response.output[0].content).toEqual([{ type: 'output_audio', transcript: 'Let me see.' }]);
    const mirrored = events.filter(
      ({ type: kind, item }) => kind.startsWith('conversation.item') && item?.id === response.output[0].id,
    );
    expect(mirrored).toEqual([]);
    expect(session.report().items).toHaveLength(2);
    const running = session.report().responses.filter(({ status }) => status === 'in_progress');
    expect(running).toHaveLength(1);
  });

  it('of a truncation: the event, a transcript gone, and a memory as long as what was heard', async () => {
    const { type, send, until, events, session } = bench();
    type('Tell me a long story');
    send({ type: 'response.create' });
    await until('response.done');
    const [item] = events.findLast(({ type: kind }) => kind === 'response.done')?.['response'].output;
    send({ type: 'conversation.item.truncate', item_id: item.id, content_index: 0, audio_end_ms: 1500 });
    expect(events.at(-1)).toMatchObject({ type: 'conversation.item.truncated', item_id: item.id, audio_end_ms: 1500 });
    send({ type: 'conversation.item.retrieve', item_id: item.id });
    const [part] = events.at(-1)?.['item'].content;
    expect(part.transcript).toBeNull();
    expect(Buffer.from(part.audio, 'base64')).toHaveLength(1500 * 48);
    expect(session.report().items.at(-1)).toMatchObject({
      remembered: 'Once upon a time there',
      truncated_at_ms: 1500,
    });
    type('What did you say?');
    send({ type: 'response.create' });
    await until('response.done');
    const said = events.findLast(({ type: kind }) => kind === 'response.output_audio_transcript.done');
    expect(said?.['transcript']).toBe('I said: Once upon a time there');
  });

  it('of items put first, in between and taken away: the chain is told and kept', () => {
    const { send, events, session } = bench();
    const put = (id: string, previous_item_id?: string | null): unknown => {
      const item = { id, type: 'message', role: 'system', content: [{ type: 'input_text', text: id }] };
      send({ type: 'conversation.item.create', item, ...(previous_item_id === undefined ? {} : { previous_item_id }) });
      return events.at(-1)?.['previous_item_id'];
    };
    expect([put('b'), put('d', null), put('a', 'root'), put('c', 'b')]).toEqual([null, 'b', null, 'b']);
    send({ type: 'conversation.item.delete', item_id: 'b' });
    expect(events.at(-1)).toMatchObject({ type: 'conversation.item.deleted', item_id: 'b' });
    const chain = session.report().items.map(({ id, previous_item_id: previous }) => [id, previous]);
    expect(chain).toEqual([
      ['a', null],
      ['c', 'a'],
      ['d', 'c'],
    ]);
  });

  it('of an idle turn: timeout_triggered once the answer has been heard out, then a turn of silence', async () => {
    const detection = { type: 'server_vad', idle_timeout_ms: 5000 };
    const { type, send, append, until, run, order } = bench({}, { audio: { input: { turn_detection: detection } } });
    append(silence(300));
    type('Thanks');
    send({ type: 'response.create' });
    await until('response.done');
    await run(60);
    order();
    await run(5000);
    expect(order()).toEqual([]);
    await run(1000);
    expect(order().slice(0, 5)).toEqual([
      ...['input_audio_buffer.timeout_triggered', 'input_audio_buffer.committed', ...ADDED],
      'response.created',
    ]);
  });

  it('of an answer with a preamble: two items in one response, each with a phase', async () => {
    const { type, send, until, faults } = bench();
    faults.set({ preamble: true });
    type('Thanks');
    send({ type: 'response.create' });
    const { response } = await until('response.done');
    expect(response.output.map(({ phase }: { phase: string }) => phase)).toEqual(['commentary', 'final_answer']);
  });

  it('of max_output_tokens: the tail, and an incomplete response that says why', async () => {
    const { type, send, until } = bench();
    type('Tell me a long story');
    send({ type: 'response.create', response: { max_output_tokens: 40 } });
    const { response } = await until('response.done');
    expect(response).toMatchObject({
      status: 'incomplete',
      status_details: { type: 'incomplete', reason: 'max_output_tokens' },
      output: [{ status: 'incomplete' }],
    });
    expect(response.usage.output_tokens).toBeLessThanOrEqual(40);
  });

  it('of semantic detection: the same events, the stop later for words it does not know', async () => {
    const detection = { type: 'semantic_vad', eagerness: 'low' };
    const stopOf = (ear: ReturnType<typeof toldEar>) => {
      const { append, events } = bench({ ear }, { audio: { input: { turn_detection: detection } } });
      append(tone(600), silence(3000));
      return events.find(({ type }) => type === 'input_audio_buffer.speech_stopped')?.['audio_end_ms'];
    };
    expect(stopOf(toldEar('Hello'))).toBe(1000);
    expect(stopOf(toldEar())).toBe(2600);
  });
});
