/**
 * Every metric of the relay: the one table from which the registry, the board, the alert rules and
 * the page of the docs are made. A row says what is measured and in what unit; nothing is measured
 * here. Values of a label are listed where they are known; where they come from outside, a bound is.
 */

/** Values that a label may have besides those that are listed, in words, and how many there may be. */
export interface OpenLabel {
  means: string;
  most: number;
}
export type LabelValues = readonly string[] | OpenLabel;

interface Row {
  /** What one count, or one value, stands for: one sentence. */
  means: string;
  unit: 'count' | 'seconds' | 'bytes' | 'microdollars' | 'boolean';
  labels?: Readonly<Record<string, LabelValues>>;
}
export interface CounterRow extends Row {
  kind: 'counter';
}
export interface GaugeRow extends Row {
  kind: 'gauge';
}
export interface HistogramRow extends Row {
  kind: 'histogram';
  unit: 'seconds';
  /** Upper bounds, rising. */
  buckets: readonly number[];
}
export type MetricRow = CounterRow | GaugeRow | HistogramRow;

/** Tenants that are told apart at once; all others are counted as {@link OTHER}. */
export const MOST_TENANTS = 200;
export const OTHER = 'other';

/** Socket close codes of ours, 1000 for a conversation that was ended by wish. */
export const CLOSE_CODES = [
  ...['1000', '4001', '4008', '4009', '4010', '4011', '4029'],
  ...['4501', '4502', '4503', '4504', '4505', '4506'],
  OTHER,
] as const;

/** Why everything that sounded, or was about to, was ended in one step; the arbiter's own words. */
export const KILL_CAUSES = [
  ...['interrupt', 'decide', 'onset', 'text', 'commit', 'policy', 'policy_timeout'],
  ...['provider_lost', 'widget_lost', 'error', 'timeout', 'ended'],
] as const;

/** Waits of the arbiter that ran out, by the name of their deadline. */
export const WATCHDOGS = [
  ...['create', 'first', 'stall', 'done', 'tool', 'user', 'drain', 'widget', 'turn', 'policy'],
] as const;

/** Events of the arbiter's that can come too late to mean anything. */
export const STALE_EVENTS = [
  ...['session.started', 'session.ended', 'user.onset', 'user.offset', 'user.verdict', 'user.text'],
  ...['turn.committed', 'turn.dropped', 'response.created', 'response.text', 'response.audio'],
  ...['response.generated', 'response.done', 'response.error', 'playout', 'playout.drained', 'clip.ready'],
  ...['clip.ended', 'policy.cleared', 'policy.blocked', 'tool.started', 'tool.ended', 'provider.down'],
  ...['provider.up', 'widget.down', 'widget.up', 'device.suspended', 'device.resumed', 'tick'],
] as const;

/** What came of a caller at the door: let in, or the code of the fault. */
export const ADMISSIONS = [
  ...['ok', 'token-missing', 'token-invalid', 'token-expired', 'token-revoked', 'origin-refused', 'key-unknown'],
  ...['rate-limited', 'quota-used-up', 'busy', 'draining', 'handshake-slow', 'protocol', 'not-found', 'too-large'],
  ...['bad-request', 'internal', OTHER],
] as const;

/** Why a connection to the provider was lost, in classes. */
export const DOWN_REASONS = ['rotation', 'expired', 'throttled', 'refused', 'unreachable', 'closed', OTHER] as const;

const OUTCOMES = ['answered', 'superseded', 'refused', 'failed'] as const;
const TENANT: OpenLabel = {
  means: `id of the tenant; the first ${MOST_TENANTS} of an hour, "${OTHER}" for the rest`,
  most: MOST_TENANTS + 1,
};
const ROUTE: OpenLabel = { means: 'the pattern of the path, or "other" where nothing answers', most: 150 };

/** Around the promise of 400 ms. */
const FIRST_SOUND = [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10];
/** What happens inside one process. */
const INSIDE = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];
const NETWORK = [0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 30, 60];
const REQUEST = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const LEAD = [0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1];
const LAG = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

