/** The thread and the name, where somebody arrives and wherever they go. */
import { css, html } from 'lit';

export const brand = html`<p class="brand">
  <svg
    width="20"
    height="20"
    viewBox="0 0 32 32"
    fill="none"
    stroke="currentColor"
    stroke-width="2.5"
    stroke-linecap="round"
    aria-hidden="true"
  >
    <path d="M2 16h4c2.5 0 2.5-8 5-8s2.5 16 5 16 2.5-12 5-12 2.5 8 4.5 8 2-4 3.5-4h1" />
  </svg>
  Voice Jib-Jab
</p>`;

export const brandStyles = css`
  .brand {
    display: flex;
    align-items: center;
    gap: 8px;
    font-weight: 650;
    letter-spacing: -0.01em;
    white-space: nowrap;
  }
  .brand svg {
    color: var(--accent);
  }
`;
