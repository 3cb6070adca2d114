/**
 * The console's frame: signs people in, shows the rail and the one page that the address names. It
 * decides who sees what; what a page shows is the page's.
 */
import { LitElement, css, html, nothing, type TemplateResult } from 'lit';
import { ApiProblem, createApi, type Api } from './api.ts';
import { PAGE_NAMES, hashOf, linkOf, placeOf, type Place } from './location.ts';
import type { Me } from './page.ts';
import type { Tenant } from './rail.ts';
import { theme } from './theme.ts';

/** Who is in front of the page, as far as it is known. */
type Standing =
  | { is: 'asking' }
  | { is: 'out'; why?: string }
  | { is: 'in'; me: Me; tenants: Tenant[] }
  | { is: 'lost'; why: ApiProblem };

const LINK_IS_OVER = 'This link has been used, or has run out. Sign in below, or ask for a new one.';

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
      main:focus {
        outline: none;
      }
      main {
        inline-size: 100%;
        max-inline-size: 1080px;
        padding: 32px clamp(16px, 4vw, 48px) 64px;
      }
      .alone {
        margin-inline: auto;
      }
      @media (max-width: 760px) {
        .frame {
          display: block;
        }
        main {
          padding-block-start: 24px;
        }
      }
    `,
  ];
  declare standing: Standing;
  declare place: Place;
  readonly #api: Api = createApi(() => {
    this.standing = { is: 'out' };
  });
  /** The tenant that the rail was last about. */
  #tenant: string | undefined;
  #isArrival = false;
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
    this.#isArrival = true;
    this.place = placeOf(location.hash);
    if (this.place.page === 'start' && this.standing.is === 'in')
      this.place = startOf(this.standing.me, this.standing.tenants);
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
      if (error.status !== 401 && error.status !== 403) this.standing = { is: 'lost', why: error };
      else this.standing = link === undefined ? { is: 'out' } : { is: 'out', why: LINK_IS_OVER };
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
        return html`<main class="stack" role="alert">
          <p>${this.standing.why.message}</p>
          <p><button @click=${() => void this.#begin()}>Try again</button></p>
        </main>`;
      case 'out':
        return html`<main class="alone">
          ${this.standing.why === undefined ? nothing : html`<p class="wrong" role="alert">${this.standing.why}</p>`}
          <vjj-sign-in .api=${this.#api} @signed-in=${() => void this.enter()}></vjj-sign-in>
        </main>`;
      case 'in':
        return this.#frame(this.standing);
    }
  }
  protected override updated(): void {
    document.title = titleOf(this.standing, this.place);
  }

  #frame({ me, tenants }: { me: Me; tenants: Tenant[] }): TemplateResult {
    this.#tenant = 'tenant' in this.place ? this.place.tenant : (this.#tenant ?? me.tenant?.id ?? tenants[0]?.id);
    return html`<div class="frame">
      <vjj-rail
        .me=${me}
        .tenants=${tenants}
        .tenant=${this.#tenant}
        .place=${this.place}
        @skip=${() => this.renderRoot.querySelector<HTMLElement>('main')?.focus()}
      ></vjj-rail>
      <main tabindex="-1">${this.#page(me)}</main>
    </div>`;
  }
  /** The page's element; the same one while the address names the same page of the same tenant. */
  #page(me: Me): HTMLElement {
    const page = hashOf(this.place);
    if (this.#pending?.page !== page) {
      const element = document.createElement(`vjj-${this.place.page}-page`);
      this.#pending = {
        page,
        element: Object.assign(element, { api: this.#api, me, place: this.place, isArrival: this.#isArrival }),
      };
      this.#isArrival = false;
    }
    return this.#pending.element;
  }
}

/** Where whoever signs in begins. */
function startOf(me: Me, tenants: readonly Tenant[]): Place {
  const tenant = me.tenant?.id ?? tenants[0]?.id;
  return tenant === undefined ? { page: 'tenants' } : { page: 'overview', tenant };
}

/** The window's title: the narrowest first, as in a row of tabs. */
function titleOf(standing: Standing, place: Place): string {
  if (standing.is !== 'in') return standing.is === 'out' ? 'Sign in · Voice Jib-Jab' : 'Voice Jib-Jab';
  if (place.page === 'start') return 'Voice Jib-Jab';
  const tenant = 'tenant' in place ? standing.tenants.find(({ id }) => id === place.tenant)?.name : undefined;
  return [PAGE_NAMES[place.page], tenant, 'Voice Jib-Jab'].filter((part) => part !== undefined).join(' · ');
}
