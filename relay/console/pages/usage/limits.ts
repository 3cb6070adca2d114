/** Limits and budgets of a tenant: what stops conversations before they cost too much. */
import { css, html } from 'lit';
import type { AnswerOf } from '../../../http/api/routes.ts';
import { Page } from '../../page.ts';
import { FormController, fieldsOf } from '../../parts/form.ts';
import { countText } from '../../parts/format.ts';
import { theme } from '../../theme.ts';

type Limits = AnswerOf<'limits'>;
type Field = readonly [name: keyof Limits['limits'], label: string, unit: number];

const MICROS = 1_000_000;
const MINUTE_MS = 60_000;
/** Each with the factor between what is typed and what is kept. */
const BUDGETS: readonly Field[] = [
  ['minutesPerDay', 'Minutes a day', 1],
  ['minutesPerMonth', 'Minutes a month', 1],
  ['spendPerDay', 'US dollars a day', MICROS],
  ['spendPerMonth', 'US dollars a month', MICROS],
];
const LIMITS: readonly Field[] = [
  ['concurrentSessions', 'Conversations at a time', 1],
  ['connectsPerMinute', 'New conversations a minute', 1],
  ['longestSessionMs', 'Longest conversation, in minutes', MINUTE_MS],
  ['requestsPerMinute', 'API requests a minute', 1],
];
const FIELDS = [...BUDGETS, ...LIMITS];

/** @fires limits-changed - Budgets stand differently now. */
export class LimitsForm extends Page {
  static override readonly properties = { ...Page.properties, limits: { state: true } };
  static override readonly styles = [
    theme,
    css`
      .grid {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(200px, 1fr));
        gap: 16px;
        align-items: end;
      }
      fieldset {
        min-inline-size: 0;
        margin: 0;
        padding: 0;
        border: 0;
      }
      legend {
        padding: 0 0 12px;
        font-weight: 600;
      }
    `,
  ];
  declare private limits: Limits;
  #etag: string | undefined;
  readonly #form = new FormController(this);

  protected override async load(signal: AbortSignal): Promise<void> {
    const { data, etag } = await this.api.read('limits', { params: { tenant: this.tenant }, signal });
    this.limits = data;
    this.#etag = etag;
  }

  async #save(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const fields = fieldsOf(event.target as HTMLFormElement);
    const isSaved = await this.#form.send(async () => {
      const typed = FIELDS.flatMap(([name, , unit]) => {
        const text = (fields[name] ?? '').trim();
        return text === '' ? [] : [[name, Math.round(Number(text) * unit)] as const];
      });
      const { data, etag } = await this.change(() =>
        this.api.read('putLimits', {
          params: { tenant: this.tenant },
          body: Object.fromEntries(typed),
          ...(this.#etag !== undefined && { ifMatch: this.#etag }),
        }),
      );
      this.limits = data;
      this.#etag = etag;
      return 'Set. Budgets hold for the next turn of every conversation, limits for the next one that starts.';
    });
    if (isSaved) this.dispatchEvent(new Event('limits-changed'));
  }

  protected override body() {
    const form = this.#form;
    return html`<form class="card stack" @submit=${(event: SubmitEvent) => void this.#save(event)}>
      <fieldset ?disabled=${!this.mayChange}>
        <legend>Budgets</legend>
        <div class="grid">${BUDGETS.map((field) => this.#field(field))}</div>
      </fieldset>
      <fieldset ?disabled=${!this.mayChange}>
        <legend>Limits</legend>
        <div class="grid">${LIMITS.map((field) => this.#field(field))}</div>
      </fieldset>
      <p class="quiet small">
        An empty field is the relay’s own value. A tenant’s admin may narrow a limit; the operator may widen it. A
        conversation that runs into its budget is ended with a sentence, after the turn; webhooks tell at 80 and 95 %.
      </p>
      ${form.verdict(FIELDS.map(([name]) => name))}
      ${this.mayChange ? html`<div><button class="primary" ?disabled=${form.isBusy}>Set limits</button></div>` : ''}
    </form>`;
  }
  #field([name, label, unit]: Field) {
    const { limits, own } = this.limits;
    const [inForce, set] = [limits[name], own[name]];
    return this.#form.field(
      name,
      label,
      html`<input
        name=${name}
        type="number"
        min="0"
        step=${unit === 1 ? '1' : '0.01'}
        placeholder=${inForce === null ? 'no limit' : countText(inForce / unit)}
        .value=${set === undefined || set === null ? '' : String(set / unit)}
        aria-invalid=${this.#form.isWrong(name)}
      />`,
    );
  }
}
