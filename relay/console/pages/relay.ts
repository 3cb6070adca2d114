/** The operator's page: other operators, a way in for them, and the relay's own audit. */
import { css, html } from 'lit';
import type { AnswerOf } from '../../http/api/routes.ts';
import { Page } from '../page.ts';
import { FormController, fieldsOf } from '../parts/form.ts';
import { dayText } from '../parts/format.ts';
import { isRemovalMeant, showLink } from '../parts/people.ts';
import { tableStyles } from '../parts/table.ts';
import { theme } from '../theme.ts';

type Operator = AnswerOf<'operators'>['rows'][number];

export class RelayPage extends Page {
  static override readonly properties = { ...Page.properties, operators: { state: true } };
  static override readonly styles = [
    theme,
    tableStyles,
    css`
      form {
        max-inline-size: 420px;
      }
    `,
  ];
  declare private operators: Operator[];
  readonly #inviting = new FormController(this);
  readonly #rest = new FormController(this);

  protected override async load(signal: AbortSignal): Promise<void> {
    this.operators = (await this.api.call('operators', { signal })).rows;
  }
  async #invite(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const { email = '' } = fieldsOf(form);
    const isInvited = await this.#inviting.send(async () => {
      const { link } = await this.api.call('addOperator', { body: { email } });
      await this.reload();
      await showLink(email, link);
      return `${email} is invited.`;
    });
    if (isInvited) form.reset();
  }
  async #remove({ id, email }: Operator): Promise<void> {
    if (!(await isRemovalMeant(email))) return;
    await this.#rest.send(async () => {
      await this.api.call('removeOperator', { params: { user: id } });
      await this.reload();
      return undefined;
    });
  }

  protected override body() {
    const form = this.#inviting;
    return html`<div class="stack">
      <h1>Relay</h1>
      <h2>Operators</h2>
      ${this.#rest.verdict()}
      <table>
        <thead>
          <tr>
            <th>E-mail</th>
            <th>Since</th>
            <th><span class="visually-hidden">Do</span></th>
          </tr>
        </thead>
        <tbody>
          ${this.operators.map(
            (operator) =>
              html`<tr>
                <th scope="row" data-name="E-mail">
                  ${operator.email} ${operator.hasPassword ? '' : html`<span class="quiet small">invited</span>`}
                </th>
                <td data-name="Since">${dayText(operator.createdAt)}</td>
                <td class="do">
                  ${
                    operator.id === this.me.user?.id
                      ? html`<span class="quiet small">you</span>`
                      : html`<button class="plain" @click=${() => void this.#remove(operator)}>
                          Remove<span class="visually-hidden"> ${operator.email}</span>
                        </button>`
                  }
                </td>
              </tr>`,
          )}
        </tbody>
      </table>
      <form class="stack card" @submit=${(event: SubmitEvent) => void this.#invite(event)}>
        <h3>Invite an operator</h3>
        ${form.field(
          'email',
          'E-mail',
          html`<input name="email" type="email" required autocomplete="off" aria-invalid=${form.isWrong('email')} />`,
        )}
        ${form.verdict(['email'])}
        <div><button class="primary" ?disabled=${form.isBusy}>Make an invitation</button></div>
      </form>
      <vjj-audit-page .api=${this.api} .me=${this.me} .place=${this.place}></vjj-audit-page>
    </div>`;
  }
}
