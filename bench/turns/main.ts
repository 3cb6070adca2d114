/**
 * `npm run bench:turns`: turn-taking in synthetic conversations through the real relay, bridge, model
 * emulator and worklet, on virtual clocks, in as many processes as there are processors.
 *
 *     npm run bench:turns -- [--seed N] [--size SHARE] [--only GROUP|ID] [--json FILE] [--traces FILE]
 *
 * Ends with 1 when a figure that must be 0 is not.
 */
import { fork, type Serializable } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { converse, createStage } from './conversation.ts';
import { measure } from './measure.ts';
import { reportLines } from './report.ts';
import { makePlans, type Plan } from './scenario.ts';
import type { Trace } from './trace.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    size: { type: 'string', default: '1' },
    only: { type: 'string' },
    json: { type: 'string' },
    traces: { type: 'string' },
    worker: { type: 'boolean', default: false },
  },
});
const SEED = Number(values.seed);
const SIZE = Number(values.size);
if (!Number.isInteger(SEED) || !(SIZE > 0 && SIZE <= 1)) throw new Error('--seed is a whole number, --size 0 to 1');

/** The clips are rendered in the first conversation of a process: one that does not count. */
const WARM_UP_MS = 8000;

async function work(): Promise<void> {
  const stage = await createStage();
  const [first] = makePlans(SEED, SIZE).filter(({ group }) => group === 'noise');
  if (first) await converse({ ...first, listenMs: WARM_UP_MS }, stage);
  process.on('message', (plan: Plan | null) => {
    if (plan === null) process.exit(0);
    void converse(plan, stage).then((trace) => process.send?.(trace));
  });
  process.send?.('ready');
}

/** Hands out the plans, one at a time to each process. */
async function runAll(plans: readonly Plan[], onTrace: (done: number) => void): Promise<Trace[]> {
  const runner = path.join(import.meta.dirname, '..', '..', 'scripts', 'run-bench.mjs');
  const args = ['turns', '--worker', '--seed', String(SEED), '--size', String(SIZE)];
  const traces = new Map<string, Trace>();
  const waiting = [...plans];
  const works = Array.from({ length: Math.min(availableParallelism(), plans.length) }, async () => {
    const child = fork(runner, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    await new Promise<void>((resolve, reject) => {
      child.on('message', (message: Trace | 'ready') => {
        if (message !== 'ready') {
          traces.set(message.plan.id, message);
          onTrace(traces.size);
        }
        const plan: unknown = waiting.shift() ?? null;
        child.send(plan as Serializable);
      });
      child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`a worker ended with ${String(code)}`))));
    });
  });
  await Promise.all(works);
  return plans.flatMap(({ id }) => traces.get(id) ?? []);
}

async function main(): Promise<void> {
  const { only } = values;
  const plans = makePlans(SEED, SIZE).filter(({ id, group }) => only === undefined || id === only || group === only);
  const startedAt = performance.now();
  const isShown = process.stderr.isTTY;
  const traces = await runAll(plans, (done) => {
    if (isShown) process.stderr.write(`\r${done} of ${plans.length} conversations`);
    else if (done % 50 === 0) process.stderr.write(`${done} of ${plans.length} conversations\n`);
  });
  if (isShown) process.stderr.write('\r\x1b[K');
  const figures = measure(traces);
  const seconds = (performance.now() - startedAt) / 1000;
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}`;
  const date = new Date().toISOString().slice(0, 10);
  console.log(
    `turn-taking: ${plans.length} conversations, ${(figures.agentMs / 60_000).toFixed(1)} minutes of the agent's voice, ` +
      `seed ${SEED}, in ${seconds.toFixed(0)} s (${machine}, ${date})\n`,
  );
  for (const line of reportLines(figures, traces)) console.log(line);
  if (values.json !== undefined) {
    await writeFile(
      values.json,
      JSON.stringify({ machine, date, seed: SEED, size: SIZE, seconds, ...figures }, null, 1),
    );
  }
  if (values.traces !== undefined) {
    await writeFile(values.traces, traces.map((trace) => JSON.stringify(trace)).join('\n') + '\n');
  }
  const broken = figures.rows.filter(({ target, isMet }) => target?.is === 'must be' && isMet === false);
  for (const { name, value, unit } of broken)
    console.log(`\nmust be 0 and is not: ${name}, ${value} ${unit}`.trimEnd());
  process.exitCode = broken.length > 0 ? 1 : 0;
}

await (values.worker ? work() : main());
