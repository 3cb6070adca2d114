/**
 * What the provider sends: the reader of its events and everything that takes them in, with the real parts of a
 * bridge and no socket. An input is a session, one frame a line: changed, reordered, repeated, cut, or of another.
 * Nothing may be thrown, no word of the conversation may get into what is logged, and what is remembered is bounded.
 */
import { readFileSync } from 'node:fs';
import { Conversation } from '../../relay/bridge/openai/conversation.ts';
import { readServerEvent } from '../../relay/bridge/openai/events.ts';
import { Inbound } from '../../relay/bridge/openai/inbound.ts';
import { Microphone } from '../../relay/bridge/openai/microphone.ts';
import { ResponseBook } from '../../relay/bridge/openai/responses.ts';
import { SpeechRenderer } from '../../relay/bridge/openai/speech.ts';
import { virtualClock } from '../../relay/testing/virtual-clock.ts';
import type { Random } from '../load/random.ts';
import { mutateBytes, mutateJsonText } from './mutate.ts';
import { claim, type Target } from './target.ts';

const MOST_RESPONSES = 16;
const MOST_ITEMS = 4_096;
const MOST_HELD_BYTES = 64 * 30_000 * 48;
/** Said in no log: each has a space, as no name has. */
const WORDS = ['kinds of kettles', 'smallest one cost', 'canary words of the user'];

/** Of what the emulator does not say by itself. */
const MORE = [
  { type: 'input_audio_buffer.speech_started', item_id: 'said_9', audio_start_ms: 300 },
  { type: 'input_audio_buffer.speech_stopped', item_id: 'said_9', audio_end_ms: 900 },
  { type: 'input_audio_buffer.committed', item_id: 'said_9', previous_item_id: null },
  { type: 'conversation.item.input_audio_transcription.delta', item_id: 'said_9', delta: 'canary words' },
  {
    type: 'conversation.item.input_audio_transcription.completed',
    item_id: 'said_9',
    transcript: 'canary words of the user',
  },
  { type: 'conversation.item.input_audio_transcription.failed', item_id: 'said_9' },
  { type: 'response.created', response: { id: 'resp_9', status: 'in_progress', metadata: { rid: 'create_2' } } },
  {
    type: 'response.output_item.done',
    response_id: 'resp_9',
    item: {
      id: 'call_9',
      type: 'function_call',
      status: 'completed',
      call_id: 'c9',
      name: 'show',
      arguments: '{"of":"canary words of the user"}',
    },
  },
  { type: 'response.output_text.delta', response_id: 'resp_9', item_id: 'text_9', delta: 'canary words of the user' },
  { type: 'response.output_text.done', response_id: 'resp_9', item_id: 'text_9', text: 'canary words of the user' },
  {
    type: 'response.done',
    response: { id: 'resp_9', status: 'failed', status_details: { error: { code: 'server_error' } } },
  },
  {
    type: 'error',
    error: {
      type: 'invalid_request_error',
      code: 'invalid_value',
      message: "Invalid value: 'canary words of the user'.",
      param: 'item.content',
      event_id: 'create_2',
    },
  },
  {
    type: 'error',
    error: {
      type: 'invalid_request_error',
      code: 'conversation_already_has_active_response',
      message: 'A response in progress: resp_9',
      event_id: null,
    },
  },
].map((event) => JSON.stringify(event));

function transcript(): string[] {
  const file = new URL('./provider-transcript.jsonl', import.meta.url);
  return readFileSync(file, 'utf8').trim().split('\n');
}

function bridgeParts() {
  const clock = virtualClock();
  const told: string[] = [];
  let ids = 0;
  const nextId = (prefix: string) => `${prefix}_${++ids}`;
  const send = () => true;
  const microphone = new Microphone({ turn: 'auto', clock, send, isBackedUp: () => false, dropped: () => undefined });
  const conversation = new Conversation({ history: [], soundOf: (item) => microphone.soundOf(item), nextId, send });
  const book = new ResponseBook();
  const speech = new SpeechRenderer({ clock, request: () => null, cancel: () => undefined });
  const inbound = new Inbound({
    ...{ conversation, microphone, speech, book, emit: () => undefined, now: () => clock.now() },
    connection: { nextId, send, fail: () => undefined },
    problem: (code, detail) => void told.push(`${code} ${detail}`),
  });
  microphone.open();
  for (const rid of ['create_1', 'create_2', 'create_9']) book.requested({ is: 'answer', rid, turn: `turn_of_${rid}` });
  return { clock, told, microphone, conversation, book, inbound };
}

/** A message of the provider's own may say anything but what it quotes. */
function messageIn(raw: unknown): string {
  const { error } = (raw ?? {}) as { error?: { message?: unknown } | null };
  const message = typeof error === 'object' ? error?.message : undefined;
  return typeof message === 'string' ? message.replace(/(["'`]).*/gs, '') : '';
}

export function providerTarget(): Target {
  const session = transcript();
  const all = [...session, ...MORE];
  const lines = (of: readonly string[]) => Buffer.from(of.join('\n'));
  return {
    name: 'provider',
    corpus: [lines(session), lines(MORE), lines([...session.slice(0, 20), ...MORE, ...session.slice(20)])],
    mutate(random: Random, one) {
      const frames = one.toString().split('\n');
      for (let left = random.whole(1, 6); left > 0; left -= 1) {
        const at = random.whole(0, frames.length - 1);
        const frame = frames[at] ?? '';
        if (random.chance(0.6)) frames[at] = mutateJsonText(random, frame, all).replace(/\n/g, ' ');
        else if (random.chance(0.3)) frames.splice(at, 1);
        else if (random.chance(0.4)) frames.splice(random.whole(0, frames.length), 0, frame);
        else if (random.chance(0.5)) frames.splice(at, 0, random.pick(all));
        else frames[at] = mutateBytes(random, Buffer.from(frame), [Buffer.from(frame)]).toString();
        if (frames.length === 0) frames.push(random.pick(all));
      }
      if (random.chance(0.02)) {
        // A crowd of responses and items that nobody asked for.
        const crowd = Array.from({ length: 300 }, (_, i) =>
          random.pick(all).replace(/(resp|item|said)_\w+/g, `$1_${i}`),
        );
        frames.splice(random.whole(0, frames.length), 0, ...crowd);
      }
      return lines(frames);
    },
    run(one) {
      const { clock, told, microphone, conversation, book, inbound } = bridgeParts();
      let own = '';
      for (const frame of one.toString().split('\n')) {
        let raw: unknown;
        try {
          raw = JSON.parse(frame);
        } catch {
          continue;
        }
        own += messageIn(raw);
        microphone.append(new Int16Array(480));
        const reading = readServerEvent(raw);
        if (reading.is === 'known') inbound.read(reading.event);
        else if (reading.is === 'malformed') told.push(`malformed-event ${reading.of} at ${reading.at}`);
        clock.advance(20);
      }
      for (const word of WORDS)
        claim(
          own.includes(word) || !told.some((line) => line.includes(word)),
          `words of the conversation would be logged: ${told.find((line) => line.includes(word)) ?? ''}`,
        );
      claim(
        told.every((line) => line.length <= 400),
        'a line for the log has no bound',
      );
      claim(
        book.size <= MOST_RESPONSES && conversation.size <= MOST_ITEMS,
        'what is remembered of the provider has no bound',
      );
      claim(microphone.heldBytes <= MOST_HELD_BYTES, 'what is kept of the microphone has no bound');
      const history = JSON.stringify(conversation.history());
      claim(history.length < 48 * 70_000, 'the history has no bound');
    },
  };
}
