/**
 * Prints what the attack suite tried as one table at the end of a run, and keeps it as
 * `coverage/security.json`. A reporter of vitest: it reads what rows left in their tests' `meta`,
 * and says nothing where there are none.
 */
import { mkdirSync, writeFileSync } from 'node:fs';

export default class AttackTable {
  onTestRunEnd(modules) {
    const rows = [];
    for (const file of modules)
      for (const test of file.children.allTests()) {
        const row = test.meta().attack;
        if (row !== undefined) rows.push({ ...row, ok: test.result().state === 'passed' });
      }
    if (rows.length === 0) return;
    mkdirSync('coverage', { recursive: true });
    writeFileSync('coverage/security.json', `${JSON.stringify(rows, undefined, 2)}\n`);
    console.log(`\n${table(rows)}\n`);
  }
}

function table(rows) {
  const sum = (name) => rows.reduce((total, row) => total + row[name], 0);
  const cells = [
    ['attack', 'what must hold', 'tried', 'refused', 'left open'],
    ...rows.map(({ threat, what, tried, refused, left, ok }) => [
      ok ? threat : `✗ ${threat}`,
      what,
      tried,
      refused,
      left,
    ]),
    ['all', `${rows.length} rows`, sum('tried'), sum('refused'), sum('left')],
  ].map((row) => row.map(String));
  const widths = cells[0].map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  const line = (row) =>
    row.map((cell, column) => (column < 2 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]))).join('  ');
  const rule = widths.map((width) => '─'.repeat(width)).join('  ');
  const [head, ...rest] = cells.map(line);
  return [head, rule, ...rest.slice(0, -1), rule, rest.at(-1)].join('\n');
}
