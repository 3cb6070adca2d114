/** Our own line icons, 20 units wide, drawn in the current colour. They are never the only name of a control. */
import { html, svg, type SVGTemplateResult, type TemplateResult } from 'lit';

const icon = (body: SVGTemplateResult): TemplateResult =>
  html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true">${body}</svg>`;

const MIC = svg`<rect x="7.25" y="2.5" width="5.5" height="9.5" rx="2.75" /><path d="M4.5 9.5a5.5 5.5 0 0 0 11 0M10 15v2.5" />`;
const SPEAKER = svg`<path d="M3 8v4h2.5L9.5 15.5v-11L5.5 8z" />`;

export const icons = {
  mic: icon(MIC),
  micOff: icon(svg`${MIC}<path d="M3.5 3.5l13 13" />`),
  keyboard: icon(
    svg`<rect x="2.5" y="5" width="15" height="10" rx="2" /><path d="M5.5 8h.01M8.5 8h.01M11.5 8h.01M14.5 8h.01M7 12h6" />`,
  ),
  close: icon(svg`<path d="M5 5l10 10M15 5L5 15" />`),
  captions: icon(
    svg`<rect x="2.5" y="4.5" width="15" height="11" rx="2" /><path d="M8.5 8.6a1.8 1.8 0 1 0 0 2.8M14 8.6a1.8 1.8 0 1 0 0 2.8" />`,
  ),
  captionsOff: icon(
    svg`<path d="M6 15.5H4.5a2 2 0 0 1-2-2v-7c0-.6.3-1.2.7-1.5M8.5 4.5h7a2 2 0 0 1 2 2v7M3.5 3.5l13 13" />`,
  ),
  sound: icon(svg`${SPEAKER}<path d="M12.5 7.5a3.5 3.5 0 0 1 0 5M14.8 5.2a6.8 6.8 0 0 1 0 9.6" />`),
  soundOff: icon(svg`${SPEAKER}<path d="M13 8l4 4M17 8l-4 4" />`),
  stop: icon(svg`<rect x="5.5" y="5.5" width="9" height="9" rx="1.5" />`),
  settings: icon(
    svg`<path d="M2.5 6.5h7M14.5 6.5h3M2.5 13.5h3M10.5 13.5h7" /><circle cx="12" cy="6.5" r="2.25" /><circle cx="8" cy="13.5" r="2.25" />`,
  ),
  send: icon(svg`<path d="M10 16V4.5M5 9.5l5-5 5 5" />`),
};
