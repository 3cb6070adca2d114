/**
 * The assistants of a tenant, and one of them to change and to try. What is typed stays here until
 * it is saved as a new version, whatever goes wrong in between; the fields are in the other files.
 */
import { html, nothing, type TemplateResult } from 'lit';
import type { AnswerOf } from '../../../http/api/routes.ts';
import { ApiProblem, type Answer } from '../../api.ts';
import { hashOf } from '../../location.ts';
import { Page } from '../../page.ts';
import { confirmed } from '../../parts/dialog.ts';
import { FormController, fieldsOf } from '../../parts/form.ts';
import { tableStyles } from '../../parts/table.ts';
import { theme } from '../../theme.ts';
import { basics, reflexes, tools } from './basics.ts';
import {
  changeOf,
  draftOf,
  isChanged,
  rebased,
  restorationOf,
  type Assistant,
  type Change,
  type Choices,
  type Draft,
} from './draft.ts';
import type { Editing } from './fields.ts';
import { knobs } from './knobs.ts';
import { policy } from './policy.ts';
import { styles } from './styles.ts';
import { UnsavedGuard } from './unsaved-guard.ts';
import { versions, type Version } from './versions.ts';

type Summary = AnswerOf<'assistants'>['rows'][number];

/** What is open. */
interface Open {
  saved: Assistant;
  etag: string | undefined;
  versions: Version[];
}

export class AssistantPage extends Page {
  static override readonly properties = {
    ...Page.properties,
    all: { state: true },
    open: { state: true },
    draft: { state: true },
    isOutdated: { state: true },
  };
  static override readonly styles = [theme, tableStyles, styles];
  declare private all: Summary[];
  declare private open: Open | undefined;
  declare private draft: Draft | undefined;
  /** Somebody else has saved since. */
  declare private isOutdated: boolean;
  #choices: Choices | undefined;
  readonly #saving = new FormController(this);
  readonly #adding = new FormController(this);
  /** What was wrong when the folded parts were last opened for it. */
  #shownWrong: FormController['wrong'] = this.#saving.wrong;

  constructor() {
    super();
    this.all = [];
    this.isOutdated = false;
    new UnsavedGuard(
      this,
      () => this.#isUnsaved,
      () => this.#discard(),
    );
  }

