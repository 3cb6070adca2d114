/** The look that every page of the console shares; colours are the tokens of `console.css`. */
import { css } from 'lit';

export const theme = css`
  :host {
    display: block;
  }
  *,
  *::before {
    box-sizing: border-box;
  }
  h1,
  h2,
  h3,
  p,
  dl,
  dd,
  ol,
  ul,
  pre,
  figure {
    margin: 0;
    padding: 0;
  }
  h1 {
    font-size: 24px;
    font-weight: 650;
    letter-spacing: -0.015em;
    line-height: 1.25;
  }
  h2 {
    font-size: 18px;
    font-weight: 600;
    letter-spacing: -0.01em;
  }
  h3 {
    font-size: 13px;
    font-weight: 600;
  }
  a {
    color: var(--accent);
  }
  code,
  pre,
  .mono {
    font-family: ui-monospace, 'SF Mono', Menlo, Consolas, monospace;
    font-size: 13px;
  }
  .quiet {
    color: var(--quiet);
  }
  .small {
    font-size: 13px;
  }
  .figure {
    font-variant-numeric: tabular-nums;
  }
  h1:focus {
    outline: none;
  }
  .stack {
    display: flex;
    flex-direction: column;
    gap: 16px;
  }
  .stack > section:not(.card),
  .stack > vjj-signing-keys,
  .stack > vjj-api-keys,
  .stack > vjj-revocations,
  .stack > vjj-audit-page {
    margin-block-start: 24px;
  }
  /* Where something may be said is not seen until it is. */
  .stack > [aria-live]:not(:has(*)) {
    margin-block-start: -16px;
  }
  .hint {
    font-weight: 400;
  }
  .row {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 12px;
  }
  .spread {
    justify-content: space-between;
  }
  .card {
    padding: 20px;
    border: 1px solid var(--line);
    border-radius: 10px;
  }
  button,
  .button {
    display: inline-flex;
    align-items: center;
    justify-content: center;
    min-block-size: 44px;
    padding: 8px 16px;
    border: 1px solid var(--control);
    border-radius: 999px;
    font: inherit;
    color: var(--text);
    background: var(--surface);
    text-decoration: none;
    cursor: pointer;
    transition: background var(--ms) ease-out;
  }
  button:hover:not(:disabled),
  .button:hover {
    background: var(--raised);
  }
  button.primary {
    border-color: transparent;
    color: var(--on-accent);
    background: var(--accent);
  }
  button.primary:hover:not(:disabled) {
    background: color-mix(in oklab, var(--accent), var(--text) 14%);
  }
  button.danger {
    color: var(--bad);
    border-color: currentcolor;
  }
  button.plain {
    padding-inline: 12px;
    border-color: transparent;
    background: none;
  }
  button:disabled {
    opacity: 0.55;
    cursor: default;
  }
  label {
    display: flex;
    flex-direction: column;
    gap: 4px;
    font-size: 13px;
    font-weight: 600;
  }
  input,
  select,
  textarea {
    min-block-size: 44px;
    inline-size: 100%;
    padding: 8px 12px;
    border: 1px solid var(--control);
    border-radius: 10px;
    font: inherit;
    font-size: 15px;
    font-weight: 400;
    color: var(--text);
    background: var(--surface);
  }
  textarea {
    resize: vertical;
  }
  input[type='checkbox'],
  input[type='radio'] {
    flex: none;
    inline-size: 20px;
    min-block-size: 20px;
    block-size: 20px;
    accent-color: var(--accent);
  }
  label.check {
    flex-direction: row;
    align-items: center;
    gap: 10px;
    min-block-size: 44px;
    font-size: 15px;
    font-weight: 400;
  }
  .wrong {
    color: var(--bad);
    font-size: 13px;
    font-weight: 400;
  }
  [aria-invalid='true'] {
    border-color: var(--bad);
  }
  :focus-visible {
    outline: 2px solid var(--text);
    outline-offset: 2px;
  }
  .visually-hidden {
    position: absolute;
    inline-size: 1px;
    block-size: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  [hidden] {
    display: none !important;
  }
`;
