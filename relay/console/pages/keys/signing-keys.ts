/** Keys with which a tenant's backend signs session tokens: their rotation, and new ones of each kind. */
import { html, nothing } from 'lit';
import type { AnswerOf, BodyOf } from '../../../http/api/routes.ts';
import { showOnce } from '../../parts/dialog.ts';
import { FormController, fieldsOf } from '../../parts/form.ts';
import { timeText } from '../../parts/format.ts';
import { KeysPart } from './keys-part.ts';

type SigningKey = AnswerOf<'signingKeys'>['rows'][number];
type NewSigningKey = BodyOf<'addSigningKey'>;

const STATES: Record<SigningKey['state'], string> = {
  active: 'Active',
  upcoming: 'Not yet',
  retiring: 'Retiring',
  retired: 'Retired',
  revoked: 'Revoked',
};
const KINDS: Record<SigningKey['kind'], string> = {
  secret: 'Shared secret',
  jwk: 'Public key',
  jwks_url: 'Key set by URL',
};

export class SigningKeys extends KeysPart {
  static override readonly properties = { ...KeysPart.properties, keys: { state: true }, kind: { state: true } };
  declare private keys: SigningKey[];
  /** Of the one that is about to be added. */
  declare private kind: SigningKey['kind'];
  readonly #signing = new FormController(this);

  constructor() {
    super();
    this.kind = 'secret';
  }

  protected override async load(signal: AbortSignal): Promise<void> {
    this.keys = (await this.api.call('signingKeys', { params: { tenant: this.tenant }, signal })).rows;
  }

