/** What conversations came to, in four large figures. */
import { css, html, type TemplateResult } from 'lit';
import type { AnswerOf } from '../../http/api/routes.ts';
import { countText, lengthText, moneyText } from './format.ts';

export const figureStyles = css`
  .figures {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(150px, 1fr));
    gap: 12px;
  }
  .figures dt {
    font-size: 13px;
    color: var(--quiet);
  }
  .figures dd {
    font-size: 24px;
    font-variant-numeric: tabular-nums;
    letter-spacing: -0.01em;
  }
`;

/** @param days - How many they cover, said to whoever does not see them. */
export function figures({ sessions, turns, talkMs, cost }: AnswerOf<'usage'>['total'], days: number): TemplateResult {
  const shown = [
    ['Conversations', countText(sessions)],
    ['Turns', countText(turns)],
    ['Talked', lengthText(talkMs)],
    ['Cost', moneyText(cost)],
  ];
  return html`<dl class="figures" aria-label=${`The last ${days} days`}>
    ${shown.map(
      ([name, value]) =>
        html`<div class="card">
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`;
}
