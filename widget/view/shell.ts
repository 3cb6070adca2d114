/** The variants: the same parts, as a pill with a panel, a panel in the page, a card or one row. */
import { html, nothing, type TemplateResult } from 'lit';
import { composer, endButton, iconButton, interruptButton, keyboardButton, micLabel, microphone } from './controls.ts';
import type { Face } from './face.ts';
import { icons } from './icons.ts';
import { thread } from './thread.ts';
import { words } from './words.ts';

const title = ({ name, labels, standing }: Face): TemplateResult => html`
  <p class="title">
    <span class="name">${name}</span>
    <span class="dot" aria-hidden="true">·</span>
    <span class="state" part="status" data-standing=${standing}>${labels.states[standing]}</span>
  </p>
`;

const captionsButton = ({ labels, showsCaptions, on }: Face) =>
  iconButton(
    showsCaptions ? labels.hideCaptions : labels.showCaptions,
    showsCaptions ? icons.captions : icons.captionsOff,
    on.captions,
    { id: 'captions' },
  );

const soundButton = ({ labels, isMuted, on }: Face) =>
  iconButton(isMuted ? labels.unmuteSound : labels.muteSound, isMuted ? icons.soundOff : icons.sound, on.mute, {
    id: 'sound',
  });

const threadRow = (face: Face): TemplateResult => html`
  <div class="thread-row" data-standing=${face.standing}>${thread()}${interruptButton(face)}</div>
`;

function panel(face: Face): TemplateResult {
  const { variant, labels, name, on } = face;
  const isDialog = variant === 'launcher';
  return html`
    <section
      class="panel ${variant}"
      part="panel"
      role=${isDialog ? 'dialog' : 'region'}
      aria-label=${name}
      id="panel"
      tabindex="-1"
    >
      <header part="header">
        ${title(face)} ${captionsButton(face)} ${soundButton(face)}
        ${isDialog ? iconButton(labels.close, icons.close, on.close, { id: 'close' }) : nothing}
      </header>
      <slot name="header"></slot>
      ${words(face)} ${threadRow(face)} ${composer(face)}
      <footer part="footer">
        ${keyboardButton(face)} ${microphone(face)} ${endButton(face)}
        <p class="hint" aria-hidden="true">${micLabel(face)}</p>
      </footer>
    </section>
  `;
}

function inline(face: Face): TemplateResult {
  return html`
    <section class="panel inline" part="panel" role="region" aria-label=${face.name}>
      <header part="header">${title(face)} ${captionsButton(face)} ${soundButton(face)}</header>
      ${words(face)}
      <div class="row">
        ${microphone(face)} ${threadRow(face)} ${keyboardButton(face)} ${face.isBusy ? endButton(face) : nothing}
      </div>
      ${composer(face)}
    </section>
  `;
}

function bar(face: Face): TemplateResult {
  return html`
    <section class="panel bar" part="panel" role="region" aria-label=${face.name}>
      <div class="row">
        ${microphone(face)}
        <div class="middle">${title(face)} ${words(face)}</div>
        ${threadRow(face)} ${soundButton(face)} ${keyboardButton(face)} ${face.isBusy ? endButton(face) : nothing}
      </div>
      ${composer(face)}
    </section>
  `;
}

/** One variant, whole; of the launcher, what its pill opens. */
export function shell(face: Face): TemplateResult {
  switch (face.variant) {
    case 'launcher':
    case 'panel':
      return panel(face);
    case 'inline':
      return inline(face);
    case 'bar':
      return bar(face);
    default:
      return face.variant satisfies never;
  }
}
