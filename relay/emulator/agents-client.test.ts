/**
 * The unmodified `@openai/agents-realtime` package holds a whole conversation with the emulator.
 * Its schemas judge every event of this and of every other test of the emulator.
 */
import { RealtimeAgent, RealtimeSession, tool, type RealtimeItem } from '@openai/agents-realtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEmulator, type Emulator } from './emulator.ts';
import { complaint } from './testing/event-schemas.ts';
import { silence } from './testing/sounds.ts';
import { utterance } from './testing/utterances.ts';

let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator({
    pace: 40,
    requireKey: 'sk-test',
    faults: { 'first-audio-ms': 20, 'created-ms': 0 },
  });
});
afterAll(() => emulator.close());

type Seen = { type: string } & Record<string, ReturnType<typeof JSON.parse>>;

async function connect() {
  const asked: unknown[] = [];
  const weather = tool({
    name: 'get_weather',
    description: 'The weather in a city.',
    parameters: {
      type: 'object' as const,
      properties: { location: { type: 'string' } },
      required: ['location'],
      additionalProperties: true as const,
    },
    strict: false,
    execute: async (input) => {
      asked.push(input);
      return 'sunny';
    },
  });
  const agent = new RealtimeAgent({ name: 'tester', instructions: 'Be brief.', tools: [weather] });
  const session = new RealtimeSession(agent, { transport: 'websocket', tracingDisabled: true });
  const seen: Seen[] = [];
  const errors: Seen[] = [];
  const waiting = new Set<() => void>();
  let interruptions = 0;
  let heardBytes = 0;
  session.on('error', (error) => errors.push(error as unknown as Seen));
  session.on('audio_interrupted', () => (interruptions += 1));
  session.on('audio', ({ data }) => (heardBytes += data.byteLength));
  session.transport.on('*', (event: Seen) => {
    seen.push(event);
    for (const look of waiting) look();
  });
  await session.connect({
    apiKey: 'sk-test',
    url: `${emulator.url.replace('http', 'ws')}/realtime?model=gpt-realtime-2.1`,
  });
  let read = 0;
  return {
    session,
    seen,
    errors,
    asked,
    counts: () => ({ interruptions, heardBytes }),
    speak: (...sounds: Int16Array[]) => {
      for (const { buffer, byteOffset, byteLength } of sounds) {
        session.sendAudio(buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer);
      }
    },
    next: (type: string) =>
      new Promise<Seen>((found) => {
        const look = (): void => {
          const at = seen.findIndex((event, index) => index >= read && event.type === type);
          if (at < 0) return;
          read = at + 1;
          waiting.delete(look);
          found(seen[at]!);
        };
        waiting.add(look);
        look();
      }),
  };
}

const wordsOf = (history: RealtimeItem[]): string[] =>
  history.flatMap((item) =>
    item.type === 'message'
      ? item.content.map((part) => `${item.role}: ${'text' in part ? part.text : (part.transcript ?? '(gone)')}`)
      : [item.type],
  );

describe('the agents package', () => {
  it('converses: text, speech, interruption with truncation, a tool, errors', async () => {
    const { session, seen, errors, asked, counts, speak, next } = await connect();
    await next('session.updated');

    session.sendMessage('Thank you');
    await next('response.done');
    expect(wordsOf(session.history)).toEqual(['user: Thank you', 'assistant: You are welcome.']);
    expect(counts().heardBytes).toBeGreaterThan(24_000);

    speak(silence(300), utterance('Tell me a long story.'), silence(1200));
    await next('conversation.item.input_audio_transcription.completed');
    for (let heard = 0; heard < 4; heard += 1) await next('response.output_audio.delta');
    speak(utterance('Stop.'));
    const { response: cut } = await next('response.done');
    expect(cut.status).toBe('cancelled');
    await next('conversation.item.truncated');
    await next('conversation.item.retrieved');
    speak(silence(1200));
    await next('response.done');
    // The package also interrupts what has been generated but may still be playing.
    expect(counts().interruptions).toBe(2);
    const remembered = emulator.sessions()[0]?.items.map(({ remembered: words }) => String(words)) ?? [];
    expect(remembered.slice(2)).toEqual([
      'Tell me a long story.',
      expect.stringMatching(/^(Once .{0,100})?$/),
      ...['Stop.', 'All right.'],
    ]);
    expect(wordsOf(session.history).at(-1)).toBe('assistant: All right.');
    expect(errors).toEqual([]);

    speak(utterance('What is the weather in Paris?'), silence(1200));
    await next('response.function_call_arguments.done');
    await next('response.done');
    const { response: answered } = await next('response.done');
    expect(asked).toEqual([{ location: 'Paris' }]);
    expect(answered.output[0].content[0].transcript).toBe('Here is the weather report: sunny.');

    session.transport.sendEvent({ type: 'response.cancel' });
    await next('error');
    expect(JSON.stringify(errors)).toContain('response_cancel_not_active');
    expect(seen.map((event) => complaint(event)).filter((wrong) => wrong !== null)).toEqual([]);
    session.close();
  });

  it('is told of a wrong key by an event and a closed connection', async () => {
    const agent = new RealtimeAgent({ name: 'tester' });
    const session = new RealtimeSession(agent, { transport: 'websocket', tracingDisabled: true });
    const refused = new Promise<unknown>((told) => session.on('error', told));
    await session.connect({
      apiKey: 'sk-wrong',
      url: `${emulator.url.replace('http', 'ws')}/realtime?model=gpt-realtime`,
    });
    expect(JSON.stringify(await refused)).toContain('invalid_api_key');
    session.close();
  });
});
