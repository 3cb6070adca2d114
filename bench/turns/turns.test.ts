/** What the bench does without sound and sockets: plans from a seed, traces from what happened, figures from traces. */
import { describe, expect, it } from 'vitest';
import { falsePausesOf, hasSilentTick, measure, measureEvent, percentile, unprovokedKillsOf } from './measure.ts';
import { reportLines } from './report.ts';
import { BACKCHANNELS, INTERRUPTIONS, makePlans } from './scenario.ts';
import type { AuditRecord } from '../../relay/audit/audit.ts';
import type { Happened } from './page.ts';
import type { Read } from './sample-record.ts';
import { decisionsOf, pausesOf, spansOf, unclearedMs } from './trace-of.ts';
import type { PlacedEvent, Span, Trace } from './trace.ts';

const [aPlan] = makePlans(1);
if (!aPlan) throw new Error('a run has conversations');

const span = (fromMs: number, toMs: number, lane: Span['lane'] = 'B', epoch = 1): Span => ({
  fromMs,
  toMs,
  lane,
  epoch,
});
const event = (kind: PlacedEvent['kind'], onsetMs: number, endMs: number): PlacedEvent => ({
  kind,
  phrase: 'Mm-hm.',
  levelDb: -25,
  onsetMs,
  endMs,
});
const trace = (of: Partial<Trace>): Trace => ({
  plan: aPlan,
  failure: null,
  events: [],
  spans: [],
  pauses: [],
  decisions: [],
  truncations: [],
  overlapSamples: 0,
  afterKillSamples: 0,
  unclearedMs: 0,
  refused: 0,
  handovers: [],
  ...of,
});
const rowOf = (traces: Trace[], name: string) => measure(traces).rows.find((row) => row.name.startsWith(name));

/** The agent speaks from 1000 on, is paused at 3040 and killed 500 later. */
const yielded = trace({
  events: [event('interruption', 3000, 4000)],
  spans: [span(1000, 3052), span(5000, 6000, 'B', 2)],
  pauses: [{ atMs: 3040, by: 'widget', epoch: 1, level: -25 }],
  decisions: [{ atMs: 3540, is: 'kill', epoch: 2, cause: 'decide' }],
  truncations: [{ atMs: 3540, cause: 'decide', toldMs: 2050, heardMs: 2052 }],
});
/** The same, but it was a backchannel and the answer goes on after 700 ms. */
const resumed = trace({
  events: [event('backchannel', 3000, 3350)],
  spans: [span(1000, 3050), span(3750, 9000)],
  pauses: [{ atMs: 3040, by: 'widget', epoch: 1, level: -25 }],
  decisions: [{ atMs: 3700, is: 'resume', epoch: 1, cause: 'resume' }],
});

describe('the plans', () => {
  it('are the same for the same seed, and others for another', () => {
    expect(makePlans(7)).toEqual(makePlans(7));
    expect(makePlans(8)).not.toEqual(makePlans(7));
  });

  it('have all kinds of events, phrases, latencies, echoes and rooms', () => {
    const plans = makePlans(1);
    const events = plans.flatMap((plan) => plan.events);
    expect(new Set(events.map(({ kind }) => kind)).size).toBe(5);
    const said = new Set(events.map(({ phrase }) => phrase));
    for (const phrase of [...INTERRUPTIONS, ...BACKCHANNELS]) expect(said).toContain(phrase);
    expect(new Set(plans.map(({ latencyMs }) => latencyMs))).toEqual(new Set([0, 20, 40, 80]));
    expect(new Set(plans.map(({ noiseDb }) => noiseDb))).toEqual(new Set([-65, -50, -40]));
    const couplings = plans.flatMap(({ echo }) => (echo ? [echo.couplingDb] : []));
    expect([Math.min(...couplings), Math.max(...couplings)]).toEqual([-50, -20]);
    expect(new Set(plans.map(({ id }) => id)).size).toBe(plans.length);
  });

  it('are fewer of every group at a smaller size', () => {
    const groups = (size: number) => new Set(makePlans(1, size).map(({ group }) => group));
    expect(groups(0.01)).toEqual(groups(1));
    expect(makePlans(1, 0.1).length).toBeLessThan(makePlans(1).length / 5);
  });

  it('let nobody speak in front of the microphone softer than the room', () => {
    for (const { noiseDb, events } of makePlans(3)) {
      for (const { kind, levelDb } of events) {
        if (kind === 'interruption') expect(levelDb).toBeGreaterThanOrEqual(noiseDb + 14);
      }
    }
  });
});

