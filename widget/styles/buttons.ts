/** Everything that can be pressed: at least 44 px, with a ring when the keyboard is there. */
import { css } from 'lit';

export const buttons = css`
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
  .panel:focus {
    outline: none;
  }
  .icon {
    inline-size: 20px;
    block-size: 20px;
    display: block;
    fill: none;
    stroke: currentColor;
    stroke-width: 1.5;
    stroke-linecap: round;
    stroke-linejoin: round;
  }
  .quiet {
    flex: none;
    inline-size: 44px;
    block-size: 44px;
    display: grid;
    place-items: center;
    border-radius: 10px;
    color: var(--_quiet);
    transition: background var(--_ms) ease-out;
  }
  .quiet.word {
    inline-size: auto;
    padding-inline: 12px;
    font-size: 0.9375em;
  }
  .quiet:hover {
    color: var(--_text);
    background: var(--_raised);
  }
  .quiet[aria-expanded='true'] {
    color: var(--_text);
    background: var(--_raised);
  }
  .mic {
    flex: none;
    inline-size: 56px;
    block-size: 56px;
    display: grid;
    place-items: center;
    border-radius: 50%;
    color: var(--_on-accent);
    background: var(--_accent);
    border: 1.5px solid var(--_accent);
    transition:
      transform var(--_ms) ease-out,
      background var(--_ms) ease-out;
    touch-action: none;
    user-select: none;
    -webkit-user-select: none;
  }
  .mic .icon {
    inline-size: 24px;
    block-size: 24px;
  }
  .mic.live {
    color: var(--_text);
    background: var(--_surface);
    border-color: var(--_text);
  }
  .mic.live:hover {
    background: var(--_raised);
  }
  :host([micmuted]) .mic.live {
    color: var(--_quiet);
    border-color: var(--_line);
    background: var(--_raised);
  }
  .mic.talking,
  .mic.talking:hover {
    color: var(--_surface);
    background: var(--_text);
    border-color: var(--_text);
    transform: scale(0.94);
    transition: none;
  }
  .action {
    min-block-size: 44px;
    padding: 0 20px;
    border-radius: 22px;
    font-weight: 600;
    color: var(--_surface);
    background: var(--_text);
  }
  .launcher {
    display: inline-flex;
    align-items: center;
    gap: 12px;
    min-block-size: 52px;
    padding: 0 22px 0 18px;
    padding-inline: 18px 22px;
    border-radius: 26px;
    font-weight: 600;
    color: var(--_text);
    background: var(--_surface);
    border: 1px solid var(--_line);
    box-shadow: var(--vjj-shadow, 0 8px 28px -8px rgb(0 0 0 / 0.24));
    transition: border-color var(--_ms) ease-out;
  }
  .launcher:hover {
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
`;
