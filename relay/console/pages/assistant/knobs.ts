/** The knobs of an assistant's lanes: what the relay has, and what this one has instead. */
import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import { withKnob, type Knob, type KnobValue } from './draft.ts';
import { optionsOf, type Editing } from './fields.ts';

const UNITS: readonly (readonly [string, string])[] = [
  ['_MS', 'ms'],
  ['_DB', 'dBFS'],
];
const unitOf = ({ name }: Knob) => UNITS.find(([end]) => name.endsWith(end))?.[1] ?? '';

/** `MIN_DELAY_BEFORE_REFLEX_MS` as people read it; the unit is said beside the field. */
const nameOf = ({ name }: Knob) => {
  const words = name
    .replace(/_(MS|DB)$/, '')
    .toLowerCase()
    .replaceAll('_', ' ');
  return (words.charAt(0).toUpperCase() + words.slice(1)).replace('Lane a', 'Lane A');
};

const textOf = (value: KnobValue | undefined): string => {
  if (value === undefined) return 'unset';
  return typeof value === 'boolean' ? (value ? 'on' : 'off') : String(value);
};

export function knobs(editing: Editing): TemplateResult {
  return html`<p class="quiet">
      Who may be heard, and when. What is not set here is as the relay has it, also when an operator changes that.
    </p>
    <ul class="knobs">
      ${editing.choices.knobs.map((knob) => row(editing, knob))}
    </ul>`;
}

function row(editing: Editing, knob: Knob): TemplateResult {
  const { draft, form, said, change } = editing;
  const at = `lanes.${knob.name}`;
  const wrong = form.wrong.get(at);
  if (wrong !== undefined) said.add(at);
  const isOwn = Object.hasOwn(draft.lanes, knob.name);
  const set = (value: KnobValue | undefined) => change({ lanes: withKnob(draft.lanes, knob, value) });
  const id = `knob-${knob.name}`;
  return html`<li>
    <div>
      <label for=${id}>${nameOf(knob)}</label>
      <p class="quiet small" id=${`${id}-means`}>${knob.means}</p>
      ${wrong === undefined ? nothing : html`<p class="wrong" role="alert">${nameOf(knob)} ${wrong}.</p>`}
    </div>
    <div class="set">
      <span class="row">${control(knob, id, draft.lanes[knob.name], wrong !== undefined, set)} ${unitOf(knob)}</span>
      <p class="quiet small figure">
        ${
          isOwn
            ? html`<button
                type="button"
                class="plain"
                @click=${() => {
                  set(undefined);
                  editing.focus(`#${id}`);
                }}
              >
                Back to ${textOf(knob.value)}<span class="visually-hidden">, the relay's ${nameOf(knob)}</span>
              </button>`
            : `as the relay has it${knob.value === undefined ? ': unset' : ''}`
        }
      </p>
    </div>
  </li>`;
}

function control(
  knob: Knob,
  id: string,
  own: KnobValue | undefined,
  isWrong: boolean,
  set: (value: KnobValue | undefined) => void,
): TemplateResult {
  const value = own ?? knob.value;
  const options = knob.options ?? (isFlag(knob) ? ['on', 'off'] : undefined);
  const invalid = isWrong ? 'true' : 'false';
  if (options !== undefined)
    return html`<select
      id=${id}
      aria-describedby=${`${id}-means`}
      aria-invalid=${invalid}
      @change=${(event: Event) => {
        const chosen = (event.target as HTMLSelectElement).value;
        set(isFlag(knob) ? chosen === 'on' : chosen);
      }}
    >
      ${optionsOf(
        options.map((one) => [one, one]),
        textOf(value),
      )}
    </select>`;
  return html`<input
    id=${id}
    type="number"
    step="any"
    min=${knob.min ?? nothing}
    max=${knob.max ?? nothing}
    placeholder="unset"
    .value=${live(value === undefined ? '' : String(value))}
    aria-describedby=${`${id}-means`}
    aria-invalid=${invalid}
    @change=${(event: Event) => {
      const { valueAsNumber } = event.target as HTMLInputElement;
      set(Number.isNaN(valueAsNumber) ? undefined : valueAsNumber);
    }}
  />`;
}

/** One that has neither a range nor options. */
const isFlag = ({ value, min, options }: Knob) =>
  typeof value === 'boolean' || (min === undefined && options === undefined);