export const METRICS = {
  vjj_sessions_started_total: {
    kind: 'counter',
    unit: 'count',
    means: 'Conversations that began here, those that came from a relay that is gone included.',
  },
  vjj_sessions_ended_total: {
    kind: 'counter',
    unit: 'count',
    means: 'Conversations that ended here, by close code.',
    labels: { code: CLOSE_CODES },
  },
  vjj_session_resumes_total: {
    kind: 'counter',
    unit: 'count',
    means: 'Pages that came back to their conversation, by what it had kept.',
    labels: { kept: ['all', 'unplayed', 'memory'] },
  },
  vjj_turns_total: {
    kind: 'counter',
    unit: 'count',
    means: 'Turns that ended, by outcome; failed ones over all are the error rate.',
    labels: { outcome: OUTCOMES },
  },
  vjj_kills_total: {
    kind: 'counter',
    unit: 'count',
    means: 'Times that what sounded, or was about to, was ended for good, by cause.',
    labels: { cause: KILL_CAUSES },
  },
  vjj_gate_resumes_total: {
    kind: 'counter',
    unit: 'count',
    means: 'Pauses for a cough or an acknowledgement after which the answer went on.',
  },
  vjj_stale_events_total: {
    kind: 'counter',
    unit: 'count',
    means: 'Events that came too late to mean anything, by kind; races, not faults.',
    labels: { event: STALE_EVENTS },
  },
  vjj_policy_decisions_total: {
    kind: 'counter',
    unit: 'count',
    means: 'What policy decided where it stepped in; allow: a phrase that had to be said was not.',
    labels: { decision: ['allow', 'rewrite', 'refuse', 'cancel_output', 'escalate'] },
  },
  vjj_watchdogs_total: {
    kind: 'counter',
    unit: 'count',
    means: 'Waits of the arbiter that ran out, by the name of the deadline.',
    labels: { name: WATCHDOGS },
  },
  vjj_admissions_total: {
    kind: 'counter',
    unit: 'count',
    means: 'Callers at the door of the socket: let in, or the code of the refusal.',
    labels: { result: ADMISSIONS },
  },
  vjj_provider_downs_total: {
    kind: 'counter',
    unit: 'count',
    means: 'Connections to the provider that were lost or could not be had, by class of the reason.',
    labels: { reason: DOWN_REASONS },
  },
  vjj_provider_rotations_total: {
    kind: 'counter',
    unit: 'count',
    means: 'Connections that were to give way to the next: unnoticed, not at that moment, or by a break.',
    labels: { result: ['switched', 'missed', 'broken'] },
  },
  vjj_http_requests_total: {
    kind: 'counter',
    unit: 'count',
    means: 'Answers over HTTP.',
    labels: {
      method: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', OTHER],
      route: ROUTE,
      status: { means: 'the HTTP status', most: 60 },
    },
  },
  vjj_shed_sessions_total: {
    kind: 'counter',
    unit: 'count',
    means: 'Conversations that were ended because all together held too much.',
  },
  vjj_webhook_deliveries_total: {
    kind: 'counter',
    unit: 'count',
    means: 'Attempts to deliver a webhook; dead: it was the last one.',
    labels: { result: ['delivered', 'retry', 'dead'] },
  },
  vjj_passed_on_total: {
    kind: 'counter',
    unit: 'count',
    means: 'Pages that came back here and were brought to the instance that has their conversation.',
  },
  vjj_first_audible_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    means: 'From the committed end of the turn to the first audible sound of a lane leaving for the page.',
    labels: { lane: ['A', 'B', 'C'] },
    buckets: FIRST_SOUND,
  },
  vjj_onset_to_pause_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    means: 'From hearing of an onset to the pause leaving for the page, which has paused by itself before.',
    buckets: INSIDE,
  },
  vjj_kill_to_cancel_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    means: "From a kill to the provider's socket being told to cancel.",
    buckets: INSIDE,
  },
  vjj_ear_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    means:
      "From the committed end of the turn to the answer's first sound being played, by the page's report; its way here is in it.",
    buckets: FIRST_SOUND,
  },
  vjj_resume_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    means: 'From a lost connection to the page being back in its conversation.',
    buckets: NETWORK,
  },
  vjj_pacing_lead_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    means: 'How far ahead of the ear the page was, looked at with its reports.',
    buckets: LEAD,
  },
  vjj_event_loop_lag_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    means: 'How much later than asked for a timer came, looked at four times a second.',
    buckets: LAG,
  },
  vjj_http_request_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    means: 'From a request to its answer.',
    labels: { route: ROUTE },
    buckets: REQUEST,
  },
  vjj_provider_connect_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    means: "From a conversation's first dialling to a provider that is set up.",
    buckets: NETWORK,
  },
  vjj_sessions: {
    kind: 'gauge',
    unit: 'count',
    means: 'Conversations that live here: with a page, waiting for it, or left while this instance drains.',
    labels: { state: ['live', 'away', 'draining'] },
  },
  vjj_buffered_bytes: {
    kind: 'gauge',
    unit: 'bytes',
    means: 'What waits: up for the provider, down for the page, and in the log of what the page has not confirmed.',
    labels: { where: ['up', 'down', 'log'] },
  },
  vjj_provider_circuit: {
    kind: 'gauge',
    unit: 'count',
    means: 'Credentials in use, by provider and state of their circuit; open ones are left alone.',
    labels: {
      provider: { means: 'address of the provider, without path', most: 3 },
      state: ['closed', 'open', 'half-open'],
    },
  },
  vjj_shared_state_up: {
    kind: 'gauge',
    unit: 'boolean',
    means: '1 while what instances share can be reached, or there is nothing to reach.',
  },
  vjj_store_up: { kind: 'gauge', unit: 'boolean', means: '1 while the database answers.' },
  vjj_spool_bytes: { kind: 'gauge', unit: 'bytes', means: 'Records that wait on the disk for the database.' },
  vjj_instances: { kind: 'gauge', unit: 'count', means: 'Instances that share state, this one included.' },
  vjj_build_info: {
    kind: 'gauge',
    unit: 'count',
    means: 'Always 1; its labels say what runs.',
    labels: { version: { means: 'of the relay', most: 1 }, node: { means: 'version of Node', most: 1 } },
  },
  vjj_tenant_sessions: {
    kind: 'gauge',
    unit: 'count',
    means: 'Conversations that live here, by tenant.',
    labels: { tenant: TENANT },
  },
  vjj_tenant_turns_total: {
    kind: 'counter',
    unit: 'count',
    means: 'Turns that ended, by tenant and outcome.',
    labels: { tenant: TENANT, outcome: OUTCOMES },
  },
  vjj_tenant_cost_microdollars_total: {
    kind: 'counter',
    unit: 'microdollars',
    means: 'What the provider billed, by tenant, in millionths of a dollar.',
    labels: { tenant: TENANT },
  },
} as const satisfies Record<string, MetricRow>;

export type MetricName = keyof typeof METRICS;