describe('an event', () => {
  it('that is yielded to has its times from the acoustic onset', () => {
    expect(measureEvent(yielded, event('interruption', 3000, 4000))).toMatchObject({
      isOverAgent: true,
      pauseMs: 40,
      silenceMs: 52,
      killMs: 540,
      killCause: 'decide',
      decisionMs: 500,
      isSurvived: false,
      isTalkedThrough: false,
    });
  });

  it('that is survived was not killed and the agent was heard again', () => {
    const [one] = resumed.events;
    if (!one) throw new Error('there is one');
    expect(measureEvent(resumed, one)).toMatchObject({ isSurvived: true, killMs: null, decisionMs: 660 });
    const stuck = { ...resumed, spans: [span(1000, 3050)] };
    expect(measureEvent(stuck, one).isSurvived).toBe(false);
    const later = measureEvent(resumed, event('backchannel', 6000, 6300));
    expect(later).toMatchObject({ resumedBefore: 1, isSurvived: true, pauseMs: null, isTalkedThrough: true });
  });

  it('that meets a silent agent does not count', () => {
    const early = { ...yielded, events: [event('interruption', 500, 900)] };
    expect(rowOf([early], 'interruptions: yield rate')).toMatchObject({ of: 0, isMet: null });
  });
});

describe('silence in ticks', () => {
  it('is a whole tick without any sound that begins within the window', () => {
    const spans = [span(0, 1010), span(1390, 5000)];
    expect(hasSilentTick(spans, 900, 1000)).toBe(false);
    expect(hasSilentTick([span(0, 1000), span(1390, 5000)], 900, 1000)).toBe(true);
    expect(hasSilentTick([span(0, 1650)], 900, 1000)).toBe(false);
    expect(hasSilentTick([span(0, 1590)], 900, 1000)).toBe(true);
  });
});

describe('a false pause', () => {
  it('costs the silence until the answer goes on, and is put down to what was heard', () => {
    expect(falsePausesOf(resumed)).toEqual([
      { plan: aPlan.id, because: 'backchannel', level: -25, by: 'widget', costMs: 700 },
    ]);
    expect(falsePausesOf({ ...resumed, events: [] })).toMatchObject([{ because: 'nothing', costMs: 700 }]);
  });

  it('is none where the user meant to interrupt, and has no cost where the answer was lost', () => {
    expect(falsePausesOf(yielded)).toEqual([]);
    expect(falsePausesOf({ ...yielded, events: [event('cough', 3000, 3090)] })).toMatchObject([{ costMs: null }]);
  });

  it('that becomes a kill without any sound is counted as that', () => {
    expect(unprovokedKillsOf({ ...yielded, events: [] })).toHaveLength(1);
    expect(unprovokedKillsOf(yielded)).toHaveLength(0);
  });
});

