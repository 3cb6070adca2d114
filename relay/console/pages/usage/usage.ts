/** What conversations used and cost, by day and lane, and how far the budgets are. */
import { css, html, nothing } from 'lit';
import type { AnswerOf } from '../../../http/api/routes.ts';
import { Page } from '../../page.ts';
import { countText, lengthText, moneyText } from '../../parts/format.ts';
import { figures, figureStyles } from '../../parts/figures.ts';
import { theme } from '../../theme.ts';

type Usage = AnswerOf<'usage'>;
type Budget = Usage['budgets']['day'];

const DAY_MS = 86_400_000;
/** How far the lines of lengths may be apart: in seconds, minutes and hours as people count them. */
const LENGTHS_MS = [1, 5, 10, 30, 60, 300, 600, 1_200, 1_800, 3_600, 7_200, 18_000, 36_000, 360_000].map(
  (seconds) => seconds * 1_000,
);
const SPANS = [7, 30, 90];
export class UsagePage extends Page {
  static override readonly properties = {
    ...Page.properties,
    usage: { state: true },
    span: { state: true },
  };
  static override readonly styles = [
    theme,
    figureStyles,
    css`
      meter {
        inline-size: 100%;
        block-size: 14px;
      }
      .budgets {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(240px, 1fr));
        gap: 12px;
      }
      [aria-pressed='true'] {
        font-weight: 600;
        background: var(--raised);
      }
    `,
  ];
  declare private usage: Usage;
  /** Days shown. */
  declare private span: number;

  constructor() {
    super();
    this.span = 30;
  }

  protected override async load(signal: AbortSignal): Promise<void> {
    const params = { tenant: this.tenant };
    const day = (at: number) => new Date(at).toISOString().slice(0, 10);
    const now = Date.now();
    const query = { from: day(now - (this.span - 1) * DAY_MS), to: day(now + DAY_MS) };
    this.usage = await this.api.call('usage', { params, query, signal });
  }

  protected override body() {
    const { days, total, budgets } = this.usage;
    const lane = (name: 'A' | 'B' | 'C') => days.map((day) => day.costByLane[name]);
    return html`<div class="stack">
      <div class="row spread">
        <h1>Usage</h1>
        <div class="row" role="group" aria-label="Days shown">
          ${SPANS.map(
            (span) =>
              html`<button
                aria-pressed=${span === this.span}
                @click=${() => {
                  this.span = span;
                  void this.reload();
                }}
              >
                ${span} days
              </button>`,
          )}
        </div>
      </div>
      ${figures(total, this.span)}
      <vjj-chart
        .name=${'Cost by day and lane'}
        .days=${days.map(({ day }) => day)}
        .say=${moneyText}
        .series=${[
          { name: 'Answers', color: '--accent', values: lane('B') },
          { name: 'Reflexes', color: '--good', values: lane('A') },
          { name: 'Policy', color: '--warn', values: lane('C') },
        ]}
      ></vjj-chart>
      <vjj-chart
        .name=${'Minutes talked by day'}
        .days=${days.map(({ day }) => day)}
        .say=${(ms: number) => lengthText(ms)}
        .steps=${LENGTHS_MS}
        .series=${[{ name: 'Talked', color: '--accent', values: days.map(({ talkMs }) => talkMs) }]}
      ></vjj-chart>
      <h2>Limits and budgets</h2>
      <div class="budgets">${this.#budget('Today', budgets.day)} ${this.#budget('This month', budgets.month)}</div>
      <vjj-limits
        .api=${this.api}
        .me=${this.me}
        .place=${this.place}
        @limits-changed=${() => void this.reload()}
      ></vjj-limits>
      <p class="quiet small">
        Days and months in UTC. Cost is reckoned from the provider's own usage figures and the relay's dated table of
        prices; the provider's bill decides.
      </p>
    </div>`;
  }

  #budget(name: string, { talkMs, cost, minutes, spend, used, state }: Budget) {
    const percent = used === null ? undefined : Math.round(used * 100);
    return html`<section class="card stack" aria-label=${name}>
      <h3>${name}</h3>
      <p class="figure">
        ${lengthText(talkMs)}${minutes === null ? nothing : html`<span class="quiet"> of ${countText(minutes)} min</span>`},
        ${moneyText(cost)}${spend === null ? nothing : html`<span class="quiet"> of ${moneyText(spend)}</span>`}
      </p>
      ${
        percent === undefined
          ? html`<p class="quiet small">No budget: nothing stops conversations.</p>`
          : html`<meter min="0" max="100" low="80" high="95" optimum="0" value=${percent} aria-label="Used">
                ${percent} %
              </meter>
              <p class="small">
                ${percent} %
                used${state === 'used-up' ? ': no new turns until the period ends or the budget is raised' : ''}
              </p>`
      }
    </section>`;
  }
}
