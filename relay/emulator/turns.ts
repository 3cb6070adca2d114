/**
 * The user's side of the conversation: sound in, turn detection on audio time, commits by the
 * detector or by hand. Knows responses only as two calls: speech began, a turn is over.
 */
import type { Conversation } from './conversation.ts';
import { Detector, type Heard } from './detector.ts';
import { InputBuffer } from './input-buffer.ts';
import { emptyMemory, onWire, type Item } from './items.ts';
import { samplesToMs } from './pcm.ts';
import { ProtocolError, newId, type Send } from './protocol.ts';
import type { SessionConfig, TurnDetection } from './session-config.ts';
import type { Ear } from './speech.ts';
import type { Timers } from './timers.ts';

/** Silence after which semantic detection asks whether the words are complete. */
const SEMANTIC_LOOK_MS = 400;
/** How long it waits when it cannot tell, by eagerness. */
const SEMANTIC_WAIT_MS = { low: 2000, medium: 1000, auto: 1000, high: 600 };
const SEMANTIC_PREFIX_MS = 300;
const SEMANTIC_THRESHOLD = 0.5;
const LEAST_COMMIT_MS = 100;
/** With a detector on and nobody speaking, no more than this waits for a commit. */
const IDLE_BUFFER_MS = 60_000;

export interface TurnParts {
  send: Send;
  timers: Timers;
  ear: Ear;
  conversation: Conversation;
  config: () => SessionConfig;
  /** The detector heard the user begin. */
  onSpeech: (turnDetection: TurnDetection) => void;
  /** An item was committed; `isTurn` when the detector (and no client) did it. */
  onCommitted: (item: Item, isTurn: boolean) => void;
}

export class Turns {
  readonly buffer = new InputBuffer();
  readonly #parts: TurnParts;
  #detector: Detector | null = null;
  #detection: TurnDetection | null = null;
  /** The utterance that is being heard: the id its item will have, and where it starts. */
  #speech: { item: string; startMs: number } | null = null;
  /** What semantic detection understood at the last pause; known words are complete. */
  #understood: ReturnType<Ear['understand']> | null = null;
  #stopIdle = (): void => undefined;

  constructor(parts: TurnParts) {
    this.#parts = parts;
    this.reconfigured();
  }

