/** `npm run test:firefox` and `npm run test:webkit`: whole conversations through a sound card, on the built `dist/`. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['widget/**/*.{firefox,webkit}.test.ts'],
    testTimeout: 90_000,
    hookTimeout: 60_000,
    fileParallelism: false,
  },
});
