/** The variants: the same parts, as a pill with a panel, a panel in the page, a card or one row. */
import { html, nothing, type TemplateResult } from 'lit';
import {
  composer,
  endButton,
  iconButton,
  interruptButton,
  keyboardButton,
  micLabel,
  microphone,
  settingsButton,
} from './controls.ts';
import type { Face } from './face.ts';
import { icons } from './icons.ts';
import { lazyDrawer } from './lazy-drawer.ts';
import { thread } from './thread.ts';
import { words } from './words.ts';

const title = ({ name, labels, standing }: Face): TemplateResult => html`
  <p class="title">
    <slot name="avatar"></slot>
    <span class="name">${name}</span>
    <span class="state" part="status" data-standing=${standing}>${labels.states[standing]}</span>
  </p>
`;

const captionsButton = ({ labels, showsCaptions, without, on }: Face) =>
  without.has('captions')
    ? nothing
    : iconButton(
        showsCaptions ? labels.hideCaptions : labels.showCaptions,
        showsCaptions ? icons.captions : icons.captionsOff,
        on.captions,
        { id: 'captions' },
      );

const soundButton = ({ labels, isMuted, without, on }: Face) =>
  without.has('mute')
    ? nothing
    : iconButton(isMuted ? labels.unmuteSound : labels.muteSound, isMuted ? icons.soundOff : icons.sound, on.mute, {
        id: 'sound',
      });

const threadRow = (face: Face): TemplateResult => html`
  <div class="thread-row" data-standing=${face.standing} ?inert=${isAsked(face)}>
    ${thread()}${interruptButton(face)}
  </div>
`;

/** While a question is open nothing else goes on. */
const isAsked = ({ isAskingConsent, confirmation }: Face) => isAskingConsent || confirmation !== null;

/** Not while a question is open. */
const drawer = (face: Face) => (isAsked(face) ? nothing : lazyDrawer(face));

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
      ${words(face)} ${drawer(face)} ${threadRow(face)}
      <div ?inert=${isAsked(face)}>
        ${composer(face)}
        <footer part="footer">
          <div>${keyboardButton(face)} ${settingsButton(face)}</div>
          ${microphone(face)}
          <div>${endButton(face)}</div>
          <p class="hint" aria-hidden="true">${micLabel(face)}</p>
        </footer>
        <slot name="footer"></slot>
      </div>
    </section>
  `;
}

function inline(face: Face): TemplateResult {
  return html`
    <section class="panel inline" part="panel" role="region" aria-label=${face.name}>
      <header part="header">${title(face)} ${captionsButton(face)} ${soundButton(face)} ${settingsButton(face)}</header>
      <slot name="header"></slot>
      ${words(face)} ${drawer(face)}
      <div class="row" ?inert=${isAsked(face)}>
        ${microphone(face)} ${threadRow(face)} ${keyboardButton(face)} ${endButton(face)}
      </div>
      <div ?inert=${isAsked(face)}>${composer(face)}</div>
      <slot name="footer"></slot>
    </section>
  `;
}

function bar(face: Face): TemplateResult {
  return html`
    <section class="panel bar" part="panel" role="region" aria-label=${face.name}>
      <div class="row">
        <div ?inert=${isAsked(face)}>${microphone(face)}</div>
        <div class="middle">${title(face)} ${words(face)}</div>
        ${threadRow(face)}
        <div class="tools" ?inert=${isAsked(face)}>
          ${soundButton(face)} ${keyboardButton(face)} ${settingsButton(face)} ${endButton(face)}
        </div>
      </div>
      ${drawer(face)}
      <div ?inert=${isAsked(face)}>${composer(face)}</div>
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
