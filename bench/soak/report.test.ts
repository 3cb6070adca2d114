/** From a record to promises, a page and a plot. */
import { describe, expect, it } from 'vitest';
import { plotSvg, roundUp } from './plot.ts';
import { readRecord, type EndLine, type Relay, type SampleLine, type SoakRecord, type StartLine } from './record.ts';
import { soakPlot, soakReport } from './report.ts';
import { growth, slopeOf, verdict } from './verdict.ts';

const MB = 1024 * 1024;
const relayAt = (over: Partial<Relay> = {}): Relay => ({
  ...{ rssBytes: 150 * MB, cpuS: 1, descriptors: 20, threads: 12, heapUsedBytes: 40 * MB, heapTotalBytes: 60 * MB },
  ...{ externalBytes: 5 * MB, arrayBuffersBytes: 2 * MB, timers: 10, resources: {} },
  ...{ lagP50Ms: 0.1, lagP99Ms: 2, lagMaxMs: 9 },
  ...over,
});
const start: StartLine = {
  ...{ type: 'start', at: '2026-11-23T07:40:00.000Z', machine: '2 cores Some Processor', node: '20.20.2' },
  ...{
    commit: 'abc1234',
    minutes: 66,
    sessions: 100,
    staying: 20,
    pauseMs: [5_000, 15_000],
    stayMs: [60_000, 360_000],
  },
  ...{ env: { POLICY_BUDGET_MS: '900' }, faults: {}, seed: 1, note: 'Other work went on.', baseline: relayAt() },
};
const sampleAt = (t: number, over: Partial<SampleLine> = {}): SampleLine => ({
  ...{ type: 'sample', t, live: 100, stayed: 20, cpu: { relay: 0.4, emulator: 0.2, driver: 0.2 }, relay: relayAt() },
  ...{ emulatorRssBytes: MB, driverRssBytes: MB, driverLagP99Ms: 1, load: 2 },
  counts: { 'turn answered': Math.round(t), 'close 1000, wished': 3 },
  figures: { firstByteMs: [20, 30, 200], answerMs: [20], perceivedMs: [600], underrunsMs: [], resumeMs: [] },
  ...over,
});
const end: EndLine = {
  ...{ type: 'end', t: 3_960, isCutShort: false, counts: { 'turn answered': 3_960, 'close 1000, wished': 300 } },
  ...{ after: relayAt(), settledAfterS: 61, relayExit: 0, warnings: 0, dataBytes: 9 * MB },
};
const hour = (of: (t: number) => Partial<SampleLine> = () => ({})) =>
  Array.from({ length: 396 }, (_, at) => sampleAt((at + 1) * 10, of((at + 1) * 10)));
const broken = (record: Partial<SoakRecord>) =>
  verdict({ start, samples: hour(), end, ...record })
    .filter(({ isKept }) => isKept === false)
    .map(({ promise }) => promise);

describe('the verdict', () => {
  it('is good when nothing grew, nothing was left and nobody was thrown out', () => {
    expect(broken({})).toEqual([]);
  });

  it('finds memory that grows by 30 MB an hour, and forgives what a warm-up takes', () => {
    const growing = hour((t) => ({ relay: relayAt({ rssBytes: 150 * MB + (t / 3600) * 30 * MB }) }));
    expect(growth(growing, ({ relay }) => relay.rssBytes).mbPerHour).toBeCloseTo(30);
    expect(broken({ samples: growing })).toEqual([expect.stringContaining('resident memory')]);
    const warming = hour((t) => ({ relay: relayAt({ rssBytes: (t < 600 ? 100 : 200) * MB }) }));
    expect(broken({ samples: warming })).toEqual([]);
  });

  it('says nothing about the slope of a short run', () => {
    const [first] = verdict({ start, samples: hour().slice(0, 18), end });
    expect(first?.isKept).toBeNull();
  });

  it.each([
    ['a descriptor', { after: relayAt({ descriptors: 21 }) }, 'descriptors'],
    ['a timer', { after: relayAt({ timers: 11 }) }, 'timers'],
    ['ten megabytes of heap', { after: relayAt({ heapUsedBytes: 50 * MB }) }, 'heap'],
    ['an exit code', { relayExit: 1 }, 'stops cleanly'],
    ['a close for the protocol', { counts: { 'turn answered': 9, 'close 4505': 1 } }, 'nobody wished'],
    ['a refusal', { counts: { 'turn answered': 9, 'refused 4029': 1 } }, 'nobody wished'],
    ['one failed turn in a hundred', { counts: { 'turn answered': 99, 'turn failed': 1 } }, 'not answered'],
  ])('finds %s', (_what, over, promise) => {
    expect(broken({ end: { ...end, ...over } })).toEqual([expect.stringContaining(promise)]);
  });

  it('does not take a run that broke off for a good one', () => {
    expect(broken({ end: undefined })).toEqual(['the run comes to its end']);
  });

  it('reckons a slope by least squares', () => {
    expect(slopeOf([[0, 1], [1, 3], [2, 5]])).toBe(2); // prettier-ignore
    expect(slopeOf([[1, 7]])).toBe(0); // prettier-ignore
  });
});

describe('the report', () => {
  it('has machine, date, commit, promises, percentiles and counts', () => {
    const page = soakReport({ start, samples: hour(), end }, 'soak.svg');
    for (const part of [
      '2026-11-23 07:40 UTC',
      'Some Processor',
      'abc1234',
      '`POLICY_BUDGET_MS=900`',
      'Other work went on.',
      '![Over time](soak.svg)',
    ])
      expect(page).toContain(part);
    expect(page).toContain('| end of turn → first sound (first byte) | 1011 | 30 | 200 | 200 | 200 |');
    expect(page).toContain('| turn answered | 3960 |');
    expect(page).not.toContain('NOT KEPT');
    expect(page).not.toContain('NaN');
  });

  it('can be made of a run that still runs, and of one that was cut short', () => {
    expect(soakReport({ start, samples: hour().slice(0, 3), end: undefined }, 'x.svg')).toContain('it broke off');
    expect(soakReport({ start, samples: [], end: { ...end, isCutShort: true } }, 'x.svg')).toContain('before its time');
  });

  it('is made of the lines that were written', () => {
    const text = [start, ...hour().slice(0, 2), end].map((line) => JSON.stringify(line)).join('\n');
    expect(readRecord(`${text}\n`)).toEqual({ start, samples: hour().slice(0, 2), end });
    expect(() => readRecord('{"type":"end"}')).toThrow('not the record');
  });
});

describe('the plot', () => {
  it('draws each figure over the same minutes', () => {
    const svg = soakPlot({ start, samples: hour(), end });
    expect(svg.match(/<polyline/g)).toHaveLength(16);
    expect(svg).toContain('Memory of the relay (MB)');
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  });

  it('draws nothing for what is not a number, and escapes what is written', () => {
    const svg = plotSvg([{ title: 'a < b & "c"', unit: 'ms', series: [{ name: 'x', points: [[1, Number.NaN], [2, 5]] }] }], 'min'); // prettier-ignore
    expect(svg).toContain('a &lt; b &amp; &quot;c&quot;');
    expect(svg).not.toContain('NaN');
    expect([0.3, 1, 3, 7, 12, 300].map(roundUp)).toEqual([0.5, 1, 5, 10, 20, 500]);
  });
});
