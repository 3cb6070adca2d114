/** Lists of the policy that grow: topics that are spoken of only so, and sentences that must be said. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Heard, TopicAction, TopicDraft, When } from './draft.ts';
import { areaField, changePolicy, choiceField, textField, type Editing } from './fields.ts';

const ACTIONS: readonly (readonly [TopicAction, string])[] = [
  ['rewrite', 'Ask the model again, with guidance'],
  ['refuse', 'Say the refusal'],
  ['escalate', 'Hand over to a person'],
  ['cancel_output', 'Cut it, say nothing'],
  ['disclaim', 'Answer, and say the disclaimer'],
];
const HEARD: readonly (readonly [Heard, string])[] = [
  ['both', 'Both'],
  ['input', "The user's"],
  ['output', "The agent's"],
];
const WHEN: readonly (readonly [When, string])[] = [
  ['first_answer', 'With the first answer'],
  ['every_answer', 'With every answer'],
];
const NEW_TOPIC: TopicDraft = { name: '', words: '', on: 'both', action: 'refuse', disclaimer: '', guidance: '' };

const without = <T>(rows: readonly T[], index: number) => rows.filter((_, at) => at !== index);
const put = <T>(rows: readonly T[], index: number, change: Partial<T>) =>
  rows.map((row, at) => (at === index ? { ...row, ...change } : row));

/** What is wrong with the list itself: too many, say. */
function wholeFault({ form, said }: Editing, at: string, name: string): unknown {
  const wrong = form.wrong.get(at);
  if (wrong === undefined) return nothing;
  said.add(at);
  return html`<p class="wrong" role="alert">${name} ${wrong}.</p>`;
}

export function topics(editing: Editing): TemplateResult {
  const { topics: rows } = editing.draft.policy;
  const set = (changed: TopicDraft[]) => changePolicy(editing, { topics: changed });
  return html`<section class="stack" aria-labelledby="topics">
    <h3 id="topics">Topics</h3>
    <p class="quiet small">Known by their words; regulated ones, such as medicine or investment.</p>
    ${rows.map((topic, index) => topicField(editing, topic, index))} ${wholeFault(editing, 'policy.topics', 'Topics')}
    <div>
      <button
        type="button"
        id="add-topic"
        @click=${() => {
          set([...rows, NEW_TOPIC]);
          editing.focus(`[name="policy.topics.${rows.length}.name"]`);
        }}
      >
        Add a topic
      </button>
    </div>
  </section>`;
}

function topicField(editing: Editing, topic: TopicDraft, index: number): TemplateResult {
  const { topics: rows } = editing.draft.policy;
  const at = (part: string) => `policy.topics.${index}.${part}`;
  const set = (change: Partial<TopicDraft>) => changePolicy(editing, { topics: put(rows, index, change) });
  return html`<fieldset class="card stack">
    <legend>Topic ${index + 1}</legend>
    <div class="two">
      ${textField(editing, {
        at: at('name'),
        name: 'Topic name',
        hint: 'a-z 0-9 -, for records',
        value: topic.name,
        longest: 40,
        set: (name) => set({ name }),
      })}
      ${choiceField(editing, {
        at: at('on'),
        name: 'Whose words',
        value: topic.on,
        options: HEARD,
        set: (on) => set({ on }),
      })}
    </div>
    ${areaField(editing, {
      at: at('words'),
      name: 'Words and phrases',
      hint: 'one a line',
      value: topic.words,
      rows: 3,
      set: (words) => set({ words }),
    })}
    ${choiceField(editing, {
      at: at('action'),
      name: 'What follows',
      value: topic.action,
      options: ACTIONS,
      set: (action) => set({ action }),
    })}
    ${
      topic.action === 'disclaim' || topic.disclaimer !== ''
        ? areaField(editing, {
            at: at('disclaimer'),
            name: 'Disclaimer',
            value: topic.disclaimer,
            rows: 2,
            set: (disclaimer) => set({ disclaimer }),
          })
        : nothing
    }
    ${
      topic.action === 'rewrite' || topic.guidance !== ''
        ? areaField(editing, {
            at: at('guidance'),
            name: 'Guidance',
            hint: 'what the model is told to do instead',
            value: topic.guidance,
            rows: 2,
            set: (guidance) => set({ guidance }),
          })
        : nothing
    }
    <div>
      <button
        type="button"
        class="plain"
        @click=${() => {
          changePolicy(editing, { topics: without(rows, index) });
          editing.focus('#add-topic');
        }}
      >
        Remove<span class="visually-hidden"> topic ${index + 1} ${topic.name}</span>
      </button>
    </div>
  </fieldset>`;
}

export function required(editing: Editing): TemplateResult {
  const { required: rows } = editing.draft.policy;
  const set = (index: number, change: Partial<(typeof rows)[number]>) =>
    changePolicy(editing, { required: put(rows, index, change) });
  return html`<section class="stack" aria-labelledby="required">
    <h3 id="required">Always said</h3>
    ${rows.map(
      ({ text, when }, index) =>
        html`<fieldset class="card stack">
          <legend>Sentence ${index + 1}</legend>
          ${areaField(editing, {
            at: `policy.required.${index}.text`,
            name: 'What is said',
            value: text,
            rows: 2,
            set: (changed) => set(index, { text: changed }),
          })}
          ${choiceField(editing, {
            at: `policy.required.${index}.when`,
            name: 'When',
            value: when,
            options: WHEN,
            set: (changed) => set(index, { when: changed }),
          })}
          <div>
            <button
              type="button"
              class="plain"
              @click=${() => {
                changePolicy(editing, { required: without(rows, index) });
                editing.focus('#add-required');
              }}
            >
              Remove<span class="visually-hidden"> sentence ${index + 1}</span>
            </button>
          </div>
        </fieldset>`,
    )}
    ${wholeFault(editing, 'policy.required', 'Sentences')}
    <div>
      <button
        type="button"
        id="add-required"
        @click=${() => {
          changePolicy(editing, { required: [...rows, { text: '', when: 'first_answer' }] });
          editing.focus(`[name="policy.required.${rows.length}.text"]`);
        }}
      >
        Add a sentence
      </button>
    </div>
  </section>`;
}
