/**
 * The turns as the page hears of them: each is announced once, ended once, and carries how soon
 * each lane sounded. Which turns there are is the arbiter's decision.
 */
import type { Lane, Outcome } from '#arbiter';
import type { RelayMessage } from '#wire';

interface Turn {
  source: 'speech' | 'text';
  beganAt: number;
  isAnnounced: boolean;
  firstSentMs: { A?: number; B?: number; C?: number };
}

export interface Turns {
  /** A name for a turn that the arbiter is about to be told of. */
  propose(source: 'speech' | 'text'): string;
  /** A name for a turn that takes the place of another, with nothing new of the user's. */
  proposeInstead(turn: string): string;
  /** A name for a turn that asks the same again, because the provider was lost. */
  proposeAgain(turn: string): string;
  /** Whether it took the place of another, because policy asked for that. */
  isInstead(turn: string): boolean;
  /** The arbiter took it. Says so to the page, once. */
  announce(turn: string): void;
  /** The arbiter made no turn of it. */
  discard(turn: string): void;
  /** A lane's first sound for the turn leaves now. */
  sounded(turn: string, lane: Lane): void;
  end(turn: string, outcome: Outcome): void;
  /** The newest turn that was announced and has not ended. */
  readonly open: string | null;
}

/** Typed turns remembered. */
const MOST_TYPED = 32;

class SessionTurns implements Turns {
  readonly #send: (message: RelayMessage) => void;
  readonly #prefix: string;
  readonly #now: () => number;
  readonly #turns = new Map<string, Turn>();
  readonly #instead = new Set<string>();
  /** Turns that were typed; others were spoken. */
  readonly #typed = new Set<string>();
  #count = 0;

  constructor(now: () => number, send: (message: RelayMessage) => void, prefix = 'turn_') {
    this.#send = send;
    this.#prefix = prefix;
    this.#now = now;
  }

  announce(id: string): void {
    const turn = this.#turns.get(id);
    if (!turn || turn.isAnnounced) return;
    turn.isAnnounced = true;
    this.#send({ type: 'turn.started', turn: id, source: turn.source, t: turn.beganAt });
  }

  propose(source: Turn['source']): string {
    this.#count += 1;
    const id = `${this.#prefix}${this.#count}`;
    if (source === 'text') this.#typed.add(id);
    const [oldest] = this.#typed;
    if (this.#typed.size > MOST_TYPED && oldest !== undefined) this.#typed.delete(oldest);
    this.#turns.set(id, { source, beganAt: this.#now(), isAnnounced: false, firstSentMs: {} });
    return id;
  }

  proposeInstead(turn: string): string {
    const id = this.propose(this.#turns.get(turn)?.source ?? 'speech');
    this.#instead.add(id);
    return id;
  }

  proposeAgain(turn: string): string {
    return this.propose(this.#typed.has(turn) ? 'text' : 'speech');
  }

  isInstead(turn: string): boolean {
    return this.#instead.has(turn);
  }

  discard(id: string): void {
    if (this.#turns.get(id)?.isAnnounced === false) this.#turns.delete(id);
  }

  sounded(id: string, lane: Lane): void {
    const turn = this.#turns.get(id);
    if (turn) turn.firstSentMs[lane] ??= this.#now() - turn.beganAt;
  }

  end(id: string, outcome: Outcome): void {
    this.announce(id);
    const turn = this.#turns.get(id);
    if (!turn) return;
    this.#turns.delete(id);
    this.#send({ type: 'turn.ended', turn: id, outcome, firstSentMs: turn.firstSentMs });
  }

  get open(): string | null {
    return [...this.#turns].findLast(([, turn]) => turn.isAnnounced)?.[0] ?? null;
  }
}

/** @param prefix - Of every turn's name: those of a conversation that goes on elsewhere must not begin again. */
export function createTurns(now: () => number, send: (message: RelayMessage) => void, prefix = 'turn_'): Turns {
  return new SessionTurns(now, send, prefix);
}
