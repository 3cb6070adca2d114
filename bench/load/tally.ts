/** What a crowd of talkers saw: counts since the start, and figures since they were last taken. */

export interface Window {
  /** From the end of the turn, as the relay said it, to the first sound of any lane, in milliseconds. */
  firstByteMs: number[];
  /** … to the first sound of the answer itself. */
  answerMs: number[];
  /** From the last sample of the question sent to the first sound: with the detector's wait. */
  perceivedMs: number[];
  /** Silences in the middle of an answer, in milliseconds. */
  underrunsMs: number[];
  /** How long a resumed connection took, from the cut's end to the relay's word. */
  resumeMs: number[];
}

export interface Tally {
  readonly counts: Readonly<Record<string, number>>;
  /** Counts one `what`, such as `turn answered` or `close 1000 wished`. */
  count(what: string): void;
  add(figure: keyof Window, ms: number): void;
  /** The figures since the last call. */
  take(): Window;
}

const empty = (): Window => ({ firstByteMs: [], answerMs: [], perceivedMs: [], underrunsMs: [], resumeMs: [] });

export function createTally(): Tally {
  const counts: Record<string, number> = {};
  let window = empty();
  return {
    counts,
    count: (what) => void (counts[what] = (counts[what] ?? 0) + 1),
    add: (figure, ms) => void window[figure].push(Math.round(ms * 10) / 10),
    take() {
      const taken = window;
      window = empty();
      return taken;
    },
  };
}
