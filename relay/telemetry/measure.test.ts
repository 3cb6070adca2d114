/** The fold on conversations with a provider that the test speaks for: real door, socket, session and arbiter. */
import { afterEach, describe, expect, it } from 'vitest';
import { DEFAULT_CONFIG, initialState, type ArbiterEvent, type Effect } from '#arbiter';
import { cut, back } from '../session/testing/coming-back.ts';
import * as talk from '../session/testing/conversation.ts';
import type { RelayUnderTestOptions } from '../session/testing/relay-under-test.ts';
import { aClip } from '../session/testing/relay-under-test.ts';
import { downReason, killCause, measure, NOTHING_YET, type Measurement } from './measure.ts';
import type { SessionObserver } from './observer.ts';
import { createMetricsObserver } from './metrics-observer.ts';

interface Put {
  name: string;
  labels: Readonly<Record<string, string>>;
  value: number;
}
let puts: Put[] = [];
const of = (name: string) => puts.filter((one) => one.name === name);
const counts = (name: string) => of(name).map(({ labels }) => Object.values(labels).join(' '));
const seconds = (name: string) => of(name).map(({ value }) => Math.round(value * 1000) / 1000);

/** The observer of the relay's own, whose figures the test reads. */
const observer: SessionObserver = {
  open: (session) =>
    createMetricsObserver({
      clock: talk.clock,
      metrics: {
        put: (name, labels, value) => void puts.push({ name, labels, value }),
        count: (name, labels, by = 1) => void puts.push({ name, labels: { ...labels }, value: by }),
        forget: () => undefined,
      },
    }).open(session),
};
const observed = (more: Partial<RelayUnderTestOptions> = {}) => ({
  ...more,
  deps: { observe: observer, ...more.deps },
});

afterEach(async () => {
  await talk.relay.stop();
  puts = [];
});

