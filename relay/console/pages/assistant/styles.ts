/** How the editor lies: the call beside it where there is room, below it where there is not. */
import { css } from 'lit';

export const styles = css`
  :host {
    container-type: inline-size;
  }
  .columns {
    display: grid;
    gap: 32px;
  }
  .columns > aside {
    min-inline-size: 0;
  }
  .list {
    display: flex;
    flex-wrap: wrap;
    gap: 8px;
    list-style: none;
  }
  .list a {
    display: inline-flex;
    align-items: center;
    min-block-size: 44px;
    padding-inline: 14px;
    border: 1px solid var(--line);
    border-radius: 999px;
    color: var(--text);
    text-decoration: none;
  }
  .list a:hover {
    background: var(--raised);
  }
  .list a[aria-current='page'] {
    border-color: var(--text);
    font-weight: 600;
  }
  .two {
    display: grid;
    gap: 16px;
  }
  .voice {
    display: grid;
    gap: 8px;
  }
  fieldset {
    min-inline-size: 0;
    margin: 0;
    padding: 0;
    border: 0;
  }
  fieldset.card {
    padding: 16px;
    border: 1px solid var(--line);
  }
  legend {
    padding-inline: 6px;
    font-size: 13px;
    font-weight: 600;
    color: var(--quiet);
  }
  .hint {
    font-weight: 400;
  }
  .wrong {
    overflow-wrap: anywhere;
  }
  details.card {
    padding: 0 20px;
  }
  details[open] {
    padding-block-end: 20px;
  }
  summary {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 4px 12px;
    min-block-size: 56px;
    cursor: pointer;
  }
  .new summary {
    display: inline-flex;
    min-block-size: 44px;
    color: var(--accent);
  }
  .new summary::after {
    margin: 0;
    color: inherit;
  }
  .new form {
    max-inline-size: 480px;
  }
  summary::marker,
  summary::-webkit-details-marker {
    display: none;
  }
  summary::after {
    content: '+';
    margin-inline-start: auto;
    font-size: 18px;
    color: var(--quiet);
  }
  details[open] > summary::after {
    content: '\\2013';
  }
  section section + section,
  .stack > section + section {
    padding-block-start: 20px;
    border-block-start: 1px solid var(--line);
  }
  h3 {
    font-size: 15px;
  }
  .knobs,
  .versions {
    list-style: none;
  }
  .knobs li {
    display: grid;
    gap: 8px 20px;
    padding-block: 12px;
    border-block-start: 1px solid var(--line);
  }
  .knobs label {
    font-size: 15px;
  }
  .knobs .row {
    flex-wrap: nowrap;
  }
  .set input,
  .set select {
    inline-size: 120px;
    font-variant-numeric: tabular-nums;
  }
  .set button {
    margin-inline-start: -16px;
    font-size: 13px;
  }
  .checks {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(200px, 1fr));
  }
  .versions li {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    justify-content: space-between;
    gap: 4px 12px;
    min-block-size: 48px;
    border-block-start: 1px solid var(--line);
  }
  .bar {
    position: sticky;
    inset-block-end: 0;
    z-index: 2;
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 8px 12px;
    padding-block: 12px;
    border-block-start: 1px solid var(--line);
    background: var(--surface);
  }
  .bar p:first-child {
    flex: 1 1 64px;
  }
  .bar .plain {
    padding-inline: 8px;
  }
  td select {
    inline-size: 100%;
    max-inline-size: 190px;
  }
  .bar [aria-live] {
    flex: 1 1 100%;
  }
  input,
  select,
  textarea,
  button,
  summary {
    scroll-margin-block: 24px 120px;
  }
  form.row {
    align-items: flex-end;
  }
  form.row label {
    flex: 1 1 220px;
  }
  @container (min-width: 480px) {
    .two {
      grid-template-columns: repeat(2, minmax(0, 1fr));
    }
    .knobs li {
      grid-template-columns: minmax(0, 1fr) 200px;
    }
  }
  @container (min-width: 840px) {
    .columns {
      grid-template-columns: minmax(0, 1fr) minmax(300px, 340px);
    }
    .columns > aside {
      position: sticky;
      inset-block-start: 16px;
      align-self: start;
    }
  }
`;
