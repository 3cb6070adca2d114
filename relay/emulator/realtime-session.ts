/**
 * One client's session: reads its events, checks them, and hands them to whom they concern. Every
 * event that fails is answered by an `error` that names it; nothing a client sends throws further.
 */
import type { Clock } from '../clock.ts';
import * as check from './check.ts';
import { Conversation } from './conversation.ts';
import type { FaultKnobs } from './faults.ts';
import { emptyMemory, itemOfClient, onWire, truncate, withAudio, type Item, type Memory } from './items.ts';
import { decodeAudio, samplesToMs } from './pcm.ts';
import {
  ProtocolError,
  errorEvent,
  isObject,
  newId,
  type ClientEvent,
  type Fields,
  type ServerEvent,
} from './protocol.ts';
import { Responses, type ResponseRecord } from './responses.ts';
import type { Rules } from './rules.ts';
import { defaultSession, updated, type SessionConfig, type VadDefaults } from './session-config.ts';
import type { Ear, Voice } from './speech.ts';
import { Timers } from './timers.ts';
import { Transcripts } from './transcripts.ts';
import { Turns } from './turns.ts';

const LIFE_S = 3600;
const MAX_APPEND_BYTES = 15 * 1024 * 1024;
const EXPIRED = 'Your session hit the maximum duration of 60 minutes.';

/** The wire as a session needs it. */
export interface Wire {
  send(text: string): void;
  close(code: number, reason: string): void;
  /** Cuts the connection without a close frame. */
  cut(): void;
}

export interface SessionDeps {
  clock: Clock;
  voice: Voice;
  ear: Ear;
  rules: Rules;
  faults: FaultKnobs;
  vad: VadDefaults;
  pace: number;
}

/** What `/emulator/state` tells of a session. */
export interface SessionReport {
  id: string;
  model: string;
  isOpen: boolean;
  /** How it was closed, once it was. */
  closed: { code: number; reason: string } | null;
  /** All sound the client appended, in milliseconds. */
  receivedMs: number;
  config: SessionConfig;
  items: Fields[];
  responses: ResponseRecord[];
  /** Types of the client's events, in order, without appends; the last 500. */
  clientEvents: string[];
}

const eventId = check.nullable(check.text(512));
const itemId = check.string;
/** The fields of each client event, and which must be there. */
const EVENTS: Record<string, [Record<string, check.Check>, ...string[]]> = {
  'session.update': [{ session: check.anything }, 'session'],
  'input_audio_buffer.append': [{ audio: check.string }, 'audio'],
  'input_audio_buffer.commit': [{}],
  'input_audio_buffer.clear': [{}],
  'conversation.item.create': [{ item: check.anything, previous_item_id: check.nullable(itemId) }, 'item'],
  'conversation.item.retrieve': [{ item_id: itemId }, 'item_id'],
  'conversation.item.truncate': [
    {
      item_id: itemId,
      content_index: check.number(0, 0, 'integer'),
      audio_end_ms: check.number(0, Number.MAX_SAFE_INTEGER, 'integer'),
    },
    'item_id',
    'content_index',
    'audio_end_ms',
  ],
  'conversation.item.delete': [{ item_id: itemId }, 'item_id'],
  'response.create': [{ response: check.anything }],
  'response.cancel': [{ response_id: check.string }],
};
const NO_FIELDS: [Record<string, check.Check>, ...string[]] = [{}];
const knownType = check.oneOf(...Object.keys(EVENTS));

export class RealtimeSession {
  readonly id = newId('sess');
  readonly #wire: Wire;
  readonly #deps: SessionDeps;
  readonly #timers: Timers;
  readonly #conversation = new Conversation(newId('conv'));
  readonly #transcripts: Transcripts;
  readonly #responses: Responses;
  readonly #turns: Turns;
  readonly #startedAt: number;
  readonly #stopWatching: () => void;
  readonly #seen: string[] = [];
  #config: SessionConfig;
  #hasSpoken = false;
  #isOver = false;
  #closed: SessionReport['closed'] = null;
  #stopExpiry = (): void => undefined;

