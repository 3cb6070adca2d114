/**
 * Who was heard when, drawn as rows over the last seconds. Moves only while somebody is heard, and
 * knows nothing of the widget: it is told what began, what ended and what was cut.
 */

export type Row = 'you' | 'A' | 'B' | 'C';
type Kind = Row | 'hold';

interface Segment {
  row: Row;
  kind: Kind;
  fromMs: number;
  toMs: number | null;
}
interface Mark {
  row: Row;
  kind: 'kill' | 'turn';
  atMs: number;
}

const ROWS: [Row, string][] = [
  ['you', 'You'],
  ['A', 'Reflex'],
  ['B', 'Answer'],
  ['C', 'Control'],
];
const WINDOW_MS = 20_000;
const GUTTER = 72;
const ROW_HEIGHT = 40;
const BAR_HEIGHT = 16;
const SVG = 'http://www.w3.org/2000/svg';

export class Timeline {
  readonly #svg: SVGSVGElement;
  #segments: Segment[] = [];
  #marks: Mark[] = [];
  #startMs = 0;
  #nowMs = 0;
  #frame = 0;

  constructor(svg: SVGSVGElement) {
    this.#svg = svg;
    new ResizeObserver(() => this.#draw()).observe(svg);
  }

  /** Forgets everything; seconds are counted from here. */
  reset(nowMs: number): void {
    this.#segments = [];
    this.#marks = [];
    this.#startMs = this.#nowMs = nowMs;
    this.#draw();
  }

  begin(row: Row, nowMs: number, kind: Kind = row): void {
    this.end(row, nowMs, kind);
    this.#segments.push({ row, kind, fromMs: nowMs, toMs: null });
    this.#run();
  }

  end(row: Row, nowMs: number, kind: Kind = row): void {
    for (const segment of this.#segments) {
      if (segment.row === row && segment.kind === kind && segment.toMs === null) segment.toMs = nowMs;
    }
    this.#nowMs = nowMs;
    this.#draw();
  }

  /** Nobody is heard any more. */
  endAll(nowMs: number): void {
    for (const segment of this.#segments) segment.toMs ??= nowMs;
    this.#draw();
  }

  mark(row: Row, kind: Mark['kind'], atMs: number): void {
    this.#marks.push({ row, kind, atMs });
    this.#nowMs = Math.max(this.#nowMs, atMs);
    this.#draw();
  }

  #run(): void {
    if (this.#frame !== 0) return;
    const step = () => {
      this.#nowMs = performance.now();
      this.#draw();
      const isBusy = this.#segments.some(({ toMs }) => toMs === null);
      this.#frame = isBusy ? requestAnimationFrame(step) : 0;
    };
    this.#frame = requestAnimationFrame(step);
  }

  #draw(): void {
    const width = this.#svg.clientWidth;
    const fromMs = Math.max(this.#startMs, this.#nowMs - WINDOW_MS);
    const scale = (width - GUTTER - 12) / WINDOW_MS;
    const x = (ms: number) => GUTTER + Math.max(0, ms - fromMs) * scale;
    const middle = (row: Row) => ROWS.findIndex(([name]) => name === row) * ROW_HEIGHT + ROW_HEIGHT / 2;
    this.#segments = this.#segments.filter(({ toMs }) => toMs === null || toMs > fromMs);
    this.#marks = this.#marks.filter(({ atMs }) => atMs > fromMs);

    this.#fill('rows', [
      ...ROWS.map(([row, name]) => shape('text', { x: 12, y: middle(row) + 4 }, '', name)),
      ...ROWS.map(([row]) => {
        const y = middle(row);
        return shape('line', { x1: GUTTER, x2: width, y1: y, y2: y }, 'row-line');
      }),
    ]);
    this.#fill('axis', this.#ticks(fromMs, x));
    this.#fill(
      'segments',
      this.#segments.map(({ row, kind, fromMs: start, toMs }) => {
        const left = x(start);
        const box = { x: left, y: middle(row) - BAR_HEIGHT / 2, height: BAR_HEIGHT, rx: 3 };
        return shape('rect', { ...box, width: Math.max(2, x(toMs ?? this.#nowMs) - left) }, `segment ${kind}`);
      }),
    );
    this.#fill(
      'marks',
      this.#marks.map(({ row, kind, atMs }) => {
        const [left, y] = [x(atMs), middle(row)];
        if (kind === 'turn') return shape('line', { x1: left, x2: left, y1: y - 14, y2: y + 14 }, 'mark-turn');
        return shape('path', { d: `M${left - 6} ${y - 6}l12 12m0-12l-12 12` }, 'mark-kill');
      }),
    );
  }

  #ticks(fromMs: number, x: (ms: number) => number): SVGElement[] {
    const bottom = ROWS.length * ROW_HEIGHT;
    const first = Math.ceil((fromMs - this.#startMs) / 5_000) * 5;
    return [0, 5, 10, 15].flatMap((offset) => {
      const seconds = first + offset;
      const left = x(this.#startMs + seconds * 1_000);
      return [
        shape('line', { x1: left, x2: left, y1: 0, y2: bottom + 8 }, 'tick'),
        shape('text', { x: left + 4, y: bottom + 20 }, '', `${seconds} s`),
      ];
    });
  }

  #fill(group: string, children: SVGElement[]): void {
    this.#svg.querySelector(`#${group}`)?.replaceChildren(...children);
  }
}

function shape(name: string, attributes: Record<string, number | string>, className = '', words = ''): SVGElement {
  const element = document.createElementNS(SVG, name);
  if (className) element.setAttribute('class', className);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.textContent = words;
  return element;
}
