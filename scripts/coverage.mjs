/**
 * The coverage gate over everything shipped. A file that runs both in Node and in the browser counts
 * by the runner that covers it better; a file that neither loads counts as not covered at all.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import libCoverage from 'istanbul-lib-coverage';
import { filesBelow } from './files.mjs';

const LEAST_PERCENT = 85;
const REPORTS = ['coverage/node/coverage-final.json', 'coverage/browser/coverage-final.json'];

const maps = REPORTS.filter((file) => existsSync(file)).map((file) =>
  libCoverage.createCoverageMap(JSON.parse(readFileSync(file, 'utf8'))),
);
if (maps.length < REPORTS.length) {
  console.error(`coverage reports are missing (${REPORTS.join(', ')}); run npm test -- unit browser coverage`);
  process.exit(1);
}

const shipped = [...filesBelow('relay'), ...filesBelow('widget')].filter(
  (file) => file.endsWith('.ts') && !file.endsWith('.d.ts') && !file.includes('.test.') && !file.includes('/testing/'),
);
const sum = { lines: { covered: 0, total: 0 }, branches: { covered: 0, total: 0 } };
const rows = [];
for (const file of shipped) {
  const summaries = maps
    .filter((map) => map.files().includes(path.resolve(file)))
    .map((map) => map.fileCoverageFor(path.resolve(file)).toSummary().data);
  const best = summaries.sort((a, b) => b.lines.pct + b.branches.pct - a.lines.pct - a.branches.pct)[0];
  if (best === undefined) {
    const code = readFileSync(file, 'utf8');
    const isTypesOnly =
      !/^\s*export (async )?(function|class|const|default|\*)|^\s*(const|await|if|for|customElements)/m.test(code);
    if (isTypesOnly) continue;
    const total = code.split('\n').length;
    rows.push({ file, lines: 0, branches: 0, missed: total });
    sum.lines.total += total;
    continue;
  }
  for (const kind of ['lines', 'branches']) {
    sum[kind].covered += best[kind].covered;
    sum[kind].total += best[kind].total;
  }
  const missed = best.lines.total - best.lines.covered + best.branches.total - best.branches.covered;
  rows.push({ file, lines: best.lines.pct, branches: best.branches.pct, missed });
}
rows.sort((a, b) => b.missed - a.missed);
for (const row of rows.slice(0, 20)) {
  console.log(
    `${row.file.padEnd(48)} ${String(row.lines).padStart(6)} % lines ${String(row.branches).padStart(6)} % branches`,
  );
}
const percent = (kind) => (100 * sum[kind].covered) / Math.max(1, sum[kind].total);
console.log(
  `all ${rows.length} files: ${percent('lines').toFixed(2)} % lines, ${percent('branches').toFixed(2)} % branches`,
);
process.exit(percent('lines') >= LEAST_PERCENT && percent('branches') >= LEAST_PERCENT ? 0 : 1);
