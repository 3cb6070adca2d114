/**
 * `npm run test:mutation`: breaks the reducer in every small way and asks whether the cases notice.
 * Slow, so a command of its own.
 */
export default {
  packageManager: 'npm',
  testRunner: 'vitest',
  plugins: ['@stryker-mutator/vitest-runner'],
  vitest: { configFile: 'scripts/vitest.mutation.config.ts' },
  coverageAnalysis: 'perTest',
  mutate: ['relay/arbiter/{control,draft,kill,loss,playout,reflex,slot,state,step,user}.ts'],
  ignorePatterns: ['dist', 'coverage', 'data', 'demo', 'docs', 'widget', 'relay/emulator'],
  reporters: ['clear-text', 'progress-append-only', 'json'],
  jsonReporter: { fileName: 'coverage/mutation.json' },
  tempDirName: 'coverage/stryker',
  concurrency: 2,
  timeoutMS: 10_000,
  thresholds: { high: 97, low: 95, break: 95 },
};
