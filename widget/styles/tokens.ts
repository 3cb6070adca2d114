/** Colours in pairs for light and dark, each of which can be set from outside, and the ground that all else stands on. */
import { css } from 'lit';

export const tokens = css`
  :host {
    --_surface: var(--vjj-surface, light-dark(#ffffff, #121214));
    --_raised: var(--vjj-raised, light-dark(#f6f6f3, #1b1b1f));
    --_line: var(--vjj-line, light-dark(#e2e2dc, #2e2e34));
    --_text: var(--vjj-text, light-dark(#17171a, #f3f3f0));
    --_quiet: var(--vjj-quiet, light-dark(#5c5c63, #a3a3ab));
    --_faint: var(--vjj-faint, light-dark(#73737a, #85858e));
    --_accent: var(--vjj-accent, light-dark(oklch(52% 0.17 262), oklch(74% 0.13 262)));
    --_on-accent: var(--vjj-on-accent, light-dark(#ffffff, #0d0d12));
    --_warn: var(--vjj-warn, light-dark(oklch(52% 0.13 70), oklch(80% 0.13 80)));
    --_bad: var(--vjj-bad, light-dark(oklch(52% 0.19 25), oklch(72% 0.16 25)));
    --_radius: var(--vjj-radius, 16px);
    --_ms: var(--vjj-duration, 160ms);
    display: block;
    font: inherit;
    font-family: var(--vjj-font, inherit);
    line-height: 1.45;
    color: var(--_text);
    text-align: start;
    letter-spacing: normal;
    -webkit-text-size-adjust: 100%;
  }
  :host([theme='auto']) {
    color-scheme: light dark;
  }
  :host([theme='light']) {
    color-scheme: light;
  }
  :host([theme='dark']) {
    color-scheme: dark;
  }
  :host([hidden]),
  :host([variant='headless']),
  [hidden] {
    display: none !important;
  }
  *,
  *::before {
    box-sizing: border-box;
  }
  p {
    margin: 0;
  }
  .visually-hidden {
    position: absolute;
    inline-size: 1px;
    block-size: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
`;
