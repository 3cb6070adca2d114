/**
 * What the element tells the page. Each event is a class with fields of its own; none bubbles, as
 * with media elements. The map at the end gives `addEventListener` its types. Fields are declared and
 * set in the constructor alone: each that is also defined would be in the launcher twice.
 */
import type { CallEvent } from './call/call.ts';
import type { EndReason } from './call/call-controller.ts';
import type { InterruptedBy, LaneOwner, Phase, TurnMetrics } from './call/conversation.ts';
import type { ToolArguments } from './call/tools.ts';
import type { TranscriptEntry } from './call/transcript.ts';
import type { CallError } from './errors.ts';

export interface StartConfig {
  mode: 'voice' | 'text' | 'auto';
  /** What the assistant should know from the start. */
  context: string;
}

/** A call is about to start. Prevent it, or hold it with `waitUntil` (a consent of the page's own). */
export class BeforeStartEvent extends Event {
  readonly promises: Promise<unknown>[] = [];
  declare readonly mode: 'voice' | 'text' | 'auto';
  /** What the call is about to be opened with; a listener may change it. */
  declare readonly config: StartConfig;
  constructor(config: StartConfig) {
    super('beforestart', { cancelable: true });
    this.mode = config.mode;
    this.config = config;
  }
  /** The start waits for it; if it rejects or gives `false`, nothing starts. Some browsers then ask for one more tap before sound. */
  waitUntil(promise: Promise<unknown>): void {
    this.promises.push(promise);
  }
}

export class StartEvent extends Event {
  declare readonly sessionId: string;
  constructor(sessionId: string) {
    super('start');
    this.sessionId = sessionId;
  }
}

export class EndEvent extends Event {
  declare readonly reason: EndReason;
  constructor(reason: EndReason) {
    super('end');
    this.reason = reason;
  }
}

export class PhaseChangeEvent extends Event {
  declare readonly phase: Phase;
  declare readonly from: Phase;
  constructor(phase: Phase, from: Phase) {
    super('phasechange');
    this.phase = phase;
    this.from = from;
  }
}

export class TurnStartEvent extends Event {
  declare readonly turn: string;
  declare readonly source: 'speech' | 'text';
  constructor(turn: string, source: 'speech' | 'text') {
    super('turnstart');
    this.turn = turn;
    this.source = source;
  }
}

export class TurnEndEvent extends Event {
  declare readonly turn: string;
  /** `answered`, `superseded`, `refused` or `failed`. */
  declare readonly outcome: string;
  declare readonly metrics: TurnMetrics;
  constructor(turn: string, outcome: string, metrics: TurnMetrics) {
    super('turnend');
    this.turn = turn;
    this.outcome = outcome;
    this.metrics = metrics;
  }
}

export class TranscriptEvent extends Event {
  declare readonly entry: TranscriptEntry;
  declare readonly final: boolean;
  constructor(entry: TranscriptEntry) {
    super('transcript');
    this.entry = entry;
    this.final = entry.final;
  }
}

export class WordHeardEvent extends Event {
  declare readonly entry: TranscriptEntry;
  declare readonly index: number;
  declare readonly word: string;
  constructor(entry: TranscriptEntry, index: number) {
    super('wordheard');
    this.entry = entry;
    this.index = index;
    this.word = entry.words[index]?.text.trim() ?? '';
  }
}

/** The agent was stopped, or (`recovered`) only paused by a sound that was no interruption. */
export class InterruptEvent extends Event {
  declare readonly by: InterruptedBy;
  /** Of the interrupted item, in milliseconds. */
  declare readonly heardMs: number;
  declare readonly recovered: boolean;
  constructor(by: InterruptedBy, heardMs: number, recovered: boolean) {
    super('interrupt');
    this.by = by;
    this.heardMs = heardMs;
    this.recovered = recovered;
  }
}

/** The model calls a function of the page. Answer with `respondWith`, refuse with `preventDefault`, or let `defineTool` do it. */
export class ToolCallEvent extends Event {
  declare readonly name: string;
  declare readonly args: ToolArguments;
  /** What `respondWith` was given. */
  response: Promise<unknown> | null = null;
  constructor(name: string, args: ToolArguments) {
    super('toolcall', { cancelable: true });
    this.name = name;
    this.args = args;
  }
  respondWith(answer: unknown): void {
    this.response = Promise.resolve(answer);
  }
}

/**
 * The person must agree before anything begins (`consent="required"`). A page that asks in its own
 * words prevents the event and answers with `answer`; otherwise the widget asks.
 */
