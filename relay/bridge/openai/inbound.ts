/**
 * The provider's events in our words, in the order in which they came and from inside the
 * socket's message. What belongs to something that is over, by its own id, goes no further;
 * only the end of a response always does, once.
 */
import type { BridgeEvent } from '../bridge.ts';
import type { Connection } from './connection.ts';
import { type Conversation, roleOf } from './conversation.ts';
import type { Response, ServerEvent, ServerEventOf } from './events.ts';
import { ALREADY_ACTIVE_CODE, BENIGN_CODES, FATAL_CODES, activeResponseIn, nameable, redact } from './faults.ts';
import type { Microphone } from './microphone.ts';
import { type OpenResponse, type ResponseBook, Ring } from './responses.ts';
import { responseCancel } from './setup.ts';
import type { SpeechRenderer } from './speech.ts';
import { usageOf } from './usage.ts';

export interface InboundParts {
  connection: Pick<Connection, 'nextId' | 'send' | 'fail'>;
  conversation: Conversation;
  microphone: Microphone;
  speech: SpeechRenderer;
  book: ResponseBook;
  emit: (event: BridgeEvent) => void;
  /** Monotonic milliseconds. */
  now: () => number;
  problem: (code: string, detail: string) => void;
}

/** Transcription takes well under a second; what takes this long does not come. */
const WORDS_WAIT_MS = 10_000;

/** Turns whose words are waited for at once, and items of one response: more is no conversation. */
const MOST_AWAITED = 64;
const MOST_ITEMS = 64;
/** Of what one item says, in letters; what follows is not taken in. */
const LONGEST_TEXT = 65_536;

/** Requests whose refusal means that what they wanted is so already. */
const HARMLESS_REQUEST = /^(cancel|truncate|delete)_/;

export class Inbound {
  readonly #parts: InboundParts;
  /** Calls that were reported: the provider tells each several times. */
  readonly #called = new Ring();
  /** Committed items whose words are still to come, and since when. */
  readonly #awaited = new Map<string, number>();

  constructor(parts: InboundParts) {
    this.#parts = parts;
  }

  read(event: ServerEvent): void {
    const { conversation, microphone, emit } = this.#parts;
    switch (event.type) {
      case 'session.created':
      case 'session.updated':
      case 'conversation.item.deleted':
        break;
      case 'input_audio_buffer.speech_started':
        microphone.speechStarted();
        conversation.expect(event.item_id, 'user');
        emit({ type: 'speech.started', item: event.item_id, atMs: microphone.position(event.audio_start_ms) });
        break;
      case 'input_audio_buffer.speech_stopped':
        emit({ type: 'speech.stopped', item: event.item_id, atMs: microphone.position(event.audio_end_ms) });
        break;
      case 'input_audio_buffer.committed':
        microphone.committed(event.item_id);
        this.#await(event.item_id);
        conversation.expect(event.item_id, 'user');
        emit({ type: 'input.committed', item: event.item_id });
        break;
      case 'input_audio_buffer.cleared':
        emit({ type: 'input.cleared' });
        break;
      case 'conversation.item.added':
        conversation.added(event.item, event.previous_item_id ?? null);
        break;
      case 'conversation.item.done':
        conversation.done(event.item.id);
        break;
      case 'conversation.item.input_audio_transcription.delta':
        if (conversation.isDeleted(event.item_id)) break;
        emit({ type: 'input.transcript.delta', item: event.item_id, text: event.delta });
        break;
      case 'conversation.item.input_audio_transcription.completed':
        if (event.usage) emit({ type: 'usage', usage: usageOf('transcription', event.usage) });
        this.#transcribed(event.item_id, event.transcript);
        break;
      case 'conversation.item.input_audio_transcription.failed':
        this.#parts.problem('transcription-failed', 'what the user said was not written down');
        this.#transcribed(event.item_id, '');
        break;
      case 'response.created':
        this.#created(event.response);
        break;
      case 'response.output_item.added':
        this.#outputItemAdded(event);
        break;
      case 'response.output_item.done':
        this.#outputItemDone(event);
        break;
      case 'response.output_audio.delta':
        this.#sound(event);
        break;
      case 'response.output_audio_transcript.delta':
      case 'response.output_text.delta':
        this.#words(event.response_id, event.item_id, event.delta);
        break;
      case 'response.output_audio_transcript.done':
        this.#wordsDone(event.response_id, event.item_id, event.transcript);
        break;
      case 'response.output_text.done':
        this.#wordsDone(event.response_id, event.item_id, event.text);
        break;
      case 'response.done':
        this.#done(event.response);
        break;
      case 'error':
        this.#failed(event);
        break;
      default:
        event satisfies never;
    }
  }

