/** What can be done about an end user: shut out, and forgotten. Stands where that user is seen. */
import { LitElement, html } from 'lit';
import type { Api } from '../../api.ts';
import { confirmed } from '../../parts/dialog.ts';
import { FormController } from '../../parts/form.ts';
import { countText } from '../../parts/format.ts';
import { theme } from '../../theme.ts';

/** Puts a file where the browser puts downloads. */
function save(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  Object.assign(document.createElement('a'), { href: url, download: name }).click();
  URL.revokeObjectURL(url);
}

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
  async #export(): Promise<void> {
    await this.#form.send(async () => {
      const params = { tenant: this.tenant };
      const whole: { rows: unknown[]; deliveries: unknown[]; revocations: unknown[] } & Record<string, unknown> = {
        ...{ rows: [], deliveries: [], revocations: [] },
      };
      for (let after: string | undefined; ;) {
        const body = { subject: this.subject, ...(after !== undefined && { after }) };
        const { rows, deliveries, revocations, next, ...about } = await this.api.call('exportSubject', {
          params,
          body,
        });
        Object.assign(whole, about);
        whole.rows.push(...rows);
        whole.deliveries.push(...deliveries);
        whole.revocations.push(...revocations);
        if (next === undefined) break;
        after = next;
      }
      save('user-data.json', JSON.stringify(whole, null, 2));
      return `${countText(whole.rows.length)} conversations are in user-data.json.`;
    });
  }
  async #erase(): Promise<void> {
    const isMeant = await confirmed({
      title: 'Erase this user’s words?',
      consequence:
        'What they said and heard, and their name, are taken out of every conversation, of what webhooks are told and of the audit. A conversation of theirs that is under way ends, and tokens made until now are refused. Figures and cost stay. This cannot be undone.',
      action: 'Erase',
      typed: this.subject,
      isDangerous: true,
    });
    if (!isMeant) return;
    const isErased = await this.#form.send(async () => {
      const { sessions, live, deliveries, auditEntries } = await this.api.call('eraseSubject', {
        params: { tenant: this.tenant },
        body: { subject: this.subject },
      });
      const ends = live === 0 ? '' : ` ${countText(live)} under way ${live === 1 ? 'ends' : 'end'} now.`;
      const told = deliveries === 0 ? '' : ` ${countText(deliveries)} deliveries to webhooks are gone, too.`;
      return `Erased from ${countText(sessions)} conversations and ${countText(auditEntries)} audit entries.${ends}${told}`;
    });
    if (isErased) this.dispatchEvent(new Event('user-changed'));
  }

  protected override render() {
    return html`<div class="row">
        <button @click=${() => void this.#export()}>Export this user’s data</button>
        <button @click=${() => void this.#revoke()}>Revoke this user</button>
        <button class="danger" @click=${() => void this.#erase()}>Erase this user’s words</button>
      </div>
      ${this.#form.verdict()}`;
  }
}
