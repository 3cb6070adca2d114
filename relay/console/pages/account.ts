/** Whoever is signed in: who that is, the password, and the way out. */
import { css, html, nothing } from 'lit';
import { SHORTEST_PASSWORD } from '../../http/api/people.ts';
import { Page } from '../page.ts';
import { FormController, fieldsOf } from '../parts/form.ts';
import { timeText } from '../parts/format.ts';
import { theme } from '../theme.ts';

const ROLES = {
  operator: 'Operator: every tenant, and the relay itself',
  admin: 'Admin: everything of this tenant',
  viewer: 'Viewer: may look at this tenant, and change nothing',
};

/** @fires signed-out */
export class AccountPage extends Page {
  static override readonly styles = [
    theme,
    css`
      form {
        max-inline-size: 420px;
      }
      dl {
        display: grid;
        grid-template-columns: max-content 1fr;
        gap: 4px 20px;
      }
      dt {
        color: var(--quiet);
      }
    `,
  ];
  readonly #form = new FormController(this);

  protected override async load(): Promise<void> {
    this.me = await this.api.call('me', { signal: this.signal });
    // A new password is a new sign-in, and its changes carry another token.
    this.api.csrf = this.me.csrf;
  }

  async #send(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const { current, next = '' } = fieldsOf(form);
    await this.#form.send(async () => {
      await this.api.call('changePassword', { body: { next, ...(current !== undefined && { current }) } });
      await this.load();
      form.reset();
      return 'The password is set. Other browsers are signed out.';
    });
  }
  async #signOut(): Promise<void> {
    await this.api.call('signOut');
    this.dispatchEvent(new Event('signed-out', { bubbles: true, composed: true }));
  }

  protected override body() {
    const { me } = this;
    return html`<div class="stack">
      <h1>Account</h1>
      <dl>
        <dt>Signed in as</dt>
        <dd>${me.user?.email ?? 'the operator, by token'}</dd>
        <dt>May</dt>
        <dd>${ROLES[me.role]}</dd>
        ${
          me.expiresAt === null
            ? nothing
            : html`<dt>Until</dt>
                <dd class="figure">${timeText(me.expiresAt)}</dd>`
        }
      </dl>
      ${me.user === null ? nothing : this.#password(me.user.hasPassword)}
      <p><button @click=${() => void this.attempt(() => this.#signOut())}>Sign out</button></p>
    </div>`;
  }

  #password(hasPassword: boolean) {
    const form = this.#form;
    const control = (name: string, autocomplete: 'current-password' | 'new-password') =>
      html`<input
        name=${name}
        type="password"
        autocomplete=${autocomplete}
        required
        aria-invalid=${form.isWrong(name)}
      />`;
    return html`<form class="stack card" @submit=${(event: SubmitEvent) => void this.#send(event)}>
      <h2>${hasPassword ? 'Change the password' : 'Set a password'}</h2>
      ${hasPassword ? form.field('current', 'Present password', control('current', 'current-password')) : nothing}
      ${form.field('next', 'New password', control('next', 'new-password'), `${SHORTEST_PASSWORD} characters or more`)}
      ${form.verdict(['current', 'next'])}
      <div><button class="primary" ?disabled=${form.isBusy}>Set password</button></div>
    </form>`;
  }
}
