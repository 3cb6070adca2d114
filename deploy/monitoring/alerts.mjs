/**
 * What wakes somebody, when, and where to look: the one table from which the rules for Prometheus
 * and the alarms of the AWS stack are made. Expressions are checked by Prometheus' own tool, and
 * each name in them against the relay's table of metrics. It knows no cloud and no file.
 *
 * Severities are those of docs/operations/incidents.md.
 */

/** The name that relays are scraped under. */
export const JOB = 'voice-jib-jab';

/** What is promised, and for the board and the rules means the same. Of sockets: the mean time from break to break. */
export const PROMISED = { firstByteMs: 400, errorShare: 0.005, upShare: 0.999, socketLifeS: 3600 };

const answered = (window) => `sum(rate(vjj_turns_total[${window}]))`;
/** @param by - Labels to keep apart, besides the bound. */
export const quantile = (share, metric, window, matcher = '', ...by) =>
  `histogram_quantile(${share}, sum by (${['le', ...by].join(', ')}) (rate(${metric}_bucket${matcher}[${window}])))`;
export const firstByteS = (window) => quantile(0.95, 'vjj_first_audible_seconds', window, '{lane="B"}');
/** What never happened has no series: it counts as none. */
const orNone = (expr) => `(${expr} or vector(0))`;
export const errorShare = (window) =>
  `${orNone(`sum(rate(vjj_turns_total{outcome="failed"}[${window}]))`)} / (${answered(window)} > 0)`;
export const upShare = (window) => `avg_over_time((max(up{job="${JOB}"}))[${window}:5m])`;
/** Seconds of open sockets for each that broke; pages that were closed broke nothing. */
export const socketLifeS = (window) =>
  `sum(avg_over_time(vjj_sessions{state="live"}[${window}])) / ` +
  `(${orNone(`sum(rate(vjj_session_resumes_total[${window}]))`)} + ` +
  `${orNone(`sum(rate(vjj_sessions_ended_total{code=~"4008|4009"}[${window}]))`)} > 0)`;

/**
 * `cloudwatch` names a figure that the stack has; where it stands, the alarm there has the same name,
 * text and bound. Rows without `expr` are about what the cloud measures and a relay cannot.
 */
