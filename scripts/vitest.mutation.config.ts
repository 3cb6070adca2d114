/** The tests that mutants of the reducer must not survive. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { include: ['relay/arbiter/cases.test.ts', 'relay/arbiter/proof.test.ts'], testTimeout: 60_000 },
});
