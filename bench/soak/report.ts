/** A soak's record as a page for people: promises, tables and a plot. */
import { percentile } from '../load/percentile.ts';
import type { Window } from '../load/tally.ts';
import { plotSvg, type Panel } from './plot.ts';
import type { Relay, SampleLine, SoakRecord } from './record.ts';
import { afterWarmUp, growth, verdict } from './verdict.ts';

const MB = 1024 * 1024;
/** Samples that one point of the percentiles is made of: a minute. */
const POINT = 6;
/** Rows of the table over time. */
const ROWS = 12;

const fixed = (value: number, digits = 0) => (Number.isFinite(value) ? value.toFixed(digits) : '–');
const mb = (bytes: number) => fixed(bytes / MB, 1);
const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const figures = (samples: readonly SampleLine[], which: keyof Window) =>
  samples.flatMap((sample) => sample.figures[which]);
const mean = (samples: readonly SampleLine[], of: (sample: SampleLine) => number) =>
  samples.reduce((sum, sample) => sum + of(sample), 0) / Math.max(1, samples.length);

function groups<T>(of: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(of.length / size) }, (_, index) => of.slice(index * size, (index + 1) * size));
}
const minuteOf = (samples: readonly SampleLine[]) => (samples.at(-1)?.t ?? 0) / 60;

/** The plot that goes with the report. */
export function soakPlot({ samples }: SoakRecord): string {
  const each = (of: (sample: SampleLine) => number) => samples.map((one) => [one.t / 60, of(one)] as const);
  const minutes = groups(samples, POINT);
  const byMinute = (which: keyof Window, share: number) =>
    minutes.map((some) => [minuteOf(some), percentile(figures(some, which), share)] as const);
  const panels: Panel[] = [
    {
      ...{ title: 'Memory of the relay', unit: 'MB' },
      series: [
        { name: 'resident', points: each(({ relay }) => relay.rssBytes / MB) },
        { name: 'heap used', points: each(({ relay }) => relay.heapUsedBytes / MB) },
        { name: 'buffers', points: each(({ relay }) => relay.externalBytes / MB) },
      ],
    },
    {
      ...{ title: 'Descriptors, timers, conversations', unit: 'count' },
      series: [
        { name: 'descriptors', points: each(({ relay }) => relay.descriptors) },
        { name: 'timers', points: each(({ relay }) => relay.timers) },
        { name: 'conversations', points: each(({ live }) => live) },
      ],
    },
    {
      ...{ title: 'Processor', unit: 'cores' },
      series: [
        { name: 'relay', points: each(({ cpu }) => cpu.relay) },
        { name: 'emulator', points: each(({ cpu }) => cpu.emulator) },
        { name: 'talkers', points: each(({ cpu }) => cpu.driver) },
      ],
    },
    {
      ...{ title: 'First byte: end of turn to first sound, each minute', unit: 'ms' },
      series: [
        { name: 'p50', points: byMinute('firstByteMs', 0.5) },
        { name: 'p95', points: byMinute('firstByteMs', 0.95) },
        { name: 'p99', points: byMinute('firstByteMs', 0.99) },
      ],
    },
    {
      ...{ title: 'Silences for want of sound, each minute', unit: 'count' },
      series: [
        {
          name: 'underruns',
          points: minutes.map((some) => [minuteOf(some), figures(some, 'underrunsMs').length] as const),
        },
      ],
    },
    {
      ...{ title: 'Event-loop lag, p99 of ten seconds', unit: 'ms' },
      series: [
        { name: 'relay', points: each(({ relay }) => relay.lagP99Ms) },
        { name: 'talkers', points: each(({ driverLagP99Ms }) => driverLagP99Ms) },
      ],
    },
    {
      title: "The machine's load average",
      unit: 'tasks',
      series: [{ name: 'load', points: each(({ load }) => load) }],
    },
  ];
  return plotSvg(panels, 'min');
}

function latencies(samples: readonly SampleLine[]): string {
  const row = (what: string, which: keyof Window) => {
    const values = figures(samples, which);
    const at = (share: number) => fixed(percentile(values, share));
    return [what, String(values.length), at(0.5), at(0.95), at(0.99), fixed(Math.max(...values, 0))];
  };
  return table(
    ['milliseconds', 'count', 'p50', 'p95', 'p99', 'most'],
    [
      row('end of turn → first sound (first byte)', 'firstByteMs'),
      row('end of turn → first sound of the answer itself', 'answerMs'),
      row('last sample of the question → first sound', 'perceivedMs'),
      row('silence in the middle of an answer (underrun)', 'underrunsMs'),
      row('connecting again after a cut', 'resumeMs'),
    ],
  );
}

