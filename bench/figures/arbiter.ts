/** The reducer by itself: how long a step takes, and how quickly all states are visited. */
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { hrtime } from 'node:process';
import { readCases } from '../../relay/arbiter/case-file.ts';
import { enumerate } from '../../relay/arbiter/enumerate.ts';
import { measureSteps } from '../../relay/arbiter/measure.ts';
import { figure, table, type Part } from './part.ts';

/** Events deep. */
const DEPTH = 7;
const QUICK_DEPTH = 5;

export const arbiter: Part = async ({ isQuick }) => {
  const folder = path.resolve(import.meta.dirname, '../../relay/arbiter/cases');
  const cases = readdirSync(folder).flatMap(
    (file) => readCases(readFileSync(path.join(folder, file), 'utf8'), file).cases,
  );
  const steps = measureSteps(cases, { nowNs: () => hrtime.bigint(), rounds: isQuick ? 5 : 20 });
  const started = performance.now();
  const depth = isQuick ? QUICK_DEPTH : DEPTH;
  const found = enumerate({ depth, losses: false });
  const tookS = (performance.now() - started) / 1000;
  return await Promise.resolve({
    markdown: [
      table(
        ['one step, over all cases', 'p50, ns', 'p99, ns', 'steps'],
        [[`${cases.length} cases`, figure(steps.p50Ns), figure(steps.p99Ns), steps.steps]],
      ),
      table(
        ['every state, invariants asserted after each step', 'states', 'steps', 'seconds', 'steps per second'],
        [[`${depth} events deep`, found.states, found.steps, figure(tookS), figure(found.steps / tookS)]],
      ),
    ],
    ...{ targets: [], plots: [], notMeasured: [], json: { steps, enumerated: { ...found, tookS, depth } } },
  });
};
