/**
 * How loud the microphone is, under its name in the settings: whether it is the right one, a person sees before
 * anybody answers. Asks for frames while it is on the page, and for none otherwise.
 */
import { noChange } from 'lit';
import { AsyncDirective } from 'lit/async-directive.js';
import { directive, type ElementPart } from 'lit/directive.js';
import type { Face } from './face.ts';

type Loudness = NonNullable<Face['levels']>;

/** Speech at a laptop lies between the two, in dB of full scale. */
const QUIET_DB = -54;
const LOUD_DB = -12;

/** @param level - 0 … 1, root mean square. @returns 0 … 1, even steps to the ear. */
export function meterShare(level: number): number {
  const share = (20 * Math.log10(Math.max(level, 1e-6)) - QUIET_DB) / (LOUD_DB - QUIET_DB);
  return Math.min(1, Math.max(0, share));
}

class Meter extends AsyncDirective {
  #frame = 0;
  #element: HTMLElement | null = null;
  #loudness: Loudness | null = null;

  render(_loudness: Loudness): typeof noChange {
    return noChange;
  }
  override update({ element }: ElementPart, [loudness]: [Loudness]): typeof noChange {
    this.#element = element as HTMLElement;
    this.#loudness = loudness;
    if (this.#frame === 0 && this.isConnected) this.#draw();
    return noChange;
  }
  protected override disconnected(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
  }
  protected override reconnected(): void {
    this.#draw();
  }
  readonly #draw = (): void => {
    this.#frame = requestAnimationFrame(this.#draw);
    this.#element?.style.setProperty('--_level', meterShare(this.#loudness?.levels.in ?? 0).toFixed(2));
  };
}

export const meter = directive(Meter);
