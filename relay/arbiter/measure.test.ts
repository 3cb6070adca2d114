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

// The budget is 20 µs; a machine that runs other tests at the same time gets ten times that.
it('steps within its budget', () => {
  expect(measureSteps(cases, { nowNs: () => hrtime.bigint(), rounds: 10 }).p99Ns).toBeLessThan(200_000);
});
