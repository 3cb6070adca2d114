/** The unmodified `openai` package holds a whole conversation with the emulator, voice and ear included. */
import net from 'node:net';
import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import type { RealtimeClientEvent, RealtimeServerEvent } from 'openai/resources/realtime/realtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClientOptions } from 'ws';
import { startEmulator, type Emulator } from './emulator.ts';
import { complaint } from './testing/event-schemas.ts';
import { utterance } from './testing/utterances.ts';
import { base64, silence } from './testing/sounds.ts';

let emulator: Emulator;
let openai: OpenAI;
beforeAll(async () => {
  emulator = await startEmulator({
    pace: 40,
    requireKey: 'sk-test',
    faults: { 'first-audio-ms': 20, 'created-ms': 0 },
  });
  openai = new OpenAI({ apiKey: 'sk-test', baseURL: emulator.url });
});
afterAll(() => emulator.close());

type Of<T extends string> = Extract<RealtimeServerEvent, { type: T }>;

/** A connected client that collects events, judges each, and hands them out in turn. */
async function connect() {
  // The package dials TLS whatever the base URL says; a plain socket has to be handed to it.
  const createConnection = (() => net.connect({ host: '127.0.0.1', port: emulator.port })) as unknown as NonNullable<
    ClientOptions['createConnection']
  >;
  const client = new OpenAIRealtimeWS(
    { model: 'gpt-realtime-2.1', options: { createConnection, perMessageDeflate: false } },
    openai,
  );
  const events: RealtimeServerEvent[] = [];
  const errors: string[] = [];
  let look = (): void => undefined;
  client.on('error', (error) => errors.push(error.error?.code ?? error.message));
  client.on('event', (event) => {
    events.push(event);
    const wrong = complaint(event);
    if (wrong !== null) errors.push(wrong);
    look();
  });
  await new Promise<void>((opened) => client.socket.once('open', () => opened()));
  let read = 0;
  return {
    client,
    events,
    errors,
    send: (event: RealtimeClientEvent) => client.send(event),
    /** The next event of this type, counted from the last one asked for. */
    next: <T extends RealtimeServerEvent['type']>(type: T) =>
      new Promise<Of<T>>((found) => {
        look = () => {
          const at = events.findIndex((event, index) => index >= read && event.type === type);
          if (at < 0) return;
          read = at + 1;
          look = () => undefined;
          found(events[at] as Of<T>);
        };
        look();
      }),
  };
}

describe('the openai package', () => {
  it('converses: text, speech, interruption with truncation, a tool, errors', async () => {
    const { client, send, next, errors, events } = await connect();
    const created = await next('session.created');
    expect(created.session).toMatchObject({ type: 'realtime', model: 'gpt-realtime-2.1' });
    send({
      type: 'session.update',
      session: {
        type: 'realtime',
        instructions: 'Be brief.',
        tools: [
          {
            type: 'function',
            name: 'look_up_weather',
            parameters: { type: 'object', properties: { location: { type: 'string' } }, required: ['location'] },
          },
        ],
        audio: {
          input: { transcription: { model: 'gpt-transcribe' }, turn_detection: { type: 'server_vad' } },
          output: { voice: 'marin' },
        },
      },
    });
    await next('session.updated');

    const item = { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Thank you' }] } as const;
    send({ type: 'conversation.item.create', item: { ...item, content: [...item.content] } });
    send({ type: 'response.create', response: { output_modalities: ['text'] } });
    expect((await next('response.output_text.done')).text).toBe('You are welcome.');
    await next('response.done');

    const spoken = [silence(300), utterance('Tell me a long story.'), silence(700)];
    for (const sound of spoken) send({ type: 'input_audio_buffer.append', audio: base64(sound) });
    await next('input_audio_buffer.speech_started');
    await next('input_audio_buffer.committed');
    const transcript = await next('conversation.item.input_audio_transcription.completed');
    expect(transcript.transcript).toBe('Tell me a long story.');
    const { item_id: storyId } = await next('response.output_audio.delta');
    send({ type: 'input_audio_buffer.append', audio: base64(utterance('Stop.')) });
    const { response: cut } = await next('response.done');
    expect(cut).toMatchObject({ status: 'cancelled', status_details: { reason: 'turn_detected' } });
    send({ type: 'conversation.item.truncate', item_id: storyId, content_index: 0, audio_end_ms: 100 });
    expect((await next('conversation.item.truncated')).audio_end_ms).toBe(100);
    send({ type: 'input_audio_buffer.append', audio: base64(silence(700)) });
    const { response: stopped } = await next('response.done');
    expect(stopped.output?.[0]).toMatchObject({ content: [{ transcript: 'All right.' }] });

    const asked = [utterance('What is the weather in Paris?'), silence(700)];
    for (const sound of asked) send({ type: 'input_audio_buffer.append', audio: base64(sound) });
    const call = await next('response.function_call_arguments.done');
    expect(JSON.parse(call.arguments)).toEqual({ location: 'Paris' });
    await next('response.done');
    const output = JSON.stringify({ conditions: 'sunny' });
    send({ type: 'conversation.item.create', item: { type: 'function_call_output', call_id: call.call_id, output } });
    send({ type: 'response.create' });
    const { response: answered } = await next('response.done');
    expect(answered.output?.[0]).toMatchObject({
      content: [{ transcript: 'Here is the weather report: conditions sunny.' }],
    });
    expect(answered.usage?.input_token_details?.cached_tokens).toBeGreaterThanOrEqual(0);

    expect(errors).toEqual([]);
    send({ type: 'response.cancel', event_id: 'mine' });
    await next('error');
    expect(errors).toEqual(['response_cancel_not_active']);
    expect(events.at(-1)).toMatchObject({ error: { event_id: 'mine' } });
    client.close();
  });

  it('reads models, client secrets and moderations', async () => {
    const models = await openai.models.list();
    expect(models.data.map(({ id }) => id)).toContain('gpt-realtime-2.1');
    const secret = await openai.realtime.clientSecrets.create({
      session: { type: 'realtime', model: 'gpt-realtime-2.1' },
    });
    expect(secret.value).toMatch(/^ek_/);
    const { results } = await openai.moderations.create({ input: 'It has guaranteed returns.' });
    expect(results[0]?.flagged).toBe(true);
    const stranger = new OpenAI({ apiKey: 'sk-wrong', baseURL: emulator.url, maxRetries: 0 });
    await expect(stranger.models.list()).rejects.toMatchObject({ status: 401, code: 'invalid_api_key' });
  });
});
