/**
 * Everything that CI runs, in this order, stopping at the first failure. Ends with a plain line
 * `N passed, N failed`: the tests of all runners, and one for each stage that has no tests of its own.
 *
 *     npm test            all stages
 *     npm test -- unit    only the named stages
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setup } from './setup.mjs';

process.chdir(path.resolve(import.meta.dirname, '..'));

const bin = (name) => path.join('node_modules', '.bin', name);
const json = (file) => JSON.parse(readFileSync(file, 'utf8'));
const vitestTotals = (file) => () => {
  const { numPassedTests, numFailedTests, numFailedTestSuites, success } = json(file);
  const brokenFiles = !success && numFailedTests === 0 ? Math.max(1, numFailedTestSuites) : 0;
  return { passed: numPassedTests, failed: numFailedTests + brokenFiles };
};
const vitest = (args, file) => ({
  command: [bin('vitest'), 'run', ...args, '--reporter=default', '--reporter=json', `--outputFile.json=${file}`],
  totals: vitestTotals(file),
});

/** A stage without `totals` counts as one test. */
const STAGES = {
  setup: { check: setup },
  format: { command: [bin('prettier'), '--check', '--log-level', 'warn', '.'] },
  lint: { command: [bin('eslint'), '--max-warnings', '0', '.'] },
  types: { command: [bin('tsc'), '-p', '.'] },
  unit: vitest(['--coverage', '--reporter=./scripts/attack-table.mjs'], 'coverage/unit.json'),
  stress: {
    command: [
      ...[process.execPath, '--expose-internals', '--expose-gc', 'scripts/run-bench.mjs', 'stress', '--quick'],
      ...['--json', 'coverage/stress.json'],
    ],
    totals: () => json('coverage/stress.json'),
  },
  build: { command: [process.execPath, 'scripts/build.mjs'] },
  browser: {
    command: [bin('web-test-runner'), '--coverage'],
    totals: () => json('coverage/browser-totals.json'),
  },
  e2e: vitest(['--config', 'vitest.e2e.config.ts'], 'coverage/e2e.json'),
  firefox: vitest(['--config', 'vitest.devices.config.ts', '.firefox.test'], 'coverage/firefox.json'),
  size: { command: [process.execPath, 'scripts/size.mjs'] },
  coverage: { command: [process.execPath, 'scripts/coverage.mjs'] },
  aws: {
    command: [process.execPath, 'scripts/test-aws.mjs', 'coverage/aws.json'],
    totals: () => json('coverage/aws.json'),
  },
};

function run([command, ...args]) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', (error) => {
      console.error(String(error));
      resolve(false);
    });
    child.on('exit', (code) => resolve(code === 0));
  });
}

/** What one stage adds to the closing line. */
function count(stage, ok) {
  if (!stage.totals) return ok ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
  try {
    const { passed, failed } = stage.totals();
    return { passed, failed: failed || (ok ? 0 : 1) };
  } catch {
    return { passed: 0, failed: 1 };
  }
}

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in STAGES));
if (unknown.length > 0) {
  console.error(`no such stage: ${unknown.join(', ')}; there are ${Object.keys(STAGES).join(', ')}`);
  process.exit(2);
}
if (asked.length === 0) rmSync('coverage', { recursive: true, force: true });
mkdirSync('coverage', { recursive: true });

const totals = { passed: 0, failed: 0 };
for (const [name, stage] of Object.entries(STAGES)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  const started = performance.now();
  console.log(`\n── ${name}`);
  const ok = stage.check ? stage.check() : await run(stage.command);
  const { passed, failed } = count(stage, ok);
  totals.passed += passed;
  totals.failed += failed;
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`── ${name}: ${failed === 0 ? 'passed' : 'FAILED'} in ${seconds} s`);
  if (failed > 0) break;
}
console.log(`\n${totals.passed} passed, ${totals.failed} failed`);
process.exit(totals.failed === 0 ? 0 : 1);
