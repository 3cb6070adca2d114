/**
 * One response from `response.created` to `response.done`: paced, cancellable at any moment,
 * telling at its end no more than was streamed. Knows neither the socket nor why it was asked for.
 */
import type { Output, Plan } from './brain.ts';
import type { Conversation } from './conversation.ts';
import { addSound, emptyMemory, onWire, type Item, type SpokenWord } from './items.ts';
import { encodeAudio, msToSamples, samplesToMs } from './pcm.ts';
import { newId, obfuscation, type Fields, type Send } from './protocol.ts';
import type { AudioFormat, Voice as VoiceSetting } from './session-config.ts';
import type { Voice } from './speech.ts';
import type { Timers } from './timers.ts';
import { assistantAudioTokens, textTokens, usageOf, type Tokens } from './usage.ts';

/** Sound per delta: a short first one, then what the real server sends. */
const FIRST_DELTA_MS = 100;
const DELTA_MS = 250;
/** How far the words run ahead of the sound. */
const WORDS_AHEAD_MS = 500;
/** The pause between sentences, as the voice itself makes it. */
const PAUSE_MS = 190;
/** Words of a text answer come this fast, at pace 1. */
const WORD_MS = 150;
/** From the item's first event to its first delta. */
const ITEM_AHEAD_MS = 20;

export interface ResponseSetup {
  id: string;
  /** Null outside the conversation. */
  conversation: Conversation | null;
  modality: 'audio' | 'text';
  format: AudioFormat;
  voice: VoiceSetting;
  maxOutputTokens: number | 'inf';
  metadata: Fields | null;
  plan: Plan;
  input: Tokens;
  inputBefore: Tokens;
  createdMs: number;
  firstDeltaMs: number;
  pace: () => number;
  /** Bytes of padding for the next delta of words. */
  padding: () => number;
  /** Called after each delta of sound or text. */
  onDelta: () => void;
}

type Status = 'completed' | 'cancelled' | 'incomplete' | 'failed';
/** Milliseconds to wait, or what to wait for. */
type Pause = number | Promise<unknown>;
interface Ending {
  status: Status;
  details: Fields | null;
}
/** What the events of an ended part carry. */
interface OpenItem {
  item: Item;
  outputIndex: number;
  said: string;
  /** Undefined for a call. */
  part?: 'audio' | 'text';
}

export class ResponseRun {
  readonly id: string;
  /** Items it has put out, in order. */
  readonly items: Item[] = [];
  readonly #setup: ResponseSetup;
  readonly #send: Send;
  readonly #timers: Timers;
  readonly #voice: Voice;
  readonly #onDone: (run: ResponseRun, status: Status) => void;
  readonly #body: Generator<Pause, Ending, undefined>;
  #open: OpenItem | null = null;
  #isCreated = false;
  #isEnded = false;
  #cancelledBefore: string | null = null;
  #stopWaiting = (): void => undefined;
  #dueAt = 0;
  readonly #output: Tokens = { text: 0, audio: 0 };

  constructor(
    setup: ResponseSetup,
    parts: { send: Send; timers: Timers; voice: Voice; onDone: (run: ResponseRun, status: Status) => void },
  ) {
    this.id = setup.id;
    this.#setup = setup;
    this.#send = parts.send;
    this.#timers = parts.timers;
    this.#voice = parts.voice;
    this.#onDone = parts.onDone;
    this.#body = this.#run();
  }

  /** Whether the client knows of it. */
  get isCreated(): boolean {
    return this.#isCreated;
  }

  get isInConversation(): boolean {
    return this.#setup.conversation !== null;
  }

  start(): void {
    this.#dueAt = this.#timers.now();
    this.#advance();
  }

