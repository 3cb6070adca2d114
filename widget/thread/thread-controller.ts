/**
 * Draws the thread while somebody is heard, and asks for no frame otherwise. Writes the three paths
 * of the element's thread in place, past the render cycle: sixty times a second is not a state.
 */
import type { ReactiveController } from 'lit';
import { COLUMN_MS, FLAT, Trace, type Paths } from './trace.ts';

export interface ThreadHost {
  addController(controller: ReactiveController): void;
  readonly renderRoot: ParentNode;
}

/** What the thread draws from. */
export interface Signal {
  waveform(input: Float32Array<ArrayBuffer>, output: Float32Array<ArrayBuffer>): void;
}

/** How long the line takes to lie flat again, in milliseconds. */
const SETTLE_MS = 180;

export class ThreadController implements ReactiveController {
  readonly #host: ThreadHost;
  readonly #input = new Float32Array(1024);
  readonly #output = new Float32Array(1024);
  #trace = new Trace();
  #signal: Signal | null = null;
  #frame = 0;
  #lastMs = 0;
  #column = 0;
  #isHeld = false;

  constructor(host: ThreadHost) {
    this.#host = host;
    host.addController(this);
  }

  /** Somebody is heard: follow the signal. `null`: nobody is; settle, then stand still. */
  follow(signal: Signal | null): void {
    this.#isHeld = false;
    if (signal === this.#signal) return;
    this.#signal = signal;
    if (this.#frame !== 0) return;
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) return;
    this.#lastMs = performance.now();
    this.#frame = requestAnimationFrame(this.#draw);
  }

  /** Stands still and taut, until it follows something again. */
  hold(): void {
    this.#stop();
    this.#isHeld = true;
    this.#show();
  }

  cut(): void {
    this.#trace.cut();
    this.#show();
  }

  /** As at first: flat and whole. */
  clear(): void {
    this.#stop();
    this.#isHeld = false;
    this.#trace = new Trace();
    this.#write(FLAT);
  }

  hostUpdated(): void {
    // A thread that has just been rendered shows what there is.
    if (this.#frame === 0) this.#show();
  }

  hostDisconnected(): void {
    this.#stop();
  }

  #stop(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#signal = null;
  }

  #show(): void {
    this.#write(this.#trace.paths(0, this.#isHeld ? 0 : 1));
  }

  readonly #draw = (nowMs: number) => {
    const elapsedMs = Math.max(0, nowMs - this.#lastMs);
    this.#lastMs = nowMs;
    let isMoving = true;
    if (this.#signal) {
      this.#column += Math.min(elapsedMs, 250) / COLUMN_MS;
      if (this.#column >= 1) this.#signal.waveform(this.#input, this.#output);
      for (; this.#column >= 1; this.#column -= 1) this.#trace.push(this.#input, this.#output);
    } else {
      isMoving = this.#trace.relax(Math.exp(-elapsedMs / (SETTLE_MS / 3)));
    }
    this.#write(this.#trace.paths(this.#signal ? this.#column : 0));
    this.#frame = isMoving ? requestAnimationFrame(this.#draw) : 0;
  };

  #write(paths: Paths): void {
    for (const [name, d] of Object.entries(paths) as [keyof Paths, string][]) {
      for (const path of this.#host.renderRoot.querySelectorAll(`path[data-voice=${name}]`)) path.setAttribute('d', d);
    }
  }
}
