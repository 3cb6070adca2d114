/** The timeline as a drawing: rows over one time axis, holds hatched, kills marked, waits bracketed. */
import { LitElement, css, html, nothing, svg, type TemplateResult } from 'lit';
import { theme } from '../../theme.ts';
import { ROWS, type Mark, type Row, type Span, type Timeline } from './timeline.ts';

export const ROW_NAMES: Record<Row, string> = {
  you: 'You',
  A: 'Reflex',
  B: 'Answer',
  C: 'Control',
  tools: 'Tools',
  policy: 'Policy',
};
const GUTTER = 72;
const ROW_HEIGHT = 36;
const BAR = 14;
const AXIS = 28;
/** Room that a label of the axis needs, in pixels. */
const LABEL = 48;
/** Steps of the axis, in milliseconds; the first that leaves room is taken. */
const TICKS = [500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000];
const TICK_ROOM = 72;
const LEAST_PX_PER_S = 24;

/** @fires pick {CustomEvent<number>} - A record was pressed. */
export class TimelineView extends LitElement {
  static override readonly properties = {
    timeline: { attribute: false },
    now: { attribute: false },
    width: { state: true },
  };
  static override readonly styles = [
    theme,
    css`
      .scroll {
        overflow-x: auto;
        border: 1px solid var(--line);
        border-radius: 10px;
      }
      svg {
        display: block;
      }
      text {
        font-size: 13px;
        fill: var(--quiet);
      }
      .line,
      .tick {
        stroke: var(--line);
      }
      .you {
        fill: var(--text);
      }
      .A {
        fill: var(--good);
      }
      .B {
        fill: var(--accent);
      }
      .C,
      .tools,
      .policy {
        fill: var(--warn);
      }
      .hold {
        fill: url(#hatch);
      }
      #hatch path {
        stroke: var(--surface);
        stroke-width: 3;
      }
      .kill {
        fill: none;
        stroke: var(--bad);
        stroke-width: 2;
      }
      .turn {
        stroke: var(--text);
        stroke-width: 2;
      }
      .bracket {
        fill: none;
        stroke: var(--quiet);
      }
      .now {
        stroke: var(--bad);
      }
      rect,
      .mark {
        cursor: pointer;
      }
    `,
  ];
  declare timeline: Timeline;
  /** Where the reader is, in milliseconds. */
  declare now: number;
  /** Pixels there are. */
  declare private width: number;
  #sizes: ResizeObserver | undefined;

  constructor() {
    super();
    this.width = 800;
    this.now = 0;
  }
  override connectedCallback(): void {
    super.connectedCallback();
    this.#sizes = new ResizeObserver(([entry]) => {
      if (entry !== undefined) this.width = entry.contentRect.width;
    });
    this.#sizes.observe(this);
  }
  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#sizes?.disconnect();
  }

  #pick(at: number): void {
    this.dispatchEvent(new CustomEvent<number>('pick', { detail: at }));
  }

  protected override render(): TemplateResult {
    const { timeline } = this;
    const seconds = Math.max(1, timeline.endMs / 1000);
    const width = Math.max(this.width, GUTTER + 16 + seconds * LEAST_PX_PER_S);
    const scale = (width - GUTTER - 16) / (seconds * 1000);
    const x = (ms: number) => GUTTER + ms * scale;
    const middle = (row: Row) => ROWS.indexOf(row) * ROW_HEIGHT + ROW_HEIGHT / 2 + 8;
    const bottom = ROWS.length * ROW_HEIGHT + 8;
    // With the focus, so that arrow keys scroll what is too long for the window.
    return html`<div class="scroll" tabindex="0" role="group" aria-label="Timeline">
      <svg
        width=${width}
        height=${bottom + AXIS}
        viewBox="0 0 ${width} ${bottom + AXIS}"
        role="img"
        aria-label=${summary(timeline)}
      >
        <defs>
          ${svg`<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <path d="M0 0v6" /></pattern>`}
        </defs>
        ${ticks(timeline.endMs, scale).map(
          (ms) => svg`<line class="tick" x1=${x(ms)} x2=${x(ms)} y1="0" y2=${bottom + 6} />
          ${x(ms) + LABEL > width ? nothing : svg`<text x=${x(ms) + 4} y=${bottom + 18}>${ms / 1000} s</text>`}`,
        )}
        ${ROWS.map(
          (row) => svg`<line class="line" x1=${GUTTER} x2=${width} y1=${middle(row)} y2=${middle(row)} />
          <text x="12" y=${middle(row) + 4}>${ROW_NAMES[row]}</text>`,
        )}
        ${timeline.spans.map((span) => this.#span(span, x, middle))}
        ${timeline.latencies.map(({ lane, fromMs, toMs }) => {
          const y = middle(lane) - BAR / 2 - 4;
          return svg`<path class="bracket" d="M${x(fromMs)} ${y + 5}v-5H${x(toMs)}v5"><title>${ROW_NAMES[lane]} after ${Math.round(toMs - fromMs)} ms</title></path>`;
        })}
        ${timeline.marks.map((mark) => this.#mark(mark, x, middle))}
        ${svg`<line class="now" x1=${x(this.now)} x2=${x(this.now)} y1="0" y2=${bottom + 6} />`}
      </svg>
    </div>`;
  }

  #span({ row, kind, fromMs, toMs, at }: Span, x: (ms: number) => number, middle: (row: Row) => number) {
    const width = Math.max(2, x(toMs) - x(fromMs));
    const name = kind === 'hold' ? `${ROW_NAMES[row]}, held` : ROW_NAMES[row];
    return svg`<rect class="${kind === 'hold' ? 'hold' : row}" x=${x(fromMs)} y=${middle(row) - BAR / 2}
      width=${width} height=${BAR} rx="3" @click=${() => this.#pick(at)}>
      <title>${name}, ${Math.round(toMs - fromMs)} ms</title></rect>`;
  }
  #mark({ row, kind, atMs, label, at }: Mark, x: (ms: number) => number, middle: (row: Row) => number) {
    const [left, y] = [x(atMs), middle(row)];
    const pick = () => this.#pick(at);
    if (kind === 'turn')
      return svg`<line class="turn mark" x1=${left} x2=${left} y1=${y - 12} y2=${y + 12} @click=${pick}><title>End of turn</title></line>`;
    return svg`<path class="kill mark" d="M${left - 6} ${y - 6}l12 12m0-12l-12 12" @click=${pick}><title>${label}</title></path>`;
  }
}

/** Where the axis has its lines, in milliseconds. */
export function ticks(endMs: number, pxPerMs: number): number[] {
  const stepMs = TICKS.find((ms) => ms * pxPerMs >= TICK_ROOM) ?? TICKS[TICKS.length - 1] ?? 1_000;
  return Array.from({ length: Math.floor(endMs / stepMs) + 1 }, (_, index) => index * stepMs);
}

/** The drawing in words. */
export function summary({ spans, marks, endMs }: Timeline): string {
  const spoken = (row: Row) => spans.filter((span) => span.row === row && span.kind === 'sound').length;
  const holds = spans.filter(({ kind }) => kind === 'hold').length;
  const kills = marks.filter(({ kind }) => kind === 'kill').length;
  return (
    `Timeline of ${Math.round(endMs / 1000)} seconds: the user spoke ${spoken('you')} times, ` +
    `${spoken('A')} reflexes, ${spoken('B')} answers, ${spoken('C')} control clips, ${holds} holds, ${kills} cuts.`
  );
}
