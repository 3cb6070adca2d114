/**
 * Bars over days, stacked, on a canvas (uPlot), with the same figures as a table for whoever rather
 * reads or cannot see them. Follows the width it is given and the theme.
 */
import { LitElement, css, html } from 'lit';
import UPlot from 'uplot';
import { theme } from '../theme.ts';
import { calendarText, shortCalendarText } from './format.ts';
import { tableStyles } from './table.ts';

export interface Series {
  name: string;
  /** A custom property of the console. */
  color: '--accent' | '--good' | '--warn';
  /** One for each day. */
  values: readonly number[];
}

const HEIGHT_PX = 220;
const DAY_S = 86_400;
/** A label under every day, or under every so many. */
const DAYS_APART = [1, 2, 5, 10, 15, 30];
/** Share of a day that its bar takes. */
const BAR_SHARE = 0.7;

export class Chart extends LitElement {
  static override readonly properties = {
    name: {},
    days: { attribute: false },
    series: { attribute: false },
    say: { attribute: false },
    steps: { attribute: false },
  };
  static override readonly styles = [
    theme,
    tableStyles,
    css`
      .uplot,
      .uplot *,
      .uplot *::before {
        box-sizing: border-box;
      }
      .u-wrap {
        position: relative;
        user-select: none;
      }
      .u-over,
      .u-under {
        position: absolute;
      }
      .u-under {
        overflow: hidden;
      }
      .uplot canvas {
        display: block;
        position: relative;
        inline-size: 100%;
        block-size: 100%;
      }
      .u-axis {
        position: absolute;
      }
      .u-cursor-x {
        position: absolute;
        inset-block: 0;
        inset-inline-start: 0;
        border-inline-start: 1px dashed var(--quiet);
        pointer-events: none;
      }
      .u-cursor-y,
      .u-cursor-pt,
      .u-select,
      .u-off {
        display: none;
      }
      ul {
        display: flex;
        flex-wrap: wrap;
        gap: 4px 20px;
        min-block-size: 24px;
        list-style: none;
        font-size: 13px;
      }
      li::before {
        content: '';
        display: inline-block;
        inline-size: 10px;
        block-size: 10px;
        margin-inline-end: 8px;
        border-radius: 3px;
        background: var(--accent);
        forced-color-adjust: none;
      }
      .probe {
        forced-color-adjust: none;
      }
      li[data-color='--good']::before {
        background: var(--good);
      }
      li[data-color='--warn']::before {
        background: var(--warn);
      }
      .day {
        min-block-size: 20px;
      }
      summary {
        min-block-size: 44px;
        padding-block: 11px;
        font-size: 13px;
        cursor: pointer;
      }
    `,
  ];
  /** What it shows. */
  declare name: string;
  /** `2026-11-23`, in order. */
  declare days: readonly string[];
  declare series: readonly Series[];
  /** A value in words. */
  declare say: (value: number) => string;
  /** How far its lines may be apart; without them, by tens. */
  declare steps: readonly number[] | undefined;
  #plot: UPlot | undefined;
  #sizes: ResizeObserver | undefined;
  readonly #themes = matchMedia('(prefers-color-scheme: dark)');
  readonly #redraw = () => this.#draw();

