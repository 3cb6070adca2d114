/** The thread in small, as the launcher's sign: still, always. */
import { html, type TemplateResult } from 'lit';

export const threadSign = (): TemplateResult => html`
  <svg class="sign" viewBox="0 0 28 20" aria-hidden="true">
    <path d="M1 10h4c2 0 2-6 4-6s2 12 4 12 2-9 4-9 2 6 3.5 6 1.5-3 3-3H27" />
  </svg>
`;