function overTime(samples: readonly SampleLine[]): string {
  const size = Math.max(1, Math.ceil(samples.length / ROWS));
  const head = [
    ...['minutes', 'conversations', 'RSS MB', 'heap MB', 'buffers MB', 'descriptors', 'timers', 'relay cores'],
    ...['first byte p50', 'p95', 'p99', 'underruns', 'lag p99 ms', 'load'],
  ];
  const rows = groups(samples, size).map((some) => {
    const first = figures(some, 'firstByteMs');
    return [
      `${fixed((some[0]?.t ?? 0) / 60)}–${fixed(minuteOf(some))}`,
      fixed(mean(some, ({ live }) => live)),
      mb(mean(some, ({ relay }) => relay.rssBytes)),
      mb(mean(some, ({ relay }) => relay.heapUsedBytes)),
      mb(mean(some, ({ relay }) => relay.externalBytes)),
      fixed(mean(some, ({ relay }) => relay.descriptors)),
      fixed(mean(some, ({ relay }) => relay.timers)),
      fixed(
        mean(some, ({ cpu }) => cpu.relay),
        2,
      ),
      ...[0.5, 0.95, 0.99].map((share) => fixed(percentile(first, share))),
      String(figures(some, 'underrunsMs').length),
      fixed(
        mean(some, ({ relay }) => relay.lagP99Ms),
        1,
      ),
      fixed(
        mean(some, ({ load }) => load),
        1,
      ),
    ];
  });
  return table(head, rows);
}

function beforeAndAfter({ start, end }: SoakRecord): string {
  if (end === undefined) return '';
  const row = (what: string, of: (relay: Relay) => string) => [what, of(start.baseline), of(end.after)];
  return table(
    ['the relay with nobody there', 'before', 'after'],
    [
      row('resident memory, MB', (one) => mb(one.rssBytes)),
      row('heap used, MB', (one) => mb(one.heapUsedBytes)),
      row('buffers, MB', (one) => mb(one.externalBytes)),
      row('descriptors', (one) => String(one.descriptors)),
      row('timers', (one) => String(one.timers)),
    ],
  );
}

function settingsOf({ start }: SoakRecord): string[] {
  const list = (of: Record<string, string>) => Object.entries(of).map(([name, value]) => `\`${name}=${value}\``);
  const [env, faults] = [list(start.env), list(start.faults)];
  return [
    ...(env.length === 0 ? [] : ['', `Settings of the relay: ${env.join(', ')}.`]),
    ...(faults.length === 0 ? [] : ['', `The emulator was told: ${faults.join(', ')}.`]),
  ];
}

const SIGN = { true: 'kept', false: '**NOT KEPT**', null: 'too short to say' } as const;

/** @param plot - How the plot is reached from the page. */
export function soakReport(record: SoakRecord, plot: string): string {
  const { start, samples, end } = record;
  const counts = end?.counts ?? samples.at(-1)?.counts ?? {};
  const steady = afterWarmUp(samples);
  const grows = (what: string, of: (sample: SampleLine) => number) =>
    `${what} ${fixed(growth(samples, of).mbPerHour, 1)} MB/h`;
  const cpu = (of: (sample: SampleLine) => number) => fixed(mean(steady, of), 2);
  return [
    '# A soak',
    '',
    `${start.at.slice(0, 16).replace('T', ' ')} UTC · ${start.machine} · Node ${start.node} · commit \`${start.commit}\` · ` +
      `${fixed((samples.at(-1)?.t ?? 0) / 60)} minutes · ${start.sessions} conversations, ${start.staying} of them from beginning to end.`,
    '',
    `Each person speaks a recorded sentence, listens to the answer and pauses ${start.pauseMs.map((ms) => ms / 1000).join('–')} s; ` +
      `some talk into the answer. Who does not stay is there for ${start.stayMs.map((ms) => fixed(ms / 60_000, 1)).join('–')} minutes, ` +
      `then says goodbye, closes the page without a word, or loses the connection. Relay, emulator and people are three processes on one machine; the emulator's own latency is 0.`,
    ...settingsOf(record),
    ...(start.note === '' ? [] : ['', start.note]),
    ...(end?.isCutShort === true ? ['', '**The run was ended before its time.**'] : []),
    '',
    '## Promises',
    '',
    table(
      ['promise', 'seen', ''],
      verdict(record).map(({ promise, seen, isKept }) => [promise, seen, SIGN[`${isKept}`]]),
    ),
    '',
    `Growth after the warm-up: ${[
      grows('resident', ({ relay }) => relay.rssBytes),
      grows('heap used', ({ relay }) => relay.heapUsedBytes),
      grows('buffers', ({ relay }) => relay.externalBytes),
    ].join(', ')}.`,
    '',
    '## Latency and gaps',
    '',
    latencies(steady),
    '',
    `Processor, mean: relay ${cpu((one) => one.cpu.relay)}, emulator ${cpu((one) => one.cpu.emulator)}, people ${cpu((one) => one.cpu.driver)} cores; ` +
      `load average of the machine ${cpu(({ load }) => load)} on ${start.machine.split(' ')[0] ?? ''} cores.`,
    '',
    `![Over time](${plot})`,
    '',
    '## Over time',
    '',
    overTime(samples),
    '',
    '## With nobody there',
    '',
    beforeAndAfter(record),
    ...(end === undefined
      ? []
      : [
          '',
          `Everything was back ${fixed(end.settledAfterS)} s after the last one had left. Warnings in the relay's log: ${end.warnings}. ` +
            `Data folder at the end: ${mb(end.dataBytes)} MB.`,
        ]),
    '',
    '## Counts',
    '',
    table(
      ['what', 'how often'],
      Object.entries(counts)
        .sort(([a], [b]) => a.localeCompare(b))
        .map(([name, count]) => [name, String(count)]),
    ),
    '',
  ].join('\n');
}