  /** Ends it now, or as soon as it was created. @param reason - `client_cancelled` or `turn_detected`. */
  cancel(reason: string): void {
    if (this.#isEnded) return;
    if (!this.#isCreated) this.#cancelledBefore = reason;
    else this.#end({ status: 'cancelled', details: { type: 'cancelled', reason } });
  }

  /** Lets go of everything without a word: the socket is gone. */
  abandon(): void {
    this.#isEnded = true;
    this.#stopWaiting();
  }

  #advance(): void {
    if (this.#isEnded) return;
    const next = this.#body.next();
    if (next.done === true) {
      this.#end(next.value);
    } else if (typeof next.value === 'number') {
      // Deadlines add up from the start, so that late timers do not slow the stream.
      this.#dueAt = Math.max(this.#dueAt + next.value, this.#timers.now() - 250);
      this.#stopWaiting = this.#timers.after(this.#dueAt - this.#timers.now(), () => this.#advance());
    } else {
      const failed = (): void => {
        if (!this.#isEnded) this.#end(failure('server_error', 'The voice failed.'));
      };
      next.value.then(() => this.#advance(), failed);
    }
  }

  *#run(): Generator<Pause, Ending, undefined> {
    const { plan, createdMs, firstDeltaMs } = this.#setup;
    const first = plan.outputs[0];
    const rendering = first?.is === 'speech' && this.#setup.modality === 'audio' ? this.#render(first.text) : null;
    yield createdMs;
    this.#isCreated = true;
    this.#send({ type: 'response.created', response: this.#onWire('in_progress', null) });
    if (this.#cancelledBefore !== null) {
      return { status: 'cancelled', details: { type: 'cancelled', reason: this.#cancelledBefore } };
    }
    if (plan.fail !== undefined) {
      yield ITEM_AHEAD_MS;
      return failure(plan.fail, FAILURES[plan.fail] ?? `The emulator was told to fail with ${plan.fail}.`);
    }
    yield Math.max(0, firstDeltaMs - createdMs - ITEM_AHEAD_MS);
    for (const [index, output] of plan.outputs.entries()) {
      const cut =
        output.is === 'call' ? yield* this.#call(output, index) : yield* this.#message(output, index, rendering);
      if (cut) return { status: 'incomplete', details: { type: 'incomplete', reason: 'max_output_tokens' } };
    }
    return { status: 'completed', details: null };
  }

  *#call(output: Output & { is: 'call' }, outputIndex: number): Generator<Pause, boolean, undefined> {
    const item: Item = {
      ...{ id: newId('item'), type: 'function_call', status: 'in_progress', call_id: newId('call') },
      ...{ name: output.name, arguments: '', memory: { ...emptyMemory(), rule: this.#setup.plan.rule } },
    };
    const open = this.#opened({ item, outputIndex, said: '' });
    for (const delta of output.arguments.match(/.{1,12}/gs) ?? []) {
      yield WORD_MS / this.#setup.pace();
      if (this.#isOverLimit(textTokens(delta))) return true;
      open.said += delta;
      item.arguments = open.said;
      this.#output.text += textTokens(delta);
      const at = { response_id: this.id, item_id: item.id, output_index: outputIndex };
      this.#send({ type: 'response.function_call_arguments.delta', ...at, call_id: item.call_id, delta });
    }
    this.#closed('completed');
    return false;
  }

  *#message(
    output: Output & { is: 'speech' },
    outputIndex: number,
    firstRendering: Promise<Int16Array> | null,
  ): Generator<Pause, boolean, undefined> {
    const { modality, plan } = this.#setup;
    const item: Item = {
      id: newId('item'),
      type: 'message',
      role: 'assistant',
      status: 'in_progress',
      content: [],
      memory: emptyMemory(),
    };
    item.memory.rule = plan.rule;
    if (output.phase !== undefined) item.phase = output.phase;
    const open = this.#opened({ item, outputIndex, said: '', part: modality });
    item.content = [
      modality === 'audio' ? { type: 'output_audio', transcript: '' } : { type: 'output_text', text: '' },
    ];
    this.#sendOfPart('response.content_part.added', { part: this.#partOnWire('') });
    yield ITEM_AHEAD_MS;
    const isCut =
      modality === 'audio'
        ? yield* this.#speech(open, output.text, outputIndex === 0 ? firstRendering : null)
        : yield* this.#text(open, output.text);
    if (!isCut) this.#closed('completed');
    return isCut;
  }

  *#text(open: OpenItem, text: string): Generator<Pause, boolean, undefined> {
    for (const word of text.match(/\s*\S+/g) ?? []) {
      if (this.#isOverLimit(textTokens(word))) return true;
      this.#says(open, word);
      this.#setup.onDelta();
      yield WORD_MS / this.#setup.pace();
    }
    return false;
  }

  *#speech(
    open: OpenItem,
    text: string,
    firstRendering: Promise<Int16Array> | null,
  ): Generator<Pause, boolean, undefined> {
    const sentences = text.match(/[^.!?]+(?:[.!?]+["”')]*|$)|[.!?]+/g) ?? [];
    let rendering = firstRendering ?? this.#render(sentences[0] ?? '');
    let startMs = 0;
    let nextDeltaMs = FIRST_DELTA_MS;
    for (const [index, sentence] of sentences.entries()) {
      let samples: Int16Array = new Int16Array(0);
      yield rendering.then((rendered) => void (samples = withPause(rendered, index < sentences.length - 1)));
      rendering = this.#render(sentences[index + 1] ?? '');
      // The next sentence is awaited in its turn; until then nobody else would see it fail.
      rendering.catch(() => undefined);
      const endMs = startMs + samplesToMs(samples.length);
      const words = timed(sentence, startMs, endMs);
      for (let from = 0; from < samples.length; nextDeltaMs = DELTA_MS) {
        const chunk = samples.slice(from, from + msToSamples(nextDeltaMs));
        const atMs = startMs + samplesToMs(from);
        while (words[0] !== undefined && words[0].startMs <= atMs + WORDS_AHEAD_MS) {
          const { word } = words[0];
          if (this.#isOverLimit(textTokens(word.text))) return true;
          words.shift();
          open.item.memory.words.push(word);
          this.#says(open, word.text);
        }
        if (this.#isOverLimit(assistantAudioTokens(samplesToMs(chunk.length)))) return true;
        from += chunk.length;
        this.#sounds(open, chunk);
        yield samplesToMs(chunk.length) / this.#setup.pace();
      }
      for (const { word } of words) {
        open.item.memory.words.push(word);
        this.#says(open, word.text);
      }
      startMs = endMs;
    }
    return false;
  }

  #render(text: string): Promise<Int16Array> {
    const sentence = /[^.!?]+(?:[.!?]+["”')]*|$)|[.!?]+/.exec(text)?.[0].trim() ?? '';
    if (sentence === '') return Promise.resolve(new Int16Array(0));
    const { voice } = this.#setup;
    return this.#voice.speak(sentence, { voice: typeof voice === 'string' ? voice : voice.id });
  }

  #says(open: OpenItem, delta: string): void {
    open.said += delta;
    this.#output.text += textTokens(delta);
    if (open.item.memory.truncatedAtMs === null) {
      const part =
        open.part === 'audio'
          ? { type: 'output_audio', transcript: open.said }
          : { type: 'output_text', text: open.said };
      open.item.content = [part];
      open.item.memory.text = open.said.trim();
    }
    const padding = this.#setup.padding();
    this.#sendOfPart(open.part === 'audio' ? 'response.output_audio_transcript.delta' : 'response.output_text.delta', {
      delta,
      obfuscation: padding > 0 ? 'x'.repeat(padding) : obfuscation(),
    });
  }

  #sounds(open: OpenItem, samples: Int16Array): void {
    addSound(open.item, samples);
    this.#output.audio += assistantAudioTokens(samplesToMs(samples.length));
    this.#sendOfPart('response.output_audio.delta', { delta: encodeAudio(samples, this.#setup.format) });
    this.#setup.onDelta();
  }

  #isOverLimit(more: number): boolean {
    const { maxOutputTokens } = this.#setup;
    return maxOutputTokens !== 'inf' && this.#output.text + this.#output.audio + more > maxOutputTokens;
  }

  #opened(open: OpenItem): OpenItem {
    this.#open = open;
    const { item, outputIndex } = open;
    this.items.push(item);
    this.#send({
      type: 'response.output_item.added',
      response_id: this.id,
      output_index: outputIndex,
      item: onWire(item),
    });
    const { conversation } = this.#setup;
    if (conversation !== null) {
      conversation.insert(item);
      this.#send({
        type: 'conversation.item.added',
        previous_item_id: conversation.previousOf(item),
        item: onWire(item),
      });
    }
    return open;
  }

  /** The tail of an item: what it carries is what was streamed, no more. */
  #closed(status: 'completed' | 'incomplete'): void {
    const open = this.#open;
    if (open === null) return;
    const { item, outputIndex, said, part } = open;
    item.status = status;
    if (part === undefined) {
      const at = { response_id: this.id, item_id: item.id, output_index: outputIndex };
      const { call_id, name } = item;
      this.#send({ type: 'response.function_call_arguments.done', ...at, call_id, name, arguments: said });
    } else {
      if (part === 'audio') this.#sendOfPart('response.output_audio.done', {});
      if (part === 'audio') this.#sendOfPart('response.output_audio_transcript.done', { transcript: said });
      else this.#sendOfPart('response.output_text.done', { text: said });
      this.#sendOfPart('response.content_part.done', { part: this.#partOnWire(said) });
    }
    this.#open = null;
    const { conversation } = this.#setup;
    // An item that was deleted while it was spoken has no place in the chain any more.
    if (conversation?.find(item.id) !== undefined) {
      this.#send({
        type: 'conversation.item.done',
        previous_item_id: conversation.previousOf(item),
        item: onWire(item),
      });
    }
    this.#send({
      type: 'response.output_item.done',
      response_id: this.id,
      output_index: outputIndex,
      item: onWire(item),
    });
  }

  #partOnWire(said: string): Fields {
    return this.#open?.part === 'audio' ? { type: 'audio', transcript: said } : { type: 'text', text: said };
  }

  #sendOfPart(type: string, more: Fields): void {
    const { item, outputIndex } = this.#open ?? {};
    this.#send({ type, response_id: this.id, item_id: item?.id, output_index: outputIndex, content_index: 0, ...more });
  }

  #end({ status, details }: Ending): void {
    this.#isEnded = true;
    this.#stopWaiting();
    this.#closed('incomplete');
    this.#send({ type: 'response.done', response: this.#onWire(status, details) });
    this.#onDone(this, status);
  }

  #onWire(status: Status | 'in_progress', details: Fields | null): Fields {
    const { conversation, modality, maxOutputTokens, metadata, format, voice, input, inputBefore } = this.#setup;
    return {
      object: 'realtime.response',
      id: this.id,
      status,
      status_details: details,
      output: status === 'in_progress' ? [] : this.items.map(onWire),
      conversation_id: conversation?.id ?? null,
      output_modalities: [modality],
      max_output_tokens: maxOutputTokens,
      audio: { output: { format, voice } },
      usage: status === 'in_progress' ? null : usageOf(input, this.#output, inputBefore),
      metadata,
    };
  }
}

