/**
 * What a person must answer before anything goes on: consent before the first word, and a function of
 * the page that runs only if it may. It stands where the words were, and all else waits.
 */
import { html, type TemplateResult } from 'lit';
import type { Face } from './face.ts';

/** The question that is open now, if any. */
export function question(face: Face): TemplateResult | null {
  const { labels, isAskingConsent, confirmation, on } = face;
  if (isAskingConsent) {
    const text = html`<slot name="consent">${labels.consentText}</slot>`;
    return asked('consent', labels.consentTitle, text, [labels.agree, labels.decline], on.agree);
  }
  if (!confirmation) return null;
  const text = html`
    <bdi>${confirmation.description || confirmation.name}</bdi>
    <dl>
      ${Object.entries(confirmation.args).map(
        ([name, value]) => html`
          <dt>${name}</dt>
          <dd><bdi>${typeof value === 'string' ? value : JSON.stringify(value)}</bdi></dd>
        `,
      )}
    </dl>
  `;
  return asked('confirmation', labels.confirmTitle, text, [labels.confirm, labels.refuse], on.confirm);
}

function asked(
  part: string,
  title: string,
  text: TemplateResult,
  [yes, no]: readonly [string, string],
  answer: (isYes: boolean) => void,
): TemplateResult {
  return html`
    <div
      class="words question"
      part=${part}
      role="alertdialog"
      aria-labelledby="asked"
      aria-describedby="about"
      tabindex="-1"
      data-id="question"
      @keydown=${(event: KeyboardEvent) => {
        if (event.key !== 'Escape') return;
        event.stopPropagation();
        answer(false);
      }}
    >
      <p class="sentence" id="asked">${title}</p>
      <div class="about" id="about">${text}</div>
      <div class="answers">
        <button class="action" part="button button-primary" type="button" data-id="yes" @click=${() => answer(true)}>
          ${yes}
        </button>
        <button class="action plain" part="button" type="button" data-id="no" @click=${() => answer(false)}>
          ${no}
        </button>
      </div>
    </div>
  `;
}
