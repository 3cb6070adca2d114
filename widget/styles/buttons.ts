/** Everything that can be pressed: at least 44 px, with a ring when the keyboard is there. */
import { css } from 'lit';

export const buttons = css`
  .panel:focus,
  .question:focus {
    outline: 0;
  }
  /* They grow with the text, as far as their button holds them. */
  .icon {
    inline-size: clamp(20px, 1.25em, 32px);
    block-size: clamp(20px, 1.25em, 32px);
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
  }
  .quiet.word {
    inline-size: auto;
    padding-inline: 12px;
    font-size: 0.9375em;
  }
  .quiet:hover,
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
    inline-size: clamp(24px, 1.5em, 36px);
    block-size: clamp(24px, 1.5em, 36px);
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
`;
