/** Who the assistant is: name, model, voice, language, what it is told, what it says at once. */
import { html, type TemplateResult } from 'lit';
import { areaField, checkField, choiceField, textField, withOwn, type Editing } from './fields.ts';

/** @param preview - Lets a voice be heard; nothing for who may not. */
export function basics(editing: Editing, preview: unknown): TemplateResult {
  const { draft, choices, change } = editing;
  return html`<section class="stack" aria-labelledby="basics">
    <h2 id="basics">Who answers</h2>
    <div class="two">
      ${textField(editing, {
        at: 'name',
        name: 'Name',
        hint: 'as callers see it',
        value: draft.name,
        longest: 100,
        set: (name) => change({ name }),
      })}
      ${textField(editing, {
        at: 'locale',
        name: 'Language',
        hint: 'that it begins in, as a tag such as en-US',
        value: draft.locale,
        list: 'locales',
        set: (locale) => change({ locale: locale.trim() }),
      })}
      <datalist id="locales">${choices.locales.map((tag) => html`<option value=${tag}></option>`)}</datalist>
      ${choiceField(editing, {
        at: 'model',
        name: 'Model',
        value: draft.model,
        options: withOwn(choices.models, draft.model),
        set: (model) => change({ model }),
      })}
      <div class="voice">
        ${choiceField(editing, {
          at: 'voice',
          name: 'Voice',
          value: draft.voice,
          options: withOwn(choices.voices, draft.voice),
          set: (voice) => change({ voice }),
        })}
        ${preview}
      </div>
    </div>
    ${areaField(editing, {
      at: 'instructions',
      name: 'Instructions',
      hint: 'who it is, what it knows, how it speaks; it is heard, not read',
      value: draft.instructions,
      rows: 10,
      set: (instructions) => change({ instructions }),
    })}
  </section>`;
}

export function reflexes(editing: Editing): TemplateResult {
  const { reflex } = editing.draft;
  const field = (kind: 'neutral' | 'affirmative', name: string, hint: string) =>
    areaField(editing, {
      ...{ at: `reflex.${kind}`, name, hint, value: reflex[kind], rows: 4 },
      set: (text) => editing.change({ reflex: { ...reflex, [kind]: text } }),
    });
  return html`<p class="quiet">
      Said within a moment while the answer is on its way, in the assistant's voice. One phrase a line, each under a
      second. Empty: those of the language.
    </p>
    <div class="two">
      ${field('neutral', 'After anything', 'such as “Let me see”')}
      ${field('affirmative', 'After a request', 'such as “Sure”')}
    </div>`;
}

export function tools(editing: Editing): TemplateResult {
  const { draft, change } = editing;
  return html`${checkField({
    name: 'Pages may offer functions of their own',
    hint: 'Any script on an allowed page can then add to what the model may call.',
    value: draft.pageTools,
    set: (pageTools) => change({ pageTools }),
  })}
  ${areaField(editing, {
    at: 'tools',
    name: 'Functions that the page must serve',
    hint: 'a JSON list of name, description and parameters (JSON Schema)',
    value: draft.tools,
    rows: 10,
    isCode: true,
    partAt: (below) => {
      const [index, ...rest] = below.split('.');
      return [`Function ${Number(index) + 1}`, ...rest].join(', ');
    },
    placeholder:
      '[{ "name": "book_table", "description": "Books a table.", "parameters": { "type": "object", "properties": {} } }]',
    set: (text) => change({ tools: text }),
  })}`;
}
