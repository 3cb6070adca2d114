/**
 * `npm run bench`: what the product does in milliseconds, processor time and bytes, on this machine, in this run, beside what
 * others would use.
 *
 *     npm run bench -- [--only PART,…] [--quick] [--out DIR] [--before DIST]
 *                      [--turns N] [--barge-ins N] [--rounds N] [--note TEXT]
 *     npm run bench -- --report               the report of what is in DIR, again
 *
 * Each part is a process group of its own, which is ended when its time is over: a part that fails does not lose the others. What each
 * gives is kept in `DIR/bench.json`, so that a part that is run again takes the place of its former result. With `--quick` or `--only`
 * nothing is written unless `--out` says where.
 */
import { execFileSync, fork } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { plotSvg } from '../soak/plot.ts';
import { PARTS, type PartEntry } from './parts.ts';
import type { PartOptions, PartResult } from './part.ts';
import { reportOf, type BenchRecord, type PartRecord } from './report.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const RUNNER = path.join(ROOT, 'scripts/run-bench.mjs');
const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    out: { type: 'string' },
    before: { type: 'string' },
    turns: { type: 'string' },
    'barge-ins': { type: 'string' },
    rounds: { type: 'string' },
    note: { type: 'string' },
    report: { type: 'boolean', default: false },
  },
});

function count(name: 'turns' | 'barge-ins' | 'rounds'): number | undefined {
  const value = values[name];
  if (value === undefined) return undefined;
  const read = Number(value);
  if (!Number.isInteger(read) || read < 1 || read > 10_000) throw new Error(`--${name} takes a whole number from 1`);
  return read;
}
const options: PartOptions = {
  isQuick: values.quick,
  before: values.before === undefined ? undefined : path.resolve(values.before),
  turns: count('turns'),
  bargeIns: count('barge-ins'),
  rounds: count('rounds'),
};
const asked = values.only?.split(',');
for (const name of asked ?? [])
  if (!PARTS.some((part) => part.name === name))
    throw new Error(`there is no part ${name}; there are ${PARTS.map((part) => part.name).join(', ')}`);
const parts = values.report ? [] : PARTS.filter(({ name, isExtra }) => asked?.includes(name) ?? isExtra !== true);
const isWhole = !values.quick && asked === undefined;
const out = values.out ?? (isWhole || values.report ? path.join(ROOT, 'bench') : undefined);

/** Ends the part and every process that it started. */
function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // All of them have gone.
  }
}

let running: number | undefined;
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    endGroup(running);
    process.exit(130);
  });

async function runPart({ name, mostMinutes }: PartEntry): Promise<PartResult | { failed: string }> {
  const child = fork(RUNNER, ['figures/run-part', name, JSON.stringify(options)], { detached: true });
  running = child.pid;
  const result = await new Promise<PartResult | { failed: string }>((resolve) => {
    const late = setTimeout(() => resolve({ failed: `ended after ${mostMinutes} minutes` }), mostMinutes * 60_000);
    child.once('message', (message) => resolve(message as PartResult));
    child.once('exit', (code) => {
      clearTimeout(late);
      resolve({ failed: `ended with ${String(code)} and no result` });
    });
  });
  const gone = child.exitCode === null ? new Promise((resolve) => child.once('exit', resolve)) : undefined;
  if ('failed' in result) endGroup(child.pid);
  await gone;
  endGroup(child.pid);
  running = undefined;
  return result;
}

function commit(): string {
  try {
    const git = (...args: string[]) => execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim();
    const isClean = git('status', '--porcelain', '--untracked-files=no', '--', 'relay', 'widget') === '';
    return git('rev-parse', '--short', 'HEAD') + (isClean ? '' : ' and changes');
  } catch {
    return 'unknown';
  }
}

const [processor] = cpus();
const record: BenchRecord = {
  machine: `${cpus().length} × ${processor?.model.trim() ?? 'unknown processor'}`,
  node: process.versions.node,
  note: values.note ?? '',
  parts: {},
};
const kept = out === undefined ? undefined : path.join(out, 'bench.json');
if (kept !== undefined && existsSync(kept)) {
  const former = JSON.parse(readFileSync(kept, 'utf8')) as BenchRecord;
  record.parts = former.parts;
  record.note = values.note ?? former.note;
}

async function write(): Promise<void> {
  if (out === undefined || kept === undefined) return;
  mkdirSync(out, { recursive: true });
  // The microphone's level every 5 ms is for the figures that are made of it.
  const lean = (key: string, value: unknown): unknown => (key === 'micDb' ? undefined : value);
  writeFileSync(kept, `${JSON.stringify(record, lean)}\n`);
  for (const { result } of Object.values(record.parts))
    for (const { file, panels, xUnit } of result?.plots ?? [])
      writeFileSync(path.join(out, file), plotSvg(panels, xUnit));
  const style = await resolveConfig(path.join(ROOT, 'README.md'));
  const page = await format(reportOf(record), { ...style, parser: 'markdown' });
  writeFileSync(path.join(out, 'REPORT.md'), page);
}

const minutes = parts.reduce((sum, part) => sum + part.minutes, 0);
if (!values.quick && parts.length > 0) console.log(`about ${Math.ceil(minutes)} minutes, ${parts.length} parts`);
const failed: string[] = [];
for (const [index, part] of parts.entries()) {
  console.log(`\n[${index + 1} of ${parts.length}] ${part.title} (${part.name})`);
  const started = performance.now();
  const load = loadavg()[0] ?? Number.NaN;
  const result = await runPart(part);
  const one: PartRecord = {
    ...{
      at: new Date().toISOString(),
      commit: commit(),
      isQuick: values.quick,
      loadBefore: Math.round(load * 10) / 10,
    },
    seconds: Math.round((performance.now() - started) / 1000),
    ...('failed' in result ? { failed: result.failed } : { result }),
  };
  if ('failed' in result) {
    failed.push(part.name);
    console.log(`FAILED: ${result.failed}`);
  } else {
    for (const text of result.markdown) console.log(`\n${text}`);
    for (const { what, target, seen, isMet } of result.targets)
      console.log(`${isMet === null ? '  ?  ' : isMet ? '  ok ' : 'MISS '} ${what}: ${seen} (target ${target})`);
  }
  console.log(`${one.seconds} s`);
  record.parts[part.name] = one;
  await write();
}
if (values.report) await write();
if (out !== undefined) console.log(`\nreport: ${path.join(out, 'REPORT.md')}`);
if (failed.length > 0) {
  console.log(`failed: ${failed.join(', ')}`);
  process.exitCode = 1;
}
