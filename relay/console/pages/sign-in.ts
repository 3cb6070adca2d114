/** Signing in with a password. One-time links sign in by themselves. */
import { LitElement, css, html } from 'lit';
import type { Api } from '../api.ts';
import { brand, brandStyles } from '../parts/brand.ts';
import { FormController, fieldsOf } from '../parts/form.ts';
import { theme } from '../theme.ts';

/** @fires signed-in - The relay knows this browser now. */
export class SignIn extends LitElement {
  static override readonly properties = { api: { attribute: false } };
  static override readonly styles = [
    theme,
    brandStyles,
    css`
      :host {
        max-inline-size: 360px;
        margin: clamp(24px, 14vh, 160px) auto 0;
      }
      code {
        white-space: nowrap;
      }
    `,
  ];
  declare api: Api;
  readonly #form = new FormController(this);

  async #send(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const { email = '', password = '' } = fieldsOf(event.target as HTMLFormElement);
    const isIn = await this.#form.send(async () => {
      this.api.csrf = (await this.api.call('signIn', { body: { email, password } })).csrf;
      return undefined;
    });
    if (isIn) this.dispatchEvent(new Event('signed-in'));
  }

  protected override render() {
    const form = this.#form;
    return html`<form class="stack" @submit=${(event: SubmitEvent) => void this.#send(event)}>
      ${brand}
      <h1>Sign in</h1>
      ${form.field(
        'email',
        'E-mail',
        html`<input
          name="email"
          type="email"
          autocomplete="username"
          required
          aria-invalid=${form.isWrong('email')}
        />`,
      )}
      ${form.field(
        'password',
        'Password',
        html`<input
          name="password"
          type="password"
          autocomplete="current-password"
          required
          aria-invalid=${form.isWrong('password')}
        />`,
      )}
      ${form.verdict(['email', 'password'])}
      <button class="primary" ?disabled=${form.isBusy}>Sign in</button>
      <p class="small quiet">
        No password yet? Open the one-time link that you were sent. An operator makes a new one with
        <code>vjj setup-link</code>.
      </p>
    </form>`;
  }
}
