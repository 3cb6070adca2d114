import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readCases } from './case-file.ts';
import { judge, run, runCaseFile, trace } from './runner.ts';

const folder = new URL('./cases/', import.meta.url);

describe.each(readdirSync(folder).sort())('the cases of %s', (file) => {
  const { cases, faults, notes } = readCases(readFileSync(new URL(file, folder), 'utf8'), file);

  it('are all readable, each under a name of its own', () => {
    expect([...faults, ...notes]).toEqual([]);
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
  });

  it.each(cases.map((one) => [one.name, one] as const))('%s', (_, one) => {
    const moves = run(one);
    const problems = judge(one, moves);
    expect(problems, [...problems, ...trace(moves)].join('\n')).toEqual([]);
  });
});

it('the example of the README passes', () => {
  const readme = readFileSync(new URL('./README.md', import.meta.url), 'utf8');
  const example = /```jsonl\n(?<lines>[^]*?)```/.exec(readme)?.groups?.lines ?? '';
  expect(runCaseFile(example, 'README.md')).toEqual({ passed: 1, failed: 0, lines: [] });
});