const FAILURES: Record<string, string> = {
  insufficient_quota: 'You exceeded your current quota, please check your plan and billing details.',
  rate_limit_exceeded: 'Rate limit reached for requests. Please try again later.',
  server_error: 'The server had an error while processing your request. Sorry about that!',
};

function failure(code: string, message: string): Ending {
  const type =
    code === 'server_error' ? 'server_error' : code === 'rate_limit_exceeded' ? 'tokens' : 'invalid_request_error';
  return { status: 'failed', details: { type: 'failed', error: { type, code, message } } };
}

function withPause(samples: Int16Array, isFollowed: boolean): Int16Array {
  if (!isFollowed || samples.length === 0) return samples;
  const longer = new Int16Array(samples.length + msToSamples(PAUSE_MS));
  longer.set(samples);
  return longer;
}

/** The words of a sentence over its sound, by their letters. */
function timed(sentence: string, startMs: number, endMs: number): { word: SpokenWord; startMs: number }[] {
  const texts = sentence.match(/\s*\S+/g) ?? [];
  const letters = sentence.trimEnd().length;
  let seen = 0;
  return texts.map((text) => {
    const wordStartMs = startMs + ((endMs - startMs) * seen) / letters;
    seen += text.length;
    return { word: { text, endMs: startMs + ((endMs - startMs) * seen) / letters }, startMs: wordStartMs };
  });
}
