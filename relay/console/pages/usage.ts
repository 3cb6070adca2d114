/** What conversations used and cost, by day and lane, and how far the budgets are. */
import { css, html, nothing } from 'lit';
import type { AnswerOf } from '../../http/api/routes.ts';
import { Page } from '../page.ts';
import { FormController, fieldsOf } from '../parts/form.ts';
import { countText, lengthText, moneyText } from '../parts/format.ts';
import { theme } from '../theme.ts';

type Usage = AnswerOf<'usage'>;
type Budget = Usage['budgets']['day'];
type Limits = AnswerOf<'limits'>;

const DAY_MS = 86_400_000;
const MICROS = 1_000_000;
const SPANS = [7, 30, 90];
/** Limits that the page edits, with the factor between what is typed and what is kept. */
const FIELDS = [
  ['minutesPerDay', 'Minutes a day', 1],
  ['minutesPerMonth', 'Minutes a month', 1],
  ['spendPerDay', 'US dollars a day', MICROS],
  ['spendPerMonth', 'US dollars a month', MICROS],
] as const;

export class UsagePage extends Page {
  static override readonly properties = {
    ...Page.properties,
    usage: { state: true },
    limits: { state: true },
    span: { state: true },
  };
  static override readonly styles = [
    theme,
    css`
      .figures {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(150px, 1fr));
        gap: 12px;
      }
      .figures dt {
        font-size: 13px;
        color: var(--quiet);
      }
      .figures dd {
        font-size: 24px;
        font-variant-numeric: tabular-nums;
        letter-spacing: -0.01em;
      }
      meter {
        inline-size: 100%;
        block-size: 14px;
      }
      .budgets {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(240px, 1fr));
        gap: 12px;
      }
      form.grid {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(200px, 1fr));
        gap: 16px;
      }
      form.grid > div {
        grid-column: 1 / -1;
      }
      [aria-pressed='true'] {
        font-weight: 600;
        background: var(--raised);
      }
    `,
  ];
  declare private usage: Usage;
  declare private limits: Limits;
  /** Days shown. */
  declare private span: number;
  #etag: string | undefined;
  readonly #form = new FormController(this);

  constructor() {
    super();
    this.span = 30;
  }

  protected override async load(signal: AbortSignal): Promise<void> {
    const params = { tenant: this.tenant };
    const day = (at: number) => new Date(at).toISOString().slice(0, 10);
    const now = Date.now();
    const query = { from: day(now - (this.span - 1) * DAY_MS), to: day(now + DAY_MS) };
    const [usage, limits] = await Promise.all([
      this.api.call('usage', { params, query, signal }),
      this.api.read('limits', { params, signal }),
    ]);
    this.usage = usage;
    this.limits = limits.data;
    this.#etag = limits.etag;
  }

  async #save(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const fields = fieldsOf(event.target as HTMLFormElement);
    await this.#form.send(async () => {
      const typed = FIELDS.map(([name, , factor]) => {
        const text = (fields[name] ?? '').trim();
        return [name, text === '' ? null : Math.round(Number(text) * factor)] as const;
      });
      const { data, etag } = await this.api.read('putLimits', {
        params: { tenant: this.tenant },
        body: { ...this.limits.own, ...Object.fromEntries(typed) },
        ...(this.#etag !== undefined && { ifMatch: this.#etag }),
      });
      this.limits = data;
      this.#etag = etag;
      await this.reload();
      return 'The budgets are set, and hold for the next turn of every conversation.';
    });
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
      <dl class="figures">
        ${[
          ['Conversations', countText(total.sessions)],
          ['Turns', countText(total.turns)],
          ['Talked', lengthText(total.talkMs)],
          ['Cost', moneyText(total.cost)],
        ].map(
          ([name, value]) =>
            html`<div class="card">
              <dt>${name}</dt>
              <dd>${value}</dd>
            </div>`,
        )}
      </dl>
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
        .series=${[{ name: 'Talked', color: '--accent', values: days.map(({ talkMs }) => talkMs) }]}
      ></vjj-chart>
      <h2>Budgets</h2>
      <div class="budgets">${this.#budget('Today', budgets.day)} ${this.#budget('This month', budgets.month)}</div>
      ${this.mayChange ? this.#limitsForm() : nothing}
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

  #limitsForm() {
    const form = this.#form;
    const { limits } = this.limits;
    return html`<form class="card grid" @submit=${(event: SubmitEvent) => void this.#save(event)}>
      ${FIELDS.map(([name, label, factor]) =>
        form.field(
          name,
          label,
          html`<input
            name=${name}
            type="number"
            min="0"
            step=${factor === 1 ? '1' : '0.01'}
            placeholder="no limit"
            .value=${limits[name] === null ? '' : String(limits[name] / factor)}
            aria-invalid=${form.isWrong(name)}
          />`,
        ),
      )}
      <div>
        <p class="quiet small">
          A conversation that runs into its budget is ended with a sentence, after the turn. Webhooks tell at 80 and 95
          %.
        </p>
        ${form.verdict(FIELDS.map(([name]) => name))}
        <button class="primary" ?disabled=${form.isBusy}>Set budgets</button>
      </div>
    </form>`;
  }
}
