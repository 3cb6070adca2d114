/**
 * The bridge to OpenAI Realtime: commands in our words go up here, events in our words come down
 * through `inbound.ts`. It joins the parts and decides nothing about the conversation.
 */
import type { Clock } from '../../clock.ts';
import type { BridgeEvent, BridgeSetup, HistoryEntry, Moment, RealtimeBridge } from '../bridge.ts';
import type { Circuits } from './circuits.ts';
import { Connection } from './connection.ts';
import { Conversation } from './conversation.ts';
import { Inbound } from './inbound.ts';
import { Microphone } from './microphone.ts';
import { ResponseBook, Ring } from './responses.ts';
import type { RotationTimes } from './rotation.ts';
import { answerCreate, responseCancel, sessionUpdate, speechCreate } from './setup.ts';
import { SpeechRenderer } from './speech.ts';

export interface BridgeProblem {
  /** Stable, for counting. */
  code: string;
  /** For the log; holds no key, no words of the conversation and no sound. */
  detail: string;
}

export interface OpenAIBridgeOptions {
  /** Or what tells it, at every dialling. */
  apiKey: string | (() => Promise<string>);
  /** `http(s)://…/v1`; the realtime endpoint is below it. */
  baseUrl: string;
  /** Where to go while the first cannot be had; it gets the same key. */
  fallbackBaseUrl?: string | undefined;
  circuits: Circuits;
  rotation: RotationTimes;
  /** What is going on in the conversation, as the session knows it. */
  moment?: (() => Moment) | undefined;
  clock: Clock;
  transcriptionModel: string;
  /** In [0, 1); spreads the attempts of many sessions to dial again. */
  random(): number;
  onProblem(problem: BridgeProblem): void;
  /** The next connection took the place of one that had lasted its time, and nobody noticed. */
  onSwitched?: (() => void) | undefined;
}

export class OpenAIBridge implements RealtimeBridge {
  readonly #options: OpenAIBridgeOptions;
  readonly #onEvent: (event: BridgeEvent) => void;
  readonly #connection: Connection;
  readonly #microphone: Microphone;
  readonly #speech: SpeechRenderer;
  readonly #conversation: Conversation;
  readonly #inbound: Inbound;
  readonly #book = new ResponseBook();
  /** Calls that have their output. */
  readonly #outputs = new Ring();
  #isClosed = false;

  constructor(setup: BridgeSetup, onEvent: (event: BridgeEvent) => void, options: OpenAIBridgeOptions) {
    const { apiKey, baseUrl, fallbackBaseUrl, circuits, rotation, clock, transcriptionModel } = options;
    this.#options = options;
    this.#onEvent = onEvent;
    this.#connection = new Connection({
      model: setup.model,
      random: () => options.random(),
      setup: (eventId) => sessionUpdate(setup, transcriptionModel, eventId),
      script: () => this.#conversation.script(),
      begin: () => this.#conversation.begin(),
      moment: () => this.#moment(),
      switched: () => this.#switched(),
      up: (generation) => this.#up(generation),
      down: (generation, reason, fatal) => this.#down(generation, reason, fatal),
      event: (event) => this.#inbound.read(event),
      problem: (code, detail) => this.#problem(code, detail),
      ...{ apiKey, baseUrl, fallbackBaseUrl, circuits, rotation, clock },
    });
    const connection = this.#connection;
    this.#conversation = new Conversation({
      history: setup.history ?? [],
      soundOf: (item) => this.#microphone.soundOf(item),
      nextId: (prefix) => connection.nextId(prefix),
      send: (event) => connection.send(event),
    });
    this.#microphone = new Microphone({
      turn: setup.turn,
      clock,
      send: (text) => void connection.sendText(text),
      isBackedUp: () => connection.isBackedUp,
      dropped: (ms) => this.#problem('sound-dropped', `${Math.round(ms)} ms of the user's sound`),
      lost: (ms) => this.#emit({ type: 'speech.lost', ms: Math.ceil(ms) }),
    });
    this.#speech = new SpeechRenderer({
      clock,
      request: (text) => this.#requestSpeech(text),
      cancel: (response) => this.cancelResponse(response),
    });
    this.#inbound = new Inbound({
      connection,
      conversation: this.#conversation,
      microphone: this.#microphone,
      speech: this.#speech,
      book: this.#book,
      emit: (event) => this.#emit(event),
      now: () => clock.now(),
      problem: (code, detail) => this.#problem(code, detail),
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
    if (!this.#connection.isUp) {
      this.#problem('create-while-down', 'a response was asked for without a provider');
      return;
    }
    const rid = this.#connection.nextId('create');
    this.#book.requested({ is: 'answer', rid, turn });
    this.#connection.send(answerCreate(turn, rid));
    this.#connection.probe();
  }

  cancelResponse(response: string): void {
    const open = this.#book.get(response);
    if (open?.isDead === true || this.#book.isOver(response)) return;
    // One that is unknown is cancelled all the same: the provider named it as being in the way.
    if (open !== undefined) open.isDead = true;
    this.#connection.send(responseCancel(response, this.#connection.nextId('cancel')));
  }

  truncateItem(item: string, audioEndMs: number): void {
    this.#conversation.truncate(item, audioEndMs);
  }

  deleteItem(item: string): void {
    this.#microphone.written(item);
    this.#conversation.remove(item);
  }

  renderSpeech(text: string, signal: AbortSignal): Promise<Int16Array> {
    return this.#speech.render(text, signal);
  }

  history(heardMs?: (item: string) => number | undefined): HistoryEntry[] {
    return this.#conversation.history(heardMs);
  }

  get heldBytes(): number {
    return this.#isClosed ? 0 : this.#microphone.heldBytes + this.#connection.waitingBytes;
  }

  get isFull(): boolean {
    return this.#connection.isBackedUp && this.#microphone.isFull;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#connection.close();
    this.#microphone.shut();
    this.#book.clear();
    this.#speech.down('closed', true);
  }

  #emit(event: BridgeEvent): void {
    if (!this.#isClosed) this.#onEvent(event);
  }

  #problem(code: string, detail: string): void {
    if (!this.#isClosed) this.#options.onProblem({ code, detail });
  }

  #requestSpeech(text: string): string | null {
    if (!this.#connection.isUp) return null;
    const rid = this.#connection.nextId('speech');
    this.#book.requested({ is: 'speech', rid });
    this.#connection.send(speechCreate(text, rid));
    return rid;
  }

  /** What the session says, unless something is under way that only the bridge knows of. */
  #moment(): Moment {
    const isIdle = this.#book.isIdle && !this.#speech.isBusy && !this.#microphone.isBusy && !this.#inbound.awaitsWords;
    return isIdle ? (this.#options.moment?.() ?? 'quiet') : 'busy';
  }

  /** Between two frames: what no turn was made of yet is said again to the new connection, all later sound goes there. */
  #switched(): void {
    this.#microphone.shut();
    this.#microphone.open();
    this.#options.onSwitched?.();
  }

  #up(generation: number): void {
    this.#emit({ type: 'provider.up', generation });
    this.#inbound.begun();
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
}
