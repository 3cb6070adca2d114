/** Lines over time as an SVG document, panel under panel. Draws what it is given and reckons nothing. */

export interface Series {
  name: string;
  points: readonly (readonly [x: number, y: number])[];
}

export interface Panel {
  title: string;
  unit: string;
  series: readonly Series[];
}

const WIDTH = 900;
const PANEL = 150;
const HEAD = 34;
const LEFT = 64;
const RIGHT = 12;
const COLOURS = ['#0a6ebd', '#c2410c', '#15803d', '#7c3aed'];
const FONT = 'font-family="system-ui, sans-serif" font-size="11"';

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
const short = (value: number) => String(Number(value.toPrecision(4)));

/** The smallest of 1, 2, 5, 10 … that is not below `value`. */
export function roundUp(value: number): number {
  if (!(value > 0)) return 1;
  const base = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * base).find((step) => step >= value * (1 - 1e-9)) ?? 10 * base;
}

function panelSvg({ title, unit, series }: Panel, top: number, mostX: number): string {
  const all = series.flatMap(({ points }) => points.map(([, y]) => y)).filter(Number.isFinite);
  const mostY = roundUp(Math.max(0, ...all));
  const at = (x: number, y: number) => {
    const across = LEFT + ((WIDTH - LEFT - RIGHT) * x) / mostX;
    return `${across.toFixed(1)},${(top + HEAD + (PANEL - HEAD - 18) * (1 - y / mostY)).toFixed(1)}`;
  };
  const lines = series.map(({ points }, index) => {
    const drawn = points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y)).map(([x, y]) => at(x, y));
    return `<polyline fill="none" stroke="${COLOURS[index % COLOURS.length] ?? ''}" stroke-width="1.2" points="${drawn.join(' ')}"/>`;
  });
  const grid = [0, 0.5, 1].map((share) => {
    const [x, y] = at(0, mostY * share).split(',');
    return (
      `<line x1="${x ?? ''}" x2="${WIDTH - RIGHT}" y1="${y ?? ''}" y2="${y ?? ''}" stroke="#cbd5e1" stroke-width="0.6"/>` +
      `<text x="${LEFT - 6}" y="${Number(y) + 4}" text-anchor="end" ${FONT} fill="#475569">${short(mostY * share)}</text>`
    );
  });
  let across = LEFT;
  const legend = series.map(({ name }, index) => {
    const text = `<text x="${across}" y="${top + 28}" ${FONT} fill="${COLOURS[index % COLOURS.length] ?? ''}">${escaped(name)}</text>`;
    across += 14 + name.length * 6.5;
    return text;
  });
  const head = `<text x="${LEFT}" y="${top + 14}" ${FONT} font-weight="600" fill="#0f172a">${escaped(`${title} (${unit})`)}</text>`;
  return [head, ...legend, ...grid, ...lines].join('\n');
}

/**
 * @param xUnit - Of all panels.
 * @returns a whole document.
 */
export function plotSvg(panels: readonly Panel[], xUnit: string): string {
  const everyX = panels.flatMap(({ series }) => series.flatMap(({ points }) => points.map(([x]) => x)));
  const mostX = Math.max(1, ...everyX);
  const height = panels.length * PANEL + 24;
  const ticks = Array.from({ length: 7 }, (_, index) => (mostX * index) / 6);
  const axis = ticks.map((x) => {
    const across = LEFT + ((WIDTH - LEFT - RIGHT) * x) / mostX;
    return `<text x="${across.toFixed(1)}" y="${height - 8}" text-anchor="middle" ${FONT} fill="#475569">${short(Math.round(x * 10) / 10)}${x === 0 ? ` ${escaped(xUnit)}` : ''}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    ...panels.map((panel, index) => panelSvg(panel, index * PANEL, mostX)),
    ...axis,
    '</svg>',
    '',
  ].join('\n');
}
