import { readdirSync, readFileSync } from 'node:fs';
import { hrtime } from 'node:process';
import { expect, it } from 'vitest';
import { readCases } from './case-file.ts';
import { measureSteps } from './measure.ts';

const folder = new URL('./cases/', import.meta.url);
const cases = readdirSync(folder).flatMap((file) => readCases(readFileSync(new URL(file, folder), 'utf8'), file).cases);

it('tells how long a step takes, over all cases', () => {
  let now = 0;
  const found = measureSteps(cases.slice(0, 20), { nowNs: () => (now += 5), rounds: 20 });
  expect(found).toMatchObject({ p50Ns: 5, p99Ns: 5, maxNs: 5 });
  expect(found.steps).toBeGreaterThan(1000);
});

it('tells nothing of nothing', () => {
  expect(measureSteps([], { nowNs: () => 0, rounds: 1 })).toEqual({ steps: 0, p50Ns: 0, p99Ns: 0, maxNs: 0 });
});

it('times the real reducer by the real clock', () => {
  const { p50Ns, p99Ns, maxNs } = measureSteps(cases.slice(0, 50), { nowNs: () => hrtime.bigint(), rounds: 20 });
  expect(p50Ns).toBeGreaterThan(0);
  expect(p99Ns).toBeGreaterThanOrEqual(p50Ns);
  expect(maxNs).toBeGreaterThanOrEqual(p99Ns);
});
