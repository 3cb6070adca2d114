/**
 * A call to the assistant from the console's own page, by the very script that customers load: what
 * is heard here is what they have. It knows the widget by its tag, its attributes and its events.
 */
import { LitElement, css, html, nothing } from 'lit';
import type { Api } from '../../api.ts';
import { theme } from '../../theme.ts';

/** Fetches and registers `<voice-jib-jab>`. */
export type LoadWidget = () => Promise<unknown>;

const loadWidget: LoadWidget = () => {
  const url = new URL('/voice-jib-jab.js', location.href).href;
  return import(url);
};

export class TestCall extends LitElement {
  static override readonly properties = {
    api: { attribute: false },
    tenant: {},
    assistant: {},
    name: {},
    version: { type: Number },
    isUnsaved: { attribute: false },
    load: { attribute: false },
    script: { state: true },
    calling: { state: true },
  };
  static override readonly styles = [
    theme,
    css`
      voice-jib-jab {
        display: block;
        inline-size: 100%;
      }
    `,
  ];
  declare api: Api;
  declare tenant: string;
  declare assistant: string;
  /** Of the assistant, as callers see it. */
  declare name: string;
  /** That is saved. */
  declare version: number;
  declare isUnsaved: boolean;
  /** The seam for tests. */
  declare load: LoadWidget;
  declare private script: 'loading' | 'here' | 'missing';
  /** The version of the call that runs. */
  declare private calling: number | undefined;

  constructor() {
    super();
    Object.assign(this, { script: 'loading', load: loadWidget, isUnsaved: false });
  }

  override firstUpdated(): void {
    void this.#load();
  }
  async #load(): Promise<void> {
    this.script = 'loading';
    try {
      await this.load();
      this.script = 'here';
    } catch {
      // The browser's reason is in its console; here only that the file did not come matters.
      this.script = 'missing';
    }
  }

  readonly #getToken = async (signal: AbortSignal): Promise<string> => {
    const params = { tenant: this.tenant, assistant: this.assistant };
    return (await this.api.call('testToken', { params, signal })).token;
  };

  protected override render() {
    const { calling, version } = this;
    const isOlder = calling !== undefined && calling !== version;
    return html`<section class="card stack" aria-labelledby="test">
      <h2 id="test">Try it</h2>
      <div>
        <p class="quiet small">
          A call speaks with version ${version}, as it is
          saved.${this.isUnsaved ? ' What you have changed since is not in it.' : ''} It counts like any conversation.
        </p>
        <div aria-live="polite" class="small">
          ${isOlder ? html`<p>This call began with version ${calling}. End it and start again to hear ${version}.</p>` : nothing}
        </div>
      </div>
      ${this.#widget()}
    </section>`;
  }

  #widget() {
    switch (this.script) {
      case 'loading':
        return html`<p class="quiet" role="status">Loading…</p>`;
      case 'missing':
        return html`<div role="alert">
          <p>The widget's script could not be loaded.</p>
          <p><button type="button" @click=${() => void this.#load()}>Try again</button></p>
        </div>`;
      case 'here':
        return html`<voice-jib-jab
          variant="inline"
          storage="none"
          resume="none"
          controlslist="norating"
          nohotkeys
          assistant=${this.assistant}
          .getToken=${this.#getToken}
          .strings=${{ assistant: this.name }}
          @start=${() => {
            this.calling = this.version;
          }}
          @end=${() => {
            this.calling = undefined;
          }}
        ></voice-jib-jab>`;
    }
  }
}
