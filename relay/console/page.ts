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
  };
  declare api: Api;
  declare me: Me;
  declare place: Place;
  declare protected isLoading: boolean;
  /** Why there is nothing to show. */
  declare protected failure: ApiProblem | undefined;
  #leaving = new AbortController();

  constructor() {
    super();
    this.isLoading = true;
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
    try {
      await this.load(signal);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ApiProblem)) throw error;
      this.failure = error;
    } finally {
      if (!signal.aborted) this.isLoading = false;
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

  protected override render(): TemplateResult {
    if (this.failure !== undefined)
      return html`<div class="stack" role="alert">
        <p>${this.failure.message}</p>
        <p><button @click=${() => void this.reload()}>Try again</button></p>
      </div>`;
    return this.isLoading ? html`<p class="quiet" role="status">Loading…</p>` : this.body();
  }
}