  /** Whether the user's words of a turn just made are still to come; later than {@link WORDS_WAIT_MS} they are not waited for. */
  get awaitsWords(): boolean {
    const since = this.#parts.now() - WORDS_WAIT_MS;
    for (const [item, at] of this.#awaited) if (at < since) this.#awaited.delete(item);
    return this.#awaited.size > 0;
  }

  /** A connection begins that was told the conversation: nobody will write down any more what was said to the last. */
  begun(): void {
    const { conversation, emit } = this.#parts;
    const items = [...this.#awaited.keys()].filter((item) => !conversation.isDeleted(item));
    this.#awaited.clear();
    for (const item of items) emit({ type: 'input.transcript.done', item, text: '' });
  }

  #await(item: string): void {
    this.#awaited.set(item, this.#parts.now());
    const [oldest] = this.#awaited.keys();
    if (this.#awaited.size > MOST_AWAITED && oldest !== undefined) this.#awaited.delete(oldest);
  }

  #transcribed(item: string, text: string): void {
    const { conversation, emit, microphone } = this.#parts;
    this.#awaited.delete(item);
    // What nobody could write down, the next connection may still hear.
    if (text.trim() !== '') microphone.written(item);
    if (conversation.isDeleted(item)) return;
    conversation.userSaid(item, text);
    emit({ type: 'input.transcript.done', item, text });
  }

  #created(response: Response): void {
    const { book, connection, emit, problem, speech } = this.#parts;
    const open = book.created(response);
    if (open === undefined) {
      problem('duplicate-response', nameable(response.id));
      return;
    }
    const { purpose } = open;
    switch (purpose.is) {
      case 'speech':
        speech.created(purpose.rid, open.id);
        break;
      case 'answer':
        emit({ type: 'response.created', response: open.id, turn: purpose.turn });
        break;
      case 'uninvited':
        // It would be in the way of the next answer, cost money and be remembered as said.
        problem('uninvited-response', nameable(open.id));
        connection.send(responseCancel(open.id, connection.nextId('cancel')));
        emit({ type: 'response.created', response: open.id, turn: null });
        break;
      default:
        purpose satisfies never;
    }
  }