  /** Takes up the session's turn detection after it may have changed. */
  reconfigured(): void {
    const wanted = this.#parts.config().audio.input.turn_detection;
    if (JSON.stringify(wanted) === JSON.stringify(this.#detection)) return;
    this.#detection = wanted;
    this.#speech = null;
    this.#stopIdle();
    this.#detector =
      wanted === null
        ? null
        : new Detector(
            {
              threshold: wanted.type === 'server_vad' ? wanted.threshold : SEMANTIC_THRESHOLD,
              silenceMs: () =>
                wanted.type === 'server_vad' ? wanted.silence_duration_ms : this.#semanticSilenceMs(wanted.eagerness),
            },
            this.buffer.totalMs,
          );
  }

  append(samples: Int16Array): void {
    this.buffer.append(samples);
    for (let at = 0; this.#detector !== null && at < samples.length;) {
      const { taken, heard } = this.#detector.hear(samples, at);
      at += taken;
      if (heard !== null) this.#turned(heard);
    }
    const isIdle = this.#detector !== null && this.#speech === null;
    if (isIdle) this.buffer.dropUntil(this.buffer.totalMs - IDLE_BUFFER_MS);
  }

  /** @throws {ProtocolError} with less than 100 ms since the last commit. */
  commit(): void {
    const { openMs, openFromMs, totalMs } = this.buffer;
    if (openMs < LEAST_COMMIT_MS) {
      throw new ProtocolError(
        'input_audio_buffer_commit_empty',
        'Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, ' +
          `but buffer only has ${openMs.toFixed(2)}ms of audio.`,
      );
    }
    const { item, startMs } = this.#speech ?? { item: newId('item'), startMs: openFromMs };
    this.#speech = null;
    this.#detector?.reset();
    this.#commit(item, startMs, totalMs, false);
  }

  clear(): void {
    this.#speech = null;
    this.#understood = null;
    this.#detector?.reset();
    this.buffer.dropUntil(this.buffer.totalMs);
    this.#parts.send({ type: 'input_audio_buffer.cleared' });
  }

  /** The assistant will have been heard out in `afterMs`; a silence from then on can end an idle turn. */
  answered(afterMs: number): void {
    this.#stopIdle();
    const detection = this.#detection;
    if (detection?.type !== 'server_vad' || detection.idle_timeout_ms === null || this.#speech !== null) return;
    const fromMs = this.buffer.totalMs;
    this.#stopIdle = this.#parts.timers.after(afterMs + detection.idle_timeout_ms, () => {
      const item = newId('item');
      const { totalMs } = this.buffer;
      const span = { audio_start_ms: Math.round(fromMs), audio_end_ms: Math.round(totalMs) };
      this.#parts.send({ type: 'input_audio_buffer.timeout_triggered', ...span, item_id: item });
      this.#commit(item, fromMs, totalMs, true);
    });
  }

  /** A response is on its way: the wait for the user is over. */
  answering(): void {
    this.#stopIdle();
  }

  #turned(heard: Heard): void {
    const detection = this.#detection;
    if (detection === null) return;
    const { send } = this.#parts;
    if (heard.is === 'started') {
      this.#understood = null;
      this.#stopIdle();
      const prefixMs = detection.type === 'server_vad' ? detection.prefix_padding_ms : SEMANTIC_PREFIX_MS;
      const startMs = Math.round(Math.max(this.buffer.openFromMs, heard.atMs - prefixMs));
      this.#speech = { item: newId('item'), startMs };
      send({ type: 'input_audio_buffer.speech_started', audio_start_ms: startMs, item_id: this.#speech.item });
      this.#parts.onSpeech(detection);
      return;
    }
    const speech = this.#speech;
    if (speech === null) return;
    this.#speech = null;
    const endMs = Math.round(heard.atMs);
    send({ type: 'input_audio_buffer.speech_stopped', audio_end_ms: endMs, item_id: speech.item });
    this.#commit(speech.item, speech.startMs, endMs, true, this.#understood?.known === true ? this.#understood : null);
  }

  #commit(
    id: string,
    fromMs: number,
    toMs: number,
    isTurn: boolean,
    understood: ReturnType<Ear['understand']> | null = null,
  ): void {
    const { send, conversation, ear } = this.#parts;
    const samples = this.buffer.take(fromMs, toMs);
    this.#understood = null;
    const { text, known } = understood ?? ear.understand(samples);
    const memory = { ...emptyMemory(text), isKnown: known, audio: [samples], audioMs: samplesToMs(samples.length) };
    const content = [{ type: 'input_audio', transcript: null }];
    const item: Item = { id, type: 'message', status: 'completed', role: 'user', content, memory };
    send({ type: 'input_audio_buffer.committed', previous_item_id: conversation.last?.id ?? null, item_id: id });
    conversation.insert(item);
    const placed = { previous_item_id: conversation.previousOf(item), item: onWire(item) };
    send({ type: 'conversation.item.added', ...placed });
    send({ type: 'conversation.item.done', ...placed });
    this.#parts.onCommitted(item, isTurn);
  }

  /** Words that are known are complete; with others it waits, longer the less eager it is. */
  #semanticSilenceMs(eagerness: keyof typeof SEMANTIC_WAIT_MS): number {
    const quietMs = this.#detector?.quietMs ?? 0;
    if (this.#speech === null || quietMs < SEMANTIC_LOOK_MS) return Infinity;
    if (quietMs === SEMANTIC_LOOK_MS) {
      const heard = this.buffer.peek(this.#speech.startMs, this.#detector?.nowMs ?? 0);
      this.#understood = this.#parts.ear.understand(heard);
    }
    return this.#understood?.known === true ? SEMANTIC_LOOK_MS : SEMANTIC_WAIT_MS[eagerness];
  }
}
