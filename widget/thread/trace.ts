/**
 * The thread as numbers: the last seconds of both voices on one line. Each column keeps a true peak
 * of the signal, upwards and downwards in turn, so the line is the sound and not a decoration.
 * Knows no screen but its own box of {@link WIDTH} by {@link HEIGHT}.
 */

export const COLUMNS = 96;
export const WIDTH = 384;
export const HEIGHT = 48;
/** How long a column takes, in milliseconds: about four seconds across. */
export const COLUMN_MS = 42;

const STEP = WIDTH / COLUMNS;
const MIDDLE = HEIGHT / 2;
/** Quieter than this is silence, and silence is flat. */
const FLOOR = 0.012;
const REST = 0;
const USER = 1;
const AGENT = 2;
const BREAK = 3;

/** One path each for the line at rest, the user's voice and the agent's. */
export interface Paths {
  rest: string;
  user: string;
  agent: string;
}

/** A straight line from edge to edge. */
export const FLAT: Paths = { rest: `M0 ${MIDDLE}H${WIDTH}`, user: '', agent: '' };

export class Trace {
  readonly #levels = new Float32Array(COLUMNS);
  readonly #voices = new Uint8Array(COLUMNS);
  #upwards = false;

  /** Moves the line on by one column. @param input, output - the newest waveforms, −1 … 1. */
  push(input: Float32Array, output: Float32Array): void {
    this.#levels.copyWithin(0, 1);
    this.#voices.copyWithin(0, 1);
    this.#upwards = !this.#upwards;
    const user = extreme(input, this.#upwards);
    const agent = extreme(output, this.#upwards);
    const isAgent = Math.abs(agent) >= Math.abs(user);
    const peak = isAgent ? agent : user;
    const isQuiet = Math.abs(peak) < FLOOR;
    this.#levels[COLUMNS - 1] = isQuiet ? 0 : Math.sign(peak) * Math.sqrt(Math.min(1, Math.abs(peak)));
    this.#voices[COLUMNS - 1] = isQuiet ? REST : isAgent ? AGENT : USER;
  }

  /** Something was cut here. */
  cut(): void {
    this.#voices.fill(BREAK, COLUMNS - 3);
    this.#levels.fill(0, COLUMNS - 3);
  }

  /** Lets the line settle. @param factor - 0 … 1, how much of each swing stays. @returns whether it still swings. */
  relax(factor: number): boolean {
    let isMoving = false;
    for (let column = 0; column < COLUMNS; column += 1) {
      const level = (this.#levels[column] ?? 0) * factor;
      const isStill = Math.abs(level) < 0.02;
      this.#levels[column] = isStill ? 0 : level;
      if (!isStill) isMoving = true;
      else if (this.#voices[column] !== BREAK) this.#voices[column] = REST;
    }
    return isMoving;
  }

  /**
   * @param phase - 0 … 1, how far the next column has come.
   * @param swing - 0 … 1, how much of the signal shows: a line that is held is taut.
   */
  paths(phase: number, swing = 1): Paths {
    const parts: [string[], string[], string[]] = [[], [], []];
    let before = -1;
    let x = -phase * STEP;
    let y = MIDDLE;
    for (let column = 0; column < COLUMNS; column += 1) {
      const voice = this.#voices[column] ?? REST;
      const nextX = column === COLUMNS - 1 ? WIDTH : (column + 1) * STEP - phase * STEP;
      const nextY = MIDDLE - (this.#levels[column] ?? 0) * swing * (MIDDLE - 3);
      if (voice !== BREAK) {
        const part = parts[voice as 0 | 1 | 2];
        if (voice !== before) part.push(`M${round(x)} ${round(y)}`);
        const middleX = round((x + nextX) / 2);
        part.push(`C${middleX} ${round(y)} ${middleX} ${round(nextY)} ${round(nextX)} ${round(nextY)}`);
      }
      before = voice;
      x = nextX;
      y = nextY;
    }
    const [rest, user, agent] = parts;
    return { rest: rest.join(''), user: user.join(''), agent: agent.join('') };
  }
}

function extreme(samples: Float32Array, upwards: boolean): number {
  let peak = 0;
  for (const sample of samples) {
    if (upwards ? sample > peak : sample < peak) peak = sample;
  }
  return peak;
}

const round = (value: number) => Math.round(value * 10) / 10;
