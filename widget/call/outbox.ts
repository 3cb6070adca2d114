/**
 * What waits while there is no connection: messages in order, and the newest seconds of speech.
 * Somebody who speaks in the moment of the click, or through a short break, loses nothing.
 */
import { RATE_HZ, type WidgetMessage } from '#wire';

/** Longest sound kept, in milliseconds; of more, the oldest goes. */
export const KEPT_MS = 3_000;

export type Parcel = { message: WidgetMessage } | { samples: Int16Array; speaking: boolean };

export class Outbox {
  #parcels: Parcel[] = [];
  #samples = 0;

  add(parcel: Parcel): void {
    this.#parcels.push(parcel);
    if (!('samples' in parcel)) return;
    this.#samples += parcel.samples.length;
    while (this.#samples > (KEPT_MS * RATE_HZ) / 1000) this.#dropOldestSound();
  }

  /** Gives everything, in order, and is empty. */
  take(): Parcel[] {
    const parcels = this.#parcels;
    this.#parcels = [];
    this.#samples = 0;
    return parcels;
  }

  #dropOldestSound(): void {
    const index = this.#parcels.findIndex((parcel) => 'samples' in parcel);
    const [oldest] = this.#parcels.splice(index, 1);
    if (oldest && 'samples' in oldest) this.#samples -= oldest.samples.length;
  }
}
