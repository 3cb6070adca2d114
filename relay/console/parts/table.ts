/** Lists that tables share: sticky heads, rows that fold into blocks where it is narrow. */
import { css } from 'lit';

export const tableStyles = css`
  table {
    inline-size: 100%;
    border-collapse: collapse;
    font-size: 15px;
  }
  th,
  td {
    padding: 10px 12px 10px 0;
    text-align: start;
    vertical-align: baseline;
    border-block-end: 1px solid var(--line);
  }
  thead th {
    position: sticky;
    inset-block-start: 0;
    z-index: 1;
    font-size: 13px;
    font-weight: 600;
    color: var(--quiet);
    background: var(--surface);
  }
  td.figure,
  th.figure {
    text-align: end;
    font-variant-numeric: tabular-nums;
  }
  td.do {
    padding-block: 4px;
    text-align: end;
    white-space: nowrap;
  }
  td code {
    overflow-wrap: anywhere;
  }
  .state-active {
    color: var(--good);
  }
  .state-retiring,
  .state-upcoming {
    color: var(--warn);
  }
  .state-revoked,
  .state-retired {
    color: var(--quiet);
  }
  @media (max-width: 620px) {
    thead {
      position: absolute;
      clip-path: inset(50%);
      block-size: 1px;
      inline-size: 1px;
      overflow: hidden;
    }
    tr {
      display: block;
      padding-block: 8px;
      border-block-end: 1px solid var(--line);
    }
    td,
    tbody th,
    td.do,
    td.figure {
      display: flex;
      flex-wrap: wrap;
      align-items: baseline;
      justify-content: flex-end;
      gap: 0 6px;
      padding: 4px 0;
      border: 0;
      text-align: start;
      white-space: normal;
    }
    td:empty {
      display: none;
    }
    /* Many short figures: several in a line, each after its name. */
    .compact tr {
      display: flex;
      flex-wrap: wrap;
      gap: 0 16px;
    }
    .compact td,
    .compact td.figure,
    .compact tbody th {
      gap: 6px;
      justify-content: flex-start;
    }
    .compact tbody th,
    .compact td:has(code) {
      flex: 1 1 100%;
    }
    .compact tbody th::before,
    .compact td:has(code)::before {
      display: none;
    }
    td.do {
      justify-content: flex-start;
      margin-inline-start: -12px;
    }
    td.do:not(:has(button)) {
      margin-inline-start: 0;
    }
    td[data-name]::before,
    th[data-name]::before {
      content: attr(data-name);
      margin-inline-end: auto;
      padding-inline-end: 10px;
      font-size: 13px;
      font-weight: 600;
      color: var(--quiet);
    }
    .compact td::before {
      margin-inline-end: 0;
      padding-inline-end: 0;
    }
  }
`;
