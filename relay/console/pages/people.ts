/** Who of the tenant may sign in here, and invitations. */
import { css, html, nothing } from 'lit';
import type { AnswerOf } from '../../http/api/routes.ts';
import { Page } from '../page.ts';
import { FormController, fieldsOf } from '../parts/form.ts';
import { dayText } from '../parts/format.ts';
import { isRemovalMeant, showLink } from '../parts/people.ts';
import { tableStyles } from '../parts/table.ts';
import { theme } from '../theme.ts';

type User = AnswerOf<'users'>['rows'][number];

const ROLES = { operator: 'Operator', admin: 'Admin', viewer: 'Viewer' };

export class PeoplePage extends Page {
  static override readonly properties = { ...Page.properties, people: { state: true } };
  static override readonly styles = [
    theme,
    tableStyles,
    css`
      form {
        max-inline-size: 420px;
      }
    `,
  ];
  declare private people: User[];
  readonly #inviting = new FormController(this);
  readonly #rest = new FormController(this);

  protected override async load(signal: AbortSignal): Promise<void> {
    this.people = (await this.api.call('users', { params: { tenant: this.tenant }, signal })).rows;
  }

  async #invite(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const { email = '', role } = fieldsOf(form);
    const isInvited = await this.#inviting.send(async () => {
      const body = { email, role: role === 'admin' ? ('admin' as const) : ('viewer' as const) };
      const { link } = await this.api.call('addUser', { params: { tenant: this.tenant }, body });
      await this.reload();
      await showLink(email, link);
      return `${email} is invited.`;
    });
    if (isInvited) form.reset();
  }
  async #remove(user: User): Promise<void> {
    if (!(await isRemovalMeant(user.email))) return;
    await this.#rest.send(async () => {
      await this.api.call('removeUser', { params: { tenant: this.tenant, user: user.id } });
      await this.reload();
      return undefined;
    });
  }
  async #link(user: User): Promise<void> {
    await this.#rest.send(async () => {
      const link = await this.api.call('linkUser', { params: { tenant: this.tenant, user: user.id } });
      await showLink(user.email, link);
      return undefined;
    });
  }

  protected override body() {
    return html`<div class="stack">
      <h1>People</h1>
      <p class="quiet">Who may sign in to this tenant's console.</p>
      ${this.#rest.verdict()}
      ${
        this.people.length === 0
          ? html`<p class="card">Nobody yet but the operator.</p>`
          : html`<table>
              <thead>
                <tr>
                  <th>E-mail</th>
                  <th>Role</th>
                  <th>Since</th>
                  <th><span class="visually-hidden">Do</span></th>
                </tr>
              </thead>
              <tbody>
                ${this.people.map((user) => this.#row(user))}
              </tbody>
            </table>`
      }
      ${this.#form()}
    </div>`;
  }
  #row(user: User) {
    const named = html`<span class="visually-hidden"> ${user.email}</span>`;
    return html`<tr>
      <th scope="row" data-name="E-mail">${user.email}</th>
      <td data-name="Role">
        ${ROLES[user.role]} ${user.hasPassword ? nothing : html`<span class="quiet small">invited</span>`}
      </td>
      <td data-name="Since">${dayText(user.createdAt)}</td>
      <td class="do">
        <button class="plain" @click=${() => void this.#link(user)}>New link${named}</button>
        <button class="plain" @click=${() => void this.#remove(user)}>Remove${named}</button>
      </td>
    </tr>`;
  }
  #form() {
    const form = this.#inviting;
    return html`<form class="stack card" @submit=${(event: SubmitEvent) => void this.#invite(event)}>
      <h2>Invite somebody</h2>
      ${form.field(
        'email',
        'E-mail',
        html`<input name="email" type="email" required autocomplete="off" aria-invalid=${form.isWrong('email')} />`,
      )}
      ${form.field(
        'role',
        'Role',
        html`<select name="role">
          <option value="viewer">Viewer: looks at everything</option>
          <option value="admin">Admin: changes everything</option>
        </select>`,
      )}
      ${form.verdict(['email', 'role'])}
      <div><button class="primary" ?disabled=${form.isBusy}>Make an invitation</button></div>
    </form>`;
  }
}
