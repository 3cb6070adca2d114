/**
 * What a call is to the rest of the widget: one function that opens it, what happens in it, and
 * what can be asked of it. Nothing here knows a socket or an audio context, so that a scripted
 * call can stand in for a real one.
 */
import type { PageTool, RelayMessage, TurnMode, WidgetMessage } from '#wire';
import type { Levels } from '../audio/audio-engine.ts';
import type { Ticket } from '../link/lasting-link.ts';

export interface CallConfig {
  /** The relay's http(s) origin. */
  src: string;
  /** Publishable key. */
  tenant: string;
  assistant: string;
  tokenSrc: string;
  getToken?: ((signal: AbortSignal) => Promise<string>) | undefined;
  turn: TurnMode;
  /** `text`: no microphone is asked for. */
  mode: 'voice' | 'text';
  locale: string;
  context: string;
  tools: PageTool[];
  /** Where the worklet's file is, tried in order. */
  workletUrls: string[];
  inputId: string;
  micMuted: boolean;
  mutePolicy: 'silence' | 'release';
  /** Besides PCM16, which is always understood. */
  codec?: string;
  muted: boolean;
  volume: number;
}

/** Facts of a call that are not the relay's messages. */
export type LocalEvent =
  /** A call that began without a microphone has one now. */
  | { type: 'mic.opened' }
  | { type: 'mic.lost' }
  | { type: 'device'; suspended: boolean }
  /** The call goes on without any sound: words are only read. */
  | { type: 'soundless' }
  | { type: 'onset'; utterance: string; paused: boolean }
  | { type: 'offset'; utterance: string }
  | { type: 'playout'; item: string; playedMs: number }
  /** Everything of the item was heard. */
  | { type: 'drained'; item: string }
  /** The last sound of the item arrived: only now its length is known. */
  | { type: 'item.complete'; item: string; totalMs: number }
  | { type: 'round-trip'; ms: number }
  /** The output fell silent after an onset: from the sound's beginning to the decision, and on to silence. */
  | { type: 'pause'; detectMs: number; silenceMs: number }
  | { type: 'link.down'; attempt: number }
  /** `replayed`: nothing was missed, either way. */
  | { type: 'link.up'; gapMs: number; replayed?: boolean }
  /** What brings another page of this tab back to the conversation; null: nothing does. */
  | { type: 'ticket'; ticket: Ticket | null }
  /** The relay or the conversation's length ended the call; nothing went wrong. */
  | { type: 'call.ended'; reason: 'relay' | 'longest-session' }
  /** What went out, for the `debug` attribute. */
  | { type: 'sent'; message: WidgetMessage };

export type CallEvent = Exclude<RelayMessage, { type: 'pong' }> | LocalEvent;

export interface CallStats {
  /** Frames of sound up and down. */
  framesSent: number;
  framesReceived: number;
  /** The newest round trip to the relay in milliseconds, or null. */
  roundTripMs: number | null;
  /** From the newest onset's decision to the first silent sample, in milliseconds, or null. */
  pauseMs: number | null;
  reconnects: number;
}

/** A call of which nothing is known yet. */
export const NO_STATS: Readonly<CallStats> = {
  framesSent: 0,
  framesReceived: 0,
  roundTripMs: null,
  pauseMs: null,
  reconnects: 0,
};

export interface Call {
  readonly levels: Levels;
  readonly stats: CallStats;
  /** Fills both with the newest waveform, −1 … 1. */
  waveform(input: Float32Array<ArrayBuffer>, output: Float32Array<ArrayBuffer>): void;
  sendText(text: string): void;
  interrupt(): void;
  updateContext(text: string, key?: string): void;
  /** Push-to-talk: pressed and let go. */
  talk(isPressed: boolean): void;
  /** The assistant says exactly this. */
  say(text: string): void;
  answerTool(call: string, output: string, failed: boolean): void;
  setMicMuted(muted: boolean, policy: 'silence' | 'release'): Promise<void>;
  setOutput(options: { muted: boolean; volume: number }): void;
  /** Also opens the microphone of a call that began without one. */
  setInput(deviceId: string): Promise<void>;
  setSinkId(sinkId: string): Promise<void>;
  /**
   * Says goodbye; the signal then lets go of everything.
   *
   * @param isLeft - without a goodbye: another page of this tab goes on with the conversation.
   */
  end(isLeft?: boolean): void;
}

export interface CallRequest {
  config: CallConfig;
  /** The conversation to go on with, where another page of this tab left one. */
  ticket?: Ticket | undefined;
  /** Ends everything: socket, microphone, sound. */
  signal: AbortSignal;
  readonly on: (event: CallEvent) => void;
  /** Sound is open, the relay not yet: what is said from now on is kept, and can be asked of the call. */
  readonly early: (call: Call) => void;
  /** The call is over because something went wrong after it was opened. */
  readonly fail: (error: unknown) => void;
}

/**
 * Opens a call. Called inside the user's gesture: sound must be asked for before the first await.
 *
 * @throws {CallError} any code.
 */
export type OpenCall = (request: CallRequest) => Promise<Call>;