  #outputItemAdded({ response_id, item }: ServerEventOf<'response.output_item.added'>): void {
    const open = this.#parts.book.get(response_id);
    // Speech outside the conversation has items that the conversation never holds.
    if (open === undefined || open.purpose.is === 'speech' || open.items.size >= MOST_ITEMS) return;
    open.items.add(item.id);
    this.#parts.conversation.expect(item.id, roleOf(item));
  }

  #outputItemDone({ response_id, item }: ServerEventOf<'response.output_item.done'>): void {
    const open = this.#parts.book.get(response_id);
    if (open?.isDead !== false || open.purpose.is === 'speech') return;
    const { call_id: call, name } = item;
    if (item.type !== 'function_call' || item.status !== 'completed' || !call || !name) return;
    if (!this.#called.add(call)) return;
    open.items.delete(item.id);
    const args = item.arguments ?? '';
    this.#parts.conversation.called(item.id, call, name, args);
    this.#parts.emit({ type: 'tool.called', response: open.id, call, name, arguments: args });
  }

  /** The response that something of an item belongs to, if it is still wanted. */
  #wanted(response: string, item: string): OpenResponse | undefined {
    const open = this.#parts.book.get(response);
    if (open?.isDead !== false) return undefined;
    if (open.purpose.is === 'speech' || open.items.has(item)) return open;
    if (open.items.size >= MOST_ITEMS) return undefined;
    open.items.add(item);
    this.#parts.conversation.expect(item, 'agent');
    return open;
  }

  #sound({ response_id, item_id, delta }: ServerEventOf<'response.output_audio.delta'>): void {
    const { book, conversation, emit, speech } = this.#parts;
    const open = this.#wanted(response_id, item_id);
    if (open === undefined) {
      conversation.late(item_id);
      return;
    }
    const samples = book.decode(open, item_id, delta);
    if (samples.length === 0) return;
    if (open.purpose.is === 'speech') speech.sound(open.id, samples);
    else if (conversation.received(item_id, samples.length)) {
      emit({ type: 'response.audio', response: open.id, item: item_id, samples });
    }
  }

  #words(response: string, item: string, delta: string): void {
    const open = this.#wanted(response, item);
    if (open === undefined || open.purpose.is === 'speech' || delta === '') return;
    const before = open.texts.get(item) ?? '';
    if (before.length + delta.length > LONGEST_TEXT) return;
    open.texts.set(item, before + delta);
    if (!this.#parts.conversation.isLive(item)) return;
    this.#parts.conversation.agentSays(item, delta);
    this.#parts.emit({ type: 'response.text', response, item, delta });
  }

  #wordsDone(response: string, item: string, text: string): void {
    const open = this.#wanted(response, item);
    if (open === undefined || open.purpose.is === 'speech' || text.length > LONGEST_TEXT) return;
    open.texts.set(item, text);
    if (!this.#parts.conversation.isLive(item)) return;
    this.#parts.conversation.agentSaid(item, text);
    this.#parts.emit({ type: 'response.text.done', response, item, text });
  }

  #done(response: Response): void {
    const { book, connection, conversation, emit, problem, speech } = this.#parts;
    const open = book.done(response.id);
    if (open === undefined) {
      problem('unknown-response', nameable(response.id));
      return;
    }
    const { status_details: details, usage } = response;
    const named = details?.error?.code ?? details?.error?.type ?? details?.reason ?? undefined;
    const code = named === undefined ? undefined : nameable(named);
    const status = response.status === 'in_progress' ? 'failed' : response.status;
    if (usage) emit({ type: 'usage', usage: usageOf('response', usage, open.id) });
    if (open.purpose.is === 'speech') speech.done(open.id, status === 'completed', code ?? status);
    else {
      if (open.isDead) for (const item of open.items) conversation.settleDead(item);
      // Only now is it certain that no further item follows: one response may say several things.
      else if (status === 'completed') {
        const text = [...open.texts.values()].filter((one) => one !== '').join(' ');
        emit({ type: 'response.generated', response: open.id, text });
      }
      emit({ type: 'response.done', response: open.id, status, ...(code === undefined ? {} : { code }) });
    }
    if (code !== undefined && FATAL_CODES.has(code)) connection.fail(code);
  }

  #failed({ error }: ServerEventOf<'error'>): void {
    const { book, emit, problem, speech } = this.#parts;
    const code = nameable(error.code ?? error.type ?? 'unknown');
    problem(code, `${nameable(error.param ?? '-')} ${redact(error.message)}`);
    const isActive = code === ALREADY_ACTIVE_CODE;
    const eventId = error.event_id ?? '';
    // This refusal can only be about a request for an answer, also where it does not say which.
    const request = book.refused(isActive && eventId === '' ? null : eventId);
    if (request?.is === 'speech') {
      speech.refused(request.rid, code);
      return;
    }
    if (request === undefined && (BENIGN_CODES.has(code) || HARMLESS_REQUEST.test(eventId))) return;
    const active = isActive ? activeResponseIn(error.message) : undefined;
    emit({
      type: 'response.error',
      code,
      ...(active === undefined ? {} : { response: active }),
      ...(request === undefined ? {} : { turn: request.turn }),
    });
  }
}
