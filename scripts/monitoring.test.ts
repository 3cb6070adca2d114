/** Board, rules and pages name what the relay has, mean what they say, and are as their tables are. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { ALERTS, described, JOB } from '../deploy/monitoring/alerts.mjs';
import { grafanaDashboard } from '../deploy/monitoring/board.mjs';
import { METRICS } from '../relay/telemetry/metric-table.ts';
import { filled, generated } from './monitoring.mjs';
import { unknownIn, type Known } from './promql.mjs';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');
const OPERATIONS = 'docs/operations';

/** Everything that a scrape finds: the relay's table, what every process tells, and whether it was found. */
let known: Record<string, Known>;
let dir: string;
let made: Record<string, string>;
beforeAll(async () => {
  made = await generated();
  dir = mkdtempSync(path.join(tmpdir(), 'vjj-monitoring-'));
  const register = new Registry();
  collectDefaultMetrics({ register });
  const defaults = await register.getMetricsAsJSON();
  known = {
    up: { kind: 'gauge' },
    ...Object.fromEntries(
      defaults.map(({ name }) => [name, { kind: 'gauge', labels: { type: {}, kind: {}, space: {} } }]),
    ),
    ...METRICS,
  };
  register.clear();
});
afterAll(() => rmSync(dir, { recursive: true }));

/** What is wrong with expressions, by Prometheus' own parser; Grafana's words stand for any window. */
async function checked(exprs: readonly string[]): Promise<string> {
  const rules = exprs.map((expr, at) => ({
    record: `checked:number${at}`,
    expr: expr.replaceAll('$__rate_interval', '5m').replaceAll('$__range', '6h').replaceAll(/\$\w+/g, '.*'),
  }));
  const file = path.join(dir, 'checked.yml');
  writeFileSync(file, stringify({ groups: [{ name: 'checked', rules }] }));
  return run('promtool', ['check', 'rules', '--lint=none', file]).then(
    () => '',
    (error: unknown) => (error as { stderr: string }).stderr,
  );
}
const unknown = (exprs: readonly string[]) =>
  exprs.flatMap((expr) => unknownIn(expr, known).map((what) => `${what}: ${expr}`));

it.each([
  'deploy/monitoring/grafana-dashboard.json',
  'deploy/monitoring/prometheus-rules.yml',
  `${OPERATIONS}/metrics.md`,
])('%s is as the tables are (npm run monitoring writes it)', (file) => {
  expect(read(file)).toBe(made[file]);
});

it('does not leave a mark in a page for which there is nothing', () => {
  expect(() => filled('<!-- made: nothing -->\n<!-- made -->', {})).toThrow('“nothing”');
});

describe('the rules', () => {
  it('are taken by Prometheus, and so is the example of its configuration', async () => {
    const at = { cwd: path.join(root, 'deploy/monitoring') };
    await run('promtool', ['check', 'config', 'prometheus.yml'], at);
    const { scrape_configs: jobs } = parse(read('deploy/monitoring/prometheus.yml')) as {
      scrape_configs: { job_name: string }[];
    };
    expect(jobs.map(({ job_name }) => job_name)).toEqual([JOB]);
  });

  it('wake somebody in time and nobody for nothing, on courses of figures', async () => {
    const { stdout } = await run('promtool', ['test', 'rules', 'prometheus-rules.test.yml'], {
      cwd: path.join(root, 'deploy/monitoring'),
    });
    expect(stdout).toContain('SUCCESS');
  });

  it('name metrics, labels and values that there are', () => {
    expect(unknown(ALERTS.flatMap(({ expr }) => expr ?? []))).toEqual([]);
  });

  it('have names of their own, and send to a heading that is there', () => {
    const names = ALERTS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const alert of ALERTS) {
      const [page = '', anchor] = alert.look.split('#');
      expect(existsSync(path.join(root, OPERATIONS, page)), page).toBe(true);
      const headings = [...read(`${OPERATIONS}/${page}`).matchAll(/^#+ (.*)$/gm)].map(([, text = '']) =>
        text
          .toLowerCase()
          .replace(/[^\w\s-]/g, '')
          .replaceAll(' ', '-'),
      );
      if (anchor !== undefined) expect(headings, `${page}#${anchor}`).toContain(anchor);
      expect(described(alert)).not.toContain('undefined');
    }
  });
});

