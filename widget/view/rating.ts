/** How it was: five steps and, if wanted, a word. Asked once, after the call. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Face } from './face.ts';
import { icons } from './icons.ts';

const STEPS = [1, 2, 3, 4, 5];

export function rating({ labels, mayRate, isRated, on }: Face): TemplateResult | typeof nothing {
  if (isRated) return html`<p class="drawer thanks" part="rating">${labels.thanks}</p>`;
  if (!mayRate) return nothing;
  const ends = ['', labels.ratePoor, '', '', '', labels.rateGood];
  return html`
    <form
      class="drawer rating"
      part="rating"
      @submit=${(event: SubmitEvent) => {
        event.preventDefault();
        const said = new FormData(event.target as HTMLFormElement);
        const comment = said.get('comment');
        on.rate(Number(said.get('score')), typeof comment === 'string' ? comment.trim() : '');
      }}
    >
      <fieldset>
        <legend>${labels.rateTitle}</legend>
        ${STEPS.map(
          (step) => html`
            <label>
              <input
                type="radio"
                name="score"
                value=${step}
                aria-label=${[step, ends[step]].filter(Boolean).join(', ')}
              />
              <span aria-hidden="true">${step}</span>
            </label>
          `,
        )}
        <span class="ends" aria-hidden="true"><span>${ends[1]}</span><span>${ends[5]}</span></span>
      </fieldset>
      <div class="composer">
        <input
          name="comment"
          autocomplete="off"
          maxlength="500"
          dir="auto"
          aria-label=${labels.comment}
          placeholder=${labels.comment}
        />
        <button class="quiet" part="button" type="submit" aria-label=${labels.send} title=${labels.send}>
          ${icons.send}
        </button>
      </div>
    </form>
  `;
}
