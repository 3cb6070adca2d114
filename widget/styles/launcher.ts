/** The pill and where it stays: with the tokens, all that a closed launcher needs. */
import { css } from 'lit';

export const launcher = css`
  :host([variant='launcher']) {
    position: fixed;
    z-index: var(--vjj-z, 2147483000);
    inset-block: auto var(--vjj-inset, 20px);
    inset-inline: auto var(--vjj-inset, 20px);
  }
  :host([variant='launcher'][placement^='start']) {
    inset-inline: var(--vjj-inset, 20px) auto;
  }
  :host([variant='launcher'][placement$='top']) {
    inset-block: var(--vjj-inset, 20px) auto;
  }
  button {
    font: inherit;
    color: inherit;
    border: 0;
    margin: 0;
    padding: 0;
    background: none;
    cursor: pointer;
    -webkit-tap-highlight-color: transparent;
    touch-action: manipulation;
  }
  button:disabled {
    cursor: default;
    opacity: 0.5;
  }
  :focus-visible {
    outline: 2px solid var(--_text);
    outline-offset: 2px;
  }
  button.launcher {
    display: inline-flex;
    align-items: center;
    gap: 12px;
    min-block-size: 52px;
    padding-inline: 18px 22px;
    border-radius: 26px;
    font-weight: 600;
    color: var(--_text);
    background: var(--_surface);
    border: 1px solid var(--_line);
    box-shadow: var(--vjj-shadow, 0 8px 28px -8px rgb(0 0 0 / 0.24));
    transition: border-color var(--_ms) ease-out;
  }
  button.launcher:hover {
    border-color: var(--_quiet);
  }
  .sign {
    inline-size: 28px;
    block-size: 20px;
    fill: none;
    stroke: var(--_accent);
    stroke-width: 1.75;
    stroke-linecap: round;
    stroke-linejoin: round;
  }
  @media (prefers-reduced-motion: reduce) {
    button.launcher {
      transition: none;
    }
  }
  @media (forced-colors: active) {
    button.launcher {
      border: 1px solid ButtonText;
    }
    .sign {
      stroke: CanvasText;
    }
  }
`;