  override connectedCallback(): void {
    super.connectedCallback();
    this.#sizes = new ResizeObserver(([entry]) => {
      if (entry !== undefined) this.#plot?.setSize({ width: entry.contentRect.width, height: HEIGHT_PX });
    });
    this.#sizes.observe(this);
    this.#themes.addEventListener('change', this.#redraw);
  }
  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#sizes?.disconnect();
    this.#themes.removeEventListener('change', this.#redraw);
    this.#plot?.destroy();
    this.#plot = undefined;
  }
  protected override updated(): void {
    this.#draw();
  }

  #draw(): void {
    this.#plot?.destroy();
    const place = this.renderRoot.querySelector<HTMLElement>('.plot');
    if (place === null || this.days.length === 0) return;
    const color = (name: string) => getComputedStyle(this.#probe(name)).color;
    const at = this.days.map((day) => Date.parse(`${day}T00:00:00Z`) / 1000);
    // Stacked by drawing the sums, the largest first and each lesser one over it.
    const sums = this.series.map((_, upTo) =>
      this.days.map((_day, day) =>
        this.series.slice(0, upTo + 1).reduce((sum, one) => sum + (one.values[day] ?? 0), 0),
      ),
    );
    const order = this.series.map((_, index) => this.series.length - 1 - index);
    const bars = UPlot.paths.bars?.({ size: [BAR_SHARE, 40], radius: 0.1 });
    const axis = { stroke: color('--quiet'), grid: { stroke: color('--line'), width: 1 }, ticks: { show: false } };
    this.#plot = new UPlot(
      {
        width: Math.max(200, this.clientWidth),
        height: HEIGHT_PX,
        tzDate: (seconds) => UPlot.tzDate(new Date(seconds * 1000), 'UTC'),
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false } },
        scales: {
          x: { range: (_, from, to) => [from - DAY_S / 2, to + DAY_S / 2] },
          y: { range: (_, _from, to) => [0, to > 0 ? to * 1.1 : 1] },
        },
        axes: [
          {
            ...axis,
            grid: { show: false },
            size: 28,
            incrs: DAYS_APART.map((days) => days * DAY_S),
            values: (_, values) => values.map((value) => shortCalendarText(value * 1000)),
          },
          {
            ...axis,
            size: 64,
            values: (_, values) => values.map((value) => this.say(value)),
            ...(this.steps !== undefined && { incrs: [...this.steps] }),
          },
        ],
        series: [
          {},
          ...order.map((index) => ({
            fill: color(this.series[index]?.color ?? '--accent'),
            stroke: 'transparent',
            width: 0,
            points: { show: false },
            ...(bars !== undefined && { paths: bars }),
          })),
        ],
        hooks: { setCursor: [({ cursor }) => this.#tell(cursor.idx ?? undefined)] },
      },
      [at, ...order.map((index) => sums[index] ?? [])],
      place,
    );
  }
  /** An element that has the colour, so that the browser resolves it. */
  #probe(color: string): Element {
    const probe = this.renderRoot.querySelector<HTMLElement>('.probe');
    if (probe === null) throw new Error('drawn before it was rendered');
    probe.style.color = `var(${color})`;
    return probe;
  }

  /** The figures of the day under the pointer. */
  #tell(day: number | undefined): void {
    const list = this.renderRoot.querySelectorAll('li > span');
    const label = this.renderRoot.querySelector('.day');
    const named = day === undefined ? undefined : this.days[day];
    if (label !== null) label.textContent = named === undefined ? '' : calendarText(named);
    list.forEach((value, index) => {
      value.textContent = day === undefined ? '' : this.say(this.series[index]?.values[day] ?? 0);
    });
  }

  protected override render() {
    if (this.days.length === 0) return html`<p class="card">${this.name}: nothing in this time.</p>`;
    return html`<figure class="stack" aria-label=${this.name}>
      <span class="probe" hidden></span>
      <div class="plot" aria-hidden="true"></div>
      <div class="row spread" aria-hidden="true">
        <ul>
          ${this.series.map(({ name, color }) => html`<li data-color=${color}>${name} <span class="figure"></span></li>`)}
        </ul>
        <p class="day quiet small"></p>
      </div>
      <details>
        <summary>${this.name} as a table</summary>
        <table>
          <thead>
            <tr>
              <th>Day</th>
              ${this.series.map(({ name }) => html`<th class="figure">${name}</th>`)}
            </tr>
          </thead>
          <tbody>
            ${this.days.map(
              (day, index) =>
                html`<tr>
                  <th scope="row" data-name="Day">${calendarText(day)}</th>
                  ${this.series.map(
                    ({ name, values }) =>
                      html`<td class="figure" data-name=${name}>${this.say(values[index] ?? 0)}</td>`,
                  )}
                </tr>`,
            )}
          </tbody>
        </table>
      </details>
    </figure>`;
  }
}
