/**
 * The bridge to OpenAI Realtime: commands in our words go up, events in our words come down, in
 * the order in which the provider sent them and from inside the socket's message. It decides
 * nothing about the conversation; it keeps ids apart, so that what belongs to something that is
 * over never reaches the session.
 */
import type { Clock } from '../../clock.ts';
import type { BridgeEvent, BridgeSetup, RealtimeBridge } from '../bridge.ts';
import { Connection } from './connection.ts';
import { Conversation, roleOf } from './conversation.ts';
import type { Response, ServerEvent, ServerEventOf } from './events.ts';
import { ALREADY_ACTIVE_CODE, BENIGN_CODES, FATAL_CODES, activeResponseIn, redact } from './faults.ts';
import { Microphone } from './microphone.ts';
import { type OpenResponse, ResponseBook, Ring } from './responses.ts';
import { answerCreate, sessionUpdate, speechCreate } from './setup.ts';
import { SpeechRenderer } from './speech.ts';
import { usageOf } from './usage.ts';

export interface BridgeProblem {
  /** Stable, for counting. */
  code: string;
  /** For the log; holds no key, no words of the conversation and no sound. */
  detail: string;
}

export interface OpenAIBridgeOptions {
  apiKey: string;
  /** `http(s)://…/v1`; the realtime endpoint is below it. */
  baseUrl: string;
  clock: Clock;
  transcriptionModel: string;
  /** In [0, 1); spreads the attempts of many sessions to dial again. */
  random(): number;
  onProblem(problem: BridgeProblem): void;
}

export class OpenAIBridge implements RealtimeBridge {
  readonly #options: OpenAIBridgeOptions;
  readonly #onEvent: (event: BridgeEvent) => void;
  readonly #connection: Connection;
  readonly #microphone: Microphone;
  readonly #speech: SpeechRenderer;
  readonly #conversation: Conversation;
  readonly #book = new ResponseBook();
  /** Calls that were reported: the provider tells each several times. */
  readonly #called = new Ring();
  readonly #outputs = new Ring();
  #isClosed = false;

