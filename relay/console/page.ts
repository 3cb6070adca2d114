/**
 * What every page of the console is: an element that is given who asks and where, loads what it
 * shows, and says so when it cannot. A page writes `load()` and `body()`; waiting, failing and
 * trying again are the same everywhere.
 */
import { LitElement, html, type TemplateResult } from 'lit';
import type { AnswerOf } from '../http/api/routes.ts';
import { ApiProblem, type Api } from './api.ts';
import type { Place } from './location.ts';

export type Me = AnswerOf<'me'>;

export abstract class Page extends LitElement {
  static override readonly properties = {
    api: { attribute: false },
    me: { attribute: false },
    place: { attribute: false },
    isLoading: { state: true },
    failure: { state: true },
    mishap: { state: true },
  };
  declare api: Api;
  declare me: Me;
  declare place: Place;
  declare protected isLoading: boolean;
  /** Why there is nothing to show. */
  declare protected failure: ApiProblem | undefined;
  /** What could not be done, while what is shown stays. */
  declare private mishap: ApiProblem | undefined;
  /** Whether the reader came here by a link of the console's own: the heading takes the focus then. */
  isArrival = false;
  #leaving = new AbortController();
  /** Whether there was ever something to show. */
  #hasLoaded = false;

  constructor() {
    super();
    this.isLoading = true;
    this.addController({ hostUpdated: () => this.#arrive() });
  }

  /** The tenant whose page this is; empty on the operator's own. */
  protected get tenant(): string {
    return 'tenant' in this.place ? this.place.tenant : '';
  }
  /** Whether whoever asks may change things here. */
  protected get mayChange(): boolean {
    return this.me.role !== 'viewer';
  }
  /** Aborts when the page is left. */
  protected get signal(): AbortSignal {
    return this.#leaving.signal;
  }

  /** Fetches what is shown. @throws {ApiProblem} which the page then shows. */
  protected abstract load(signal: AbortSignal): Promise<void>;
  protected abstract body(): TemplateResult;

  /** Loads again, after a change say. What was there stays until the new is. */
  protected async reload(): Promise<void> {
    const { signal } = this.#leaving;
    this.failure = undefined;
    this.isLoading = !this.#hasLoaded;
    try {
      await this.load(signal);
      this.#hasLoaded = true;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ApiProblem)) throw error;
      this.failure = error;
    } finally {
      if (!signal.aborted) this.isLoading = false;
    }
  }

  /** Changes what was read before; where somebody else has changed it meanwhile, theirs is loaded and the refusal passed on. */
  protected async change<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      if (error instanceof ApiProblem && error.status === 412) await this.reload();
      throw error;
    }
  }
  /** Does something beside the page's forms, such as fetching more rows; says so above them when it fails. */
  protected async attempt(act: () => Promise<void>): Promise<void> {
    this.mishap = undefined;
    try {
      await act();
    } catch (error) {
      if (this.#leaving.signal.aborted) return;
      if (!(error instanceof ApiProblem)) throw error;
      this.mishap = error;
    }
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#leaving = new AbortController();
    void this.reload();
  }
  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#leaving.abort();
  }

  #arrive(): void {
    if (!this.isArrival || this.isLoading) return;
    const heading = this.renderRoot.querySelector<HTMLElement>('h1');
    if (heading === null) return;
    this.isArrival = false;
    heading.tabIndex = -1;
    heading.focus();
  }

  protected override render(): TemplateResult {
    if (this.failure !== undefined)
      return html`<div class="stack" role="alert">
        <p>${this.failure.message}</p>
        <p><button @click=${() => void this.reload()}>Try again</button></p>
      </div>`;
    return this.isLoading ? html`<p class="quiet" role="status">Loading…</p>` : this.#withMishap();
  }
  #withMishap(): TemplateResult {
    if (this.mishap === undefined) return this.body();
    return html`<p class="wrong mishap" role="alert">${this.mishap.message}</p>
      ${this.body()}`;
  }
}
