/** The tests that mutants of the reducer must not survive; the first that fails ends the run. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { include: ['relay/arbiter/mutants.test.ts'], bail: 1, testTimeout: 60_000 },
});
