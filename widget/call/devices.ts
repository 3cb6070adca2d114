/** Which microphones and speakers there are, and what the browser says about the permission, once a call was opened. */
import type { ReactiveController } from 'lit';
import { PermissionChangeEvent } from '../events.ts';
import { listDevices, microphonePermission } from './media-devices.ts';

export interface DevicesHost extends EventTarget {
  addController(controller: ReactiveController): void;
  requestUpdate(): void;
}

export class Devices implements ReactiveController {
  inputs: readonly MediaDeviceInfo[] = [];
  outputs: readonly MediaDeviceInfo[] = [];
  readonly #host: DevicesHost;
  #abort: AbortController | null = null;

  constructor(host: DevicesHost) {
    this.#host = host;
    host.addController(this);
  }

  /** Looks again, and keeps looking until the element leaves the page. */
  async refresh(): Promise<void> {
    await this.#look();
    if (this.#abort) return;
    const { signal } = (this.#abort = new AbortController());
    const media = navigator.mediaDevices as MediaDevices | undefined;
    media?.addEventListener('devicechange', () => void this.#look(), { signal });
    const permission = await microphonePermission();
    permission?.addEventListener(
      'change',
      () => this.#host.dispatchEvent(new PermissionChangeEvent(permission.state)),
      {
        signal,
      },
    );
  }

  hostDisconnected(): void {
    this.#abort?.abort();
    this.#abort = null;
  }

  async #look(): Promise<void> {
    const { inputs, outputs } = await listDevices();
    this.inputs = inputs;
    this.outputs = outputs;
    this.#host.requestUpdate();
    this.#host.dispatchEvent(new Event('devicechange'));
  }
}
