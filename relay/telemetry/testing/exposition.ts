/** Reads Prometheus' text form in tests, and says what is wrong with it. */

export interface Sample {
  /** Name and labels as they stand there. */
  id: string;
  name: string;
  labels: Record<string, string>;
  value: number;
}

export interface ReadExposition {
  types: Map<string, string>;
  helps: Map<string, string>;
  samples: Sample[];
  /** Which values a label of a metric has. */
  values: (name: string, label: string) => Set<string>;
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/g;

export function readExposition(text: string): ReadExposition {
  const types = new Map<string, string>();
  const helps = new Map<string, string>();
  const samples: Sample[] = [];
  for (const line of text.split('\n')) {
    const [, kind, name, rest] = /^# (TYPE|HELP) (\S+) (.+)$/.exec(line) ?? [];
    if (name !== undefined && rest !== undefined) (kind === 'TYPE' ? types : helps).set(name, rest);
    const [, id, labels, value] = SAMPLE.exec(line) ?? [];
    if (id === undefined || value === undefined) continue;
    samples.push({
      id: line.slice(0, line.lastIndexOf(' ')),
      name: id,
      labels: Object.fromEntries([...(labels ?? '').matchAll(LABEL)].map(([, key, is]) => [key, is])),
      value: Number(value.replace('+Inf', 'Infinity')),
    });
  }
  const isOf = (sample: Sample, name: string) => sample.name.replace(/_(?:bucket|sum|count)$/, '') === name;
  return {
    ...{ types, helps, samples },
    values: (name, label) =>
      new Set(
        samples
          .filter((one) => one.name === name || isOf(one, name))
          .flatMap(({ labels }) => (labels[label] === undefined ? [] : [labels[label]])),
      ),
  };
}

/** What a collector would not take, or a reader not understand: a sentence each. */
export function lintExposition(text: string): string[] {
  const { types, helps, samples } = readExposition(text);
  const wrong: string[] = [];
  if (!text.endsWith('\n')) wrong.push('the last line does not end');
  for (const line of text.split('\n')) {
    if (line !== '' && !line.startsWith('#') && !SAMPLE.test(line)) wrong.push(`no sample: ${line}`);
  }
  for (const name of types.keys()) if (!helps.has(name)) wrong.push(`no help: ${name}`);
  const seen = new Set<string>();
  for (const { id, name, labels, value } of samples) {
    if (seen.has(id)) wrong.push(`twice: ${id}`);
    seen.add(id);
    const base = name.replace(/_(?:bucket|sum|count)$/, '');
    const type = types.get(name) ?? types.get(base);
    if (type === undefined) wrong.push(`no type: ${name}`);
    if (Number.isNaN(value)) wrong.push(`no number: ${id}`);
    if (type === 'counter' && (value < 0 || !name.endsWith('_total'))) wrong.push(`no counter: ${id}`);
    if (name.endsWith('_bucket') && labels['le'] === undefined) wrong.push(`no bound: ${id}`);
  }
  return wrong;
}
