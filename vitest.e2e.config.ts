/** End to end: the built `dist/`, a real relay with its emulator, and Chromium. One file at a time. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{relay,widget,demo,scripts,deploy}/**/*.e2e.test.ts'],
    testTimeout: 90_000,
    hookTimeout: 60_000,
    fileParallelism: false,
  },
});