  protected override body() {
    const signing = this.keys;
    return html`<section class="stack" aria-labelledby="signing">
      <h2 id="signing">Signing keys</h2>
      ${this.rest.verdict()}
      <p class="quiet">
        Your backend signs session tokens with one of these, and so says who is talking. A key that is replaced still
        verifies for 24 hours.
      </p>
      ${
        signing.length === 0
          ? html`<p class="card">No signing keys. Pages use the publishable key, and the relay signs for them.</p>`
          : this.#signingTable(signing)
      }
      ${this.mayChange ? this.#signingForm() : nothing}
    </section>`;
  }
  #signingTable(signing: readonly SigningKey[]) {
    return html`<table>
      <thead>
        <tr>
          <th>Name</th>
          <th>Key id</th>
          <th>Kind</th>
          <th>State</th>
          <th><span class="visually-hidden">Do</span></th>
        </tr>
      </thead>
      <tbody>
        ${signing.map((key) => this.#signingRow(key))}
      </tbody>
    </table>`;
  }
  #signingRow(key: SigningKey) {
    const params = { tenant: this.tenant, kid: key.kid };
    const isOver = key.state === 'revoked' || key.state === 'retired';
    return html`<tr>
      <th scope="row" data-name="Name">${key.name}</th>
      <td data-name="Key id"><code>${key.kid}</code></td>
      <td data-name="Kind">${KINDS[key.kind]}, ${key.alg}</td>
      <td data-name="State">
        <span class="state-${key.state}">${STATES[key.state]}</span>
        ${
          key.state === 'retiring' && key.notAfter !== null
            ? html`<span class="quiet small">until ${timeText(key.notAfter)}</span>`
            : nothing
        }
        ${key.state === 'upcoming' ? html`<span class="quiet small">from ${timeText(key.notBefore)}</span>` : nothing}
      </td>
      <td class="do">
        ${
          isOver || !this.mayChange
            ? nothing
            : html`${
                key.state === 'active'
                  ? html`<button
                      class="plain"
                      @click=${() =>
                        void this.meant(
                          `Retire ${key.name}?`,
                          'Tokens that it signed are accepted for 24 hours more; then the key is of no use.',
                          'Retire',
                          () => this.api.call('retireSigningKey', { params, body: {} }),
                        )}
                    >
                      Retire<span class="visually-hidden"> ${key.name}</span>
                    </button>`
                  : nothing
              }
              ${this.revokeButton(key.name, () =>
                this.meant(
                  `Revoke ${key.name}?`,
                  'Every token that it signed is refused at once, and conversations that began with one are closed. For a key that leaked.',
                  'Revoke',
                  () => this.api.call('revokeSigningKey', { params }),
                ),
              )}`
        }
      </td>
    </tr>`;
  }
  async #addSigning(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const fields = fieldsOf(form);
    const isAdded = await this.#signing.send(async () => {
      const body = this.#newSigningKey(fields);
      const made = await this.api.call('addSigningKey', { params: { tenant: this.tenant }, body });
      await this.reload();
      if (made.secret !== undefined)
        await showOnce({
          title: 'The new signing key',
          note: `Store it in your backend's secrets, with the key id ${made.kid}. It is not shown again.`,
          secret: made.secret,
        });
      return 'The key is added.';
    });
    if (isAdded) form.reset();
  }
  #newSigningKey({ name = '', jwk = '', url = '', alg = '', replaces }: Record<string, string>): NewSigningKey {
    const shared = { name, ...(replaces !== undefined && { replaces: true }) };
    switch (this.kind) {
      case 'secret':
        return { kind: 'secret', ...shared };
      case 'jwk':
        return { kind: 'jwk', ...shared, jwk: readJwk(jwk) };
      case 'jwks_url':
        return { kind: 'jwks_url', ...shared, url, alg: alg as 'ES256' | 'EdDSA' | 'RS256' };
    }
  }
  #signingForm() {
    const form = this.#signing;
    return html`<details class="card">
      <summary>Add a signing key</summary>
      <form @submit=${(event: SubmitEvent) => void this.#addSigning(event)}>
        ${form.field(
          'name',
          'Name',
          html`<input name="name" required autocomplete="off" aria-invalid=${form.isWrong('name')} />`,
          'for people, such as “shop backend 2026”',
        )}
        <label
          >Kind
          <select
            @change=${(event: Event) => {
              this.kind = (event.target as HTMLSelectElement).value as SigningKey['kind'];
            }}
          >
            <option value="secret">A shared secret, made here</option>
            <option value="jwk">A public key (JWK)</option>
            <option value="jwks_url">A key set at a URL (JWKS)</option>
          </select>
        </label>
        ${
          this.kind === 'jwk'
            ? form.field(
                'jwk',
                'Public key',
                html`<textarea
                  name="jwk"
                  rows="6"
                  class="mono"
                  required
                  spellcheck="false"
                  placeholder='{"kty":"OKP","crv":"Ed25519","x":"…"}'
                  aria-invalid=${form.isWrong('jwk')}
                ></textarea>`,
              )
            : nothing
        }
        ${
          this.kind === 'jwks_url'
            ? html`${form.field(
                'url',
                'URL',
                html`<input
                  name="url"
                  type="url"
                  required
                  placeholder="https://login.example.com/jwks.json"
                  aria-invalid=${form.isWrong('url')}
                />`,
              )}
              ${form.field(
                'alg',
                'Algorithm',
                html`<select name="alg">
                  <option>ES256</option>
                  <option>EdDSA</option>
                  <option>RS256</option>
                </select>`,
              )}`
            : nothing
        }
        <label class="check"><input type="checkbox" name="replaces" /> Replaces the present ones after 24 hours</label>
        ${form.verdict(['name', 'jwk', 'url', 'alg'])}
        <div><button class="primary" ?disabled=${form.isBusy}>Add key</button></div>
      </form>
    </details>`;
  }
}

/** What was pasted, as far as it is JSON; the relay says what is wrong with the rest. */
function readJwk(text: string): Record<string, unknown> {
  try {
    const read: unknown = JSON.parse(text);
    return typeof read === 'object' && read !== null ? (read as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
