/** The bench as a page: targets first, then part after part. Reckons nothing. */
import { table, type PartResult } from './part.ts';
import { PARTS } from './parts.ts';

export interface PartRecord {
  /** ISO date and time of its end. */
  at: string;
  commit: string;
  isQuick: boolean;
  /** Of the machine, in the minute before. */
  loadBefore: number;
  seconds: number;
  result?: PartResult;
  failed?: string;
}

export interface BenchRecord {
  machine: string;
  node: string;
  note: string;
  parts: Record<string, PartRecord>;
}

const verdict = (isMet: boolean | null) => (isMet === null ? 'not judged' : isMet ? 'met' : '**missed**');

/** @returns Markdown. */
export function reportOf({ machine, node, note, parts }: BenchRecord): string {
  const present = PARTS.flatMap(({ name, title }) => {
    const part = parts[name];
    return part === undefined ? [] : [{ name, title, part }];
  });
  const commits = [...new Set(present.map(({ part }) => part.commit))];
  const days = [...new Set(present.map(({ part }) => part.at.slice(0, 10)))];
  const absent = PARTS.filter(({ name, isExtra }) => parts[name] === undefined && isExtra !== true).map(
    ({ name }) => name,
  );
  const targets = present.flatMap(({ title, part }) =>
    (part.result?.targets ?? []).map(({ what, target, seen, isMet }) => [what, target, seen, verdict(isMet), title]),
  );
  const missing = [
    ...present.flatMap(({ part }) => part.result?.notMeasured ?? []),
    ...present.flatMap(({ title, part }) => (part.failed === undefined ? [] : [`${title}: ${part.failed}.`])),
    ...(absent.length === 0 ? [] : [`Parts that were not run: ${absent.join(', ')}.`]),
  ];
  return [
    '# Measured speed',
    `${days.join(', ')} · ${machine} · Node ${node} · commit ${commits.map((one) => `\`${one}\``).join(', ')}`,
    'Everything runs on this one machine, over loopback: relay, provider, load and browser share its processors, and the processor time of each is given where it matters. Ratios are of the same run, taken in turns. `npm run bench` writes this page anew; [what each part does](README.md).',
    ...(present.some(({ part }) => part.isQuick) ? ['**Taken at quick scale: not to be quoted.**'] : []),
    ...(note === '' ? [] : [note]),
    '## Targets',
    table(['what', 'target', 'seen', '', 'part'], targets),
    ...present.flatMap(({ title, part }) => [
      `## ${title}`,
      ...(part.result === undefined ? [`Failed: ${part.failed ?? ''}.`] : part.result.markdown),
      ...(part.result?.plots ?? []).map(({ file, alt }) => `![${alt}](${file})`),
      `_${part.seconds} s; load average of the minute before: ${part.loadBefore}._`,
    ]),
    '## Not measured',
    missing.map((text) => `- ${text}`).join('\n'),
    '',
  ].join('\n\n');
}
