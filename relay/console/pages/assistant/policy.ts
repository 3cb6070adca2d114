/** What may be said to and by the assistant: phrases, moderation, personal data, and what is said instead. */
import { html, nothing, type TemplateResult } from 'lit';
import { PII_KINDS, type Action, type PiiKind } from './draft.ts';
import { areaField, changePolicy, checkField, choiceField, optionsOf, textField, type Editing } from './fields.ts';
import { required, topics } from './topics.ts';

export const ACTIONS: readonly (readonly [Action, string])[] = [
  ['rewrite', 'Ask the model again'],
  ['refuse', 'Say the refusal'],
  ['escalate', 'Hand over to a person'],
  ['cancel_output', 'Cut it, say nothing'],
];
/** The same where there is little room. */
const SHORT: Record<Action, string> = {
  rewrite: 'Ask again',
  refuse: 'Refuse',
  escalate: 'Hand over',
  cancel_output: 'Cut',
};
const KINDS: Record<PiiKind, string> = {
  email: 'E-mail addresses',
  card: 'Card numbers',
  iban: 'Bank accounts (IBAN)',
  phone: 'Telephone numbers',
  name: 'Names, as below',
};
const SIDES = [
  ['input', "The user's words"],
  ['output', "The agent's words"],
] as const;

export function policy(editing: Editing): TemplateResult {
  return html`${phrases(editing)} ${moderation(editing)} ${topics(editing)} ${required(editing)} ${personal(editing)}
  ${sentences(editing)}`;
}

function phrases(editing: Editing): TemplateResult {
  const { disallowed, onDisallowed } = editing.draft.policy;
  return html`<section class="stack" aria-labelledby="phrases">
    <h3 id="phrases">Never said</h3>
    ${areaField(editing, {
      at: 'policy.disallowed',
      name: 'Phrases',
      hint: 'one a line, compared without case and punctuation',
      value: disallowed,
      rows: 4,
      set: (text) => changePolicy(editing, { disallowed: text }),
    })}
    ${choiceField(editing, {
      at: 'policy.onDisallowed',
      name: 'When the agent says one',
      value: onDisallowed,
      options: ACTIONS,
      set: (action) => changePolicy(editing, { onDisallowed: action }),
    })}
  </section>`;
}

function moderation(editing: Editing): TemplateResult {
  const { moderation: set } = editing.draft.policy;
  const change = (part: Partial<typeof set>) => changePolicy(editing, { moderation: { ...set, ...part } });
  return html`<section class="stack" aria-labelledby="moderation">
    <h3 id="moderation">Moderation</h3>
    <p class="quiet small">
      The provider's classes of harmful speech. Ask again: the model answers anew, without it. Refuse: the refusal is
      said. Hand over: a person is called. Cut: silence. A side on which nothing is set is not sent to the provider;
      self-harm can be handed over only.
    </p>
    <table>
      <thead>
        <tr>
          <th>Class</th>
          ${SIDES.map(([, name]) => html`<th>${name}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${editing.choices.moderationCategories.map(
          (category) =>
            html`<tr>
              <th scope="row" data-name="Class">${category}</th>
              ${SIDES.map(
                ([side, name]) => html`<td data-name=${name}>${categoryField(editing, category, side, name)}</td>`,
              )}
            </tr>`,
        )}
      </tbody>
    </table>
    ${checkField({
      name: 'An answer waits for the ruling on its question',
      hint: 'Otherwise it begins at once, and the ruling cuts what it forbids.',
      value: set.holdForInput,
      set: (holdForInput) => change({ holdForInput }),
    })}
    ${textField(editing, {
      at: 'policy.moderation.opening',
      name: 'Characters heard before the first ruling',
      hint: '0 to 60; saves the time of a slow endpoint, at the risk of a few words',
      value: String(set.opening),
      set: (text) => change({ opening: Number.parseInt(text, 10) || 0 }),
    })}
  </section>`;
}

function categoryField(editing: Editing, category: string, side: 'input' | 'output', sideName: string): TemplateResult {
  const { draft, form, said } = editing;
  const set = draft.policy.moderation;
  const at = `policy.moderation.${side}.${category}`;
  const wrong = form.wrong.get(at);
  if (wrong !== undefined) said.add(at);
  const offered = ACTIONS.filter(([action]) => !category.startsWith('self-harm') || action === 'escalate').map(
    ([action]) => [action, SHORT[action]] as const,
  );
  const choose = (chosen: string) => {
    const { [category]: _, ...rest } = set[side];
    const [action] = ACTIONS.find(([one]) => one === chosen) ?? [];
    const actions = action === undefined ? rest : { ...rest, [category]: action };
    changePolicy(editing, { moderation: { ...set, [side]: actions } });
  };
  return html`<select
      aria-label=${`${category}, ${sideName.toLowerCase()}`}
      aria-invalid=${form.isWrong(at)}
      @change=${(event: Event) => choose((event.target as HTMLSelectElement).value)}
    >
      ${optionsOf([['', 'Not set'], ...offered], set[side][category] ?? '')}
    </select>
    ${wrong === undefined ? nothing : html`<span class="wrong" role="alert">${category} ${wrong}.</span>`}`;
}

function personal(editing: Editing): TemplateResult {
  const { kinds, names } = editing.draft.policy;
  return html`<section class="stack" aria-labelledby="personal">
    <h3 id="personal">Personal data</h3>
    <p class="quiet small">Taken out of what is stored and sent on. What page and model hear stays as it is.</p>
    <div class="checks" role="group" aria-labelledby="personal">
      ${PII_KINDS.map((kind) =>
        checkField({
          name: KINDS[kind],
          value: kinds.includes(kind),
          set: (isOn) =>
            changePolicy(editing, { kinds: PII_KINDS.filter((one) => (one === kind ? isOn : kinds.includes(one))) }),
        }),
      )}
    </div>
    ${areaField(editing, {
      at: 'policy.pii.names',
      name: 'Names',
      hint: 'one regular expression a line, without groups that repeat',
      value: names,
      rows: 3,
      isCode: true,
      set: (text) => changePolicy(editing, { names: text }),
    })}
  </section>`;
}

function sentences(editing: Editing): TemplateResult {
  const said = editing.draft.policy;
  const field = (part: 'refusal' | 'fallback' | 'handover', name: string, hint: string) =>
    areaField(editing, {
      ...{ at: `policy.${part}`, name, hint, value: said[part], rows: 2 },
      set: (text) => changePolicy(editing, { [part]: text }),
    });
  return html`<section class="stack" aria-labelledby="sentences">
    <h3 id="sentences">Said instead</h3>
    ${field('refusal', 'Refusal', 'in place of an answer that policy blocks')}
    ${field('fallback', 'Fallback', 'when the model fails')}
    ${field('handover', 'Hand-over', 'when a person takes over; empty: “I am connecting you to a person.”')}
  </section>`;
}
