/**
 * Fields of the editor, all of one kind: a name, a hint, and what the relay found wrong, at the
 * field or at one of the lines in it. Functions without state; what was typed goes to `change`.
 */
import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import type { FormController } from '../../parts/form.ts';
import { linesOf, type Choices, type Draft, type PolicyDraft } from './draft.ts';

/** What the parts of the editor are given. */
export interface Editing {
  draft: Draft;
  choices: Choices;
  form: FormController;
  /** Paths of what is wrong and said at a field; the rest is said below all. */
  said: Set<string>;
  change: (change: Partial<Draft>) => void;
  /** Puts the cursor there once it is shown. */
  focus: (selector: string) => void;
}

export function changePolicy({ draft, change }: Editing, policy: Partial<PolicyDraft>): void {
  change({ policy: { ...draft.policy, ...policy } });
}

const valueOf = (event: Event) => (event.target as HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement).value;

export interface Field<T> {
  /** Path of the field in what is sent, as the relay names it. */
  at: string;
  name: string;
  value: T;
  hint?: string;
  set: (value: T) => void;
}

/** A name, its control, and what is wrong: at the path itself, and at what lies below it. */
function framed(
  { form, said }: Editing,
  { at, name, hint }: Pick<Field<unknown>, 'at' | 'name' | 'hint'>,
  control: (isWrong: 'true' | 'false') => TemplateResult,
  partAt: (below: string) => string = (below) => below,
): TemplateResult {
  const below = [...form.wrong].filter(([path]) => path.startsWith(`${at}.`));
  for (const path of [at, ...below.map(([one]) => one)]) if (form.wrong.has(path)) said.add(path);
  const isWrong = form.wrong.has(at) || below.length > 0 ? 'true' : 'false';
  const faults = below.map(([path, message]) => {
    return html`<span class="wrong" role="alert">${partAt(path.slice(at.length + 1))} ${message}.</span>`;
  });
  return form.field(at, name, html`${control(isWrong)} ${faults}`, hint);
}

export interface TextField extends Field<string> {
  /** Id of a list of suggestions. */
  list?: string;
  placeholder?: string;
  longest?: number;
}

export function textField(editing: Editing, field: TextField): TemplateResult {
  const { value, set, list, placeholder, longest } = field;
  return framed(
    editing,
    field,
    (isWrong) =>
      html`<input
        name=${field.at}
        .value=${live(value)}
        list=${list ?? nothing}
        placeholder=${placeholder ?? nothing}
        maxlength=${longest ?? nothing}
        autocomplete="off"
        aria-invalid=${isWrong}
        @input=${(event: Event) => set(valueOf(event))}
      />`,
  );
}

export interface AreaField extends Field<string> {
  rows: number;
  placeholder?: string;
  /** JSON or patterns rather than prose. */
  isCode?: boolean;
  /** How people know what lies at a path below; a line, in its own words, without it. */
  partAt?: (below: string) => string;
}

/** Text of several lines; what is wrong with a line names the line. */
export function areaField(editing: Editing, field: AreaField): TemplateResult {
  const { value, set, rows, placeholder, isCode = false } = field;
  const { partAt = (below: string) => `“${linesOf(value)[Number(below)] ?? below}”` } = field;
  return framed(
    editing,
    field,
    (isWrong) =>
      html`<textarea
        name=${field.at}
        rows=${rows}
        class=${isCode ? 'mono' : ''}
        spellcheck=${isCode ? 'false' : 'true'}
        placeholder=${placeholder ?? nothing}
        .value=${live(value)}
        aria-invalid=${isWrong}
        @input=${(event: Event) => set(valueOf(event))}
      ></textarea>`,
    partAt,
  );
}

export interface ChoiceField<T extends string> extends Field<T> {
  options: readonly (readonly [T, string])[];
}

export function choiceField<T extends string>(editing: Editing, field: ChoiceField<T>): TemplateResult {
  return framed(
    editing,
    field,
    (isWrong) =>
      html`<select
        name=${field.at}
        aria-invalid=${isWrong}
        @change=${(event: Event) => {
          const [value] = field.options.find(([one]) => one === valueOf(event)) ?? [];
          if (value !== undefined) field.set(value);
        }}
      >
        ${optionsOf(field.options, field.value)}
      </select>`,
  );
}
export const optionsOf = (options: readonly (readonly [string, string])[], chosen: string) =>
  options.map(([value, text]) => html`<option value=${value} .selected=${live(value === chosen)}>${text}</option>`);

/** Those that are offered, and what is set already though it is not. */
export const withOwn = (offered: readonly string[], own: string): [string, string][] =>
  (offered.includes(own) ? offered : [own, ...offered]).map((one) => [one, one]);

export function checkField({ name, value, hint, set }: Omit<Field<boolean>, 'at'>): TemplateResult {
  return html`<label class="check"
    ><input
      type="checkbox"
      .checked=${live(value)}
      @change=${(event: Event) => set((event.target as HTMLInputElement).checked)}
    />
    <span>${name} ${hint === undefined ? nothing : html`<span class="quiet small">${hint}</span>`}</span>
  </label>`;
}
