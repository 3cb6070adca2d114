/**
 * The words, the thread and what surrounds them. The log is laid out from its end, so that it stays at
 * the newest line by itself, and where a reader has scrolled to.
 */
import { css } from 'lit';

export const panel = css`
  .panel {
    display: flex;
    flex-direction: column;
    inline-size: var(--vjj-panel-inline-size, 380px);
    max-inline-size: 100%;
    block-size: max(560px, 37em);
    max-block-size: 100%;
    overflow: hidden;
    background: var(--_surface);
    border: 1px solid var(--_line);
    border-radius: var(--_radius);
  }
  header {
    flex: none;
    display: flex;
    align-items: center;
    min-block-size: 56px;
    padding: 6px;
    padding-inline-start: 20px;
  }
  .title {
    flex: 1;
    min-inline-size: 0;
    display: flex;
    flex-wrap: wrap;
    column-gap: 0.9em;
    overflow: hidden;
  }
  .name {
    font-weight: 600;
    white-space: nowrap;
    overflow: hidden;
    text-overflow: ellipsis;
  }
  .state {
    color: var(--_quiet);
  }
  /* In the gap before it; at the start of a line it is cut off. */
  .state::before {
    content: '·' / '';
    display: inline-block;
    inline-size: 0.9em;
    margin-inline-start: -0.9em;
    text-align: center;
    color: var(--_quiet);
  }
  .state[data-standing='error'] {
    color: var(--_bad);
  }
  .state[data-standing='held'],
  .state[data-standing='reconnecting'] {
    color: var(--_warn);
  }
  .words {
    flex: 1;
    min-block-size: 0;
    overflow-y: auto;
    overscroll-behavior: contain;
    overflow-wrap: anywhere;
    scrollbar-width: thin;
    scrollbar-color: var(--_line) transparent;
    display: flex;
    flex-direction: column;
    gap: 12px;
    padding: 12px 20px;
  }
  .words.log {
    flex-direction: column-reverse;
  }
  .lines {
    display: flex;
    flex-direction: column;
    gap: 12px;
  }
  .words > :first-child {
    margin-block-start: auto;
  }
  .welcome {
    font-size: 1.5em;
    line-height: 1.3;
    text-wrap: balance;
  }
  .line {
    font-size: 0.8125em;
    color: var(--_quiet);
  }
  .who {
    font-weight: 600;
    font-size: 0.8125rem;
    color: var(--_quiet);
  }
  .line .who {
    font-size: inherit;
    margin-inline-end: 6px;
  }
  .line.current {
    font-size: 1.25em;
    line-height: 1.4;
    color: var(--_text);
    text-wrap: pretty;
  }
  .line.current > span {
    display: block;
  }
  .line.current .who {
    font-size: 0.65em;
    margin-block-end: 2px;
  }
  .unheard,
  .cut {
    color: var(--_faint);
  }
  .line:not(.current) .unheard {
    color: inherit;
  }
  .cut {
    text-decoration-thickness: 1px;
  }
  .sentence {
    font-size: 1.25em;
    line-height: 1.4;
    text-wrap: pretty;
    margin-block-start: auto;
  }
  .welcome.still {
    color: var(--_quiet);
  }
  [inert] {
    opacity: 0.4;
  }
  .thread-row {
    flex: none;
    display: flex;
    align-items: center;
    block-size: 56px;
  }
  .thread-row .quiet {
    margin-inline: 4px 6px;
  }
  .strip {
    flex: 1;
    min-inline-size: 0;
    display: flex;
    justify-content: flex-end;
    overflow: hidden;
  }
  .thread {
    flex: none;
    inline-size: max(100%, 320px);
    block-size: 48px;
    fill: none;
    stroke-linecap: round;
    stroke-linejoin: round;
    stroke-width: 1.75px;
  }
  .thread path {
    vector-effect: non-scaling-stroke;
    stroke: var(--_faint);
    stroke-width: 1.5px;
  }
  .thread path[data-voice='user'] {
    stroke: var(--_text);
  }
  .thread path[data-voice='agent'] {
    stroke: var(--_accent);
  }
  [data-standing='held'] .thread path {
    stroke-dasharray: 0.1 6;
    stroke-width: 2.5px;
  }
  [data-standing='reconnecting'] [data-voice='rest'],
  [data-standing='error'] [data-voice='rest'] {
    stroke: var(--_line);
    stroke-dasharray: 14 10;
  }
  .strip:dir(rtl) .thread {
    scale: -1 1;
  }
  footer {
    flex: none;
    display: grid;
    grid-template-columns: 1fr auto 1fr;
    align-items: center;
    padding: 4px 8px 14px;
  }
  footer > div {
    display: flex;
  }
  .mic + div {
    justify-content: end;
  }
  .hint {
    grid-column: 1 / -1;
    justify-self: center;
    margin-block-start: 8px;
    font-size: 0.8125em;
    color: var(--_quiet);
  }
  .composer {
    flex: none;
    display: flex;
    align-items: center;
    margin: 0 20px 8px;
    border: 1px solid var(--_line);
    border-radius: 12px;
    background: var(--_raised);
  }
  .composer input {
    flex: 1;
    min-inline-size: 0;
    min-block-size: 44px;
    padding-inline: 14px 4px;
    font: inherit;
    font-size: max(1em, 16px);
    color: inherit;
    background: none;
    border: 0;
    outline: 0;
  }
  /* What is not written yet has no direction of its own. */
  .composer input:placeholder-shown {
    direction: inherit;
  }
  .composer input::placeholder {
    color: var(--_faint);
    opacity: 1;
  }
  .composer:has(input:focus-visible) {
    outline: 2px solid var(--_text);
    outline-offset: 2px;
  }
`;
