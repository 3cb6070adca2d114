/** What opens under the words: settings, or how it was. */
import { css } from 'lit';

export const drawer = css`
  .drawer {
    flex: none;
    margin: 0;
    padding: 8px 20px 12px;
    border-block-start: 1px solid var(--_line);
  }
  /* In a row as wide as the page. */
  .drawer > * {
    max-inline-size: 32rem;
  }
  .settings label {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    column-gap: 16px;
    padding-block: 4px;
    font-size: 0.8667em;
    color: var(--_quiet);
  }
  .settings label > span {
    flex: 1 1 6em;
  }
  .settings select,
  .settings input {
    flex: 3 1 12em;
    min-inline-size: 0;
    min-block-size: 44px;
    margin: 0;
    font: inherit;
    color: var(--_text);
    accent-color: var(--_text);
  }
  .settings select {
    padding-inline: 10px;
    background: var(--_raised);
    border: 1px solid var(--_line);
    border-radius: 10px;
    text-overflow: ellipsis;
  }
  .meter {
    block-size: 4px;
    margin-block: 2px 8px;
    border-radius: 2px;
    background: var(--_line);
  }
  .meter::before {
    content: '';
    display: block;
    block-size: 100%;
    inline-size: calc(var(--_level, 0) * 100%);
    border-radius: inherit;
    background: var(--_text);
  }
  .rating fieldset {
    display: grid;
    grid-template-columns: repeat(5, 1fr);
    gap: 4px 8px;
    border: 0;
    margin: 0;
    padding: 0;
  }
  .rating legend {
    padding: 4px 0 8px;
    font-weight: 600;
  }
  .rating label {
    position: relative;
    display: grid;
    place-items: center;
    min-block-size: 44px;
    border: 1px solid var(--_line);
    border-radius: 10px;
    cursor: pointer;
    font-variant-numeric: tabular-nums;
  }
  .rating label:hover {
    background: var(--_raised);
  }
  .rating label:has(:checked) {
    color: var(--_surface);
    background: var(--_text);
    border-color: var(--_text);
  }
  .rating label:has(:focus-visible) {
    outline: 2px solid var(--_text);
    outline-offset: 2px;
  }
  .rating [type='radio'] {
    position: absolute;
    inset: -1px;
    inline-size: calc(100% + 2px);
    block-size: calc(100% + 2px);
    margin: 0;
    opacity: 0;
    cursor: pointer;
  }
  .ends {
    grid-column: 1 / -1;
    display: flex;
    justify-content: space-between;
    font-size: 0.8667em;
    color: var(--_quiet);
  }
  .rating .composer {
    margin: 8px 0 4px;
  }
  .rating:not(:has(:checked)) .composer {
    display: none;
  }
  .thanks {
    padding-block: 16px;
    font-weight: 600;
  }
  @media (forced-colors: active) {
    .meter::before {
      background: Highlight;
      forced-color-adjust: none;
    }
    .rating label:has(:checked) {
      background: Highlight;
      color: HighlightText;
      forced-color-adjust: none;
    }
  }
`;
