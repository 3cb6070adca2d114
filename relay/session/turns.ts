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

/** @param prefix - Of every turn's name: those of a conversation that goes on elsewhere must not begin again. */
export function createTurns(now: () => number, send: (message: RelayMessage) => void, prefix = 'turn_'): Turns {
  const turns = new Map<string, Turn>();
  const instead = new Set<string>();
  /** Turns that were typed; others were spoken. */
  const typed = new Set<string>();
  let count = 0;
  const announce = (id: string) => {
    const turn = turns.get(id);
    if (!turn || turn.isAnnounced) return;
    turn.isAnnounced = true;
    send({ type: 'turn.started', turn: id, source: turn.source, t: turn.beganAt });
  };
  function propose(source: Turn['source']): string {
    count += 1;
    const id = `${prefix}${count}`;
    if (source === 'text') typed.add(id);
    const [oldest] = typed;
    if (typed.size > MOST_TYPED && oldest !== undefined) typed.delete(oldest);
    turns.set(id, { source, beganAt: now(), isAnnounced: false, firstSentMs: {} });
    return id;
  }
  return {
    propose,
    proposeInstead(turn) {
      const id = propose(turns.get(turn)?.source ?? 'speech');
      instead.add(id);
      return id;
    },
    proposeAgain: (turn) => propose(typed.has(turn) ? 'text' : 'speech'),
    isInstead: (turn) => instead.has(turn),
    announce,
    discard(id) {
      if (turns.get(id)?.isAnnounced === false) turns.delete(id);
    },
    sounded(id, lane) {
      const turn = turns.get(id);
      if (turn) turn.firstSentMs[lane] ??= now() - turn.beganAt;
    },
    end(id, outcome) {
      announce(id);
      const turn = turns.get(id);
      if (!turn) return;
      turns.delete(id);
      send({ type: 'turn.ended', turn: id, outcome, firstSentMs: turn.firstSentMs });
    },
    get open() {
      return [...turns].findLast(([, turn]) => turn.isAnnounced)?.[0] ?? null;
    },
  };
}
