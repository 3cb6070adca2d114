/**
 * The user's words, told some time after the commit: deltas, then completed or failed. Off until
 * the session asks for transcription. Knows no responses but the moment one has ended.
 */
import type { Conversation } from './conversation.ts';
import type { FaultKnobs } from './faults.ts';
import type { Item } from './items.ts';
import type { Send } from './protocol.ts';
import type { SessionConfig } from './session-config.ts';
import type { Timers } from './timers.ts';
import { textTokens, userAudioTokens } from './usage.ts';

/** A late transcript waits for the end of a response at most this long. */
const LATEST_MS = 5_000;

export interface TranscriptParts {
  send: Send;
  timers: Timers;
  faults: FaultKnobs;
  conversation: Conversation;
  config: () => SessionConfig;
}

export class Transcripts {
  readonly #parts: TranscriptParts;
  readonly #late = new Set<() => void>();

  constructor(parts: TranscriptParts) {
    this.#parts = parts;
  }

  /** Tells the words of a committed item, when its time comes. */
  start(item: Item): void {
    const { config, faults, timers } = this.#parts;
    if (config().audio.input.transcription === null) return;
    const when = faults.current.transcript;
    const hasFailed = when === 'failed';
    if (when === 'none') return;
    if (when === 'early') this.#tell(item, hasFailed);
    else if (when === 'late') this.#tellLate(item);
    else timers.after(hasFailed ? 120 : Number(when), () => this.#tell(item, hasFailed));
  }

  /** A response has ended: what was held back for that is told. */
  responseEnded(): void {
    for (const tell of [...this.#late]) tell();
  }

  #tellLate(item: Item): void {
    const tell = (): void => {
      stop();
      this.#late.delete(tell);
      this.#tell(item, false);
    };
    const stop = this.#parts.timers.after(LATEST_MS, tell);
    this.#late.add(tell);
  }

  #tell(item: Item, hasFailed: boolean): void {
    const { send, conversation, config } = this.#parts;
    const part = item.content?.[0];
    if (conversation.find(item.id) === undefined || part === undefined) return;
    const at = { item_id: item.id, content_index: 0 };
    const prefix = 'conversation.item.input_audio_transcription';
    if (hasFailed) {
      const message = 'Input transcription failed for this item.';
      const error = { type: 'transcription_error', code: 'audio_unintelligible', message };
      send({ type: `${prefix}.failed`, ...at, error });
      return;
    }
    const { text, audioMs } = item.memory;
    for (const delta of text.match(/\s*\S+/g) ?? []) send({ type: `${prefix}.delta`, ...at, delta });
    part.transcript = text;
    const isTimed = config().audio.input.transcription?.['model'] === 'whisper-1';
    const input = userAudioTokens(audioMs);
    const output = textTokens(text);
    const usage = isTimed
      ? { type: 'duration', seconds: Math.ceil(audioMs / 1000) }
      : {
          type: 'tokens',
          total_tokens: input + output,
          input_tokens: input,
          input_token_details: { text_tokens: 0, audio_tokens: input },
          output_tokens: output,
        };
    send({ type: `${prefix}.completed`, ...at, transcript: text, usage });
  }
}
