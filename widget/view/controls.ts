/** What a person can press: the microphone first, then typing, stopping, ending. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Face } from './face.ts';
import { icons } from './icons.ts';

export function iconButton(
  label: string,
  icon: TemplateResult,
  press: () => void,
  { expanded, id }: { expanded?: boolean; id: string },
): TemplateResult {
  return html`
    <button
      class="quiet"
      type="button"
      part="button"
      data-id=${id}
      aria-label=${label}
      title=${label}
      aria-expanded=${expanded ?? nothing}
      @click=${press}
    >
      <slot name="icon-${id}">${icon}</slot>
    </button>
  `;
}

/** What pressing the microphone does now, in words. */
export function micLabel({ labels, turn, isBusy, isLive, isTalking, isMicOff }: Face): string {
  if (turn === 'hold') return isTalking ? labels.letGoToSend : labels.holdToTalk;
  if (turn === 'toggle') return isTalking ? labels.tapToSend : labels.tapToTalk;
  if (!isBusy) return labels.start;
  if (!isLive) return labels.cancel;
  return isMicOff ? labels.unmuteMic : labels.muteMic;
}

export function microphone(face: Face): TemplateResult {
  const { isBusy, isDisabled, isTalking, turn, on } = face;
  const label = micLabel(face);
  return html`
    <button
      class="mic ${isTalking ? 'talking' : ''} ${isBusy ? 'live' : ''}"
      part="mic button"
      data-id="mic"
      type="button"
      aria-label=${label}
      title=${label}
      aria-pressed=${turn === 'auto' ? nothing : isTalking}
      ?disabled=${isDisabled}
      @click=${on.micClick}
      @pointerdown=${on.micDown}
      @pointerup=${on.micUp}
      @pointercancel=${on.micUp}
      @lostpointercapture=${on.micUp}
      @contextmenu=${(event: Event) => event.preventDefault()}
      @keydown=${on.micDown}
      @keyup=${on.micUp}
      @blur=${on.micUp}
    >
      <slot name="icon-mic">${micIcon(face)}</slot>
    </button>
  `;
}

function micIcon({ isBusy, isLive, isMicOff, turn }: Face): TemplateResult {
  if (turn !== 'auto' || !isBusy) return icons.mic;
  if (!isLive) return icons.close;
  return isMicOff ? icons.micOff : icons.mic;
}

export function keyboardButton({ labels, showsComposer, without, on }: Face): TemplateResult | typeof nothing {
  if (without.has('text')) return nothing;
  return iconButton(labels.keyboard, icons.keyboard, on.composer, { expanded: showsComposer, id: 'keyboard' });
}

export function settingsButton({ labels, showsSettings, without, on }: Face): TemplateResult | typeof nothing {
  if (without.has('volume') && without.has('devices')) return nothing;
  return iconButton(labels.settings, icons.settings, on.settings, { expanded: showsSettings, id: 'settings' });
}

export function endButton({ labels, isBusy, on }: Face): TemplateResult | typeof nothing {
  if (!isBusy) return nothing;
  return html`<button class="quiet word" type="button" part="button" data-id="end" @click=${on.end}>
    ${labels.end}
  </button>`;
}

export function interruptButton({ labels, isInterruptible, on }: Face): TemplateResult | typeof nothing {
  if (!isInterruptible) return nothing;
  return iconButton(labels.interrupt, icons.stop, on.interrupt, { id: 'interrupt' });
}

export function composer({ labels, isDisabled, showsComposer, on }: Face): TemplateResult | typeof nothing {
  if (!showsComposer) return nothing;
  return html`
    <form class="composer" part="composer" @submit=${on.submit}>
      <input
        part="input"
        data-id="input"
        name="text"
        type="text"
        autocomplete="off"
        enterkeyhint="send"
        maxlength="2000"
        dir="auto"
        aria-label=${labels.write}
        placeholder=${labels.write}
        ?disabled=${isDisabled}
      />
      <button class="quiet" part="button" type="submit" aria-label=${labels.send} title=${labels.send}>
        ${icons.send}
      </button>
    </form>
  `;
}
