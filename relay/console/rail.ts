/**
 * Where one can go: the tenant's pages, the operator's, and the way to another tenant. A rail on wide
 * windows, a menu behind a button on narrow ones. It knows addresses, not pages.
 */
import { LitElement, css, html, nothing, type TemplateResult } from 'lit';
import type { AnswerOf } from '../http/api/routes.ts';
import { PAGES, PAGE_NAMES, hashOf, type Place } from './location.ts';
import type { Me } from './page.ts';
import { brand, brandStyles } from './parts/brand.ts';
import { theme } from './theme.ts';

export type Tenant = AnswerOf<'tenants'>['rows'][number];

/** In the list of tenants: the page where all of them are. */
const EVERY = 'every';

/** @fires skip - Somebody wants past it, to the page. */
export class Rail extends LitElement {
  static override readonly properties = {
    me: { attribute: false },
    tenants: { attribute: false },
    tenant: { attribute: false },
    place: { attribute: false },
    isOpen: { state: true },
  };
  static override readonly styles = [
    theme,
    brandStyles,
    css`
      nav {
        position: sticky;
        inset-block-start: 0;
        display: flex;
        flex-direction: column;
        block-size: 100vh;
        padding: 24px 12px;
        overflow-y: auto;
        border-inline-end: 1px solid var(--line);
      }
      .skip {
        position: absolute;
        inset-block-start: -100px;
        inset-inline-start: 8px;
        z-index: 2;
      }
      .skip:focus {
        inset-block-start: 8px;
      }
      .head {
        display: flex;
        align-items: center;
        justify-content: space-between;
        gap: 12px;
        padding: 0 12px 16px;
      }
      .menu {
        display: none;
      }
      .links {
        display: flex;
        flex: 1;
        flex-direction: column;
        gap: 2px;
      }
      .which {
        padding: 0 0 12px;
        font-weight: 400;
      }
      .which select {
        font-weight: 600;
        text-overflow: ellipsis;
      }
      .which p {
        padding-inline: 12px;
        font-size: 15px;
        font-weight: 600;
        overflow-wrap: anywhere;
      }
      h2 {
        margin-block-start: 16px;
        padding: 8px 12px 4px;
        font-size: 13px;
        font-weight: 400;
        letter-spacing: 0;
        color: var(--quiet);
      }
      a {
        display: flex;
        align-items: center;
        min-block-size: 44px;
        padding-inline: 12px;
        border-radius: 10px;
        color: var(--quiet);
        text-decoration: none;
      }
      a:hover {
        background: var(--raised);
      }
      a[aria-current='page'] {
        color: var(--text);
        font-weight: 600;
        background: var(--raised);
      }
      @media (forced-colors: active) {
        a[aria-current='page'] {
          outline: 1px solid LinkText;
          outline-offset: -1px;
        }
        a[aria-current='page']:focus-visible {
          outline: 2px solid Highlight;
        }
      }
      .foot {
        margin-block-start: auto;
        padding-block-start: 16px;
      }
      @media (max-width: 760px) {
        nav {
          position: static;
          block-size: auto;
          padding: 8px 16px;
          border-inline-end: 0;
          border-block-end: 1px solid var(--line);
        }
        .head {
          padding: 0;
        }
        .menu {
          display: inline-flex;
        }
        .links {
          display: none;
          padding-block: 16px 8px;
        }
        .open .links {
          display: flex;
        }
      }
    `,
  ];
  declare me: Me;
  declare tenants: readonly Tenant[];
  /** The tenant that the links are about. */
  declare tenant: string | undefined;
  declare place: Place;
  declare private isOpen: boolean;

  constructor() {
    super();
    this.isOpen = false;
  }

  protected override willUpdate(changed: Map<string, unknown>): void {
    // Whoever went somewhere wants to see it.
    if (changed.has('place')) this.isOpen = false;
  }

  /** The same page of another tenant, without what only this one has. */
  readonly #switch = (event: Event) => {
    const { value } = event.target as HTMLSelectElement;
    const page = 'tenant' in this.place ? this.place.page : 'overview';
    location.hash = hashOf(value === EVERY ? { page: 'tenants' } : { page, tenant: value });
  };

  /** A button, for the address names the page and cannot name a place in it. */
  readonly #skip = () => this.dispatchEvent(new Event('skip'));

  protected override updated(): void {
    const choice = this.renderRoot.querySelector('select');
    // What was chosen by hand stays chosen otherwise.
    if (choice !== null && this.tenant !== undefined) choice.value = this.tenant;
  }

  protected override render(): TemplateResult {
    const { me, tenant } = this;
    const link = (place: Place, name: string) =>
      html`<a href=${hashOf(place)} aria-current=${place.page === this.place.page ? 'page' : 'false'}>${name}</a>`;
    const pages = PAGES.filter((page) => page !== 'people' || me.role !== 'viewer');
    return html`<nav aria-label="Console" class=${this.isOpen ? 'open' : ''}>
      <button class="skip" @click=${this.#skip}>Skip to the content</button>
      <div class="head">
        ${brand}
        <button
          class="menu"
          aria-expanded=${this.isOpen}
          aria-controls="links"
          @click=${() => {
            this.isOpen = !this.isOpen;
          }}
        >
          Menu
        </button>
      </div>
      <div class="links" id="links">
        ${this.#which()}
        ${tenant === undefined ? nothing : pages.map((page) => link({ page, tenant }, PAGE_NAMES[page]))}
        ${
          me.role === 'operator'
            ? html`<h2>Operator</h2>
                ${link({ page: 'operations' }, 'Operations')} ${link({ page: 'tenants' }, 'Tenants')}
                ${link({ page: 'relay' }, 'Relay')}`
            : nothing
        }
        <div class="foot">${link({ page: 'account' }, 'Account')}</div>
      </div>
    </nav>`;
  }

  /** Whose pages these are; a choice where there is one. */
  #which() {
    const { me, tenant, tenants } = this;
    if (me.role !== 'operator') return html`<div class="which"><p>${me.tenant?.name ?? ''}</p></div>`;
    if (tenant === undefined) return nothing;
    return html`<label class="which"
      ><span class="visually-hidden">Tenant</span>
      <select @change=${this.#switch}>
        ${tenants.map(({ id, name }) => html`<option value=${id} ?selected=${id === tenant}>${name}</option>`)}
        ${tenants.some(({ id }) => id === tenant) ? nothing : html`<option value=${tenant} selected>${tenant}</option>`}
        <option value=${EVERY}>All tenants…</option>
      </select>
    </label>`;
  }
}
