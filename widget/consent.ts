/**
 * Whether the person agreed to be heard. Asks through one event, then waits for an answer from the
 * page or from the widget's own question. Knows no call and shows nothing.
 */
import { ConsentChangeEvent, ConsentRequestEvent } from './events.ts';
import { forget, keep, recall, type Storage } from './keep.ts';

export type ConsentState = 'unknown' | 'granted' | 'denied';

export interface ConsentHost extends EventTarget {
  readonly consent: 'required' | null;
  readonly storage: Storage;
  readonly tenant: string;
  requestUpdate(): void;
}

export class Consent {
  readonly #host: ConsentHost;
  #state: ConsentState | undefined;
  #asked: { promise: Promise<boolean>; answer: (isAgreed: boolean) => void } | undefined;
  /** The widget's own question is to be shown. */
  isAsking = false;

  constructor(host: ConsentHost) {
    this.#host = host;
  }

  /** Looked up where it is kept, the first time that it matters. */
  get state(): ConsentState {
    this.#state ??= recall(this.#host.storage, this.#key) === 'granted' ? 'granted' : 'unknown';
    return this.#state;
  }

  get isNeeded(): boolean {
    return this.#host.consent === 'required' && this.state !== 'granted';
  }

  /** Asks, once at a time. @returns whether the person agreed. */
  ask(): Promise<boolean> {
    if (this.#asked) return this.#asked.promise;
    let resolve: (isAgreed: boolean) => void = () => undefined;
    const promise = new Promise<boolean>((done) => (resolve = done));
    this.#asked = { promise, answer: resolve };
    const asking = new ConsentRequestEvent((isAgreed) => this.answer(isAgreed));
    this.isAsking = this.#host.dispatchEvent(asking);
    this.#host.requestUpdate();
    return promise;
  }

  /** The answer: keeps it, tells the page, and lets what waited for it go on in the same task. */
  answer(isAgreed: boolean): void {
    const state = isAgreed ? 'granted' : 'denied';
    const isNews = state !== this.state;
    this.#state = state;
    this.isAsking = false;
    if (isAgreed) keep(this.#host.storage, this.#key, 'granted');
    else forget(this.#key);
    if (isNews) this.#host.dispatchEvent(new ConsentChangeEvent(state));
    const asked = this.#asked;
    this.#asked = undefined;
    asked?.answer(isAgreed);
    this.#host.requestUpdate();
  }

  get #key(): string {
    return `consent:${this.#host.tenant}`;
  }
}
