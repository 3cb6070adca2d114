/** The question that stands in the words' place, and its answers. */
import { css } from 'lit';

export const question = css`
  dl {
    display: grid;
    grid-template-columns: minmax(0, auto) minmax(0, 1fr);
    gap: 4px 16px;
    margin: 12px 0 0;
    font-size: 0.8667em;
  }
  dt {
    color: var(--_quiet);
  }
  dd {
    margin: 0;
  }
  .answers {
    display: flex;
    flex-wrap: wrap;
    gap: 8px;
    margin-block: 8px;
  }
  .action.plain {
    color: inherit;
    background: none;
    box-shadow: inset 0 0 0 1px var(--_line);
  }
  .action.plain:hover {
    background: var(--_raised);
  }
`;
