/**
 * A form that sends one thing: it waits, says which fields were wrong where they stand, and puts
 * the cursor into the first. The fields are its light children, told apart by their `name`.
 */
import { html, nothing, type ReactiveController, type ReactiveControllerHost, type TemplateResult } from 'lit';
import { ApiProblem } from '../api.ts';

export class FormController implements ReactiveController {
  /** Sent, and not yet answered. */
  isBusy = false;
  /** What was wrong, by the field's path. */
  wrong: ReadonlyMap<string, string> = new Map();
  /** What was wrong with the whole. */
  problem = '';
  /** Said after it went well. */
  done = '';
  /** Resolves when what was sent last is answered. */
  #running: Promise<void> = Promise.resolve();
  readonly #host: ReactiveControllerHost & HTMLElement;

  constructor(host: ReactiveControllerHost & HTMLElement) {
    this.#host = host;
    host.addController(this);
  }
  hostConnected(): void {
    this.wrong = new Map();
    this.problem = '';
    this.done = '';
  }

  /**
   * Sends, one after another.
   *
   * @param send - Throws {@link ApiProblem} for what was refused; anything else is a fault of ours.
   * @returns whether it went well.
   */
  async send(send: () => Promise<string | undefined>): Promise<boolean> {
    const before = this.#running;
    let finish: () => void = () => undefined;
    this.#running = new Promise((resolve) => {
      finish = resolve;
    });
    await before;
    Object.assign(this, { isBusy: true, wrong: new Map(), problem: '', done: '' });
    this.#host.requestUpdate();
    try {
      this.done = (await send()) ?? '';
      return true;
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error;
      this.wrong = new Map(error.errors.map(({ at, message }) => [at, message]));
      this.problem = error.errors.length > 0 ? '' : error.message;
      return false;
    } finally {
      this.isBusy = false;
      finish();
      this.#host.requestUpdate();
      await this.#host.updateComplete;
      this.#host.shadowRoot?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
    }
  }

  /** A field with its name and what is wrong with it. `control` carries `aria-invalid` by {@link isWrong}. */
  field(at: string, name: string, control: TemplateResult, hint?: string): TemplateResult {
    const wrong = this.wrong.get(at);
    return html`<label
      >${name} ${hint === undefined ? nothing : html`<span class="quiet hint">${hint}</span>`} ${control}
      ${wrong === undefined ? nothing : html`<span class="wrong" role="alert">${name} ${wrong}.</span>`}
    </label>`;
  }
  isWrong(at: string): 'true' | 'false' {
    return this.wrong.has(at) ? 'true' : 'false';
  }
  /** What is said of the whole, below its fields: what is wrong, fields unknown here included, or that it went well. */
  verdict(known: readonly string[] = []): TemplateResult {
    const rest = [...this.wrong].filter(([at]) => !known.includes(at));
    const wrong = [this.problem, ...rest.map(([at, message]) => `${at} ${message}.`)].filter((text) => text !== '');
    return html`<div aria-live="polite">
      ${wrong.map((text) => html`<p class="wrong">${text}</p>`)}
      ${this.done === '' ? nothing : html`<p class="quiet">${this.done}</p>`}
    </div>`;
  }
}

/** The texts of a form's fields by name. */
export function fieldsOf(form: HTMLFormElement): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [name, value] of new FormData(form)) if (typeof value === 'string') texts[name] = value;
  return texts;
}
