/**
 * `npm run monitoring`: writes what is made from the tables of metrics and alerts, so that board,
 * rules and page cannot name what the relay does not have. A test says when one is not as it would be.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { transformSync } from 'esbuild';
import { format, resolveConfig } from 'prettier';
import { stringify } from 'yaml';
import { ALERTS } from '../deploy/monitoring/alerts.mjs';
import { grafanaDashboard } from '../deploy/monitoring/board.mjs';
import { prometheusRules } from '../deploy/monitoring/rules.mjs';

const root = path.resolve(import.meta.dirname, '..');
const METRICS_PAGE = 'docs/operations/metrics.md';

/** The relay's own table; it imports nothing. */
export async function metricTable() {
  const source = readFileSync(path.join(root, 'relay/telemetry/metric-table.ts'), 'utf8');
  const { code } = transformSync(source, { loader: 'ts', format: 'esm' });
  return import(`data:text/javascript;base64,${Buffer.from(code).toString('base64')}`);
}

const cell = (text) => text.replaceAll('|', '\\|');
const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n');

const valuesOf = (values) => (Array.isArray(values) ? values.map((value) => `\`${value}\``).join(' ') : values.means);

function metricRows({ METRICS }, kind) {
  return Object.entries(METRICS)
    .filter(([, row]) => row.kind === kind)
    .map(([name, row]) => {
      const labels = Object.entries(row.labels ?? {}).map(([label, values]) => `\`${label}\`: ${valuesOf(values)}`);
      const buckets = row.buckets === undefined ? [] : [row.buckets.join(' ')];
      return [`\`${name}\``, row.means, ...(kind === 'histogram' ? [] : [row.unit]), labels.join('; '), ...buckets];
    });
}

/** What stands between the marks of a page, by name. */
async function sections() {
  const metrics = await metricTable();
  const bound = ({ above, below }) => (above === undefined ? `below ${below}` : `above ${above}`);
  return {
    counters: table(['counter', 'what it counts', 'unit', 'labels'], metricRows(metrics, 'counter')),
    histograms: table(['histogram', 'what it times, in seconds', 'labels', 'bounds'], metricRows(metrics, 'histogram')),
    gauges: table(['gauge', 'what it shows', 'unit', 'labels'], metricRows(metrics, 'gauge')),
    alerts: table(
      ['alert', 'severity', 'when', 'look at', 'CloudWatch'],
      [...ALERTS]
        .sort((a, b) => a.severity - b.severity)
        .map(({ name, severity, means, look, expr, cloudwatch }) => [
          `\`${name}\``,
          String(severity),
          means,
          `[${look}](${look})`,
          cloudwatch === undefined
            ? ''
            : `${cloudwatch.of} ${bound(cloudwatch)}${expr === undefined ? ', there alone' : ''}`,
        ]),
    ),
  };
}

/** @returns the text with each part between `<!-- made: NAME -->` and `<!-- made -->` put in anew. */
export function filled(text, parts) {
  return text.replace(/(<!-- made: (\w+) -->)[^]*?(<!-- made -->)/g, (_all, from, name, till) => {
    if (parts[name] === undefined) throw new Error(`there is nothing to put in for “${name}”`);
    return `${from}\n\n${parts[name]}\n\n${till}`;
  });
}

/** @returns path → text, as it should be on the disk. */
export async function generated() {
  const head = '# Made by npm run monitoring from alerts.mjs: change that.\n';
  const files = {
    'deploy/monitoring/grafana-dashboard.json': JSON.stringify(grafanaDashboard()),
    'deploy/monitoring/prometheus-rules.yml': head + stringify(prometheusRules(), { lineWidth: 0 }),
    [METRICS_PAGE]: filled(readFileSync(path.join(root, METRICS_PAGE), 'utf8'), await sections()),
  };
  const pretty = Object.entries(files).map(async ([file, text]) => {
    const filepath = path.join(root, file);
    return [file, await format(text, { ...(await resolveConfig(filepath)), filepath })];
  });
  return Object.fromEntries(await Promise.all(pretty));
}

if (import.meta.filename === process.argv[1]) {
  for (const [file, text] of Object.entries(await generated())) {
    writeFileSync(path.join(root, file), text);
    console.log(`wrote ${file}`);
  }
}