  /** @param preset - A session made beforehand by a client secret, as a partial update. */
  constructor(wire: Wire, model: string, deps: SessionDeps, preset?: Fields) {
    this.#wire = wire;
    this.#deps = deps;
    const { faults, vad, clock } = deps;
    this.#timers = new Timers(clock);
    this.#startedAt = clock.now();
    const lifeS = faults.current.expire ?? LIFE_S;
    const expiresAtS = Math.floor(clock.wallNow() / 1000) + Math.ceil(lifeS);
    this.#config = defaultSession(this.id, model, expiresAtS, vad);
    if (preset !== undefined) this.#config = updated(this.#config, { ...preset, type: 'realtime', model }, false, vad);
    const shared = {
      send: (event: ServerEvent) => this.#send(event),
      config: () => this.#config,
      timers: this.#timers,
      conversation: this.#conversation,
      ...{ faults, voice: deps.voice, ear: deps.ear, rules: deps.rules, pace: deps.pace },
    };
    this.#transcripts = new Transcripts(shared);
    this.#responses = new Responses({
      ...shared,
      hear: (base64) => this.#heard(base64),
      drop: (code) => this.#drop(code),
      onStarted: () => this.#turns.answering(),
      onEnded: (leftMs) => {
        this.#transcripts.responseEnded();
        this.#turns.answered(leftMs);
      },
    });
    this.#turns = new Turns({
      ...shared,
      onSpeech: ({ interrupt_response: mayInterrupt }) => {
        if (mayInterrupt) this.#responses.interrupt();
      },
      onCommitted: (item, isTurn) => this.#committed(item, isTurn),
    });
    this.#stopWatching = faults.watch(() => this.#scheduleExpiry());
    this.#scheduleExpiry();
    this.#send({ type: 'session.created', session: this.#config });
  }

  /** A text frame of the client. */
  receive(frame: string): void {
    let event: unknown;
    try {
      event = JSON.parse(frame);
    } catch {
      this.#refuse(new ProtocolError('invalid_json', 'The message is not valid JSON.'), null);
      return;
    }
    if (!isObject(event)) {
      this.#refuse(new ProtocolError('invalid_event', 'The message is not a JSON object.'), null);
      return;
    }
    const id = typeof event['event_id'] === 'string' ? event['event_id'] : null;
    this.#attempt(id, () => {
      if (!('type' in event)) throw check.missing('type');
      knownType(event['type'], 'type');
      this.#check(event as ClientEvent);
      this.#handle(event as ClientEvent, id);
    });
  }

  receiveBinary(): void {
    this.#refuse(new ProtocolError('invalid_event', 'Binary messages are not supported; send JSON text.'), null);
  }

  /** The socket is closed: lets go of every timer and response. */
  end(code: number, reason: string): void {
    this.#closed ??= { code, reason };
    this.#isOver = true;
    this.#stopWatching();
    this.#responses.abandon();
    this.#timers.stop();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Sound as it was appended, the last two minutes. */
  recentAudio(): Int16Array {
    return this.#turns.buffer.recent();
  }

  /** Others are newer: of its sound only what the conversation itself may need is kept from now on. */
  keepLittle(): void {
    this.#turns.buffer.keepLittle();
    this.#conversation.keepLittle();
  }

  /** Lets go of all sound of a session that nobody will look at any more; words stay. */
  forgetSound(): void {
    this.#turns.buffer.forget();
    for (const { memory } of this.#conversation.items) memory.audio = [];
  }

  item(id: string): Item | undefined {
    return this.#conversation.find(id);
  }

  report(): SessionReport {
    return {
      id: this.id,
      model: this.#config.model,
      isOpen: !this.#isOver,
      closed: this.#closed,
      receivedMs: this.#turns.buffer.totalMs,
      config: this.#config,
      items: this.#conversation.items.map((item) => ({
        ...onWire(item),
        ...{ remembered: item.memory.text, audio_ms: item.memory.audioMs, truncated_at_ms: item.memory.truncatedAtMs },
        ...{ previous_item_id: this.#conversation.previousOf(item), rule: item.memory.rule ?? null },
      })),
      responses: this.#responses.records,
      clientEvents: this.#seen,
    };
  }

  #check(event: ClientEvent): void {
    const [known, ...required] = EVENTS[event.type] ?? NO_FIELDS;
    for (const name of required) if (!(name in event)) throw check.missing(name);
    for (const [name, value] of Object.entries(event)) {
      if (name === 'type') continue;
      const field = name === 'event_id' ? eventId : Object.hasOwn(known, name) ? known[name] : undefined;
      if (field === undefined) throw new ProtocolError('unknown_parameter', `Unknown parameter: '${name}'.`, name);
      field(value, name);
    }
    if (event.type === 'input_audio_buffer.append') return;
    this.#seen.push(event.type);
    if (this.#seen.length > 500) this.#seen.shift();
  }

  #handle(event: ClientEvent, id: string | null): void {
    switch (event.type) {
      case 'session.update':
        this.#config = updated(this.#config, event['session'], this.#hasSpoken, this.#deps.vad);
        this.#turns.reconfigured();
        {
          this.#send({ type: 'session.updated', session: this.#config });
          return;
        }
      case 'input_audio_buffer.append': {
        this.#append(event['audio'] as string);
        return;
      }
      case 'input_audio_buffer.commit': {
        const raceMs = this.#deps.faults.current['commit-race'];
        if (raceMs === 0) {
          this.#turns.commit();
          return;
        }
        this.#timers.after(raceMs, () => this.#attempt(id, () => this.#turns.commit()));
        return;
      }
      case 'input_audio_buffer.clear': {
        this.#turns.clear();
        return;
      }
      case 'conversation.item.create': {
        this.#createItem(event['item'], event['previous_item_id'] as string | null | undefined);
        return;
      }
      case 'conversation.item.retrieve': {
        const item = this.#conversation.toRetrieve(event['item_id']);
        const { input, output } = this.#config.audio;
        const { format } = item.role === 'user' ? input : output;
        this.#send({ type: 'conversation.item.retrieved', item: withAudio(item, format) });
        return;
      }
      case 'conversation.item.truncate': {
        const { item_id, content_index, audio_end_ms } = event;
        truncate(this.#conversation.toTruncate(item_id), audio_end_ms as number);
        this.#send({ type: 'conversation.item.truncated', item_id, content_index, audio_end_ms });
        return;
      }
      case 'conversation.item.delete':
        this.#conversation.remove(event['item_id']);
        {
          this.#send({ type: 'conversation.item.deleted', item_id: event['item_id'] });
          return;
        }
      case 'response.create': {
        this.#responses.create(event['response']);
        return;
      }
      default: {
        this.#responses.cancel(event['response_id'] as string | undefined);
        return;
      }
    }
  }

  #append(base64: string): void {
    if ((base64.length / 4) * 3 > MAX_APPEND_BYTES) {
      throw check.invalidValue('audio', "Invalid 'audio': at most 15 MiB of audio in one event.");
    }
    this.#turns.append(decodeAudio(base64, this.#config.audio.input.format, 'audio'));
  }

  #createItem(given: unknown, previousId: string | null | undefined): void {
    const item = itemOfClient(given, 'item', (base64) => this.#heard(base64));
    const isAnswer = item.type === 'function_call_output';
    if (
      isAnswer &&
      !this.#conversation.items.some(({ type, call_id: call }) => type === 'function_call' && call === item.call_id)
    ) {
      const message = `No tool call found for function call output with call_id ${item.call_id ?? ''}.`;
      throw new ProtocolError('invalid_tool_call_id', message, 'item.call_id');
    }
    this.#conversation.insert(item, previousId);
    const placed = { previous_item_id: this.#conversation.previousOf(item), item: onWire(item) };
    this.#send({ type: 'conversation.item.added', ...placed });
    this.#send({ type: 'conversation.item.done', ...placed });
  }

  #heard(base64: string): Memory {
    const samples = decodeAudio(base64, this.#config.audio.input.format, 'item.content.audio');
    const { text, known } = this.#deps.ear.understand(samples);
    return { ...emptyMemory(text), isKnown: known, audio: [samples], audioMs: samplesToMs(samples.length) };
  }

  #committed(item: Item, isTurn: boolean): void {
    this.#transcripts.start(item);
    const mayAnswer = this.#config.audio.input.turn_detection?.create_response === true;
    // With a response still running, the turn stays without one: so does the real server.
    if (isTurn && mayAnswer && !this.#responses.isActive) this.#responses.create();
  }

  #scheduleExpiry(): void {
    this.#stopExpiry();
    const lifeMs = (this.#deps.faults.current.expire ?? LIFE_S) * 1000;
    this.#stopExpiry = this.#timers.after(this.#startedAt + lifeMs - this.#timers.now(), () => {
      this.#refuse(new ProtocolError('session_expired', EXPIRED), null);
      this.#wire.close(1001, EXPIRED);
      this.end(1001, EXPIRED);
    });
  }

  #drop(code: number): void {
    if (code === 1006) this.#wire.cut();
    else this.#wire.close(code, 'dropped by a fault');
    this.end(code, 'dropped by a fault');
  }

  #attempt(id: string | null, act: () => void): void {
    try {
      act();
    } catch (error) {
      const failed = new ProtocolError('server_error', 'The emulator failed on this event.', null, 'server_error');
      this.#refuse(error instanceof ProtocolError ? error : failed, id);
    }
  }

  #refuse(error: ProtocolError, id: string | null): void {
    this.#send(errorEvent(error, id));
  }

  #send(event: ServerEvent): void {
    if (this.#isOver) return;
    if (event.type === 'response.output_audio.delta') this.#hasSpoken = true;
    this.#wire.send(JSON.stringify({ event_id: newId('event'), ...event }));
  }
}
