/**
 * Any realtime speech model in our words. The session speaks to this and never to a provider;
 * `openai/` implements it. Sound is PCM16 mono at the wire's rate both ways.
 */
import type { PageTool } from '#wire';

/** Everything the model is told once, before the first word. Never taken from the page. */
export interface BridgeSetup {
  /** Whose conversation it is: a tenant may bring its own account. */
  tenant?: string;
  model: string;
  voice: string;
  instructions: string;
  /** `hold` switches the provider's own turn detection off (push-to-talk). */
  turn: 'auto' | 'hold';
  /** Language tag, a hint for transcription. */
  locale: string;
  tools: PageTool[];
  /** The conversation so far, where it began on another connection; told to the provider before it is up. */
  history?: HistoryEntry[];
}

/** One entry of the conversation as text: the user's words, the agent's as far as they were heard, calls and outputs. */
export type HistoryEntry =
  | { is: 'user'; id: string; text: string }
  | { is: 'system'; id: string; text: string }
  | { is: 'agent'; id: string; text: string }
  | { is: 'call'; id: string; call: string; name: string; arguments: string }
  | { is: 'output'; id: string; call: string; output: string };

export interface BridgeUsage {
  /** As the provider reports it, summed nowhere: text, audio and cached tokens of one response or transcription. */
  kind: 'response' | 'transcription';
  response?: string;
  inputTextTokens: number;
  inputAudioTokens: number;
  cachedTextTokens: number;
  cachedAudioTokens: number;
  outputTextTokens: number;
  outputAudioTokens: number;
  /** Where the provider bills by time instead. */
  seconds?: number;
}

/** What the bridge tells the session. Ids are the provider's; late events of dead ids are dropped before they get here. */
export type BridgeEvent =
  /** The provider accepted the set-up. `generation` counts connections from 1. */
  | { type: 'provider.up'; generation: number }
  /** `fatal`: do not dial again (bad key, unknown model, no quota left). */
  | { type: 'provider.down'; generation: number; reason: string; fatal: boolean }
  /** The provider's own detector; `item` is the user item this speech will become. `atMs` counts audio appended. */
  | { type: 'speech.started'; item: string; atMs: number }
  | { type: 'speech.stopped'; item: string; atMs: number }
  | { type: 'input.committed'; item: string }
  | { type: 'input.cleared' }
  | { type: 'input.transcript.delta'; item: string; text: string }
  /** `text` is empty when transcription failed. */
  | { type: 'input.transcript.done'; item: string; text: string }
  /** `turn` is the one given to {@link RealtimeBridge.createResponse}; null for a response nobody asked for. */
  | { type: 'response.created'; response: string; turn: string | null }
  | { type: 'response.text'; response: string; item: string; delta: string }
  | { type: 'response.text.done'; response: string; item: string; text: string }
  | { type: 'response.audio'; response: string; item: string; samples: Int16Array }
  /** All sound of the response has arrived; `done` may still be on its way. */
  | { type: 'response.generated'; response: string; text: string }
  | {
      type: 'response.done';
      response: string;
      status: 'completed' | 'cancelled' | 'incomplete' | 'failed';
      code?: string;
    }
  /** A request failed. `response` where the provider named one; `turn` where a createResponse failed. `code` is the provider's. */
  | { type: 'response.error'; code: string; response?: string; turn?: string }
  /**
   * Sound of the user's, with a voice in it, could not be kept for the next connection: so much of its oldest.
   * Comes just after `provider.up`; what was said before must be said again.
   */
  | { type: 'speech.lost'; ms: number }
  | { type: 'tool.called'; response: string; call: string; name: string; arguments: string }
  | { type: 'usage'; usage: BridgeUsage };

export interface RealtimeBridge {
  /** Dials and sets up. Events start after this; a failure is a `provider.down`. */
  connect(): void;
  /** Sound of the user. While the provider is not up the last 30 s of it are kept. */
  appendAudio(samples: Int16Array): void;
  /** Push-to-talk: the user's turn is over. Ignored with less than 100 ms appended: `false`, nothing is sent. */
  commitAudio(): boolean;
  clearAudio(): void;
  /** Puts what the user typed into the conversation, without asking for a response. @returns the item's id. */
  addUserText(text: string): string;
  /** Something the model should know, as a system item. */
  addContext(text: string): void;
  addToolOutput(call: string, output: string): void;
  /** Asks for the answer to `turn`. The arbiter sees to it that only one is in flight. */
  createResponse(turn: string): void;
  /** By id; before `created` is known the arbiter waits. */
  cancelResponse(response: string): void;
  truncateItem(item: string, audioEndMs: number): void;
  deleteItem(item: string): void;
  /**
   * Speaks `text` in the model's voice outside the conversation; leaves nothing in its memory.
   *
   * @throws when the provider fails or `signal` aborts.
   */
  renderSpeech(text: string, signal: AbortSignal): Promise<Int16Array>;
  /**
   * The conversation as a new connection would be told it, oldest first, 48 entries at most; of answers that were
   * settled what was heard of them, of others all that has come.
   *
   * @param heardMs - How much of an item was heard so far, in milliseconds: cuts one that is not settled yet.
   */
  history(heardMs?: (item: string) => number | undefined): HistoryEntry[];
  /** Bytes of sound and messages that wait here for the provider, or are kept for its next connection; 0 where absent. */
  readonly heldBytes?: number;
  /** The provider is there, does not take what it is sent, and enough waits here: more sound should stay with the page. */
  readonly isFull?: boolean;
  /** Ends the connection; no event follows. */
  close(): void;
}

/**
 * What is going on in the conversation, for a change of connection that nobody is to notice.
 * `quiet`: nobody speaks, nothing is in flight, everything was played. `playing`: the same, but what
 * has come of an answer is still to be heard.
 */
export type Moment = 'quiet' | 'playing' | 'busy';

/** @param moment - Asked while a change of connection is due; without it the bridge goes by what it knows itself. */
export type OpenBridge = (
  setup: BridgeSetup,
  onEvent: (event: BridgeEvent) => void,
  moment?: () => Moment,
) => RealtimeBridge;
