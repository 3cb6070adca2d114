/**
 * `npm run test:mutation`: breaks the reducer in every small way and asks whether its tests notice.
 * Slow, so a command of its own; of one file: `npx stryker run scripts/stryker.config.mjs --mutate FILE`.
 */
export default {
  packageManager: 'npm',
  testRunner: 'vitest',
  plugins: ['@stryker-mutator/vitest-runner'],
  // Few tests, each of all cases: which of them covers a mutant is not worth asking.
  vitest: { configFile: 'scripts/vitest.mutation.config.ts', related: false },
  coverageAnalysis: 'off',
  mutate: ['relay/arbiter/{control,draft,kill,loss,playout,reflex,slot,state,step,user}.ts'],
  ignorePatterns: ['dist', 'coverage', 'data', 'demo', 'docs', 'widget', 'bench', 'relay/emulator'],
  reporters: ['clear-text', 'progress-append-only', 'json'],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  jsonReporter: { fileName: 'coverage/mutation.json' },
  tempDirName: 'coverage/stryker',
  concurrency: 2,
  timeoutMS: 10_000,
  thresholds: { high: 97, low: 95, break: 95 },
};
