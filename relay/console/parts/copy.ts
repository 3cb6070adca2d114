/** A button that puts a text on the clipboard and says that it did. */
import { LitElement, css, html } from 'lit';
import { theme } from '../theme.ts';

/** How long it says "Copied", in milliseconds. */
const SAID_MS = 2_000;

export class Copy extends LitElement {
  static override readonly properties = { text: {}, what: {}, said: { state: true } };
  static override readonly styles = [
    theme,
    css`
      :host {
        display: inline-block;
      }
    `,
  ];
  declare text: string;
  /** What is copied, for the button's name. */
  declare what: string;
  declare private said: '' | 'Copied' | 'Select and copy it';
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.text = '';
    this.what = '';
    this.said = '';
  }
  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#timer);
  }

  async #copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(this.text);
      this.said = 'Copied';
    } catch {
      // Without permission, or on a page without https.
      this.said = 'Select and copy it';
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.said = '';
    }, SAID_MS);
  }

  protected override render() {
    return html`<button @click=${() => void this.#copy()}>
        ${this.said === '' ? 'Copy' : this.said}<span class="visually-hidden"> ${this.what}</span>
      </button>
      <span class="visually-hidden" role="status">${this.said}</span>`;
  }
}
