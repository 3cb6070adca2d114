/** The words: older lines small, the current line large; heard solid, unheard faint, cut struck through. */
import { html, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { TranscriptEntry, TranscriptWord, WordState } from '../call/transcript.ts';
import type { Labels } from '../labels/labels.ts';
import type { Face } from './face.ts';
import { question } from './question.ts';

export function words(face: Face): TemplateResult {
  const { entries, labels, showsCaptions, standing, isText } = face;
  const asked = question(face);
  if (asked) return asked;
  if (face.error) return problem(face);
  if (!showsCaptions) {
    // The header says it to everybody; here it is large.
    const state = html`<p class="welcome still" aria-hidden="true">${labels.states[standing]}</p>`;
    return html`<div class="words" part="transcript">${state}</div>`;
  }
  if (entries.length === 0) {
    return html`<div class="words" part="transcript">
      <p class="welcome" part="message"><slot name="empty">${isText ? labels.welcomeText : labels.welcome}</slot></p>
    </div>`;
  }
  const current = entries.length - 1;
  return html`
    <div class="words log" part="transcript" role="log" aria-live="off" aria-label=${labels.conversation} tabindex="0">
      <div class="lines">
        ${repeat(
          entries,
          ({ id }) => id,
          (entry, index) => line(entry, index === current, face),
        )}
      </div>
    </div>
  `;
}

/** Heard words that stay before the newest one where there is room for one row. */
const ROW_WORDS = 4;
/** Words ahead of the voice: enough to read along, not a page to wait for. */
const AHEAD_WORDS = 14;
/** Of what was cut off, enough to see that it was. */
const CUT_WORDS = 6;

function line(entry: TranscriptEntry, isCurrent: boolean, { variant, labels, name }: Face): TemplateResult {
  const { role } = entry;
  const heard = entry.words.findLastIndex(({ state }) => state === 'heard') + 1;
  const first = variant === 'bar' && role === 'agent' ? Math.max(0, heard - ROW_WORDS) : 0;
  const isCut = entry.words.at(-1)?.state === 'cut';
  const shown = entry.words.slice(first, heard + (isCut ? CUT_WORDS : AHEAD_WORDS));
  const isMore = first + shown.length < entry.words.length;
  return html`
    <p class="line ${isCurrent ? 'current' : ''}" part="message message-${role}" data-role=${role}>
      <span class="who">${role === 'user' ? labels.you : name}</span>
      <span class="said" dir="auto"
        >${runs(shown).map(({ state, text }) => run(state, text, labels))}${isMore ? html`<span class="unheard">…</span>` : nothing}</span
      >
    </p>
  `;
}

function run(state: WordState, text: string, labels: Labels): TemplateResult {
  switch (state) {
    case 'heard':
      return html`<span class="heard" part="word-heard">${text}</span>`;
    case 'unheard':
      return html`<span class="unheard">${text}</span>`;
    case 'cut':
      return html`<s class="cut"><span class="visually-hidden">(${labels.cut}) </span>${text}</s>`;
    default:
      return state satisfies never;
  }
}

/** Neighbours of one state become one span: a page of words stays a few elements. */
function runs(list: readonly TranscriptWord[]): TranscriptWord[] {
  const joined: TranscriptWord[] = [];
  for (const word of list) {
    const last = joined.at(-1);
    if (last?.state === word.state) joined[joined.length - 1] = { state: word.state, text: last.text + word.text };
    else joined.push(word);
  }
  return joined;
}

/** One sentence and one action, in the place where the words were. */
function problem({ error, labels, showsComposer, without, on }: Face): TemplateResult {
  if (!error) return html`${nothing}`;
  // Without a microphone one can always type; where that is not the action itself, it is the other one.
  const mayType = error.code.startsWith('MIC_') && error.recovery !== 'text' && !showsComposer && !without.has('text');
  return html`
    <div class="words problem" part="error">
      <slot name="error-${error.code}">
        <p class="sentence">${labels.errors[error.code]}</p>
        <div class="answers">
          <button class="action" part="button button-primary" type="button" @click=${on.recover}>
            ${labels.actions[error.recovery]}
          </button>
          ${
            mayType
              ? html`<button class="action plain" part="button" type="button" @click=${on.composer}>
                  ${labels.actions.text}
                </button>`
              : nothing
          }
        </div>
      </slot>
    </div>
  `;
}
