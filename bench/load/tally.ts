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

/** … and by lane. */
export interface LaneWindow extends Window {
  /** From the end of the turn to the first clip of lane A, where there was one. */
  reflexMs: number[];
  /** From the end of the turn to the answer's first sound leaving the relay, by the relay's own account. */
  sentMs: number[];
}

export interface Tally {
  readonly counts: Readonly<Record<string, number>>;
  /** Counts one `what`, such as `turn answered` or `close 1000 wished`. */
  count(what: string): void;
  add(figure: keyof LaneWindow, ms: number): void;
  /** The figures since the last call. */
  take(): LaneWindow;
}

const empty = (): LaneWindow => ({
  firstByteMs: [],
  answerMs: [],
  reflexMs: [],
  sentMs: [],
  perceivedMs: [],
  underrunsMs: [],
  resumeMs: [],
});

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
