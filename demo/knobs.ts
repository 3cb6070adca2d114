/**
 * The arbiter's knobs of the demo's assistant, as controls: what is set holds from the next call on. Beside
 * each stands what the call under way has, where that is something else. A relay without a demo tenant
 * answers nothing here; then only the call's own values are shown.
 */
import { make } from './page.ts';

type Value = number | string | boolean;
interface Knob {
  name: string;
  /** The relay's; absent: unset. */
  value?: Value;
  means: string;
  min?: number;
  max?: number;
  options?: string[];
  /** The assistant's own; null: the relay's holds. */
  own: Value | null;
}
interface Problem {
  advice?: string;
  errors?: { at: string; message: string }[];
}

const ADDRESS = '/api/demo/knobs';

export class Knobs {
  readonly #list: HTMLElement;
  readonly #verdict: HTMLElement;
  readonly #changed: (name: string, value: string) => void;
  #knobs: Knob[] = [];
  #live: Record<string, Value> = {};

  /** @param changed - Is told of each knob that was set. */
  constructor(list: HTMLElement, verdict: HTMLElement, changed: (name: string, value: string) => void) {
    this.#list = list;
    this.#verdict = verdict;
    this.#changed = changed;
  }

  async load(): Promise<void> {
    const answer = await fetch(ADDRESS).catch(() => null);
    if (!answer?.ok) return;
    this.#knobs = ((await answer.json()) as { knobs: Knob[] }).knobs;
    this.#show();
  }

  /** What the call that began has. */
  show(live: Record<string, Value>): void {
    this.#live = live;
    this.#show();
  }

  /** All as the relay has them. */
  async reset(): Promise<void> {
    await this.#set(Object.fromEntries(this.#knobs.map(({ name }) => [name, null])), 'all knobs');
  }

  async #set(change: Record<string, Value | null>, what: string): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    const how = { method: 'PATCH', headers, body: JSON.stringify(change) };
    const answer = await fetch(ADDRESS, how).catch(() => null);
    const body: unknown = await answer?.json().catch(() => null);
    if (answer?.ok === true) {
      this.#knobs = (body as { knobs: Knob[] }).knobs;
      const values = Object.values(change).map((value) => (value === null ? 'as the relay has it' : String(value)));
      this.#verdict.textContent = 'Set. It holds from the next call on.';
      this.#changed(what, values.length === 1 ? (values[0] ?? '') : 'as the relay has them');
    } else {
      const { advice, errors } = (body ?? {}) as Problem;
      const [error] = errors ?? [];
      this.#verdict.textContent = error
        ? `Not set: ${what} ${error.message}.`
        : `Not set: ${advice ?? 'the relay does not answer.'}`;
    }
    this.#show();
  }

  #show(): void {
    const focused = document.activeElement?.id;
    const rows = this.#knobs.length > 0 ? this.#knobs.map((knob) => this.#row(knob)) : this.#plain();
    this.#list.replaceChildren(...rows);
    if (focused?.startsWith('knob-')) document.getElementById(focused)?.focus();
  }

  /** Where nothing can be set. */
  #plain(): HTMLElement[] {
    return Object.entries(this.#live).map(([name, value]) => {
      const row = make('div');
      row.append(make('span', name, 'knob-name'), make('span', String(value)));
      return row;
    });
  }

  #row(knob: Knob): HTMLElement {
    const { name, means, value, own } = knob;
    const row = make('div');
    const label = make('label', name, 'knob-name');
    const control = this.#control(knob);
    control.id = label.htmlFor = `knob-${name}`;
    const about = make('p', means, 'quiet');
    about.id = `about-${name}`;
    control.setAttribute('aria-describedby', about.id);
    const live = this.#live[name];
    const next = own ?? value;
    if (live !== undefined && live !== next) about.append(` This call: ${String(live)}.`);
    if (own !== null) about.append(` The relay’s: ${value === undefined ? 'unset' : String(value)}.`);
    row.append(label, control, about);
    row.classList.toggle('own', own !== null);
    return row;
  }

  #control({ name, value, own, min, max, options }: Knob): HTMLInputElement | HTMLSelectElement {
    const now = own ?? value;
    if (options || typeof value === 'boolean') {
      const control = make('select');
      for (const one of options ?? ['true', 'false']) control.append(new Option(one, one));
      control.value = String(now);
      control.addEventListener('change', () => {
        void this.#set({ [name]: options ? control.value : control.value === 'true' }, name);
      });
      return control;
    }
    const control = make('input');
    control.type = 'number';
    control.min = String(min ?? 0);
    if (max !== undefined) control.max = String(max);
    control.step = 'any';
    control.value = now === undefined ? '' : String(now);
    control.placeholder = value === undefined ? 'unset' : String(value);
    // An emptied field is the relay's own value again.
    control.addEventListener('change', () => {
      void this.#set({ [name]: control.value === '' ? null : control.valueAsNumber }, name);
    });
    return control;
  }
}
