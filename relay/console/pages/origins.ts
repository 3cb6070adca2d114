/** Which pages may carry the tenant's widget, and whether a pasted address is one of them. */
import { css, html, nothing } from 'lit';
import type { AnswerOf } from '../../http/api/routes.ts';
import { Page } from '../page.ts';
import { confirmed } from '../parts/dialog.ts';
import { FormController, fieldsOf } from '../parts/form.ts';
import { theme } from '../theme.ts';

export class OriginsPage extends Page {
  static override readonly properties = {
    ...Page.properties,
    origins: { state: true },
    verdict: { state: true },
    checked: { state: true },
  };
  static override readonly styles = [
    theme,
    css`
      li {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        justify-content: space-between;
        gap: 0 12px;
        min-block-size: 52px;
        border-block-end: 1px solid var(--line);
      }
      ul {
        list-style: none;
        border-block-start: 1px solid var(--line);
      }
      li code {
        overflow-wrap: anywhere;
      }
      form.row label {
        flex: 1 1 260px;
      }
      form.row {
        align-items: flex-end;
      }
      .yes {
        color: var(--good);
        font-weight: 600;
      }
      .no {
        color: var(--bad);
        font-weight: 600;
      }
    `,
  ];
  declare private origins: AnswerOf<'origins'>;
  declare private verdict: AnswerOf<'checkOrigin'> | undefined;
  /** The address that the verdict is about. */
  declare private checked: string;
  #etag: string | undefined;
  readonly #adding = new FormController(this);
  readonly #checking = new FormController(this);
  /** Only the newest check is shown. */
  #check = new AbortController();

  protected override async load(signal: AbortSignal): Promise<void> {
    const { data, etag } = await this.api.read('origins', { params: { tenant: this.tenant }, signal });
    this.origins = data;
    this.#etag = etag;
  }

  async #put(origins: readonly string[]): Promise<void> {
    const { data, etag } = await this.change(() =>
      this.api.read('putOrigins', {
        params: { tenant: this.tenant },
        body: { origins: [...origins] },
        ...(this.#etag !== undefined && { ifMatch: this.#etag }),
      }),
    );
    this.origins = data;
    this.#etag = etag;
    if (this.checked !== '') await this.#ask(this.checked);
  }
  async #add(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const { origin = '' } = fieldsOf(form);
    if (origin.trim() === '') return;
    if (await this.#addOne(origin.trim())) form.reset();
  }
  #addOne(origin: string): Promise<boolean> {
    return this.#adding.send(async () => {
      await this.#put([...this.origins.origins, origin]);
      return 'Added. Open pages notice within seconds.';
    });
  }
  async #remove(origin: string): Promise<void> {
    const isMeant = await confirmed({
      title: `Remove ${origin}?`,
      consequence: 'Pages there can start no conversation from now on. Conversations that run go on until they end.',
      action: 'Remove',
      isDangerous: true,
    });
    if (!isMeant) return;
    await this.#adding.send(async () => {
      await this.#put(this.origins.origins.filter((one) => one !== origin));
      return `${origin} was removed.`;
    });
  }
  async #ask(url: string): Promise<void> {
    this.#check.abort();
    this.#check = new AbortController();
    const { signal } = this.#check;
    this.checked = url.trim();
    this.verdict = undefined;
    if (this.checked === '') return;
    await this.#checking.send(async () => {
      try {
        const params = { tenant: this.tenant };
        this.verdict = await this.api.call('checkOrigin', { params, body: { url: this.checked }, signal });
      } catch (error) {
        if (!signal.aborted) throw error;
      }
      return undefined;
    });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#check.abort();
  }

  constructor() {
    super();
    this.checked = '';
  }

  protected override body() {
    return html`<div class="stack">
      <h1>Origins</h1>
      <p class="quiet">
        The pages that may use this tenant. A wildcard stands for one label: <code>https://*.example.com</code>.
      </p>
      ${this.#list()} ${this.mayChange ? this.#addForm() : nothing} ${this.#checkForm()}
    </div>`;
  }

  #list() {
    const { origins, alsoAllowed } = this.origins;
    if (origins.length + alsoAllowed.length === 0)
      return html`<p class="card">No page may use this tenant yet. Add the origin of yours below.</p>`;
    return html`<ul aria-label="Allowed origins">
      ${origins.map(
        (origin) =>
          html`<li>
            <code>${origin}</code>
            ${
              this.mayChange
                ? html`<button class="plain" @click=${() => void this.#remove(origin)}>
                    Remove<span class="visually-hidden"> ${origin}</span>
                  </button>`
                : nothing
            }
          </li>`,
      )}
      ${alsoAllowed.map(
        (origin) => html`<li><code>${origin}</code> <span class="quiet small">by the relay’s configuration</span></li>`,
      )}
    </ul>`;
  }
  #addForm() {
    const form = this.#adding;
    const at = `origins.${this.origins.origins.length}`;
    return html`<form class="row" @submit=${(event: SubmitEvent) => void this.#add(event)}>
        ${form.field(
          at,
          'Add an origin',
          html`<input
            name="origin"
            placeholder="https://www.example.com"
            autocomplete="off"
            autocapitalize="off"
            spellcheck="false"
            aria-invalid=${form.isWrong(at)}
          />`,
        )}
        <button class="primary" ?disabled=${form.isBusy}>Add</button>
      </form>
      ${form.verdict([at])}`;
  }
  #checkForm() {
    const form = this.#checking;
    return html`<section class="card stack" aria-labelledby="check">
      <h2 id="check">Would this page work?</h2>
      <label
        >Paste the address of a page
        <input
          name="url"
          inputmode="url"
          autocomplete="off"
          spellcheck="false"
          placeholder="https://www.example.com/contact"
          @input=${(event: Event) => void this.#ask((event.target as HTMLInputElement).value)}
        />
      </label>
      <div aria-live="polite">${this.verdict === undefined ? nothing : this.#verdictText(this.verdict)}</div>
      ${form.verdict()}
    </section>`;
  }
  #verdictText({ isAllowed, origin, pattern, reason, suggestions }: AnswerOf<'checkOrigin'>) {
    if (isAllowed)
      return html`<p>
        <span class="yes">Yes.</span> Its origin <code>${origin}</code> is allowed by <code>${pattern}</code>.
      </p>`;
    return html`<p><span class="no">No.</span> ${reason ?? ''}</p>
      ${
        this.mayChange
          ? html`<div class="row">
              ${suggestions.map(
                (one) => html`<button @click=${() => void this.#addOne(one)}>Allow <code>${one}</code></button>`,
              )}
            </div>`
          : nothing
      }`;
  }
}
