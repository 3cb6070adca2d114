/**
 * What the element tells the page. Each event is a class with fields of its own; none bubbles, as
 * with media elements. The map at the end gives `addEventListener` its types.
 */
import type { CallEvent } from './call/call.ts';
import type { EndReason } from './call/call-controller.ts';
import type { Happening, InterruptedBy, LaneOwner, Phase, TurnMetrics } from './call/conversation.ts';
import type { ToolArguments } from './call/tools.ts';
import type { TranscriptEntry } from './call/transcript.ts';
import type { CallError } from './errors.ts';

/** A call is about to start. Prevent it, or hold it with `waitUntil` (a consent of the page's own). */
export class BeforeStartEvent extends Event {
  readonly promises: Promise<unknown>[] = [];
  readonly mode: 'voice' | 'text';
  constructor(mode: 'voice' | 'text') {
    super('beforestart', { cancelable: true });
    this.mode = mode;
  }
  /** The start waits for it; if it rejects or gives `false`, nothing starts. Some browsers then ask for one more tap before sound. */
  waitUntil(promise: Promise<unknown>): void {
    this.promises.push(promise);
  }
}

export class StartEvent extends Event {
  readonly sessionId: string;
  constructor(sessionId: string) {
    super('start');
    this.sessionId = sessionId;
  }
}

export class EndEvent extends Event {
  readonly reason: EndReason;
  constructor(reason: EndReason) {
    super('end');
    this.reason = reason;
  }
}

export class PhaseChangeEvent extends Event {
  readonly phase: Phase;
  readonly from: Phase;
  constructor(phase: Phase, from: Phase) {
    super('phasechange');
    this.phase = phase;
    this.from = from;
  }
}

export class TurnStartEvent extends Event {
  readonly turn: string;
  readonly source: 'speech' | 'text';
  constructor(turn: string, source: 'speech' | 'text') {
    super('turnstart');
    this.turn = turn;
    this.source = source;
  }
}

export class TurnEndEvent extends Event {
  readonly turn: string;
  /** `answered`, `superseded`, `refused` or `failed`. */
  readonly outcome: string;
  readonly metrics: TurnMetrics;
  constructor(turn: string, outcome: string, metrics: TurnMetrics) {
    super('turnend');
    this.turn = turn;
    this.outcome = outcome;
    this.metrics = metrics;
  }
}

export class TranscriptEvent extends Event {
  readonly entry: TranscriptEntry;
  readonly final: boolean;
  constructor(entry: TranscriptEntry) {
    super('transcript');
    this.entry = entry;
    this.final = entry.final;
  }
}

export class WordHeardEvent extends Event {
  readonly entry: TranscriptEntry;
  readonly index: number;
  readonly word: string;
  constructor(entry: TranscriptEntry, index: number) {
    super('wordheard');
    this.entry = entry;
    this.index = index;
    this.word = entry.words[index]?.text.trim() ?? '';
  }
}

/** The agent was stopped, or (`recovered`) only paused by a sound that was no interruption. */
export class InterruptEvent extends Event {
  readonly by: InterruptedBy;
  /** Of the interrupted item, in milliseconds. */
  readonly heardMs: number;
  readonly recovered: boolean;
  constructor(by: InterruptedBy, heardMs: number, recovered: boolean) {
    super('interrupt');
    this.by = by;
    this.heardMs = heardMs;
    this.recovered = recovered;
  }
}

/** The model calls a function of the page. Answer with `respondWith`, refuse with `preventDefault`, or let `defineTool` do it. */
export class ToolCallEvent extends Event {
  readonly name: string;
  readonly args: ToolArguments;
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

export class PermissionChangeEvent extends Event {
  readonly state: 'granted' | 'denied' | 'prompt';
  constructor(state: 'granted' | 'denied' | 'prompt') {
    super('permissionchange');
    this.state = state;
  }
}

export class ReconnectingEvent extends Event {
  readonly attempt: number;
  constructor(attempt: number) {
    super('reconnecting');
    this.attempt = attempt;
  }
}

export class ReconnectedEvent extends Event {
  /** How long there was no connection, in milliseconds. */
  readonly gapMs: number;
  constructor(gapMs: number) {
    super('reconnected');
    this.gapMs = gapMs;
  }
}

export class CallErrorEvent extends Event {
  readonly error: CallError;
  constructor(error: CallError) {
    super('error');
    this.error = error;
  }
}

/** Who is heard changed. `t` is on the relay's clock, in milliseconds since the session began. */
export class LaneChangeEvent extends Event {
  readonly from: LaneOwner;
  readonly to: LaneOwner;
  readonly cause: string;
  readonly t: number;
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
  readonly detail: CallEvent;
  constructor(detail: CallEvent) {
    super('debug');
    this.detail = detail;
  }
}

/** The event that tells a page what happened in a conversation. */
export function eventOf(happening: Happening): Event {
  switch (happening.type) {
    case 'phase':
      return new PhaseChangeEvent(happening.phase, happening.from);
    case 'turn-start':
      return new TurnStartEvent(happening.turn, happening.source);
    case 'turn-end':
      return new TurnEndEvent(happening.turn, happening.outcome, happening.metrics);
    case 'transcript':
      return new TranscriptEvent(happening.entry);
    case 'word-heard':
      return new WordHeardEvent(happening.entry, happening.index);
    case 'interrupt':
      return new InterruptEvent(happening.by, happening.heardMs, happening.recovered);
    case 'lane':
      return new LaneChangeEvent(happening.from, happening.to, happening.cause, happening.t);
    default:
      return happening satisfies never;
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
