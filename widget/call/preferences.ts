/**
 * The devices and the loudness that a person chose, kept where the page allows it and taken up again
 * with the next call. Nothing is read or kept before the first call.
 */
import { DEVICES, keep, recall, type Storage } from '../keep.ts';

export interface PreferencesHost {
  readonly storage: Storage;
  inputId: string;
  sinkId: string;
  volume: number;
}

export class Preferences {
  readonly #host: PreferencesHost;
  #isOpen = false;

  constructor(host: PreferencesHost) {
    this.#host = host;
  }

  /** Takes up what was kept; what the page has set itself stays. */
  restore(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    const host = this.#host;
    const { inputId, sinkId, volume } = read(recall(host.storage, DEVICES));
    if (!host.inputId && typeof inputId === 'string') host.inputId = inputId;
    if (!host.sinkId && typeof sinkId === 'string') host.sinkId = sinkId;
    if (host.volume === 1 && typeof volume === 'number' && volume >= 0 && volume <= 1) host.volume = volume;
  }

  save(): void {
    if (!this.#isOpen) return;
    const { inputId, sinkId, volume, storage } = this.#host;
    keep(storage, DEVICES, JSON.stringify({ inputId, sinkId, volume }));
  }
}

/** Others may have written there. */
function read(text: string | null): Record<string, unknown> {
  try {
    return { ...(JSON.parse(text ?? '{}') as object) };
  } catch {
    return {};
  }
}
