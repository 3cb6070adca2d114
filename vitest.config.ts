/** Unit tests in Node. `*.browser.test.ts` and `*.e2e.test.ts` have runners of their own. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{relay,widget,scripts,bench,deploy}/**/*.test.ts'],
    exclude: ['**/*.browser.test.ts', '**/*.e2e.test.ts', '**/*.{firefox,webkit}.test.ts', '**/node_modules', 'dist'],
    testTimeout: 30_000,
    globalSetup: ['relay/testing/postgres-on-demand.ts'],
    coverage: {
      provider: 'v8',
      include: ['relay/**/*.ts', 'widget/**/*.ts'],
      exclude: ['**/*.test.ts', '**/testing/**'],
      reporter: ['text-summary', 'lcovonly', 'json'],
      reportsDirectory: 'coverage/node',
    },
  },
});
