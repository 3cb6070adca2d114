/** Tokens and users that are refused, and one more of them. */
import { css, html, nothing } from 'lit';
import type { AnswerOf } from '../../../http/api/routes.ts';
import { Page } from '../../page.ts';
import { FormController, fieldsOf } from '../../parts/form.ts';
import { timeText } from '../../parts/format.ts';
import { tableStyles } from '../../parts/table.ts';
import { theme } from '../../theme.ts';

type Revocation = AnswerOf<'revocations'>['rows'][number];

const KINDS: Record<Revocation['kind'], string> = {
  token: 'Token',
  subject: 'User',
  key: 'Signing key',
  tenant: 'All tokens',
};

export class Revocations extends Page {
  static override readonly properties = { ...Page.properties, revoked: { state: true }, next: { state: true } };
  static override readonly styles = [
    theme,
    tableStyles,
    css`
      form {
        max-inline-size: 560px;
      }
    `,
  ];
  declare private revoked: Revocation[];
  declare private next: string | undefined;
  readonly #form = new FormController(this);

  protected override async load(signal: AbortSignal): Promise<void> {
    const { rows, next } = await this.#page(undefined, signal);
    this.revoked = rows;
    this.next = next;
  }
  #page(after: string | undefined, signal: AbortSignal) {
    const query = { limit: '20', ...(after !== undefined && { after }) };
    return this.api.call('revocations', { params: { tenant: this.tenant }, query, signal });
  }
  async #more(): Promise<void> {
    const { rows, next } = await this.#page(this.next, this.signal);
    this.revoked = [...this.revoked, ...rows];
    this.next = next;
  }
  async #revoke(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const { kind, value = '' } = fieldsOf(form);
    const isRevoked = await this.#form.send(async () => {
      const body = { kind: kind === 'token' ? ('token' as const) : ('subject' as const), value: value.trim() };
      await this.api.call('revoke', { params: { tenant: this.tenant }, body });
      await this.reload();
      return 'Revoked. Conversations that began with it are closed within two seconds.';
    });
    if (isRevoked) form.reset();
  }

  protected override body() {
    return html`<section class="stack" aria-labelledby="revoked">
      <h2 id="revoked">Revoked tokens and users</h2>
      <p class="quiet">
        What was signed before is refused. Whole keys are revoked on the page of keys; a user’s words are erased on the
        page of one of their conversations.
      </p>
      ${this.revoked.length === 0 ? html`<p class="card">Nobody is shut out.</p>` : this.#table()}
      ${
        this.next === undefined
          ? nothing
          : html`<p><button @click=${() => void this.attempt(() => this.#more())}>Show more revoked</button></p>`
      }
      ${this.mayChange ? this.#revokeForm() : nothing}
    </section>`;
  }
  #table() {
    return html`<table>
      <thead>
        <tr>
          <th>What</th>
          <th>Which</th>
          <th>Since</th>
          <th>Until</th>
        </tr>
      </thead>
      <tbody>
        ${this.revoked.map(
          ({ kind, value, createdAt, expiresAt }) =>
            html`<tr>
              <td data-name="What">${KINDS[kind]}</td>
              <td data-name="Which"><code>${value}</code></td>
              <td data-name="Since" class="small">${timeText(createdAt)}</td>
              <td data-name="Until" class="small">${timeText(expiresAt)}</td>
            </tr>`,
        )}
      </tbody>
    </table>`;
  }
  #revokeForm() {
    const form = this.#form;
    return html`<form class="card stack" @submit=${(event: SubmitEvent) => void this.#revoke(event)}>
      <h3>Revoke</h3>
      <label
        >What
        <select name="kind">
          <option value="subject">A user, by the sub of their tokens</option>
          <option value="token">One token, by its jti</option>
        </select>
      </label>
      ${form.field(
        'value',
        'Which',
        html`<input
          name="value"
          required
          autocomplete="off"
          autocapitalize="off"
          spellcheck="false"
          aria-invalid=${form.isWrong('value')}
        />`,
      )}
      ${form.verdict(['value'])}
      <div><button class="danger" ?disabled=${form.isBusy}>Revoke</button></div>
    </form>`;
  }
}
