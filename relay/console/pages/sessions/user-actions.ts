/** What can be done about an end user: shut out, and forgotten. Stands where that user is seen. */
import { LitElement, html } from 'lit';
import type { Api } from '../../api.ts';
import { confirmed } from '../../parts/dialog.ts';
import { FormController } from '../../parts/form.ts';
import { countText } from '../../parts/format.ts';
import { theme } from '../../theme.ts';

/** @fires user-changed - What is shown of the user may be gone. */
export class UserActions extends LitElement {
  static override readonly properties = {
    api: { attribute: false },
    tenant: { attribute: false },
    subject: { attribute: false },
  };
  static override readonly styles = theme;
  declare api: Api;
  declare tenant: string;
  /** The end user, as the session tokens named them. */
  declare subject: string;
  readonly #form = new FormController(this);

  async #revoke(): Promise<void> {
    const isMeant = await confirmed({
      title: 'Revoke this user?',
      consequence:
        'Every token that was made for them until now is refused, and their conversations are closed within two seconds. A new token from your backend lets them in again.',
      action: 'Revoke',
      isDangerous: true,
    });
    if (!isMeant) return;
    await this.#form.send(async () => {
      await this.api.call('revoke', {
        params: { tenant: this.tenant },
        body: { kind: 'subject', value: this.subject },
      });
      return 'Revoked.';
    });
  }
  async #erase(): Promise<void> {
    const isMeant = await confirmed({
      title: 'Erase this user’s words?',
      consequence:
        'What they said and heard, and their name, are taken out of every conversation and of the audit. Figures and cost stay. This cannot be undone.',
      action: 'Erase',
      typed: this.subject,
      isDangerous: true,
    });
    if (!isMeant) return;
    const isErased = await this.#form.send(async () => {
      const { sessions, auditEntries } = await this.api.call('eraseSubject', {
        params: { tenant: this.tenant },
        body: { subject: this.subject },
      });
      return `Erased from ${countText(sessions)} conversations and ${countText(auditEntries)} audit entries.`;
    });
    if (isErased) this.dispatchEvent(new Event('user-changed'));
  }

  protected override render() {
    return html`<div class="row">
        <button @click=${() => void this.#revoke()}>Revoke this user</button>
        <button class="danger" @click=${() => void this.#erase()}>Erase this user’s words</button>
      </div>
      ${this.#form.verdict()}`;
  }
}