describe('the figures', () => {
  it('are met or missed by their targets', () => {
    const traces = [yielded, resumed];
    expect(rowOf(traces, 'interruptions: yield rate')).toMatchObject({ value: 100, isMet: true });
    expect(rowOf(traces, 'time to yield: onset to silence, p95')).toMatchObject({ value: 52, isMet: true });
    expect(rowOf(traces, 'time to yield: onset to kill decision, p95')).toMatchObject({ value: 540, isMet: false });
    const late = { ...yielded, spans: [span(1000, 3400)] };
    expect(rowOf([late], 'time to yield: onset to silence, p95')).toMatchObject({ value: 400, isMet: false });
    expect(rowOf(traces, 'backchannels survived')).toMatchObject({ value: 100, isMet: true });
    expect(rowOf(traces, 'truncation error after speech, largest')).toMatchObject({ value: 2, isMet: true });
  });

  it('break the run when something that must not happen did', () => {
    const broken = (of: Partial<Trace>, name: string) => rowOf([trace(of)], name);
    expect(broken({ overlapSamples: 1 }, 'samples of two lanes')).toMatchObject({ isMet: false });
    expect(broken({ afterKillSamples: 1 }, 'samples admitted')).toMatchObject({ isMet: false });
    expect(broken({ unclearedMs: 0.5 }, 'uncleared')).toMatchObject({ isMet: false });
    expect(broken({ failure: 'no answer' }, 'conversations that could not')).toMatchObject({ value: 1, isMet: false });
  });

  it('take percentiles by the nearest rank', () => {
    expect(percentile([5, 1, 4, 2, 3], 50)).toBe(3);
    expect(percentile([1, 2], 95)).toBe(2);
    expect(percentile([], 50)).toBeNaN();
  });

  it('are printed with what was missed, and a failed conversation with its reason', () => {
    const late = { ...yielded, spans: [span(1000, 3400)] };
    const traces = [late, trace({ failure: 'no answer' })];
    const lines = reportLines(measure(traces), traces).join('\n');
    expect(lines).toMatch(/onset to silence, p95 .* ≤ 300 +MISSED/);
    expect(lines).toMatch(/onset to kill decision, p95 .* ≤ 300 +MISSED/);
    expect(lines).toMatch(/yield rate .* ≥ 99 +met/);
    expect(lines).toContain('could not take place: no answer');
  });
});

describe('a trace', () => {
  const read = (frame: number, of: Partial<Read> = {}): Read => ({
    frame,
    lane: 'B',
    epoch: 1,
    item: 'i',
    response: 'r',
    from: 0,
    to: 64,
    base: 0,
    ...of,
  });

  it('joins what left the gate in neighbouring quanta, and nothing of another lane or epoch', () => {
    const reads = [read(0), read(128), read(512), read(640, { epoch: 2 }), read(768, { epoch: 2, lane: 'A' })];
    expect(spansOf(reads).map(({ fromMs, lane, epoch }) => [Math.round(fromMs * 3) / 3, lane, epoch])).toEqual([
      [0, 'B', 1],
      [32 / 3, 'B', 1],
      [40 / 3, 'B', 2],
      [16, 'A', 2],
    ]);
  });

  it('counts sound that was read before policy cleared it, and not what was cleared in time', () => {
    const cleared = (t: number, upToMs: number): AuditRecord => ({
      event: { type: 'policy.cleared', response: 'r', upToMs, t },
      effects: [],
    });
    const at20ms = read(960, { from: 0, to: 48, base: 0 });
    expect(unclearedMs([at20ms], [cleared(10, 2)])).toBe(0);
    expect(unclearedMs([at20ms], [cleared(10, 1)])).toBe(1);
    expect(unclearedMs([at20ms], [cleared(21, 2)])).toBe(2);
    expect(unclearedMs([read(960, { lane: 'A', response: null })], [])).toBe(0);
  });

  it('has a pause once, whoever asked for it first, and a decision with its cause', () => {
    const happened: Happened[] = [
      { atMs: 100, is: 'onset', epoch: 1, paused: true, level: -30 },
      { atMs: 120, is: 'delivered', message: { type: 'gate.pause', epoch: 1 } },
      { atMs: 300, is: 'said', message: { type: 'gate.resume', epoch: 1, rewindMs: 120 } },
      { atMs: 310, is: 'delivered', message: { type: 'gate.resume', epoch: 1, rewindMs: 120 } },
      { atMs: 500, is: 'delivered', message: { type: 'gate.pause', epoch: 1 } },
      { atMs: 900, is: 'said', message: { type: 'gate.close', epoch: 2, rampMs: 10 } },
      {
        atMs: 900,
        is: 'said',
        message: { type: 'lane.owner_changed', from: 'B', to: 'none', cause: 'decide', epoch: 2, t: 900 },
      },
    ];
    expect(pausesOf(happened)).toMatchObject([
      { atMs: 100, by: 'widget', level: -30 },
      { atMs: 500, by: 'relay', level: null },
    ]);
    expect(decisionsOf(happened)).toMatchObject([
      { atMs: 300, is: 'resume' },
      { atMs: 900, is: 'kill', cause: 'decide' },
    ]);
  });
});
