/**
 * What a clip is: a short piece of speech that is ready before it is needed. Lane A plays
 * `reflex`, lane C the others. Samples are PCM16 mono at the wire's rate.
 */

export type ClipKind = 'reflex' | 'refusal' | 'fallback' | 'idle';

export interface Clip {
  /** The same for the same sound, also after a restart; safe in a file name. */
  id: string;
  kind: ClipKind;
  /** What is said; absent where no word is. */
  text?: string;
  /** May be taken for a yes: never played after a question of the agent's. */
  affirmative: boolean;
  /** How long it sounds, rounded up. */
  ms: number;
  samples: Int16Array;
}

/** What one assistant needs in its own voice and language. */
export interface ClipRequest {
  model: string;
  voice: string;
  /** BCP 47 tag; its language picks the phrases. */
  locale: string;
  refusal: string;
  fallback: string;
  /** Said in place of a refusal when a person takes over; a `refusal` clip of its own. */
  handover?: string;
  /** Said in place of an answer when the conversation must end; a `refusal` clip of its own. */
  ending?: string;
  /** Spoken when the user's words were lost on their way. */
  again?: string;
  /** Asked after a long silence; no idle clip without it. */
  idle?: string;
  /** Instead of the language's own phrases; each must pass `checkPhrase`. */
  reflexPhrases?: { neutral: string[]; affirmative: string[] };
}

/** Says `text` in the assistant's voice, outside the conversation. Rejects when the model fails or `signal` aborts. */
export type Speak = (text: string, signal: AbortSignal) => Promise<Int16Array>;

/** A clip that could not be had; the session goes on without it. */
export interface ClipProblem {
  kind: ClipKind;
  text: string;
  reason: string;
}
