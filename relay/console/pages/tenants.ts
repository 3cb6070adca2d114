/** The operator's list of tenants, and the way to a new one. */
import { css, html, nothing } from 'lit';
import type { AnswerOf } from '../../http/api/routes.ts';
import { hashOf } from '../location.ts';
import { Page } from '../page.ts';
import { FormController, fieldsOf } from '../parts/form.ts';
import { theme } from '../theme.ts';

type Tenant = AnswerOf<'tenants'>['rows'][number];

/** @fires tenants-changed - The rail knows another list. */
export class TenantsPage extends Page {
  static override readonly properties = { ...Page.properties, tenants: { state: true }, next: { state: true } };
  static override readonly styles = [
    theme,
    css`
      ul {
        list-style: none;
        border-block-start: 1px solid var(--line);
      }
      li {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        justify-content: space-between;
        gap: 4px 16px;
        min-block-size: 52px;
        border-block-end: 1px solid var(--line);
      }
      li a {
        padding-block: 11px;
        font-weight: 600;
      }
      .bad {
        color: var(--bad);
      }
      form {
        max-inline-size: 520px;
      }
    `,
  ];
  declare private tenants: Tenant[];
  declare private next: string | undefined;
  readonly #form = new FormController(this);

  protected override async load(signal: AbortSignal): Promise<void> {
    const { rows, next } = await this.api.call('tenants', { query: { limit: '50' }, signal });
    this.tenants = rows;
    this.next = next;
  }
  async #more(): Promise<void> {
    if (this.next === undefined) return;
    const { rows, next } = await this.api.call('tenants', { query: { limit: '50', after: this.next } });
    this.tenants = [...this.tenants, ...rows];
    this.next = next;
  }
  async #make(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const { name = '', slug = '', origins = '' } = fieldsOf(form);
    let made = '';
    const isMade = await this.#form.send(async () => {
      const pages = origins.split(/[\s,]+/).filter((one) => one !== '');
      made = (await this.api.call('createTenant', { body: { name, slug, origins: pages } })).id;
      return undefined;
    });
    if (!isMade) return;
    this.dispatchEvent(new Event('tenants-changed', { bubbles: true, composed: true }));
    location.hash = hashOf({ page: 'overview', tenant: made });
  }
  /** A slug to start from, until somebody writes another. */
  readonly #suggest = (event: Event) => {
    const name = event.target as HTMLInputElement;
    const slug = name.form?.elements.namedItem('slug');
    if (!(slug instanceof HTMLInputElement) || slug.dataset['own'] === 'yes') return;
    slug.value = name.value
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .slice(0, 40)
      .replace(/^-|-$/g, '');
  };

  protected override body() {
    return html`<div class="stack">
      <h1>Tenants</h1>
      ${
        this.tenants.length === 0
          ? html`<p class="card">
              No tenants yet. Make the first one below: whoever it is gets keys, an assistant and pages.
            </p>`
          : html`<ul aria-label="Tenants">
              ${this.tenants.map(
                ({ id, name, slug, status }) =>
                  html`<li>
                    <a href=${hashOf({ page: 'overview', tenant: id })}>${name}</a>
                    <span class="quiet small"
                      ><code>${slug}</code>
                      ${status === 'active' ? nothing : html`<strong class="bad">suspended</strong>`}</span
                    >
                  </li>`,
              )}
            </ul>`
      }
      ${this.next === undefined ? nothing : html`<p><button @click=${() => void this.attempt(() => this.#more())}>Show more</button></p>`}
      ${this.#newForm()}
    </div>`;
  }

  #newForm() {
    const form = this.#form;
    const known = ['name', 'slug', 'origins'];
    return html`<form class="stack card" @submit=${(event: SubmitEvent) => void this.#make(event)}>
      <h2>New tenant</h2>
      ${form.field(
        'name',
        'Name',
        html`<input
          name="name"
          required
          autocomplete="off"
          @input=${this.#suggest}
          aria-invalid=${form.isWrong('name')}
        />`,
      )}
      ${form.field(
        'slug',
        'Slug',
        html`<input
          name="slug"
          required
          autocomplete="off"
          autocapitalize="off"
          @input=${(event: Event) => {
            (event.target as HTMLInputElement).dataset['own'] = 'yes';
          }}
          aria-invalid=${form.isWrong('slug')}
        />`,
        'a-z, 0-9 and -',
      )}
      ${form.field(
        'origins',
        'Pages',
        html`<textarea name="origins" rows="3" spellcheck="false" placeholder="https://www.example.com"></textarea>`,
        'origins that may carry the widget, one a line; more can follow later',
      )}
      ${form.verdict(known)}
      <div><button class="primary" ?disabled=${form.isBusy}>Make tenant</button></div>
    </form>`;
  }
}
