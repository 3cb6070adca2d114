/** Lets the chosen voice be heard before it is saved: one sentence, spoken by the model. */
import { LitElement, css, html, nothing } from 'lit';
import { ApiProblem, type Api } from '../../api.ts';
import { theme } from '../../theme.ts';

type Preview = { is: 'idle' } | { is: 'asking' } | { is: 'heard'; url: string } | { is: 'failed'; why: string };

export class VoicePreview extends LitElement {
  static override readonly properties = {
    api: { attribute: false },
    tenant: {},
    assistant: {},
    voice: {},
    preview: { state: true },
  };
  static override readonly styles = [
    theme,
    css`
      audio {
        inline-size: 100%;
        block-size: 44px;
        margin-block-start: 8px;
      }
    `,
  ];
  declare api: Api;
  declare tenant: string;
  /** Its id; its saved model and language speak. */
  declare assistant: string;
  declare voice: string;
  declare private preview: Preview;
  #asking = new AbortController();

  constructor() {
    super();
    this.preview = { is: 'idle' };
  }

  #become(preview: Preview): void {
    if (this.preview.is === 'heard') URL.revokeObjectURL(this.preview.url);
    this.preview = preview;
  }

  async #hear(): Promise<void> {
    this.#asking.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    this.#become({ is: 'asking' });
    try {
      const params = { tenant: this.tenant, assistant: this.assistant };
      const sound = await this.api.sound('previewVoice', { params, body: { voice: this.voice }, signal });
      if (signal.aborted) return;
      this.#become({ is: 'heard', url: URL.createObjectURL(sound) });
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ApiProblem)) throw error;
      this.#become({ is: 'failed', why: error.message });
    }
  }

  protected override willUpdate(changed: ReadonlyMap<PropertyKey, unknown>): void {
    // What was heard was another voice.
    if (!changed.has('voice') || this.preview.is === 'idle') return;
    this.#asking.abort();
    this.#become({ is: 'idle' });
  }
  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#asking.abort();
    this.#become({ is: 'idle' });
  }

  protected override render() {
    const { preview } = this;
    return html`<button type="button" ?disabled=${preview.is === 'asking'} @click=${() => void this.#hear()}>
        ${preview.is === 'asking' ? 'Asking…' : 'Hear it'}<span class="visually-hidden">: the voice ${this.voice}</span>
      </button>
      <div aria-live="polite">${preview.is === 'failed' ? html`<p class="wrong">${preview.why}</p>` : nothing}</div>
      ${
        preview.is === 'heard'
          ? html`<audio controls autoplay src=${preview.url} aria-label=${`The voice ${this.voice}`}></audio>`
          : nothing
      }`;
  }
}
