/**
 * Whole conversations through a sound card, on the built `dist/`: in Firefox as a stage of `npm test`, in WebKitGTK by
 * `npm run test:webkit`.
 */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['widget/**/*.{firefox,webkit}.test.ts'],
    testTimeout: 90_000,
    hookTimeout: 60_000,
    fileParallelism: false,
  },
});
