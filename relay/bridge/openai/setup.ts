/** What is said to the provider, as objects: the session's set-up and the items. Builds, sends nothing. */
import type { ConversationItem, RealtimeClientEvent } from 'openai/resources/realtime/realtime';
import { RATE_HZ } from '#wire';
import type { BridgeSetup, HistoryEntry } from '../bridge.ts';
import { toBase64 } from './pcm.ts';

/** Transcribes the user where nothing else is configured; its predecessors are retired in February 2027. */
export const DEFAULT_TRANSCRIPTION_MODEL = 'gpt-transcribe';

/** The language of a tag as the transcriber wants it (`en` of `en-GB`), or nothing for a tag it would refuse. */
export function languageOf(locale: string): string | undefined {
  return /^([a-z]{2})(-|$)/i.exec(locale)?.[1]?.toLowerCase();
}

/**
 * The relay alone decides when to answer and when to stop, so both of the provider's own
 * reflexes are off; push-to-talk has no detector at all.
 */
export function sessionUpdate(setup: BridgeSetup, transcriptionModel: string, eventId: string): RealtimeClientEvent {
  const language = languageOf(setup.locale);
  return {
    type: 'session.update',
    event_id: eventId,
    session: {
      type: 'realtime',
      instructions: setup.instructions,
      output_modalities: ['audio'],
      tools: setup.tools.map(({ name, description, parameters }) => ({
        type: 'function',
        name,
        description,
        parameters,
      })),
      tool_choice: 'auto',
      audio: {
        input: {
          format: { type: 'audio/pcm', rate: RATE_HZ },
          transcription: { model: transcriptionModel, ...(language === undefined ? {} : { language }) },
          turn_detection:
            setup.turn === 'hold'
              ? null
              : {
                  type: 'server_vad',
                  threshold: 0.5,
                  prefix_padding_ms: 300,
                  silence_duration_ms: 500,
                  create_response: false,
                  interrupt_response: false,
                },
        },
        output: { format: { type: 'audio/pcm', rate: RATE_HZ }, voice: setup.voice },
      },
    },
  };
}

/**
 * An entry of the history as an item. The agent's words go back as text: the provider takes no sound of its own.
 *
 * @param sound - What the user said, in place of words that nobody knows.
 */
export function itemOf(entry: HistoryEntry, id = entry.id, sound?: Int16Array): ConversationItem {
  switch (entry.is) {
    case 'user':
      if (sound !== undefined) {
        return { id, type: 'message', role: 'user', content: [{ type: 'input_audio', audio: toBase64(sound) }] };
      }
      return { id, type: 'message', role: 'user', content: [{ type: 'input_text', text: entry.text }] };
    case 'system':
      return { id, type: 'message', role: 'system', content: [{ type: 'input_text', text: entry.text }] };
    case 'agent':
      return { id, type: 'message', role: 'assistant', content: [{ type: 'output_text', text: entry.text }] };
    case 'call':
      return { id, type: 'function_call', call_id: entry.call, name: entry.name, arguments: entry.arguments || '{}' };
    case 'output':
      return { id, type: 'function_call_output', call_id: entry.call, output: entry.output };
    default:
      return entry satisfies never;
  }
}

/** A response to the conversation as it stands. `rid` comes back in the response's metadata. */
export function answerCreate(turn: string, rid: string): RealtimeClientEvent {
  return {
    type: 'response.create',
    event_id: rid,
    response: { conversation: 'auto', output_modalities: ['audio'], metadata: { rid, turn: turn.slice(0, 512) } },
  };
}

/** Speech outside the conversation: it sees none of it and leaves nothing in it. */
export function speechCreate(text: string, rid: string): RealtimeClientEvent {
  return {
    type: 'response.create',
    event_id: rid,
    response: {
      conversation: 'none',
      input: [],
      instructions: `Say exactly: ${JSON.stringify(text)}`,
      output_modalities: ['audio'],
      tool_choice: 'none',
      // Generous for the text (about 1.5 audio tokens a character), yet no bill for a model that goes on talking.
      max_output_tokens: Math.min(4_096, 256 + text.length * 6),
      metadata: { rid, purpose: 'speech' },
    },
  };
}

/** By id, always: a cancel without one would hit whatever is active by then. */
export function responseCancel(response: string, eventId: string): RealtimeClientEvent {
  return { type: 'response.cancel', response_id: response, event_id: eventId };
}
