/** The page of a tenant's keys: the public one in pages and the model's; other kinds have parts of their own. */
import { html, nothing } from 'lit';
import type { AnswerOf } from '../../../http/api/routes.ts';
import { FormController, fieldsOf } from '../../parts/form.ts';
import { dayText } from '../../parts/format.ts';
import { KeysPart } from './keys-part.ts';

export class KeysPage extends KeysPart {
  static override readonly properties = { ...KeysPart.properties, keys: { state: true } };
  declare private keys: { publishable: AnswerOf<'publishableKeys'>['rows']; provider: AnswerOf<'providerKey'>['key'] };
  readonly #provider = new FormController(this);

  protected override async load(signal: AbortSignal): Promise<void> {
    const params = { tenant: this.tenant };
    const [publishable, provider] = await Promise.all([
      this.api.call('publishableKeys', { params, signal }),
      this.api.call('providerKey', { params, signal }),
    ]);
    this.keys = { publishable: publishable.rows, provider: provider.key };
  }

  protected override body() {
    const { api, me, place } = this;
    return html`<div class="stack">
      <h1>Keys</h1>
      ${this.rest.verdict()} ${this.#publishablePart()}
      <vjj-signing-keys .api=${api} .me=${me} .place=${place}></vjj-signing-keys>
      ${this.mayChange ? html`<vjj-api-keys .api=${api} .me=${me} .place=${place}></vjj-api-keys>` : nothing}
      ${this.#providerPart()}
    </div>`;
  }

  // Publishable keys.

  #publishablePart() {
    const params = { tenant: this.tenant };
    return html`<section class="stack" aria-labelledby="publishable">
      <div class="row spread">
        <h2 id="publishable">Publishable keys</h2>
        ${
          this.mayChange
            ? html`<button
                @click=${() =>
                  void this.rest.send(async () => {
                    await this.api.call('addPublishableKey', { params });
                    await this.reload();
                    return undefined;
                  })}
              >
                New publishable key
              </button>`
            : nothing
        }
      </div>
      <p class="quiet">
        In the <code>tenant</code> attribute of the widget. Public; worth nothing away from the allowed origins.
      </p>
      ${
        this.keys.publishable.length === 0
          ? html`<p class="card">No publishable key. Pages cannot start a conversation without one.</p>`
          : html`<table>
              <thead>
                <tr>
                  <th>Key</th>
                  <th>State</th>
                  <th>Made</th>
                  <th><span class="visually-hidden">Do</span></th>
                </tr>
              </thead>
              <tbody>
                ${this.keys.publishable.map(
                  ({ id, status, createdAt }) =>
                    html`<tr>
                      <td data-name="Key"><code>${id}</code></td>
                      <td data-name="State" class="state-${status}">${status === 'active' ? 'Active' : 'Revoked'}</td>
                      <td data-name="Made">${dayText(createdAt)}</td>
                      <td class="do">
                        ${
                          status === 'active' && this.mayChange
                            ? this.revokeButton(id, () =>
                                this.meant(
                                  'Revoke this publishable key?',
                                  'Pages that carry it can start no conversation from then on, and those that run are closed.',
                                  'Revoke',
                                  () => this.api.call('revokePublishableKey', { params: { ...params, key: id } }),
                                ),
                              )
                            : nothing
                        }
                      </td>
                    </tr>`,
                )}
              </tbody>
            </table>`
      }
    </section>`;
  }
  // The model's key.

  #providerPart() {
    const { provider } = this.keys;
    const params = { tenant: this.tenant };
    return html`<section class="stack" aria-labelledby="provider">
      <h2 id="provider">Model provider</h2>
      ${
        provider === null
          ? html`<p class="quiet">Conversations use the relay's own key at the provider.</p>`
          : html`<div class="row spread">
              <p>
                Your own OpenAI key, ending in <code>${provider.hint}</code>, set on ${dayText(provider.createdAt)}.
              </p>
              ${
                this.mayChange
                  ? html`<button
                      @click=${() =>
                        void this.meant(
                          'Remove your own key?',
                          "New conversations use the relay's key, and its operator pays for them.",
                          'Remove',
                          () => this.api.call('removeProviderKey', { params }),
                        )}
                    >
                      Remove
                    </button>`
                  : nothing
              }
            </div>`
      }
      ${this.mayChange ? this.#providerForm(provider !== null) : nothing}
    </section>`;
  }
  async #putProvider(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const { key = '' } = fieldsOf(form);
    const isPut = await this.#provider.send(async () => {
      await this.api.call('putProviderKey', { params: { tenant: this.tenant }, body: { key } });
      await this.reload();
      return 'The key is stored, encrypted. New conversations use it.';
    });
    if (isPut) form.reset();
  }
  #providerForm(hasOne: boolean) {
    const form = this.#provider;
    return html`<form @submit=${(event: SubmitEvent) => void this.#putProvider(event)}>
      ${form.field(
        'key',
        hasOne ? 'Replace it' : 'Bring your own OpenAI key',
        html`<input name="key" type="password" required autocomplete="off" aria-invalid=${form.isWrong('key')} />`,
        'stored encrypted, never shown again',
      )}
      ${form.verdict(['key'])}
      <div><button ?disabled=${form.isBusy}>Store key</button></div>
    </form>`;
  }
}
