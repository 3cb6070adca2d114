/**
 * Stops whoever leaves with changes that were not saved: the browser's own question where the page
 * is closed, ours where the address changes to another page of the console.
 */
import type { ReactiveController, ReactiveControllerHost } from 'lit';
import { confirmed } from '../../parts/dialog.ts';

export class UnsavedGuard implements ReactiveController {
  readonly #isUnsaved: () => boolean;
  /** Forgets them, so that leaving is not asked about again. */
  readonly #forget: () => void;
  #here = '';

  constructor(host: ReactiveControllerHost, isUnsaved: () => boolean, forget: () => void) {
    this.#isUnsaved = isUnsaved;
    this.#forget = forget;
    host.addController(this);
  }

  hostConnected(): void {
    this.#here = location.href;
    addEventListener('beforeunload', this.#closing);
    // Comes before `hashchange`, by which the console moves: the address is the old one again by then.
    addEventListener('popstate', this.#moving);
  }
  hostDisconnected(): void {
    removeEventListener('beforeunload', this.#closing);
    removeEventListener('popstate', this.#moving);
  }

  readonly #closing = (event: BeforeUnloadEvent) => {
    if (this.#isUnsaved()) event.preventDefault();
  };
  readonly #moving = () => {
    if (this.#isUnsaved() && location.href !== this.#here) void this.#ask(location.href);
  };

  /** The address is put back while it is asked: it tells what is shown. */
  async #ask(wanted: string): Promise<void> {
    history.replaceState(history.state, '', this.#here);
    const isMeant = await confirmed({
      title: 'Leave without saving?',
      consequence: 'What you have changed of this assistant is lost.',
      action: 'Leave',
      isDangerous: true,
    });
    if (!isMeant) return;
    this.#forget();
    history.replaceState(history.state, '', wanted);
    dispatchEvent(new HashChangeEvent('hashchange'));
  }
}