export class ConsentRequestEvent extends Event {
  readonly #answer: (isAgreed: boolean) => void;
  constructor(answer: (isAgreed: boolean) => void) {
    super('consentrequest', { cancelable: true });
    this.#answer = answer;
  }
  /** To be called in the click that says so: sound begins in the same task. */
  answer(isAgreed: boolean): void {
    this.#answer(isAgreed);
  }
  /** Takes the question over, with an answer that comes later. A rejection is a no. */
  respondWith(answer: Promise<boolean>): void {
    this.preventDefault();
    answer.then(
      (isAgreed) => this.#answer(isAgreed),
      () => this.#answer(false),
    );
  }
}

export class ConsentChangeEvent extends Event {
  declare readonly state: 'granted' | 'denied';
  constructor(state: 'granted' | 'denied') {
    super('consentchange');
    this.state = state;
  }
}

/** The person, or the page for them, said how good it was. */
export class RatingEvent extends Event {
  /** 1 … 5. */
  declare readonly score: number;
  /** The turn that is meant; null for the whole conversation. */
  declare readonly turn: string | null;
  declare readonly comment: string;
  constructor(score: number, turn: string | null, comment: string) {
    super('rating');
    this.score = score;
    this.turn = turn;
    this.comment = comment;
  }
}

/** A function's answer names where something stands (`citations: [{ title, url }]`), and the model has it now. */
export class CitationEvent extends Event {
  /** The function's name. */
  declare readonly tool: string;
  declare readonly title: string;
  /** Of https or http. */
  declare readonly url: string;
  constructor(tool: string, title: string, url: string) {
    super('citation');
    this.tool = tool;
    this.title = title;
    this.url = url;
  }
}

/** The policy handed the conversation to a person. */
export class HandoffEvent extends Event {
  declare readonly reason: string;
  constructor(reason: string) {
    super('handoff');
    this.reason = reason;
  }
}

export class PermissionChangeEvent extends Event {
  declare readonly state: 'granted' | 'denied' | 'prompt';
  constructor(state: 'granted' | 'denied' | 'prompt') {
    super('permissionchange');
    this.state = state;
  }
}

export class ReconnectingEvent extends Event {
  declare readonly attempt: number;
  constructor(attempt: number) {
    super('reconnecting');
    this.attempt = attempt;
  }
}

export class ReconnectedEvent extends Event {
  /** How long there was no connection, in milliseconds. */
  declare readonly gapMs: number;
  /** Nothing was missed, either way. Otherwise sound under way was lost, or a new session began: then `sessionId` is another. */
  declare readonly replayed: boolean;
  constructor(gapMs: number, replayed = false) {
    super('reconnected');
    this.gapMs = gapMs;
    this.replayed = replayed;
  }
}

export class CallErrorEvent extends Event {
  declare readonly error: CallError;
  constructor(error: CallError) {
    super('error');
    this.error = error;
  }
}

/** Who is heard changed. `t` is on the relay's clock, in milliseconds since the session began. */
export class LaneChangeEvent extends Event {
  declare readonly from: LaneOwner;
  declare readonly to: LaneOwner;
  declare readonly cause: string;
  declare readonly t: number;
  constructor(from: LaneOwner, to: LaneOwner, cause: string, t: number) {
    super('lanechange');
    this.from = from;
    this.to = to;
    this.cause = cause;
    this.t = t;
  }
}

/** With the `debug` attribute: everything that goes over the wire or comes from the sound, as it is. */
export class DebugEvent extends Event {
  declare readonly detail: CallEvent;
  constructor(detail: CallEvent) {
    super('debug');
    this.detail = detail;
  }
}

export interface VoiceJibJabEventMap {
  beforestart: BeforeStartEvent;
  start: StartEvent;
  end: EndEvent;
  phasechange: PhaseChangeEvent;
  readystatechange: Event;
  turnstart: TurnStartEvent;
  turnend: TurnEndEvent;
  transcript: TranscriptEvent;
  wordheard: WordHeardEvent;
  interrupt: InterruptEvent;
  toolcall: ToolCallEvent;
  consentrequest: ConsentRequestEvent;
  consentchange: ConsentChangeEvent;
  rating: RatingEvent;
  citation: CitationEvent;
  handoff: HandoffEvent;
  permissionchange: PermissionChangeEvent;
  devicechange: Event;
  volumechange: Event;
  micmutechange: Event;
  reconnecting: ReconnectingEvent;
  reconnected: ReconnectedEvent;
  lanechange: LaneChangeEvent;
  debug: DebugEvent;
  toggle: Event;
  error: CallErrorEvent;
}
