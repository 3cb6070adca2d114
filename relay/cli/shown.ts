/** Answers for people on a terminal: rows as a table, one thing as its fields. */
const WIDEST = 60;

const isTime = (name: string, value: unknown) =>
  typeof value === 'number' && value > 1e11 && /(At|Before|notAfter|^at)$/.test(name);
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function cell(name: string, value: unknown): string {
  if (value === null || value === undefined) return '-';
  if (isTime(name, value)) return new Date(value as number).toISOString().slice(0, 19).replace('T', ' ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** @returns lines. */
export function shown(value: unknown): string[] {
  if (value === undefined) return ['Done.'];
  if (isRecord(value) && Array.isArray(value['rows'])) {
    const more = typeof value['next'] === 'string' ? [`more: --after '${value['next']}'`] : [];
    return [...table(value['rows'] as Record<string, unknown>[]), ...more];
  }
  if (!isRecord(value)) return [JSON.stringify(value)];
  const widest = Math.max(...Object.keys(value).map((name) => name.length));
  return Object.entries(value).flatMap(([name, field]) => {
    const [first = '', ...rest] = cell(name, field).split('\n');
    return [`${name.padEnd(widest)}  ${first}`, ...rest.map((line) => `${' '.repeat(widest)}  ${line}`)];
  });
}

function table(rows: Record<string, unknown>[]): string[] {
  const [first] = rows;
  if (first === undefined) return ['(none)'];
  const names = Object.keys(first);
  const cells = rows.map((row) => names.map((name) => cell(name, row[name]).replaceAll('\n', ' ').slice(0, WIDEST)));
  const widths = names.map((name, at) => Math.max(name.length, ...cells.map((row) => row[at]?.length ?? 0)));
  const line = (words: readonly string[]) =>
    words
      .map((word, at) => word.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd();
  return [line(names), ...cells.map(line)];
}
