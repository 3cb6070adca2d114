/** The thread's place on the page; who draws it is in `thread/`. */
import { html, type TemplateResult } from 'lit';
import { HEIGHT, WIDTH } from '../thread/trace.ts';

export const thread = (): TemplateResult => html`
  <div class="strip">
    <svg
      class="thread"
      part="visualizer"
      viewBox="0 0 ${WIDTH} ${HEIGHT}"
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <path data-voice="rest" />
      <path data-voice="user" />
      <path data-voice="agent" />
    </svg>
  </div>
`;
