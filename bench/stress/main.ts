/**
 * `npm run stress`: the whole system, and everything that can go wrong with it, a scenario at a time.
 * Each asserts exact counts and close codes, and leaves nothing behind. Loopback only.
 *
 *     npm run stress -- [--seed N] [--only NAME[,NAME]] [--quick] [--repeat N] [--trace] [--json FILE]
 *     npm run stress -- --list
 *
 * Ends with 1 when a scenario failed.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { processIo, run } from '../../relay/run.ts';
import { createChecks } from './checks.ts';
import { seeded } from '../load/random.ts';
import { count, heapMb, leftBehind, type Left } from './left.ts';
import { cutAll } from './page.ts';
import type { Scenario } from './scenario.ts';
import { SCENARIOS, WARM_UP } from './scenarios/index.ts';
import { setStage, type Stage } from './stage.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
    repeat: { type: 'string', default: '1' },
    quick: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
    json: { type: 'string' },
    instance: { type: 'boolean', default: false },
  },
});
const SEED = Number(values.seed);
const REPEAT = Number(values.repeat);
if (!Number.isInteger(SEED) || !Number.isInteger(REPEAT)) throw new Error('--seed and --repeat are whole numbers');

const WITHIN_MS = 40_000;
const say = (text: string) => process.stdout.write(`${text}\n`);

interface Result {
  scenario: Scenario;
  checks: number;
  tookMs: number;
  problem: string | undefined;
}

async function tried(scenario: Scenario, stage: Stage, baseline: Left | undefined): Promise<Result> {
  const check = createChecks();
  const started = performance.now();
  const problems: string[] = [];
  const most = scenario.withinMs ?? WITHIN_MS;
  let timer: NodeJS.Timeout | undefined;
  try {
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`it took longer than ${most} ms`)), most);
    });
    const random = seeded(SEED).fork(scenario.name);
    await Promise.race([scenario.run(stage, { check, random }), late]);
    if (check.made === 0) problems.push('it asserted nothing');
  } catch (error) {
    problems.push(
      error instanceof Error ? `${error.message}${values.trace ? `\n${error.stack ?? ''}` : ''}` : String(error),
    );
  } finally {
    clearTimeout(timer);
  }
  cutAll();
  await stage.tidy();
  if (baseline !== undefined)
    problems.push(...(await leftBehind(stage, baseline)).map((what) => `left behind: ${what}`));
  const problem = problems.length === 0 ? undefined : problems.join('; ');
  return { scenario, checks: check.made, tookMs: performance.now() - started, problem };
}

function shown({ scenario, checks, tookMs, problem }: Result): string {
  const figures = `${(tookMs / 1000).toFixed(1).padStart(5)} s ${String(checks).padStart(4)} checks`;
  return `${problem === undefined ? '  ok ' : 'FAIL '} ${scenario.name.padEnd(30)} ${figures}  ${problem ?? scenario.promises}`;
}

async function main(): Promise<number> {
  const names = values.only?.split(',');
  const unknown = names?.filter((name) => !SCENARIOS.some((one) => one.name === name)) ?? [];
  if (unknown.length > 0) throw new Error(`no such scenario: ${unknown.join(', ')}`);
  const chosen = SCENARIOS.filter(
    ({ name, isQuick }) => (names === undefined || names.includes(name)) && (!values.quick || isQuick === true),
  );
  if (values.list) {
    for (const { name, promises, isQuick } of chosen)
      say(`${name.padEnd(30)} ${isQuick === true ? 'quick ' : '      '} ${promises}`);
    say(`${chosen.length} scenarios`);
    return 0;
  }
  const startedAt = performance.now();
  const stage = await setStage(say);
  const results: Result[] = [];
  try {
    const warm = await tried(WARM_UP, stage, undefined);
    if (warm.problem !== undefined) throw new Error(`the warm-up failed: ${warm.problem}`);
    // Whatever the warm-up had open has closed by then.
    await new Promise((resolve) => setTimeout(resolve, 500));
    const baseline: Left = { ...(await count(stage)), heapMb: heapMb() };
    say(`seed ${SEED}; before: ${JSON.stringify(baseline)}`);
    for (let round = 0; round < REPEAT; round++) {
      for (const scenario of chosen) {
        const result = await tried(scenario, stage, baseline);
        results.push(result);
        say(shown(result));
      }
    }
    say(`after: ${JSON.stringify({ ...(await count(stage)), heapMb: heapMb() })}`);
  } finally {
    await stage.stop();
  }
  const failed = results.filter(({ problem }) => problem !== undefined);
  const checks = results.reduce((sum, result) => sum + result.checks, 0);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  say(
    `${results.length - failed.length} passed, ${failed.length} failed; ${checks} checks, ${seconds} s, seed ${SEED}`,
  );
  if (values.json !== undefined)
    writeFileSync(values.json, JSON.stringify({ passed: results.length - failed.length, failed: failed.length }));
  for (const { scenario } of failed) say(`again: npm run stress -- --seed ${SEED} --only ${scenario.name}`);
  return failed.length === 0 ? 0 : 1;
}

// One relay as a process: what scenarios kill.
process.exit(await (values.instance ? run(processIo) : main()));
