/** What differs: the pill and its panel, the card, the row; small screens, less motion, forced colours. */
import { css } from 'lit';

export const variants = css`
  .panel.launcher {
    max-inline-size: calc(100vw - 2 * var(--vjj-inset, 20px));
    max-block-size: calc(100dvh - 2 * var(--vjj-inset, 20px));
    border-radius: var(--_radius);
    box-shadow: var(--vjj-shadow, 0 16px 48px -12px rgb(0 0 0 / 0.32));
    animation: arrive var(--_ms) ease-out;
  }
  .panel.inline,
  .panel.bar {
    inline-size: auto;
    block-size: auto;
  }
  .inline .words {
    min-block-size: 104px;
  }
  .inline .log {
    max-block-size: max(260px, 17em);
  }
  .row {
    display: flex;
    align-items: center;
    gap: 4px;
    padding: 4px 8px 12px;
    padding-inline-start: 20px;
  }
  .row .thread-row {
    flex: 1;
    min-inline-size: 0;
    padding-inline: 8px 4px;
  }
  .bar .row {
    padding: 8px;
    padding-inline-start: 12px;
  }
  .tools {
    display: flex;
    margin-inline-start: auto;
  }
  .bar .middle {
    flex: 2;
    min-inline-size: 0;
    padding-inline-start: 12px;
  }
  .bar .words {
    display: block;
    padding: 0;
    overflow: hidden;
    block-size: 1.45em;
  }
  .bar .line.current,
  .bar .welcome,
  .bar .line .said {
    display: block;
    margin: 0;
    font-size: 1em;
    line-height: 1.45;
    white-space: nowrap;
    overflow: hidden;
    text-overflow: ellipsis;
  }
  .bar .still,
  .bar .line:not(.current),
  .bar .line .who {
    display: none;
  }
  .bar .problem,
  .bar .question {
    block-size: auto;
    padding-block: 4px;
  }
  .bar .problem {
    display: flex;
    flex-flow: row wrap;
    align-items: center;
    gap: 8px 16px;
  }
  .bar .sentence {
    flex: 1 1 16em;
    font-size: 1em;
  }
  .bar .problem .answers {
    margin: 0;
  }
  .bar .question .sentence {
    font-weight: 600;
  }
  .bar .row:has(.problem, .question) .thread-row {
    display: none;
  }
  @keyframes arrive {
    from {
      opacity: 0;
      transform: translateY(8px);
    }
  }
  @media (max-width: 480px) {
    :host([variant='launcher'][open]) {
      inset: auto 0 0;
    }
    .panel.launcher {
      inline-size: 100%;
      max-inline-size: 100%;
      block-size: min(max(560px, 37em), 100dvh - 24px);
      max-block-size: none;
      border-width: 1px 0 0;
      border-radius: var(--_radius) var(--_radius) 0 0;
      padding-block-end: env(safe-area-inset-bottom);
    }
    .bar .row {
      flex-wrap: wrap;
    }
    .bar .middle {
      flex: 1 1 60%;
    }
    .bar .thread-row {
      flex: 1 1 30%;
      block-size: 44px;
    }
  }
  @media (prefers-reduced-motion: reduce) {
    * {
      animation: none !important;
      transition: none !important;
    }
  }
  @media (forced-colors: active) {
    .mic,
    .action {
      border: 1px solid ButtonText;
    }
    .mic.talking {
      background: Highlight;
      color: HighlightText;
      forced-color-adjust: none;
    }
    .thread path {
      stroke: CanvasText;
    }
    .unheard,
    .cut {
      color: GrayText;
    }
    .quiet[aria-expanded='true'] {
      border: 1px solid Highlight;
    }
    .thread path[data-voice='agent'] {
      stroke: Highlight;
    }
  }
`;
