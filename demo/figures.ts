/** The latencies, each with its newest value and the median of all since the page was opened. */

export type FigureName = 'reflex' | 'answer' | 'pause' | 'round-trip';

const FIGURES: [FigureName, string][] = [
  ['reflex', 'Turn → reflex'],
  ['answer', 'Turn → answer'],
  ['pause', 'Onset → silence'],
  ['round-trip', 'Round trip'],
];

export class Figures {
  readonly #values = new Map<FigureName, number[]>();
  readonly #cells = new Map<FigureName, { value: HTMLElement; median: HTMLElement }>();

  constructor(list: HTMLElement) {
    for (const [name, title] of FIGURES) {
      const box = document.createElement('div');
      const value = make('dd', '–');
      const median = make('dd', 'not measured yet', 'median');
      box.append(make('dt', title), value, median);
      list.append(box);
      this.#cells.set(name, { value, median });
    }
  }

  /** Takes one measurement, in milliseconds. */
  add(name: FigureName, ms: number): void {
    const values = this.#values.get(name) ?? [];
    values.push(ms);
    this.#values.set(name, values);
    const cell = this.#cells.get(name);
    if (!cell) return;
    const sorted = values.toSorted((a, b) => a - b);
    const median = sorted[Math.floor((sorted.length - 1) / 2)] ?? ms;
    cell.value.replaceChildren(print(ms), ' ', make('span', 'ms', 'unit'));
    cell.median.textContent = `median ${print(median)} ms of ${values.length}`;
  }
}

/** Small times keep a decimal. */
const print = (ms: number) => (ms < 10 ? ms.toFixed(1) : String(Math.round(ms)));

function make(name: string, words: string, className = ''): HTMLElement {
  const element = document.createElement(name);
  element.textContent = words;
  if (className) element.className = className;
  return element;
}