  get #isUnsaved(): boolean {
    return this.open !== undefined && this.draft !== undefined && isChanged(this.draft, draftOf(this.open.saved));
  }

  protected override async load(signal: AbortSignal): Promise<void> {
    const params = { tenant: this.tenant };
    const [choices, { rows }] = await Promise.all([
      this.api.call('choices', { signal }),
      this.api.call('assistants', { params, signal }),
    ]);
    this.#choices = choices;
    this.all = rows;
    const id = ('id' in this.place ? this.place.id : undefined) ?? rows[0]?.id;
    // What was typed before a sign-in ended is still there after the next.
    if (id !== undefined && !this.#isUnsaved) this.#show(await this.#fetch(id, signal));
  }

  async #fetch(id: string, signal: AbortSignal): Promise<Open> {
    const params = { tenant: this.tenant, assistant: id };
    const [{ data, etag }, { rows }] = await Promise.all([
      this.api.read('assistant', { params, signal }),
      this.api.call('assistantVersions', { params, signal }),
    ]);
    return { saved: data, etag, versions: rows };
  }
  #show(open: Open): void {
    this.open = open;
    this.draft = draftOf(open.saved);
    this.isOutdated = false;
  }
  #discard(): void {
    if (this.open !== undefined) this.#show(this.open);
  }

  /** @returns the version that it became; undefined where somebody else was first, which is then asked about. */
  async #put(open: Open, body: Change): Promise<Assistant | undefined> {
    const params = { tenant: this.tenant, assistant: open.saved.id };
    let answer: Answer<Assistant>;
    try {
      answer = await this.api.read('putAssistant', {
        ...{ params, body },
        ...(open.etag !== undefined && { ifMatch: open.etag }),
      });
    } catch (error) {
      if (!(error instanceof ApiProblem) || error.code !== 'changed-meanwhile') throw error;
      this.isOutdated = true;
      return undefined;
    }
    const { id, version, name, voice, locale } = answer.data;
    const createdAt = Date.now();
    this.open = { saved: answer.data, etag: answer.etag, versions: [{ version, createdAt }, ...open.versions] };
    this.all = this.all.map((one) => (one.id === id ? { id, version, name, voice, locale, createdAt } : one));
    return answer.data;
  }

  async #save(): Promise<void> {
    const { open, draft } = this;
    if (open === undefined || draft === undefined || !this.#isUnsaved) return;
    await this.#saving.send(async () => {
      const made = await this.#put(open, changeOf(draft, draftOf(open.saved)));
      if (made === undefined) return undefined;
      // What was typed while it was on its way is still to be saved.
      this.draft = rebased(this.draft ?? draft, draft, draftOf(made));
      return `Saved as version ${made.version}. Conversations that begin from now on have it.`;
    });
  }

  async #restore(version: number): Promise<void> {
    const { open } = this;
    if (open === undefined) return;
    const next = open.saved.version + 1;
    const isMeant = await confirmed({
      title: `Restore version ${version}?`,
      consequence: `It becomes version ${next}, which conversations have from then on. ${
        this.#isUnsaved ? 'What you have changed and not saved is lost.' : `Version ${open.saved.version} is kept.`
      }`,
      action: 'Restore it',
    });
    if (!isMeant) return;
    await this.#saving.send(async () => {
      const params = { tenant: this.tenant, assistant: open.saved.id, version: String(version) };
      const old = await this.api.call('assistantVersion', { params, signal: this.signal });
      const made = await this.#put(open, restorationOf(old));
      if (made === undefined) return undefined;
      this.draft = draftOf(made);
      return `Version ${version} is back, as version ${made.version}.`;
    });
  }

  /** After somebody else saved: theirs alone, or what was changed here on top of theirs. */
  async #catchUp(isMineKept: boolean): Promise<void> {
    const { open, draft } = this;
    if (open === undefined || draft === undefined) return;
    await this.#saving.send(async () => {
      const newest = await this.#fetch(open.saved.id, this.signal);
      const mine = rebased(this.draft ?? draft, draftOf(open.saved), draftOf(newest.saved));
      this.#show(newest);
      if (isMineKept) this.draft = mine;
      return isMineKept ? `Your changes are on top of version ${newest.saved.version} now, not saved yet.` : '';
    });
  }

  async #askDiscard(): Promise<void> {
    const isMeant = await confirmed({
      title: 'Discard your changes?',
      consequence: `The fields show version ${this.open?.saved.version ?? ''} again.`,
      action: 'Discard',
      isDangerous: true,
    });
    if (isMeant) this.#discard();
  }

  async #add(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const { name = '' } = fieldsOf(form);
    let made: Assistant | undefined;
    const isAdded = await this.#adding.send(async () => {
      made = await this.api.call('addAssistant', { params: { tenant: this.tenant }, body: { name } });
      return `${made.name} is there.`;
    });
    if (!isAdded || made === undefined) return;
    form.reset();
    location.hash = hashOf({ page: 'assistant', tenant: this.tenant, id: made.id });
  }

  readonly #typed = (event: KeyboardEvent) => {
    if (event.key.toLowerCase() !== 's' || !(event.ctrlKey || event.metaKey) || event.altKey) return;
    event.preventDefault();
    void this.#save();
  };

  async #focus(selector: string): Promise<void> {
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLElement>(selector)?.focus();
  }

  /** What is wrong in a folded part is shown. */
  protected override updated(): void {
    if (this.#saving.wrong === this.#shownWrong) return;
    this.#shownWrong = this.#saving.wrong;
    for (const field of this.renderRoot.querySelectorAll('[aria-invalid="true"]')) {
      const part = field.closest('details');
      if (part !== null) part.open = true;
    }
  }

  protected override body() {
    const { open, draft } = this;
    return html`<div class="stack">
      <h1>${open?.saved.name ?? 'Assistant'}</h1>
      ${this.#list(open)}
      ${
        open === undefined || draft === undefined || this.#choices === undefined
          ? html`<p class="card">No assistants yet. Give the first one a name.</p>`
          : html`<div class="columns">
              ${this.#editor(open, draft, this.#choices)}
              ${this.mayChange ? html`<aside aria-label="Test call">${this.#test(open)}</aside>` : nothing}
            </div>`
      }
    </div>`;
  }

  #list(open: Open | undefined) {
    const { tenant } = this;
    return html`${
      this.all.length > 1
        ? html`<nav aria-label="Assistants">
            <ul class="list">
              ${this.all.map(
                ({ id, name }) =>
                  html`<li>
                    <a
                      href=${hashOf({ page: 'assistant', tenant, id })}
                      aria-current=${id === open?.saved.id ? 'page' : 'false'}
                      >${name}</a
                    >
                  </li>`,
              )}
            </ul>
          </nav>`
        : nothing
    }
    ${this.mayChange ? this.#addForm(open === undefined) : nothing}`;
  }
  #addForm(isFirst: boolean) {
    const form = this.#adding;
    return html`<details class="new" ?open=${isFirst}>
      <summary>New assistant</summary>
      <form class="row" @submit=${(event: SubmitEvent) => void this.#add(event)}>
        ${form.field(
          'name',
          'Its name',
          html`<input name="name" required maxlength="100" autocomplete="off" aria-invalid=${form.isWrong('name')} />`,
        )}
        <button class="primary" ?disabled=${form.isBusy}>Make it</button>
      </form>
      ${form.verdict(['name'])}
    </details>`;
  }

  #editor({ saved, versions: rows }: Open, draft: Draft, choices: Choices) {
    const said = new Set<string>();
    const editing: Editing = {
      ...{ draft, choices, said, form: this.#saving },
      change: (change) => {
        if (this.draft !== undefined) this.draft = { ...this.draft, ...change };
      },
      focus: (selector) => void this.#focus(selector),
    };
    const preview = this.mayChange
      ? html`<vjj-voice-preview
          .api=${this.api}
          tenant=${this.tenant}
          assistant=${saved.id}
          voice=${draft.voice}
        ></vjj-voice-preview>`
      : nothing;
    const count = (number: number, none: string) => (number === 0 ? none : `${number} set here`);
    return html`<form
      class="stack"
      novalidate
      aria-label="The assistant"
      @submit=${(event: SubmitEvent) => {
        event.preventDefault();
        void this.#save();
      }}
      @keydown=${this.#typed}
    >
      ${this.mayChange ? nothing : html`<p class="quiet">You may look. An admin of the tenant may change it.</p>`}
      <fieldset class="stack" ?disabled=${!this.mayChange} aria-label="What it is">
        ${basics(editing, preview)} ${folded('Reflexes', '', reflexes(editing))}
        ${folded('Functions', saved.tools.length === 0 ? 'none' : String(saved.tools.length), tools(editing))}
        ${folded('Policy', '', policy(editing))}
        ${folded('Lanes', count(Object.keys(draft.lanes).length, "the relay's"), knobs(editing))}
        ${folded(
          'Versions',
          String(rows.length),
          versions(rows, this.mayChange ? (version) => void this.#restore(version) : undefined),
        )}
      </fieldset>
      ${this.mayChange ? this.#bar(saved, [...said]) : nothing}
    </form>`;
  }

  #bar({ version }: Assistant, said: readonly string[]) {
    const form = this.#saving;
    const isUnsaved = this.#isUnsaved;
    return html`<div class="bar">
      <p>${isUnsaved ? html`<b>Not saved yet</b>` : html`<span class="quiet">Version ${version}, saved</span>`}</p>
      ${
        isUnsaved
          ? html`<button type="button" class="plain" @click=${() => void this.#askDiscard()}>Discard</button>`
          : nothing
      }
      <button class="primary" aria-keyshortcuts="Control+S" ?disabled=${form.isBusy || !isUnsaved}>
        Save as version ${version + 1}
      </button>
      ${form.verdict(said)} ${this.isOutdated ? this.#outdated() : nothing}
    </div>`;
  }
  #outdated() {
    return html`<div class="row" role="alert">
      <p>Somebody else has saved a newer version. What you have changed is still here.</p>
      <button type="button" @click=${() => void this.#catchUp(true)}>Keep mine on top of theirs</button>
      <button type="button" class="danger" @click=${() => void this.#catchUp(false)}>Drop mine, load theirs</button>
    </div>`;
  }

  #test({ saved }: Open) {
    return html`<vjj-test-call
      .api=${this.api}
      tenant=${this.tenant}
      assistant=${saved.id}
      name=${saved.name}
      .version=${saved.version}
      .isUnsaved=${this.#isUnsaved}
    ></vjj-test-call>`;
  }
}

function folded(name: string, note: string, content: TemplateResult): TemplateResult {
  return html`<details class="card">
    <summary>
      <h2>${name}</h2>
      <span class="quiet small">${note}</span>
    </summary>
    <div class="stack">${content}</div>
  </details>`;
}
