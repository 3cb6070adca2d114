/** What a tenant is called, what is kept of its conversations, and its end. */
import { css, html, nothing } from 'lit';
import type { AnswerOf, BodyOf } from '../../http/api/routes.ts';
import { hashOf } from '../location.ts';
import { Page } from '../page.ts';
import { confirmed } from '../parts/dialog.ts';
import { FormController, fieldsOf } from '../parts/form.ts';
import { theme } from '../theme.ts';

type Tenant = AnswerOf<'tenant'>;
type Kept = Tenant['settings']['transcripts'];

const KEPT: readonly [Kept, string, string][] = [
  ['off', 'Nothing', 'the timeline shows who spoke and when, and no words'],
  ['redacted', 'Words without personal data', 'addresses, numbers and names are taken out first'],
  ['full', 'All words', 'as they were said and heard'],
];

/** @fires tenants-changed - The rail knows another name, or one tenant fewer. */
export class SettingsPage extends Page {
  static override readonly properties = { ...Page.properties, shown: { state: true } };
  static override readonly styles = [
    theme,
    css`
      form {
        max-inline-size: 560px;
      }
      fieldset {
        margin: 0;
        padding: 0;
        border: 0;
      }
      legend {
        padding: 0;
        font-size: 13px;
        font-weight: 600;
      }
      label.check {
        padding-block: 6px;
      }
      label .quiet {
        display: block;
      }
      .danger-zone {
        max-inline-size: 560px;
      }
      dl {
        display: grid;
        grid-template-columns: max-content 1fr;
        gap: 4px 20px;
      }
      dt {
        color: var(--quiet);
      }
      dd {
        overflow-wrap: anywhere;
      }
    `,
  ];
  declare private shown: Tenant;
  #etag: string | undefined;
  readonly #form = new FormController(this);
  readonly #standing = new FormController(this);

  protected override async load(signal: AbortSignal): Promise<void> {
    const { data, etag } = await this.api.read('tenant', { params: { tenant: this.tenant }, signal });
    this.shown = data;
    this.#etag = etag;
  }
  async #change(body: BodyOf<'changeTenant'>): Promise<void> {
    const { data, etag } = await this.change(() =>
      this.api.read('changeTenant', {
        params: { tenant: this.tenant },
        body,
        ...(this.#etag !== undefined && { ifMatch: this.#etag }),
      }),
    );
    this.shown = data;
    this.#etag = etag;
    this.#tell();
  }
  #tell(): void {
    this.dispatchEvent(new Event('tenants-changed', { bubbles: true, composed: true }));
  }

  async #save(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const { name = '', transcripts, singleUseTokens } = fieldsOf(event.target as HTMLFormElement);
    const kept = KEPT.find(([value]) => value === transcripts)?.[0] ?? 'off';
    await this.#form.send(async () => {
      await this.#change({ name, settings: { transcripts: kept, singleUseTokens: singleUseTokens !== undefined } });
      return 'Saved. New conversations follow it.';
    });
  }
  async #suspend(): Promise<void> {
    const { name } = this.shown;
    const isMeant = await confirmed({
      title: `Suspend ${name}?`,
      consequence: 'Its conversations are closed, and its pages can start none until it is restored. Nothing is lost.',
      action: 'Suspend',
      isDangerous: true,
    });
    if (!isMeant) return;
    await this.#standing.send(async () => {
      await this.#change({ status: 'suspended' });
      return `${name} is suspended.`;
    });
  }
  async #restore(): Promise<void> {
    await this.#standing.send(async () => {
      await this.#change({ status: 'active' });
      return `${this.shown.name} is restored.`;
    });
  }
  async #delete(): Promise<void> {
    const { name, slug } = this.shown;
    const isMeant = await confirmed({
      title: `Delete ${name}?`,
      consequence: 'Its pages, keys, assistants, conversations and figures are gone for good. This cannot be undone.',
      action: 'Delete for good',
      typed: slug,
      isDangerous: true,
    });
    if (!isMeant) return;
    const isGone = await this.#standing.send(async () => {
      await this.api.call('deleteTenant', { params: { tenant: this.tenant }, body: { slug } });
      return undefined;
    });
    if (!isGone) return;
    location.hash = hashOf({ page: 'tenants' });
    this.#tell();
  }

  protected override body() {
    const { id, slug } = this.shown;
    return html`<div class="stack">
      <h1>Settings</h1>
      <dl class="small">
        <dt>Slug</dt>
        <dd><code>${slug}</code></dd>
        <dt>Id</dt>
        <dd><code>${id}</code></dd>
      </dl>
      ${this.#settings()} ${this.me.role === 'operator' ? this.#end() : nothing}
    </div>`;
  }

  #settings() {
    const form = this.#form;
    const { name, settings } = this.shown;
    const isFixed = !this.mayChange;
    return html`<form class="stack card" @submit=${(event: SubmitEvent) => void this.#save(event)}>
      ${form.field(
        'name',
        'Name',
        html`<input
          name="name"
          required
          autocomplete="off"
          ?readonly=${isFixed}
          .value=${name}
          aria-invalid=${form.isWrong('name')}
        />`,
      )}
      <fieldset ?disabled=${isFixed}>
        <legend>What is kept of the words</legend>
        ${KEPT.map(
          ([value, label, means]) =>
            html`<label class="check"
              ><input type="radio" name="transcripts" value=${value} .checked=${settings.transcripts === value} />
              <span>${label} <span class="quiet small">${means}</span></span></label
            >`,
        )}
      </fieldset>
      <fieldset ?disabled=${isFixed}>
        <legend>Session tokens</legend>
        <label class="check"
          ><input type="checkbox" name="singleUseTokens" .checked=${settings.singleUseTokens} />
          <span
            >One conversation a token
            <span class="quiet small">a token that was used opens no second one; reconnecting still works</span></span
          ></label
        >
      </fieldset>
      ${form.verdict(['name'])}
      ${isFixed ? nothing : html`<div><button class="primary" ?disabled=${form.isBusy}>Save</button></div>`}
    </form>`;
  }

  /** The operator's: how it stands, and its end. */
  #end() {
    const isActive = this.shown.status === 'active';
    return html`<section class="stack danger-zone" aria-labelledby="standing">
      <h2 id="standing">Standing</h2>
      ${this.#standing.verdict()}
      <div class="card stack">
        <div class="row spread">
          <p>
            ${isActive ? 'Active: its pages may start conversations.' : 'Suspended: its pages start no conversation.'}
          </p>
          ${
            isActive
              ? html`<button @click=${() => void this.#suspend()}>Suspend</button>`
              : html`<button class="primary" @click=${() => void this.#restore()}>Restore</button>`
          }
        </div>
        <div class="row spread">
          <p>Deleting takes out everything it has.</p>
          <button class="danger" @click=${() => void this.#delete()}>Delete tenant</button>
        </div>
      </div>
    </section>`;
  }
}
