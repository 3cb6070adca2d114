/**
 * How loud both voices were over the last seconds: the microphone above the line, the agent below.
 * Asks for levels and frames only while a call is open; draws nothing that was not measured.
 */

interface Loudness {
  in: number;
  out: number;
}

const SECONDS = 8;
const BAR_PX = 3;
/** Levels are amplitudes; speech lies low among them, so that it is drawn by its root. */
const heightOf = (level: number) => Math.sqrt(Math.min(1, Math.max(0, level)));

export class Waveform {
  readonly #canvas: HTMLCanvasElement;
  readonly #read: () => Loudness;
  #bars: Loudness[] = [];
  #frame = 0;
  #lastMs = 0;

  /** @param read - The newest levels, 0 … 1. */
  constructor(canvas: HTMLCanvasElement, read: () => Loudness) {
    this.#canvas = canvas;
    this.#read = read;
    new ResizeObserver(() => this.#draw()).observe(canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#draw());
  }

  run(): void {
    if (this.#frame !== 0) return;
    const step = (nowMs: number) => {
      const barMs = (SECONDS * 1_000) / this.#capacity;
      if (nowMs - this.#lastMs >= barMs) {
        this.#lastMs = nowMs;
        const { in: up, out: down } = this.#read();
        this.#bars.push({ in: up, out: down });
        this.#draw();
      }
      this.#frame = requestAnimationFrame(step);
    };
    this.#frame = requestAnimationFrame(step);
  }

  stop(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
  }

  get #capacity(): number {
    return Math.max(1, Math.floor(this.#canvas.clientWidth / BAR_PX));
  }

  #draw(): void {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const context = this.#canvas.getContext('2d');
    if (!context || width === 0) return;
    this.#canvas.width = width * devicePixelRatio;
    this.#canvas.height = height * devicePixelRatio;
    context.scale(devicePixelRatio, devicePixelRatio);
    const style = getComputedStyle(this.#canvas);
    const middle = height / 2;
    this.#bars = this.#bars.slice(-this.#capacity);
    const left = width - this.#bars.length * BAR_PX;
    context.fillStyle = style.borderTopColor;
    context.fillRect(0, middle, width, 1);
    const paint = (colour: string, lane: keyof Loudness, upwards: boolean) => {
      context.fillStyle = colour;
      this.#bars.forEach((bar, index) => {
        const size = heightOf(bar[lane]) * (middle - 4);
        if (size < 0.5) return;
        context.fillRect(left + index * BAR_PX, upwards ? middle - size : middle + 1, BAR_PX - 1, size);
      });
    };
    paint(style.color, 'in', true);
    paint(style.outlineColor, 'out', false);
  }
}