  constructor(setup: BridgeSetup, onEvent: (event: BridgeEvent) => void, options: OpenAIBridgeOptions) {
    const { transcriptionModel, clock } = options;
    this.#options = options;
    this.#onEvent = onEvent;
    this.#connection = new Connection({
      ...options,
      model: setup.model,
      setup: (eventId) => sessionUpdate(setup, transcriptionModel, eventId),
      replay: () => this.#conversation.replay(),
      up: (generation) => this.#up(generation),
      down: (generation, reason, fatal) => this.#down(generation, reason, fatal),
      event: (event) => this.#read(event),
      problem: (code, detail) => this.#problem(code, detail),
    });
    this.#conversation = new Conversation({
      nextId: (prefix) => this.#connection.nextId(prefix),
      send: (event) => this.#connection.send(event),
    });
    this.#microphone = new Microphone({
      turn: setup.turn,
      send: (text) => void this.#connection.sendText(text),
      isBackedUp: () => this.#connection.isBackedUp,
      dropped: (ms) => this.#problem('sound-dropped', `${Math.round(ms)} ms of the user's sound`),
    });
    this.#speech = new SpeechRenderer({
      clock,
      request: (text) => {
        if (!this.#connection.isUp) return null;
        const rid = this.#connection.nextId('speech');
        this.#book.requested(rid, { is: 'speech' });
        this.#connection.send(speechCreate(text, rid));
        return rid;
      },
      cancel: (response) => this.cancelResponse(response),
    });
  }

  connect(): void {
    this.#connection.connect();
  }

  appendAudio(samples: Int16Array): void {
    if (!this.#isClosed) this.#microphone.append(samples);
  }

  commitAudio(): boolean {
    return !this.#isClosed && this.#microphone.commit();
  }

  clearAudio(): void {
    if (!this.#isClosed) this.#microphone.clear();
  }

  addUserText(text: string): string {
    return this.#conversation.tell('user', text);
  }

  addContext(text: string): void {
    this.#conversation.tell('system', text);
  }

  addToolOutput(call: string, output: string): void {
    if (this.#outputs.add(call)) this.#conversation.tellOutput(call, output);
  }

  createResponse(turn: string): void {
    const rid = this.#connection.nextId('create');
    if (!this.#connection.isUp) {
      this.#problem('create-while-down', 'a response was asked for without a provider');
      return;
    }
    this.#book.requested(rid, { is: 'answer', turn });
    this.#connection.send(answerCreate(turn, rid));
  }

  cancelResponse(response: string): void {
    const open = this.#book.get(response);
    if (open?.isDead === true || this.#book.isOver(response)) return;
    // One that is unknown is cancelled all the same: the provider named it as being in the way.
    if (open !== undefined) open.isDead = true;
    const event_id = this.#connection.nextId('cancel');
    this.#connection.send({ type: 'response.cancel', response_id: response, event_id });
  }

  truncateItem(item: string, audioEndMs: number): void {
    this.#conversation.truncate(item, audioEndMs);
  }

  deleteItem(item: string): void {
    this.#conversation.remove(item);
  }

  renderSpeech(text: string, signal: AbortSignal): Promise<Int16Array> {
    return this.#speech.render(text, signal);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#connection.close();
    this.#speech.down('closed', true);
    this.#book.clear();
  }

  #emit(event: BridgeEvent): void {
    if (!this.#isClosed) this.#onEvent(event);
  }

  #problem(code: string, detail: string): void {
    if (!this.#isClosed) this.#options.onProblem({ code, detail });
  }

  #up(generation: number): void {
    this.#emit({ type: 'provider.up', generation });
    if (!this.#connection.isUp) return;
    this.#microphone.open();
    this.#speech.next();
  }

  #down(generation: number, reason: string, fatal: boolean): void {
    this.#microphone.shut();
    this.#book.clear();
    this.#speech.down(reason, fatal);
    this.#emit({ type: 'provider.down', generation, reason, fatal });
  }

  #read(event: ServerEvent): void {
    switch (event.type) {
      case 'session.created':
      case 'session.updated':
      case 'conversation.item.deleted':
        return;
      case 'input_audio_buffer.speech_started':
        this.#microphone.speechStarted();
        this.#conversation.expect(event.item_id, 'user');
        {
          this.#emit({
            type: 'speech.started',
            item: event.item_id,
            atMs: this.#microphone.position(event.audio_start_ms),
          });
          return;
        }
      case 'input_audio_buffer.speech_stopped': {
        this.#emit({
          type: 'speech.stopped',
          item: event.item_id,
          atMs: this.#microphone.position(event.audio_end_ms),
        });
        return;
      }
      case 'input_audio_buffer.committed':
        this.#microphone.committed();
        this.#conversation.expect(event.item_id, 'user');
        {
          this.#emit({ type: 'input.committed', item: event.item_id });
          return;
        }
      case 'input_audio_buffer.cleared': {
        this.#emit({ type: 'input.cleared' });
        return;
      }
      case 'conversation.item.added': {
        this.#conversation.added(event.item, event.previous_item_id ?? null);
        return;
      }
      case 'conversation.item.done': {
        this.#conversation.done(event.item.id);
        return;
      }
      case 'conversation.item.input_audio_transcription.delta':
        if (this.#conversation.isDeleted(event.item_id)) return;
        {
          this.#emit({ type: 'input.transcript.delta', item: event.item_id, text: event.delta });
          return;
        }
      case 'conversation.item.input_audio_transcription.completed':
        if (event.usage) this.#emit({ type: 'usage', usage: usageOf('transcription', event.usage) });
        {
          this.#transcribed(event.item_id, event.transcript);
          return;
        }
      case 'conversation.item.input_audio_transcription.failed':
        this.#problem('transcription-failed', 'the user was not transcribed');
        {
          this.#transcribed(event.item_id, '');
          return;
        }
      case 'response.created': {
        this.#responseCreated(event.response);
        return;
      }
      case 'response.output_item.added': {
        this.#outputItemAdded(event);
        return;
      }
      case 'response.output_item.done': {
        this.#outputItemDone(event);
        return;
      }
      case 'response.output_audio.delta': {
        this.#sound(event);
        return;
      }
      case 'response.output_audio_transcript.delta':
      case 'response.output_text.delta': {
        this.#words(event.response_id, event.item_id, event.delta);
        return;
      }
      case 'response.output_audio_transcript.done': {
        this.#wordsDone(event.response_id, event.item_id, event.transcript);
        return;
      }
      case 'response.output_text.done': {
        this.#wordsDone(event.response_id, event.item_id, event.text);
        return;
      }
      case 'response.done': {
        this.#responseDone(event.response);
        return;
      }
      case 'error': {
        this.#failed(event);
        return;
      }
      default:
        return event satisfies never;
    }
  }

  #transcribed(item: string, text: string): void {
    if (this.#conversation.isDeleted(item)) return;
    this.#conversation.userSaid(item, text);
    this.#emit({ type: 'input.transcript.done', item, text });
  }

  #responseCreated(response: Response): void {
    const open = this.#book.created(response);
    if (open === undefined) {
      this.#problem('duplicate-response', response.id);
      return;
    }
    const { purpose } = open;
    switch (purpose.is) {
      case 'speech': {
        this.#speech.created(open.rid ?? '', open.id);
        return;
      }
      case 'answer': {
        this.#emit({ type: 'response.created', response: open.id, turn: purpose.turn });
        return;
      }
      case 'uninvited': {
        // It would be in the way of the next answer, cost money and be remembered as said.
        this.#problem('uninvited-response', response.id);
        const event_id = this.#connection.nextId('cancel');
        this.#connection.send({ type: 'response.cancel', response_id: open.id, event_id });
        this.#emit({ type: 'response.created', response: open.id, turn: null });
        return;
      }
      default:
        return purpose satisfies never;
    }
  }

  #outputItemAdded({ response_id, item }: ServerEventOf<'response.output_item.added'>): void {
    const open = this.#book.get(response_id);
    if (open === undefined || open.purpose.is === 'speech') return;
    if (item.type === 'message') open.texts.set(item.id, '');
    this.#conversation.expect(item.id, roleOf(item));
  }

  #outputItemDone({ response_id, item }: ServerEventOf<'response.output_item.done'>): void {
    const open = this.#book.get(response_id);
    if (open?.isDead !== false || open.purpose.is === 'speech') return;
    const { call_id: call, name } = item;
    if (item.type !== 'function_call' || item.status !== 'completed' || !call || !name || !this.#called.add(call))
      return;
    const args = item.arguments ?? '';
    this.#conversation.called(item.id, call, name, args);
    this.#emit({ type: 'tool.called', response: open.id, call, name, arguments: args });
  }

  /** The response that something of an item belongs to, if it is still wanted. */
  #alive(response: string, item: string): OpenResponse | undefined {
    const open = this.#book.get(response);
    if (open?.isDead !== false) return undefined;
    // Speech outside the conversation has items that the conversation never holds.
    if (open.purpose.is === 'answer') this.#conversation.expect(item, 'agent');
    if (!open.texts.has(item)) open.texts.set(item, '');
    return open;
  }

  #sound({ response_id, item_id, delta }: ServerEventOf<'response.output_audio.delta'>): void {
    const open = this.#alive(response_id, item_id);
    if (open === undefined) {
      this.#conversation.late(item_id, Math.floor((delta.length * 3) / 8));
      return;
    }
    const samples = this.#book.decode(open, item_id, delta);
    if (samples.length === 0) return;
    if (open.purpose.is === 'speech') {
      this.#speech.sound(open.id, samples);
      return;
    }
    if (this.#conversation.received(item_id, samples.length)) {
      this.#emit({ type: 'response.audio', response: open.id, item: item_id, samples });
    }
  }

  #words(response: string, item: string, delta: string): void {
    const open = this.#alive(response, item);
    if (open === undefined || open.purpose.is === 'speech' || delta === '') return;
    open.texts.set(item, (open.texts.get(item) ?? '') + delta);
    if (!this.#conversation.isLive(item)) return;
    this.#conversation.agentSays(item, delta);
    this.#emit({ type: 'response.text', response, item, delta });
  }

  #wordsDone(response: string, item: string, text: string): void {
    const open = this.#alive(response, item);
    if (open === undefined || open.purpose.is === 'speech') return;
    open.texts.set(item, text);
    if (!this.#conversation.isLive(item)) return;
    this.#conversation.agentSaid(item, text);
    this.#emit({ type: 'response.text.done', response, item, text });
  }

  #responseDone(response: Response): void {
    const open = this.#book.done(response.id);
    if (open === undefined) {
      this.#problem('unknown-response', response.id);
      return;
    }
    const details = response.status_details;
    const code = details?.error?.code ?? details?.error?.type ?? details?.reason ?? undefined;
    const status = response.status === 'in_progress' ? 'failed' : response.status;
    if (response.usage) this.#emit({ type: 'usage', usage: usageOf('response', response.usage, open.id) });
    if (open.purpose.is === 'speech') this.#speech.done(open.id, status === 'completed', code ?? status);
    else {
      // Only now is it certain that no further item follows: one response may say several things.
      if (status === 'completed' && !open.isDead) {
        const text = [...open.texts.values()].filter((one) => one !== '').join(' ');
        this.#emit({ type: 'response.generated', response: open.id, text });
      }
      this.#settle(open);
      this.#emit({ type: 'response.done', response: open.id, status, ...(code === undefined ? {} : { code }) });
    }
    if (code !== undefined && FATAL_CODES.has(code)) this.#connection.fail(code);
  }

  /** What a dead response left in the model's memory and nobody heard is taken out of it. */
  #settle(open: OpenResponse): void {
    if (!open.isDead) return;
    for (const item of open.texts.keys()) this.#conversation.settleDead(item);
  }

  #failed({ error }: ServerEventOf<'error'>): void {
    const code = error.code ?? error.type ?? 'unknown';
    this.#problem(code, `${error.param ?? '-'} ${redact(error.message)}`);
    const isActive = code === ALREADY_ACTIVE_CODE;
    const request = this.#book.refused(error.event_id ?? (isActive ? null : ''));
    if (request?.purpose.is === 'speech') {
      this.#speech.refused(request.rid, code);
      return;
    }
    if (request === undefined && (BENIGN_CODES.has(code) || /^(truncate|delete|cancel)_/.test(error.event_id ?? '')))
      return;
    const active = isActive ? activeResponseIn(error.message) : undefined;
    this.#emit({
      type: 'response.error',
      code,
      ...(active === undefined ? {} : { response: active }),
      ...(request === undefined ? {} : { turn: request.purpose.turn }),
    });
  }
}
