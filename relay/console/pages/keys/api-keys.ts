/** Keys for the API: who may do what with them, and when each was used. */
import { html } from 'lit';
import type { AnswerOf } from '../../../http/api/routes.ts';
import { showOnce } from '../../parts/dialog.ts';
import { FormController, fieldsOf } from '../../parts/form.ts';
import { agoText } from '../../parts/format.ts';
import { KeysPart } from './keys-part.ts';

export class ApiKeys extends KeysPart {
  static override readonly properties = { ...KeysPart.properties, keys: { state: true } };
  declare private keys: AnswerOf<'apiKeys'>['rows'];
  readonly #api = new FormController(this);

  protected override async load(signal: AbortSignal): Promise<void> {
    this.keys = (await this.api.call('apiKeys', { params: { tenant: this.tenant }, signal })).rows;
  }

  protected override body() {
    const { keys } = this;
    const params = { tenant: this.tenant };
    return html`<section class="stack" aria-labelledby="api">
      <h2 id="api">API keys</h2>
      ${this.rest.verdict()}
      <p class="quiet">For scripts and for <code>vjj</code>: a bearer token for everything that this console does.</p>
      ${
        keys.length === 0
          ? html`<p class="card">No API keys.</p>`
          : html`<table>
              <thead>
                <tr>
                  <th>Name</th>
                  <th>Key</th>
                  <th>May</th>
                  <th>Last used</th>
                  <th><span class="visually-hidden">Do</span></th>
                </tr>
              </thead>
              <tbody>
                ${keys.map(
                  (key) =>
                    html`<tr>
                      <th scope="row" data-name="Name">${key.name}</th>
                      <td data-name="Key"><code>${key.prefix}…</code></td>
                      <td data-name="May">${key.role === 'admin' ? 'Change' : 'Look'}</td>
                      <td data-name="Last used">${key.lastUsedAt === null ? 'Never' : agoText(key.lastUsedAt)}</td>
                      <td class="do">
                        ${
                          key.revokedAt !== null
                            ? html`<span class="quiet">Revoked</span>`
                            : this.revokeButton(key.name, () =>
                                this.meant(
                                  `Revoke ${key.name}?`,
                                  'Whatever uses it is refused from now on.',
                                  'Revoke',
                                  () => this.api.call('revokeApiKey', { params: { ...params, key: key.id } }),
                                ),
                              )
                        }
                      </td>
                    </tr>`,
                )}
              </tbody>
            </table>`
      }
      ${this.#apiForm()}
    </section>`;
  }
  async #addApi(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const { name = '', role = 'viewer' } = fieldsOf(form);
    const isAdded = await this.#api.send(async () => {
      const body = { name, role: role === 'admin' ? ('admin' as const) : ('viewer' as const) };
      const { secret } = await this.api.call('addApiKey', { params: { tenant: this.tenant }, body });
      await this.reload();
      await showOnce({ title: `API key “${name}”`, note: 'Store it now. It is not shown again.', secret });
      return 'The key is made.';
    });
    if (isAdded) form.reset();
  }
  #apiForm() {
    const form = this.#api;
    return html`<details class="card">
      <summary>Make an API key</summary>
      <form @submit=${(event: SubmitEvent) => void this.#addApi(event)}>
        ${form.field(
          'name',
          'Name',
          html`<input name="name" required autocomplete="off" aria-invalid=${form.isWrong('name')} />`,
        )}
        ${form.field(
          'role',
          'May',
          html`<select name="role">
            <option value="viewer">Look at everything</option>
            <option value="admin">Change everything</option>
          </select>`,
        )}
        ${form.verdict(['name', 'role'])}
        <div><button class="primary" ?disabled=${form.isBusy}>Make key</button></div>
      </form>
    </details>`;
  }
}