export const ALERTS = [
  {
    name: 'NoRelay',
    severity: 1,
    expr: `absent(up{job="${JOB}"}) or max(up{job="${JOB}"}) == 0`,
    forS: 60,
    means: 'no relay is ready',
    look: 'install.md',
    cloudwatch: { of: 'healthy relays', below: 1, whenSilent: 'alarm' },
  },
  {
    name: 'ErrorRate',
    severity: 1,
    expr: `${errorShare('5m')} > 0.05`,
    forS: 180,
    means: 'more than 5 % of turns fail',
    look: 'troubleshooting.md#turns-that-fail',
    cloudwatch: { of: 'failed requests, %', above: 5, means: 'more than 5 % of requests fail' },
  },
  {
    name: 'FirstByte',
    severity: 2,
    expr: `${firstByteS('5m')} > 0.5`,
    forS: 180,
    means: 'answers begin later than 500 ms (p95)',
    look: 'troubleshooting.md#a-slow-first-byte',
    cloudwatch: { of: 'first byte, ms p95', above: 500 },
  },
  {
    name: 'ErrorPromise',
    severity: 3,
    expr: `${errorShare('1h')} > ${PROMISED.errorShare}`,
    forS: 3600,
    means: 'more than 0.5 % of turns failed, for an hour: not what is promised',
    look: 'troubleshooting.md#turns-that-fail',
  },
  {
    name: 'FirstBytePromise',
    severity: 3,
    expr: `${firstByteS('1h')} > ${PROMISED.firstByteMs / 1000}`,
    forS: 3600,
    means: 'answers began later than 400 ms (p95), for an hour: not what is promised',
    look: 'troubleshooting.md#a-slow-first-byte',
  },
  {
    name: 'UptimePromise',
    severity: 3,
    expr: `${upShare('30d')} < ${PROMISED.upShare}`,
    forS: 300,
    means: 'no relay was there for more than 0.1 % of 30 days: not what is promised',
    look: 'incidents.md',
  },
  {
    name: 'SocketsBreak',
    severity: 3,
    expr: `${socketLifeS('1h')} < ${PROMISED.socketLifeS}`,
    forS: 1800,
    means: 'a socket breaks more often than once an hour, on the mean: not what is promised',
    look: 'troubleshooting.md#dropped-sockets',
  },
  {
    name: 'RelayGone',
    severity: 2,
    expr: `up{job="${JOB}"} == 0`,
    forS: 120,
    means: 'one of the relays does not answer',
    look: 'incidents.md',
  },
  {
    name: 'ProviderLeftAlone',
    severity: 2,
    expr: 'sum by (provider) (vjj_provider_circuit{state="open"}) > 0',
    forS: 120,
    means: 'the provider is not dialled, because it failed or refused a key',
    look: 'troubleshooting.md#the-providers-limits',
  },
  {
    name: 'ProviderRefuses',
    severity: 2,
    expr: 'sum(increase(vjj_provider_downs_total{reason="refused"}[10m])) > 0',
    forS: 0,
    means: 'the provider refused a key, a model or an account',
    look: 'troubleshooting.md#the-providers-limits',
  },
  {
    name: 'ProviderThrottles',
    severity: 3,
    expr: 'sum(increase(vjj_provider_downs_total{reason="throttled"}[10m])) > 5',
    forS: 0,
    means: "conversations run into the provider's limits",
    look: 'troubleshooting.md#the-providers-limits',
  },
  {
    name: 'DatabaseAway',
    severity: 2,
    expr: 'min(vjj_store_up) == 0',
    forS: 60,
    means: 'a relay does not reach its database: it goes on from what it knows, for a day at most',
    look: 'troubleshooting.md#redis-or-postgres-away',
  },
  {
    name: 'SharedStateAway',
    severity: 2,
    expr: 'min(vjj_shared_state_up) == 0',
    forS: 60,
    means: 'a relay does not reach Redis: it keeps to its own share of each limit',
    look: 'troubleshooting.md#redis-or-postgres-away',
  },
  {
    name: 'RecordsWait',
    severity: 3,
    expr: 'max(vjj_spool_bytes) > 50e6',
    forS: 600,
    means: 'more than 50 MB of records wait on the disk for the database',
    look: 'troubleshooting.md#redis-or-postgres-away',
  },
  {
    name: 'LoopLags',
    severity: 3,
    expr: `${quantile(0.99, 'vjj_event_loop_lag_seconds', '5m', '', 'instance')} > 0.1`,
    forS: 600,
    means: 'a relay is 100 ms late (p99): it has more to do than its core takes',
    look: 'troubleshooting.md#a-busy-process',
  },
  {
    name: 'Cpu',
    severity: 3,
    expr: `rate(process_cpu_seconds_total{job="${JOB}"}[5m]) > 0.9`,
    forS: 300,
    means: 'the relays are at their limit, and there are as many as there may be',
    look: 'capacity.md',
    cloudwatch: { of: 'processor, %', above: 90 },
  },
  {
    name: 'Memory',
    severity: 3,
    expr: `process_resident_memory_bytes{job="${JOB}"} > 1.5e9`,
    forS: 600,
    means: 'the relays need more memory',
    look: 'troubleshooting.md#memory',
    cloudwatch: { of: 'memory, %', above: 85 },
  },
  {
    name: 'Shedding',
    severity: 2,
    expr: 'sum(increase(vjj_shed_sessions_total[10m])) > 0',
    forS: 0,
    means: 'conversations were ended because all together held too much',
    look: 'troubleshooting.md#memory',
  },
  {
    name: 'OpenFiles',
    severity: 2,
    expr: `process_open_fds{job="${JOB}"} / process_max_fds{job="${JOB}"} > 0.8`,
    forS: 300,
    means: 'a relay has 80 % of the files open that it may',
    look: 'troubleshooting.md#dropped-sockets',
  },
  {
    name: 'SlowToStop',
    severity: 3,
    expr: `${quantile(0.99, 'vjj_kill_to_cancel_seconds', '10m')} > 0.05`,
    forS: 600,
    means: 'an answer that was interrupted is cancelled later than 50 ms (p99)',
    look: 'troubleshooting.md#barge-in',
  },
  {
    name: 'WaitsRunOut',
    severity: 2,
    expr: `sum(rate(vjj_watchdogs_total{name=~"create|first|stall|done"}[10m])) / (${answered('10m')} > 0) > 0.02`,
    forS: 300,
    means: 'in more than 2 % of turns the provider did not begin, go on or end in time',
    look: 'troubleshooting.md#turns-that-fail',
  },
  {
    name: 'PolicyIsSlow',
    severity: 3,
    expr: `sum(rate(vjj_watchdogs_total{name="policy"}[10m])) / (${answered('10m')} > 0) > 0.05`,
    forS: 600,
    means: 'for more than 5 % of turns no verdict came in time',
    look: 'troubleshooting.md#turns-that-fail',
  },
  {
    name: 'TurnedAway',
    severity: 2,
    expr:
      'sum(rate(vjj_admissions_total{result=~"busy|internal|handshake-slow"}[5m])) / ' +
      '(sum(rate(vjj_admissions_total[5m])) > 0) > 0.05',
    forS: 300,
    means: 'more than 5 % of callers are turned away for want of room',
    look: 'capacity.md',
  },
  {
    name: 'OriginsRefused',
    severity: 3,
    expr: 'sum(increase(vjj_admissions_total{result="origin-refused"}[1h])) > 100',
    forS: 0,
    means: 'pages are refused that are on no list: a new address of a tenant, or a stolen key',
    look: 'troubleshooting.md#cors-and-origins',
  },
  {
    name: 'WebhooksDead',
    severity: 3,
    expr: 'sum(increase(vjj_webhook_deliveries_total{result="dead"}[1h])) > 0',
    forS: 0,
    means: 'webhooks were given up; they can be sent again from the console',
    look: 'troubleshooting.md#webhooks',
  },
  {
    name: 'MixedVersions',
    severity: 4,
    expr: 'count(count by (version) (vjj_build_info)) > 1',
    forS: 3600,
    means: 'two versions of the relay run beside each other, for an hour',
    look: 'upgrade.md',
  },
  {
    name: 'DatabaseConnections',
    severity: 3,
    means: 'more connections than the relays should hold: 10 each',
    look: 'capacity.md',
    cloudwatch: { of: 'database connections', above: 150 },
  },
  {
    name: 'DatabaseSpace',
    severity: 2,
    means: 'less than 2 GiB are free in the database',
    look: 'backup.md',
    cloudwatch: { of: 'free bytes of the database', below: 2 * 1024 ** 3 },
  },
];

/** What somebody reads who is woken: what is the matter, and where to look. */
export const described = ({ means, look }) => `${means}. docs/operations/${look}`;
