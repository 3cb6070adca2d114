/** Browser tests of single parts: `x.browser.test.ts` in Chromium. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { defaultReporter } from '@web/test-runner';
import { chromeLauncher } from '@web/test-runner-chrome';
import { a11ySnapshotPlugin } from '@web/test-runner-commands/plugins';
import { esbuildPlugin } from '@web/dev-server-esbuild';
import { CHROMIUM_ARGS, findChromium } from './scripts/chromium.mjs';
import { testRunnerWorklet } from './scripts/worklet-plugin.mjs';

/** Totals for the closing line of `npm test`. */
function countReporter() {
  const count = (suite) => {
    const own = suite.tests.filter((test) => !test.skipped);
    const inner = suite.suites.map(count);
    const sum = (key) => inner.reduce((total, one) => total + one[key], 0);
    return {
      passed: own.filter((test) => test.passed).length + sum('passed'),
      failed: own.filter((test) => !test.passed).length + sum('failed'),
    };
  };
  return {
    onTestRunFinished({ sessions }) {
      const totals = { passed: 0, failed: 0 };
      for (const session of sessions) {
        const one = session.testResults ? count(session.testResults) : { passed: 0, failed: 0 };
        totals.passed += one.passed;
        totals.failed += one.failed || (session.passed ? 0 : 1);
      }
      mkdirSync('coverage', { recursive: true });
      writeFileSync('coverage/browser-totals.json', JSON.stringify(totals));
    },
  };
}

export default {
  files: ['widget/**/*.browser.test.ts', 'relay/console/**/*.browser.test.ts'],
  nodeResolve: { exportConditions: ['browser', 'development'] },
  concurrency: 1,
  plugins: [
    testRunnerWorklet(import.meta.dirname),
    a11ySnapshotPlugin(),
    esbuildPlugin({ ts: true, target: 'es2022', tsconfig: 'tsconfig.json' }),
  ],
  browsers: [
    chromeLauncher({
      concurrency: 1,
      launchOptions: { executablePath: findChromium(), headless: true, args: CHROMIUM_ARGS },
    }),
  ],
  reporters: [defaultReporter(), countReporter()],
  coverageConfig: {
    include: ['widget/**/*.ts', 'relay/wire/**/*.ts', 'relay/console/**/*.ts'],
    exclude: ['**/*.test.ts', '**/testing/**', '**/*?worklet*', 'node_modules/**'],
    reporters: ['json'],
    reportDir: 'coverage/browser',
  },
  testFramework: { config: { timeout: 20_000 } },
};
