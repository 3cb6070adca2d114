/**
 * The console's frame: signs people in, shows the rail and the one page that the address names. It
 * decides who sees what; what a page shows is the page's.
 */
import { LitElement, css, html, type TemplateResult } from 'lit';
import type { AnswerOf } from '../http/api/routes.ts';
import { ApiProblem, createApi, type Api } from './api.ts';
import { PAGES, hashOf, linkOf, placeOf, type PageName, type Place } from './location.ts';
import type { Me } from './page.ts';
import { theme } from './theme.ts';

type Tenant = AnswerOf<'tenants'>['rows'][number];

const NAMES: Record<PageName, string> = {
  overview: 'Overview',
  assistant: 'Assistant',
  origins: 'Origins',
  keys: 'Keys',
  sessions: 'Sessions',
  usage: 'Usage',
  webhooks: 'Webhooks',
  people: 'People',
  audit: 'Audit',
};

/** Who is in front of the page, as far as it is known. */
type Standing =
  { is: 'asking' } | { is: 'out' } | { is: 'in'; me: Me; tenants: Tenant[] } | { is: 'lost'; why: ApiProblem };

export class Console extends LitElement {
  static override readonly properties = {
    standing: { state: true },
    place: { state: true },
  };
  static override readonly styles = [
    theme,
    css`
      .frame {
        display: grid;
        grid-template-columns: 220px minmax(0, 1fr);
        min-block-size: 100vh;
      }
      nav {
        position: sticky;
        inset-block-start: 0;
        align-self: start;
        display: flex;
        flex-direction: column;
        gap: 2px;
        block-size: 100vh;
        padding: 24px 12px;
        overflow-y: auto;
        border-inline-end: 1px solid var(--line);
      }
      .brand {
        padding: 0 12px 20px;
        font-weight: 650;
        letter-spacing: -0.01em;
      }
      nav a {
        display: flex;
        align-items: center;
        min-block-size: 44px;
        padding-inline: 12px;
        border-radius: 10px;
        color: var(--quiet);
        text-decoration: none;
      }
      nav a:hover {
        background: var(--raised);
      }
      nav a[aria-current='page'] {
        color: var(--text);
        font-weight: 600;
        background: var(--raised);
      }
      .foot {
        margin-block-start: auto;
        padding-block-start: 20px;
      }
      main {
        inline-size: 100%;
        max-inline-size: 1080px;
        padding: 32px clamp(16px, 4vw, 48px) 64px;
      }
      @media (max-width: 760px) {
        .frame {
          display: block;
        }
        nav {
          position: static;
          flex-direction: row;
          align-items: center;
          block-size: auto;
          padding: 8px;
          overflow: auto hidden;
          border-inline-end: 0;
          border-block-end: 1px solid var(--line);
        }
        .brand,
        .foot {
          padding: 0 8px;
          margin: 0;
        }
      }
    `,
  ];
  declare standing: Standing;
  declare place: Place;
  readonly #api: Api = createApi(() => {
    this.standing = { is: 'out' };
  });
  #pending: { page: string; element: HTMLElement } | undefined;

  constructor() {
    super();
    this.standing = { is: 'asking' };
    this.place = placeOf(location.hash);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener('hashchange', this.#moved);
    this.renderRoot.addEventListener('signed-out', this.#left);
    this.renderRoot.addEventListener('tenants-changed', this.#again);
    void this.#begin();
  }
  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener('hashchange', this.#moved);
  }
  readonly #moved = () => {
    this.place = placeOf(location.hash);
  };

  readonly #left = () => {
    this.#api.csrf = null;
    this.standing = { is: 'out' };
  };
  readonly #again = () => void this.enter();

  async #begin(): Promise<void> {
    const link = linkOf(location.hash);
    try {
      if (link !== undefined) {
        // The secret does not stay in the history.
        history.replaceState(null, '', '#/');
        this.#api.csrf = (await this.#api.call('signInByLink', { body: { link } })).csrf;
        this.place = { page: 'account' };
      }
      await this.enter();
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error;
      this.standing = error.status === 401 || error.status === 403 ? { is: 'out' } : { is: 'lost', why: error };
    }
  }

  /** After a sign-in: asks who that is and what they may see. */
  async enter(): Promise<void> {
    const me = await this.#api.call('me');
    this.#api.csrf = me.csrf;
    const { rows } = await this.#api.call('tenants', { query: { limit: '200' } });
    this.standing = { is: 'in', me, tenants: rows };
    if (this.place.page === 'start') this.place = startOf(me, rows);
  }

  protected override render(): TemplateResult {
    switch (this.standing.is) {
      case 'asking':
        return html`<main><p class="quiet" role="status">Loading…</p></main>`;
      case 'lost':
        return html`<main role="alert"><p>${this.standing.why.message}</p></main>`;
      case 'out':
        return html`<main><vjj-sign-in .api=${this.#api} @signed-in=${() => void this.enter()}></vjj-sign-in></main>`;
      case 'in':
        return this.#frame(this.standing);
    }
  }

  #frame({ me, tenants }: { me: Me; tenants: Tenant[] }): TemplateResult {
    const tenant = tenantOf(this.place, me, tenants);
    const link = (place: Place, name: string) =>
      html`<a href=${hashOf(place)} aria-current=${place.page === this.place.page ? 'page' : 'false'}>${name}</a>`;
    return html`<div class="frame">
      <nav aria-label="Console">
        <p class="brand">Voice Jib-Jab</p>
        ${tenant === undefined ? [] : PAGES.map((page) => link({ page, tenant }, NAMES[page]))}
        ${me.role === 'operator' ? [link({ page: 'tenants' }, 'Tenants'), link({ page: 'relay' }, 'Relay')] : []}
        <div class="foot">${link({ page: 'account' }, 'Account')}</div>
      </nav>
      <main id="main">${this.#page(me)}</main>
    </div>`;
  }

  /** The page's element; the same one while the address names the same page of the same tenant. */
  #page(me: Me): HTMLElement {
    const page = hashOf(this.place);
    if (this.#pending?.page !== page) {
      const element = document.createElement(`vjj-${this.place.page}-page`);
      this.#pending = { page, element: Object.assign(element, { api: this.#api, me, place: this.place }) };
    }
    return this.#pending.element;
  }
}

/** The tenant that the rail is about. */
const tenantOf = (place: Place, me: Me, tenants: readonly Tenant[]): string | undefined =>
  'tenant' in place ? place.tenant : (me.tenant?.id ?? tenants[0]?.id);

/** Where whoever signs in begins. */
function startOf(me: Me, tenants: readonly Tenant[]): Place {
  const tenant = tenantOf({ page: 'start' }, me, tenants);
  return tenant === undefined ? { page: 'tenants' } : { page: 'overview', tenant };
}
