/**
 * What a session needs to outlive its connection and its relay: where it lives, and what of it is
 * kept elsewhere. The session speaks to this port; stores and other instances are behind it.
 */
import type { PageTool, TurnMode } from '#wire';
import type { HistoryEntry } from '../bridge/bridge.ts';

/** All that a conversation needs to go on somewhere else. Plain JSON; words are sealed where they rest. */
export interface Checkpoint {
  version: 1;
  session: string;
  tenant: string;
  /** The end user. */
  subject: string;
  origin: string | null;
  assistant: { id: string; version: number };
  /** As `session.start` said; null before it came. */
  start: { mode: TurnMode; locale: string; tools: PageTool[]; codecs?: readonly string[] } | null;
  /** Wall-clock milliseconds. */
  startedAt: number;
  /** The arbiter's; the session goes on above it. */
  epoch: number;
  history: HistoryEntry[];
  /** A turn of the user's that had no audible answer yet: its item in the history. */
  unanswered: string | null;
  /** The newest of the page's own turns that is in the history; what the page says again up to it is not taken twice. */
  said?: number;
  /** SHA-256, in hex, of the secret that opens the next connection. */
  secretHash: string;
  /** Of the one before it, as long as the page may not have the newest: it opens the connection as well. */
  formerSecretHash?: string | null;
}

export type Found =
  /** Another instance holds it and is believed to live. */
  | { is: 'elsewhere'; instance: string; url: string }
  /** Its relay is gone. It is held by this instance now, and goes on from here. */
  | { is: 'left'; checkpoint: Checkpoint }
  /** Held here, or nowhere known, or its time is over. */
  | { is: 'unknown' };

export interface Continuity {
  /** This instance holds the session from now on. */
  began(session: string): void;
  /** Keeps the newest state of a session; nobody waits for it, and the newest wins. */
  save(checkpoint: Checkpoint): void;
  /** The conversation is over: nothing of it is kept here. */
  ended(session: string): void;
  /**
   * This instance stops, and the conversation goes on elsewhere: its newest state is written and it is
   * let go, so that the next instance that is asked for it takes it at once.
   *
   * @returns when it is free, or a store that does not answer was waited for long enough. Then close.
   */
  left(session: string): Promise<void>;
  /**
   * Where a session is that does not live in this process.
   *
   * @param secretHash - Of the secret that the page showed; a checkpoint is only given to who has it.
   * @param dead - Instance that was tried and did not answer.
   */
  find(session: string, secretHash: string, dead?: string): Promise<Found>;
  /** Told each session that another instance has taken over: it ends here with 4011. @returns what ends it. */
  onTaken(listener: (session: string) => void): () => void;
}
