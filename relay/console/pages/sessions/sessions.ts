/** Every conversation of a tenant, newest first, with a search; one of them where the address names it. */
import { css, html, nothing } from 'lit';
import type { AnswerOf } from '../../../http/api/routes.ts';
import { hashOf } from '../../location.ts';
import { Page } from '../../page.ts';
import { agoText, countText, lengthText, moneyText, timeText } from '../../parts/format.ts';
import { tableStyles } from '../../parts/table.ts';
import { theme } from '../../theme.ts';

type Session = AnswerOf<'sessions'>['rows'][number];

/** After the last key, in milliseconds. */
const SEARCH_AFTER_MS = 250;

export class SessionsPage extends Page {
  static override readonly properties = {
    ...Page.properties,
    sessions: { state: true },
    next: { state: true },
    onlyLive: { state: true },
  };
  static override readonly styles = [
    theme,
    tableStyles,
    css`
      .find {
        align-items: flex-end;
      }
      .find label:first-child {
        flex: 1 1 240px;
      }
      .live {
        color: var(--good);
        font-weight: 600;
      }
    `,
  ];
  declare private sessions: Session[];
  declare private next: string | undefined;
  declare private onlyLive: boolean;
  #search = '';
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Only the newest search is shown. */
  #asked = 0;

  constructor() {
    super();
    this.onlyLive = false;
  }
  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#timer);
  }

  get #one(): boolean {
    return 'id' in this.place;
  }
  #page(after: string | undefined, signal: AbortSignal) {
    const query = {
      limit: '50',
      ...(this.#search !== '' && { search: this.#search }),
      ...(this.onlyLive && { live: 'true' as const }),
      ...(after !== undefined && { after }),
    };
    return this.api.call('sessions', { params: { tenant: this.tenant }, query, signal });
  }
  protected override async load(signal: AbortSignal): Promise<void> {
    if (this.#one) return;
    const asked = ++this.#asked;
    const { rows, next } = await this.#page(undefined, signal);
    if (asked !== this.#asked) return;
    this.sessions = rows;
    this.next = next;
  }
  async #more(): Promise<void> {
    const { rows, next } = await this.#page(this.next, this.signal);
    this.sessions = [...this.sessions, ...rows];
    this.next = next;
  }
  #find(text: string): void {
    this.#search = text.trim();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.reload(), SEARCH_AFTER_MS);
  }

  protected override body() {
    if (this.#one)
      return html`<vjj-session
        .api=${this.api}
        .me=${this.me}
        .place=${this.place}
        .isArrival=${this.isArrival}
      ></vjj-session>`;
    return html`<div class="stack">
      <h1>Sessions</h1>
      <div class="row find">
        <label
          >Search
          <input
            type="search"
            placeholder="user, id, or what was said"
            @input=${(event: Event) => this.#find((event.target as HTMLInputElement).value)}
          />
        </label>
        <label class="check"
          ><input
            type="checkbox"
            .checked=${this.onlyLive}
            @change=${(event: Event) => {
              this.onlyLive = (event.target as HTMLInputElement).checked;
              void this.reload();
            }}
          />
          Only live ones</label
        >
      </div>
      <div aria-live="polite">${this.sessions.length === 0 ? this.#none() : nothing}</div>
      ${this.sessions.length === 0 ? nothing : this.#table()}
      ${this.next === undefined ? nothing : html`<p><button @click=${() => void this.attempt(() => this.#more())}>Show more</button></p>`}
      <vjj-revocations .api=${this.api} .me=${this.me} .place=${this.place}></vjj-revocations>
    </div>`;
  }
  #none() {
    if (this.#search !== '' || this.onlyLive) return html`<p class="card">No conversation fits.</p>`;
    const { tenant } = this;
    return html`<p class="card">
      No sessions yet. Paste the snippet of the <a href=${hashOf({ page: 'overview', tenant })}>overview</a> into your
      page and press Talk.
    </p>`;
  }
  #table() {
    return html`<table class="compact">
      <thead>
        <tr>
          <th>Started</th>
          <th>User</th>
          <th>Page</th>
          <th class="figure">Length</th>
          <th class="figure">Turns</th>
          <th class="figure">Cut in</th>
          <th class="figure">Rated</th>
          <th class="figure">Cost</th>
        </tr>
      </thead>
      <tbody>
        ${this.sessions.map((session) => this.#row(session))}
      </tbody>
    </table>`;
  }
  #row({ id, startedAt, endedAt, subject, origin, turns, interruptions, rating, cost }: Session) {
    const { tenant } = this;
    return html`<tr>
      <th scope="row" data-name="Started">
        <a href=${hashOf({ page: 'sessions', tenant, id })} title=${timeText(startedAt)}>${agoText(startedAt)}</a>
      </th>
      <td data-name="User">
        ${subject === '' ? html`<span class="quiet">not kept</span>` : html`<code>${subject}</code>`}
      </td>
      <td data-name="Page">${origin === null ? 'a backend' : origin.replace(/^https?:\/\//, '')}</td>
      <td data-name="Length" class="figure">
        ${endedAt === null ? html`<span class="live">live</span>` : lengthText(endedAt - startedAt)}
      </td>
      <td data-name="Turns" class="figure">${countText(turns)}</td>
      <td data-name="Cut in" class="figure">${countText(interruptions)}</td>
      <td data-name="Rated" class="figure">
        ${rating === null ? '–' : html`<span>${rating}<span class="quiet">/5</span></span>`}
      </td>
      <td data-name="Cost" class="figure">${moneyText(cost)}</td>
    </tr>`;
  }
}