describe('a conversation as measurements', () => {
  it('counts its beginning, its turns with their outcome, and its end with the close code', async () => {
    await talk.begin(observed());
    await talk.userTurn();
    await talk.answer('r1', 'turn_1', 1_000);
    await talk.say({ type: 'response.generated', response: 'r1', text: 'x' });
    await talk.say({ type: 'response.done', response: 'r1', status: 'completed' });
    await talk.pass(4_000);
    await talk.tell({ type: 'session.end' });
    await talk.page.closed;
    expect(of('vjj_sessions_started_total')).toHaveLength(1);
    expect(counts('vjj_turns_total')).toEqual(['answered']);
    expect(counts('vjj_sessions_ended_total')).toEqual(['1000']);
  });

  it('times the first sound from the committed end of the turn, by lane', async () => {
    await talk.begin(observed());
    await talk.userTurn();
    await talk.pass(180);
    await talk.answer('r1', 'turn_1', 1_000);
    await talk.say({ type: 'response.generated', response: 'r1', text: 'x' });
    await talk.say({ type: 'response.done', response: 'r1', status: 'completed' });
    await talk.pass(4_000);
    const first = of('vjj_first_audible_seconds').filter(({ labels }) => labels['lane'] === 'B');
    expect(first.map(({ value }) => value)).toEqual([0.18]);
  });

  it('times the ear by the first report, less what it says was played', async () => {
    await talk.begin(observed());
    await talk.userTurn();
    await talk.pass(200);
    await talk.answer('r1', 'turn_1', 2_000);
    await talk.pass(150);
    await talk.tell({ type: 'playout', epoch: 1, item: 'item_of_r1', playedMs: 0 });
    expect(of('vjj_ear_seconds')).toEqual([]);
    await talk.tell({ type: 'playout', epoch: 1, item: 'item_of_r1', playedMs: 100 });
    await talk.tell({ type: 'playout', epoch: 1, item: 'item_of_r1', playedMs: 120 });
    expect(seconds('vjj_ear_seconds')).toEqual([0.25]);
  });

  it('tells how far ahead of the ear the page is, while there is more to send', async () => {
    await talk.begin(observed());
    await talk.userTurn();
    await talk.answer('r1', 'turn_1', 3_000);
    await talk.pass(300);
    await talk.tell({ type: 'playout', epoch: 1, item: 'item_of_r1', playedMs: 300 });
    const [lead] = seconds('vjj_pacing_lead_seconds');
    expect(lead).toBeGreaterThan(0.2);
    expect(lead).toBeLessThan(0.6);
    await talk.pass(10_000);
    const before = of('vjj_pacing_lead_seconds').length;
    await talk.say({ type: 'response.generated', response: 'r1', text: 'x' });
    await talk.pass(10_000);
    await talk.tell({ type: 'playout', epoch: 1, item: 'item_of_r1', playedMs: 3_000 });
    expect(of('vjj_pacing_lead_seconds')).toHaveLength(before);
  });

  it('tells a pause from a kill, and times both to where they leave', async () => {
    await talk.begin(observed());
    await talk.userTurn();
    await talk.answer('r1', 'turn_1', 5_000);
    await talk.pass(500);
    await talk.talkOver();
    expect(of('vjj_onset_to_pause_seconds')).toHaveLength(1);
    await talk.tell({ type: 'user.offset', utterance: 'w2', ms: 60 });
    await talk.pass(20);
    expect(of('vjj_gate_resumes_total')).toHaveLength(1);
    expect(of('vjj_kills_total')).toEqual([]);
    await talk.tell({ type: 'user.text', text: 'Something else.' });
    expect(counts('vjj_kills_total')).toEqual(['text']);
    expect(seconds('vjj_kill_to_cancel_seconds')).toEqual([0]);
    expect(counts('vjj_turns_total')).toEqual(['superseded']);
  });

  it('waits for a response that is not there yet to be cancelled', async () => {
    await talk.begin(observed());
    await talk.userTurn();
    await talk.tell({ type: 'user.text', text: 'Something else.' });
    expect(of('vjj_kill_to_cancel_seconds')).toEqual([]);
    await talk.pass(70);
    await talk.say({ type: 'response.created', response: 'r1', turn: 'turn_1' });
    expect(seconds('vjj_kill_to_cancel_seconds')).toEqual([0.07]);
  });

  it('counts what came too late, and the watchdog that ran out', async () => {
    await talk.begin(observed());
    await talk.userTurn();
    await talk.tell({ type: 'playout.drained', epoch: 0, item: 'x' });
    expect(counts('vjj_stale_events_total')).toContain('playout.drained');
    await talk.pass(DEFAULT_CONFIG.CREATE_TIMEOUT_MS + 10);
    expect(counts('vjj_watchdogs_total')).toEqual(['create']);
    expect(counts('vjj_kills_total')).toEqual(['timeout']);
    expect(counts('vjj_turns_total')).toEqual(['failed']);
  });

  it('times the provider from the first dialling, and names its losses in classes', async () => {
    await talk.admit(observed());
    await talk.dial();
    await talk.pass(320);
    await talk.say({ type: 'provider.up', generation: 1 });
    await talk.say({ type: 'provider.down', generation: 1, reason: 'rotation', fatal: false });
    await talk.pass(100);
    await talk.say({ type: 'provider.up', generation: 2 });
    await talk.say({ type: 'provider.down', generation: 2, reason: 'close-1006', fatal: false });
    expect(seconds('vjj_provider_connect_seconds')).toEqual([0.32]);
    expect(counts('vjj_provider_downs_total')).toEqual(['rotation', 'unreachable']);
    expect(counts('vjj_provider_rotations_total')).toEqual(['broken']);
  });

  it('times a page that comes back from when it was lost', async () => {
    await talk.begin(observed());
    await cut();
    await talk.pass(700);
    await back();
    expect(counts('vjj_session_resumes_total')).toEqual(['all']);
    expect(seconds('vjj_resume_seconds')).toEqual([0.7]);
  });

  it('counts what policy decided', async () => {
    const policy = {
      disallowed: ['forbidden'],
      onDisallowed: 'refuse' as const,
      refusal: 'I cannot say that.',
      fallback: 'Sorry.',
    };
    await talk.begin(observed({ assistant: { policy }, voiced: [aClip('no', 'refusal')] }));
    await talk.userTurn();
    await talk.answer('r1', 'turn_1', 500, 'this is forbidden, quite. ');
    expect(counts('vjj_policy_decisions_total')).toEqual(['refuse']);
    expect(counts('vjj_kills_total')).toEqual(['policy']);
  });
});

