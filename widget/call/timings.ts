/**
 * What was waited for, as user-timing measures, so that a page's own monitoring sees it:
 * `vjj:click→mic` (to the microphone being recorded), `vjj:turn` (to the first sound of the answer)
 * and `vjj:bargein` (from the sound that interrupts to silence).
 */
import type { CallEvent } from './call.ts';
import type { Happening } from './conversation.ts';

export class Timings {
  #clickedAtMs: number | null = null;
  #turnAtMs = 0;

  clicked(atMs: number): void {
    this.#clickedAtMs = atMs;
  }
  /** The microphone is being recorded. */
  recording(): void {
    if (this.#clickedAtMs !== null) measure('vjj:click→mic', this.#clickedAtMs, performance.now() - this.#clickedAtMs);
    this.#clickedAtMs = null;
  }
  happened(happening: Happening): void {
    if (happening.type === 'turn-start') this.#turnAtMs = performance.now();
    if (happening.type !== 'turn-end' || happening.metrics.ttfaMs === null) return;
    const { turn, outcome, metrics } = happening;
    measure('vjj:turn', this.#turnAtMs, happening.metrics.ttfaMs, { turn, outcome, ...metrics });
  }
  observed(event: CallEvent): void {
    if (event.type !== 'pause') return;
    const { detectMs, silenceMs } = event;
    const durationMs = detectMs + silenceMs;
    measure('vjj:bargein', Math.max(0, performance.now() - durationMs), durationMs, { detectMs, silenceMs });
  }
}

function measure(name: string, start: number, duration: number, detail: unknown = null): void {
  performance.measure(name, { start, duration, detail });
}
