/** The closed widget: one pill with the thread and one word. It is all that a page shows before anything else is fetched. */
import { html, type TemplateResult } from 'lit';
import { threadSign } from './thread-sign.ts';

export interface LauncherFace {
  isOpen: boolean;
  isDisabled: boolean;
  word: string;
  /** The panel, where it is open. */
  panel: unknown;
  readonly press: () => void;
  /** A finger or key is on it: the press will follow. */
  readonly touch: () => void;
}

export function launcher({ isOpen, isDisabled, word, panel, press, touch }: LauncherFace): TemplateResult {
  return html`
    ${panel}
    <button
      class="launcher"
      part="launcher"
      type="button"
      data-id="launcher"
      aria-haspopup="dialog"
      aria-expanded=${isOpen}
      ?hidden=${isOpen}
      ?disabled=${isDisabled}
      @pointerdown=${touch}
      @click=${press}
    >
      <slot name="launcher">${threadSign()}<span>${word}</span></slot>
    </button>
  `;
}