describe('the fold', () => {
  const state = initialState(DEFAULT_CONFIG);
  const step = (event: ArbiterEvent, effects: Effect[], at = 0) =>
    measure(NOTHING_YET, { is: 'step', event, effects, before: state, at });
  const names = (measured: readonly Measurement[]) => measured.map(({ name }) => name);

  it('calls closing over a reflex alone no kill', () => {
    const closed: Effect[] = [
      { type: 'gate.close', epoch: 2, rampMs: 10 },
      { type: 'owner.changed', from: 'A', to: 'none', cause: 'onset' },
    ];
    expect(killCause(closed)).toBeUndefined();
    expect(killCause([{ type: 'gate.close', epoch: 2, rampMs: 10 }])).toBeUndefined();
    const silent: Effect[] = [...closed.slice(0, 1), { type: 'turn.outcome', turn: 't', outcome: 'answered' }];
    expect(killCause([...silent, { type: 'audit', cause: 'silent' }])).toBeUndefined();
    expect(killCause([...silent, { type: 'audit', cause: 'policy' }])).toBe('policy');
  });

  it('measures nothing of an ordinary tick', () => {
    expect(step({ type: 'tick', t: 5 }, []).measured).toEqual([]);
    expect(step({ type: 'device.resumed', t: 5 }, []).measured).toEqual([]);
  });

  it('takes no turn for one that the arbiter did not take', () => {
    const dropped = step({ type: 'turn.committed', turn: 't1', item: 'i1', t: 0 }, [
      { type: 'item.delete', item: 'i1' },
    ]);
    expect(dropped.memory.turn).toBeNull();
    const late = step({ type: 'user.text', turn: 't1', t: 0 }, [{ type: 'stale', event: 'user.text' }]);
    expect(late.memory.turn).toBeNull();
    expect(names(late.measured)).toEqual(['vjj_stale_events_total']);
  });

  it('has a code for every end, and one for those that are not ours', () => {
    const ended = (code: number) => measure(NOTHING_YET, { is: 'ended', code, at: 0 }).measured[0]?.labels['code'];
    expect([1000, 4001, 4506, 1006, 99].map(ended)).toEqual(['1000', '4001', '4506', 'other', 'other']);
  });

  it('puts every reason of a loss into one of few classes', () => {
    const reasons = ['rotation', 'session_expired', 'http-429', 'invalid_api_key', 'http-401', 'ECONNREFUSED'];
    const classes = ['rotation', 'expired', 'throttled', 'refused', 'refused', 'unreachable'];
    expect(reasons.map(downReason)).toEqual(classes);
    expect(['close-1011', 'server_error', 'http-503', 'key-unavailable'].map(downReason)).toEqual([
      'closed',
      'other',
      'unreachable',
      'unreachable',
    ]);
  });

  it('ignores a cancel that no kill asked for, a pause of no onset and a second item', () => {
    expect(measure(NOTHING_YET, { is: 'cancelled', at: 5 }).measured).toEqual([]);
    expect(measure(NOTHING_YET, { is: 'provider-up', at: 5 }).measured).toEqual([]);
    const pause = { is: 'told', message: { type: 'gate.pause', epoch: 1 }, at: 5 } as const;
    expect(measure(NOTHING_YET, pause).measured).toEqual([]);
    const escalated = { type: 'policy.escalated', reason: 'self_harm', severity: 'critical' } as const;
    const told = measure(NOTHING_YET, { is: 'told', message: escalated, at: 5 });
    expect(told.measured[0]?.labels).toEqual({ decision: 'escalate' });
  });
});
