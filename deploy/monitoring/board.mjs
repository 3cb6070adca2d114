/**
 * The board for Grafana: first exactly what is promised, then what explains it. A panel is a line of
 * the table below; where it stands on the board follows from its row.
 */
import { errorShare, firstByteS, JOB, PROMISED, quantile, socketLifeS, upShare } from './alerts.mjs';

/** Grafana's own word for a window that fits the picture. */
const W = '$__rate_interval';
const DATASOURCE = { type: 'prometheus', uid: '${datasource}' };
const WIDTH = 24;

const share = (metric, label, matcher = '') => `sum by (${label}) (rate(${metric}${matcher}[${W}]))`;
const ofInstance = '{instance=~"$instance"}';
const q = (metric, matcher = '', ...by) =>
  [0.5, 0.95, 0.99].map((at) => ({ expr: quantile(at, metric, W, matcher, ...by), legend: `p${at * 100}` }));

/** Green within the promise, red outside. */
const steps = (isUpper, bound) =>
  isUpper
    ? [
        { color: 'green', value: null },
        { color: 'red', value: bound },
      ]
    : [
        { color: 'red', value: null },
        { color: 'green', value: bound },
      ];

/** The rows, from above; `stat` is one figure, everything else is a course over time. */
export const ROWS = [
  {
    title: 'What is promised',
    height: 6,
    panels: [
      {
        title: 'First byte, p95 < 400 ms',
        means: 'From the committed end of a turn to the first sound of its answer leaving for the page.',
        ...{ stat: true, unit: 's', steps: steps(true, PROMISED.firstByteMs / 1000) },
        queries: [{ expr: firstByteS('$__range') }],
      },
      {
        title: 'Error rate < 0.5 %',
        means: 'Turns that failed, of all that ended.',
        ...{ stat: true, unit: 'percentunit', steps: steps(true, PROMISED.errorShare) },
        queries: [{ expr: errorShare('$__range') }],
      },
      {
        title: 'Uptime > 99.9 %',
        means: 'The share of the time in which at least one relay answered.',
        ...{ stat: true, unit: 'percentunit', steps: steps(false, PROMISED.upShare) },
        queries: [{ expr: upShare('$__range') }],
      },
      {
        title: 'Sockets stable > 1 h',
        means: 'The mean time from one break of a socket to the next; resumed ones broke, closed pages did not.',
        ...{ stat: true, unit: 's', steps: steps(false, PROMISED.socketLifeS), noValue: 'no break' },
        queries: [{ expr: socketLifeS('$__range') }],
      },
    ],
  },
  {
    title: 'Lanes',
    panels: [
      {
        title: 'First sound by lane, p95',
        unit: 's',
        queries: [{ expr: quantile(0.95, 'vjj_first_audible_seconds', W, '', 'lane'), legend: '{{lane}}' }],
      },
      { title: 'First sound of answers', unit: 's', queries: q('vjj_first_audible_seconds', '{lane="B"}') },
      { title: 'At the ear, as pages report', unit: 's', queries: q('vjj_ear_seconds') },
      {
        title: 'Turns by outcome',
        ...{ unit: 'reqps', isStacked: true },
        queries: [{ expr: share('vjj_turns_total', 'outcome'), legend: '{{outcome}}' }],
      },
      {
        title: 'What policy decided',
        unit: 'reqps',
        queries: [{ expr: share('vjj_policy_decisions_total', 'decision'), legend: '{{decision}}' }],
      },
      {
        title: 'Waits that ran out',
        unit: 'reqps',
        queries: [{ expr: share('vjj_watchdogs_total', 'name'), legend: '{{name}}' }],
      },
    ],
  },
  {
    title: 'Barge-in',
    panels: [
      { title: 'Onset → pause', unit: 's', queries: q('vjj_onset_to_pause_seconds') },
      { title: 'Kill → cancelled at the provider', unit: 's', queries: q('vjj_kill_to_cancel_seconds') },
      {
        title: 'Kills by cause',
        unit: 'reqps',
        queries: [
          { expr: share('vjj_kills_total', 'cause'), legend: '{{cause}}' },
          { expr: `sum(rate(vjj_gate_resumes_total[${W}]))`, legend: 'went on after a pause' },
        ],
      },
      {
        title: 'Events that came too late',
        unit: 'reqps',
        queries: [{ expr: `topk(8, ${share('vjj_stale_events_total', 'event')})`, legend: '{{event}}' }],
      },
    ],
  },
  {
    title: 'Provider',
    panels: [
      { title: 'Dialling to set up', unit: 's', queries: q('vjj_provider_connect_seconds') },
      {
        title: 'Connections lost, by reason',
        unit: 'reqps',
        queries: [{ expr: share('vjj_provider_downs_total', 'reason'), legend: '{{reason}}' }],
      },
      {
        title: 'Credentials by state of their circuit',
        queries: [{ expr: 'sum by (provider, state) (vjj_provider_circuit)', legend: '{{provider}} {{state}}' }],
      },
      {
        title: 'Connections that gave way to the next',
        unit: 'reqps',
        queries: [{ expr: share('vjj_provider_rotations_total', 'result'), legend: '{{result}}' }],
      },
    ],
  },
  {
    title: 'Conversations and callers',
    panels: [
      {
        title: 'Conversations',
        isStacked: true,
        queries: [{ expr: 'sum by (state) (vjj_sessions)', legend: '{{state}}' }],
      },
      {
        title: 'Begun and ended, by close code',
        unit: 'reqps',
        queries: [
          { expr: `sum(rate(vjj_sessions_started_total[${W}]))`, legend: 'begun' },
          { expr: share('vjj_sessions_ended_total', 'code'), legend: 'ended {{code}}' },
        ],
      },
      {
        title: 'Callers at the door',
        unit: 'reqps',
        queries: [{ expr: share('vjj_admissions_total', 'result'), legend: '{{result}}' }],
      },
      {
        title: 'Pages that came back',
        unit: 'reqps',
        queries: [
          { expr: share('vjj_session_resumes_total', 'kept'), legend: 'kept: {{kept}}' },
          { expr: `sum(rate(vjj_passed_on_total[${W}]))`, legend: 'passed on' },
        ],
      },
      { title: 'Time to be back', unit: 's', queries: q('vjj_resume_seconds') },
      {
        title: 'Answers over HTTP, by status',
        unit: 'reqps',
        queries: [{ expr: share('vjj_http_requests_total', 'status'), legend: '{{status}}' }],
      },
      {
        title: 'Slowest routes, p95',
        unit: 's',
        queries: [
          { expr: `topk(8, ${quantile(0.95, 'vjj_http_request_seconds', W, '', 'route')})`, legend: '{{route}}' },
        ],
      },
      {
        title: 'Webhooks',
        unit: 'reqps',
        queries: [{ expr: share('vjj_webhook_deliveries_total', 'result'), legend: '{{result}}' }],
      },
    ],
  },
  {
    title: 'Instances',
    panels: [
      {
        title: 'Conversations by instance',
        queries: [{ expr: `sum by (instance) (vjj_sessions${ofInstance})`, legend: '{{instance}}' }],
      },
      {
        title: 'Processor, cores',
        queries: [
          {
            expr: `rate(process_cpu_seconds_total{job="${JOB}", instance=~"$instance"}[${W}])`,
            legend: '{{instance}}',
          },
        ],
      },
      {
        title: 'Memory',
        unit: 'bytes',
        queries: [
          { expr: `process_resident_memory_bytes{job="${JOB}", instance=~"$instance"}`, legend: '{{instance}}' },
          { expr: `nodejs_heap_size_used_bytes{job="${JOB}", instance=~"$instance"}`, legend: '{{instance}} heap' },
        ],
      },
      {
        title: 'Event loop, late by (p99)',
        unit: 's',
        queries: [
          { expr: quantile(0.99, 'vjj_event_loop_lag_seconds', W, ofInstance, 'instance'), legend: '{{instance}}' },
        ],
      },
      {
        title: 'Open files, of what is allowed',
        unit: 'percentunit',
        queries: [
          {
            expr: `process_open_fds{job="${JOB}", instance=~"$instance"} / process_max_fds{job="${JOB}", instance=~"$instance"}`,
            legend: '{{instance}}',
          },
        ],
      },
      {
        title: 'Database and shared state reached',
        queries: [
          { expr: 'min(vjj_store_up)', legend: 'database' },
          { expr: 'min(vjj_shared_state_up)', legend: 'shared state' },
          { expr: 'max(vjj_instances)', legend: 'instances' },
        ],
      },
      {
        title: 'Versions',
        queries: [{ expr: 'count by (version, node) (vjj_build_info)', legend: '{{version}}, Node {{node}}' }],
      },
    ],
  },
  {
    title: 'Buffers',
    panels: [
      {
        title: 'What waits',
        ...{ unit: 'bytes', isStacked: true },
        queries: [{ expr: 'sum by (where) (vjj_buffered_bytes)', legend: '{{where}}' }],
      },
      { title: 'How far pages are ahead of the ear', unit: 's', queries: q('vjj_pacing_lead_seconds') },
      {
        title: 'Records that wait for the database',
        unit: 'bytes',
        queries: [{ expr: 'sum by (instance) (vjj_spool_bytes)', legend: '{{instance}}' }],
      },
      {
        title: 'Conversations ended because too much was held',
        queries: [{ expr: `sum(increase(vjj_shed_sessions_total[${W}]))`, legend: 'ended' }],
      },
    ],
  },
  {
    title: 'Tenants',
    panels: [
      {
        title: 'Conversations, the ten with most',
        queries: [{ expr: 'topk(10, sum by (tenant) (vjj_tenant_sessions{tenant=~"$tenant"}))', legend: '{{tenant}}' }],
      },
      {
        title: 'Turns, the ten with most',
        unit: 'reqps',
        queries: [
          {
            expr: `topk(10, ${share('vjj_tenant_turns_total', 'tenant', '{tenant=~"$tenant"}')})`,
            legend: '{{tenant}}',
          },
        ],
      },
      {
        title: 'Dollars an hour, the ten with most',
        unit: 'currencyUSD',
        queries: [
          {
            expr: `topk(10, sum by (tenant) (rate(vjj_tenant_cost_microdollars_total{tenant=~"$tenant"}[${W}])) * 3600 / 1e6)`,
            legend: '{{tenant}}',
          },
        ],
      },
    ],
  },
];

