/**
 * Questions that stop for an answer: whether something that cannot be undone is meant, and secrets
 * that are shown once. One element, asked through its two functions.
 */
import { LitElement, css, html, nothing, type TemplateResult } from 'lit';
import { theme } from '../theme.ts';

export interface Question {
  title: string;
  /** What follows, in a sentence. */
  consequence: string;
  /** On the button that does it. */
  action: string;
  /** What must be typed first, where it is a name. */
  typed?: string;
  isDangerous?: boolean;
}

export interface Secret {
  title: string;
  /** What it is for, and that it is not shown again. */
  note: string;
  secret: string;
}

type Shown = { is: 'question'; ask: Question } | { is: 'secret'; show: Secret };

export class Dialog extends LitElement {
  static override readonly properties = { shown: { state: true }, typed: { state: true } };
  static override readonly styles = [
    theme,
    css`
      dialog {
        inline-size: min(480px, calc(100vw - 32px));
        padding: 24px;
        border: 1px solid var(--line);
        border-radius: 16px;
        color: var(--text);
        background: var(--surface);
        box-shadow: var(--shadow);
      }
      dialog::backdrop {
        background: rgb(0 0 0 / 40%);
      }
      pre {
        padding: 12px;
        overflow-wrap: anywhere;
        white-space: pre-wrap;
        border-radius: 10px;
        background: var(--raised);
      }
      .row {
        justify-content: flex-end;
      }
    `,
  ];
  declare private shown: Shown | undefined;
  declare private typed: string;
  #answer: ((isYes: boolean) => void) | undefined;

  constructor() {
    super();
    this.typed = '';
  }

  /** @returns whether it was meant. */
  ask(question: Question): Promise<boolean> {
    return this.#open({ is: 'question', ask: question });
  }
  /** Resolves when the secret has been put away. */
  async show(secret: Secret): Promise<void> {
    await this.#open({ is: 'secret', show: secret });
  }

  async #open(shown: Shown): Promise<boolean> {
    this.#answer?.(false);
    this.shown = shown;
    this.typed = '';
    await this.updateComplete;
    return new Promise((resolve) => {
      this.#answer = resolve;
      this.renderRoot.querySelector('dialog')?.showModal();
    });
  }
  #close(isYes: boolean): void {
    const answer = this.#answer;
    this.#answer = undefined;
    this.shown = undefined;
    answer?.(isYes);
  }
  /** By Escape, say. The event of a dialog that was answered comes late: another may be open by then. */
  readonly #dismissed = ({ target }: Event) => {
    const dialog = this.renderRoot.querySelector('dialog');
    if (target === dialog && dialog?.open === false) this.#close(false);
  };
  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#close(false);
  }

  protected override render() {
    const { shown } = this;
    if (shown === undefined) return nothing;
    return html`<dialog aria-labelledby="title" aria-describedby="note" @close=${this.#dismissed}>
      <form class="stack" method="dialog" @submit=${() => this.#close(true)}>
        ${shown.is === 'question' ? this.#question(shown.ask) : this.#secret(shown.show)}
      </form>
    </dialog>`;
  }

  #question(ask: Question): TemplateResult {
    const { typed } = ask;
    const isReady = typed === undefined || this.typed === typed;
    return html`<h2 id="title">${ask.title}</h2>
      <p id="note">${ask.consequence}</p>
      ${
        typed === undefined
          ? nothing
          : html`<label
              >Type ${typed} to go on
              <input
                autocomplete="off"
                .value=${this.typed}
                @input=${(event: Event) => {
                  this.typed = (event.target as HTMLInputElement).value;
                }}
              />
            </label>`
      }
      <div class="row">
        <button type="button" @click=${() => this.#close(false)}>Cancel</button>
        <button class=${ask.isDangerous === true ? 'danger' : 'primary'} ?disabled=${!isReady}>${ask.action}</button>
      </div>`;
  }

  #secret({ title, note, secret }: Secret): TemplateResult {
    return html`<h2 id="title">${title}</h2>
      <p id="note">${note}</p>
      <pre tabindex="0">${secret}</pre>
      <div class="row">
        <vjj-copy .text=${secret} what="the secret"></vjj-copy>
        <button class="primary">I have stored it</button>
      </div>`;
  }
}

/** The console's one dialog; made at its first use. */
function dialog(): Dialog {
  const known = document.querySelector<Dialog>('vjj-dialog');
  if (known !== null) return known;
  const made = new Dialog();
  document.body.append(made);
  return made;
}
export const confirmed = (question: Question): Promise<boolean> => dialog().ask(question);
export const showOnce = (secret: Secret): Promise<void> => dialog().show(secret);