describe('the board', () => {
  const { panels, templating } = grafanaDashboard();
  const exprs = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

  it('begins with what is promised, and nothing else', () => {
    expect(panels.slice(0, 6).map(({ type, title }) => `${type}: ${title}`)).toEqual([
      'row: What is promised',
      'stat: First byte, p95 < 400 ms',
      'stat: Error rate < 0.5 %',
      'stat: Uptime > 99.9 %',
      'stat: Sockets stable > 1 h',
      'row: Lanes',
    ]);
  });

  it('has an id and a place for each panel, and none lies over another or off the board', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const taken = new Set<string>();
    for (const { title, gridPos } of panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(taken.has(`${x} ${y}`), `${title} at ${x} ${y}`).toBe(false);
          taken.add(`${x} ${y}`);
        }
      }
    }
  });

  it('asks in words that Prometheus takes, for metrics, labels and values that there are', async () => {
    expect(await checked(exprs)).toBe('');
    expect(unknown(exprs)).toEqual([]);
    for (const { definition } of templating.list.filter((variable) => variable.definition !== undefined)) {
      const [, name = '', label = ''] = /^label_values\((\w+), (\w+)\)$/.exec(definition ?? '') ?? [];
      expect(unknownIn(`sum by (${label}) (${name})`, known)).toEqual([]);
    }
    // Each name in a legend is a label that its question keeps.
    for (const { title, targets = [] } of panels)
      for (const { expr, legendFormat = '' } of targets)
        for (const [, label = ''] of legendFormat.matchAll(/\{\{(\w+)\}\}/g))
          expect(expr, title).toMatch(new RegExp(`\\b${label}\\b`));
  });

  it('shows every metric of the relay somewhere', () => {
    const all = [...exprs, ...ALERTS.map(({ expr = '' }) => expr)].join('\n');
    expect(Object.keys(METRICS).filter((name) => !all.includes(name))).toEqual([]);
  });
});

describe('the pages', () => {
  const pages = ['troubleshooting.md', 'metrics.md', 'capacity.md', 'incidents.md'].map(
    (page) => `${OPERATIONS}/${page}`,
  );

  it('have expressions that Prometheus takes, for what there is', async () => {
    const exprs = pages.flatMap((page) =>
      [...read(page).matchAll(/```promql\n([^]*?)```/g)].map(([, expr = '']) => expr.trim()),
    );
    expect(exprs.length).toBeGreaterThan(10);
    expect(await checked(exprs)).toBe('');
    expect(unknown(exprs)).toEqual([]);
  });

  it('name metrics that there are, also within a sentence', () => {
    for (const page of pages) {
      for (const [name = ''] of read(page).matchAll(/\bvjj_[a-z_]+[a-z]/g)) {
        const isThere = name in METRICS || name.replace(/_(bucket|sum|count)$/, '') in METRICS;
        expect(isThere, `${name} in ${page}`).toBe(true);
      }
    }
  });

  it('name settings that there are', async () => {
    const { VARIABLES } = await import('../relay/config-variables.ts');
    for (const page of [`${OPERATIONS}/troubleshooting.md`, `${OPERATIONS}/metrics.md`]) {
      for (const [, name = ''] of read(page).matchAll(/`([A-Z][A-Z]+(?:_[A-Z]+)+)\b/g))
        expect(VARIABLES, `${name} in ${page}`).toHaveProperty(name);
    }
  });
});

describe('what is not there', () => {
  it.each([
    ['rate(vjj_turns_totals[5m])', ['there is no vjj_turns_totals']],
    ['vjj_first_audible_seconds', ['there is no vjj_first_audible_seconds']],
    ['sum by (colour) (vjj_sessions)', ['nothing here has a label colour']],
    ['vjj_sessions{state="asleep"}', ['state of vjj_sessions is never asleep']],
    ['vjj_sessions{states="live"}', ['vjj_sessions has no label states']],
    ['vjj_sessions{state=~"live|gone"} > 1e3', ['state of vjj_sessions is never gone']],
    ['vjj_tenant_sessions{tenant="anybody", job="x"} or vector(0)', []],
    ['histogram_quantile(0.5, sum by (le) (rate(vjj_ear_seconds_bucket{le="1"}[1m])))', []],
  ])('%s', (expr, problems) => {
    expect(unknownIn(expr, known)).toEqual(problems);
  });
});