function panelOf(
  { title, means = '', stat = false, unit = 'short', steps: bounds, noValue, isStacked, queries },
  id,
  gridPos,
) {
  const targets = queries.map(({ expr, legend }, at) => ({
    ...{ refId: String.fromCharCode(65 + at), datasource: DATASOURCE, expr, instant: stat, range: !stat },
    ...(legend !== undefined && { legendFormat: legend }),
  }));
  const custom = { lineWidth: 1, fillOpacity: isStacked ? 20 : 0, stacking: { mode: isStacked ? 'normal' : 'none' } };
  return {
    ...{ id, title, description: means, type: stat ? 'stat' : 'timeseries', datasource: DATASOURCE, gridPos, targets },
    fieldConfig: {
      defaults: {
        unit,
        ...(bounds && { thresholds: { mode: 'absolute', steps: bounds } }),
        ...(noValue !== undefined && { noValue }),
        ...(!stat && { min: 0, custom }),
      },
      overrides: [],
    },
    options: stat
      ? { colorMode: 'background', graphMode: 'none', reduceOptions: { calcs: ['lastNotNull'] } }
      : { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi', sort: 'desc' } },
  };
}

const variable = (name, label, query) => ({
  ...{ name, label, type: 'query', datasource: DATASOURCE, query: { query, refId: name }, definition: query },
  ...{ refresh: 2, sort: 1, multi: true, includeAll: true, allValue: '.*' },
  current: { text: 'All', value: '$__all' },
});

export function grafanaDashboard() {
  const panels = [];
  let id = 0;
  let y = 0;
  const next = () => (id += 1);
  for (const { title, height = 8, panels: ofRow } of ROWS) {
    panels.push({ id: next(), type: 'row', title, collapsed: false, gridPos: { x: 0, y, w: WIDTH, h: 1 }, panels: [] });
    y += 1;
    const across = Math.min(4, ofRow.length);
    const w = WIDTH / across;
    ofRow.forEach((panel, at) => {
      const gridPos = { x: (at % across) * w, y: y + Math.floor(at / across) * height, w, h: height };
      panels.push(panelOf(panel, next(), gridPos));
    });
    y += Math.ceil(ofRow.length / across) * height;
  }
  return {
    ...{ uid: 'voice-jib-jab', title: 'Voice Jib-Jab', schemaVersion: 39, version: 1, editable: true, refresh: '30s' },
    tags: ['voice'],
    time: { from: 'now-6h', to: 'now' },
    timezone: 'browser',
    templating: {
      list: [
        { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus', current: {} },
        variable('instance', 'Instance', 'label_values(vjj_build_info, instance)'),
        variable('tenant', 'Tenant', 'label_values(vjj_tenant_sessions, tenant)'),
      ],
    },
    annotations: { list: [] },
    panels,
  };
}
