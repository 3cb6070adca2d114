/**
 * Runs after `npm ci`: builds `dist/` where the build tools are installed, and otherwise leaves an
 * existing `dist/` alone, so that an install without development packages does not fail. Types and
 * editor data are for who publishes or checks the package, and not made here. In the published package, which
 * carries this file for installers that run it, there is nothing to build from.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

function hasBuildTools() {
  if (!existsSync(new URL('build.mjs', import.meta.url))) return false;
  try {
    for (const tool of ['rollup', 'esbuild', '@rollup/plugin-terser', 'lit']) require.resolve(tool);
    return true;
  } catch {
    return false;
  }
}

if (hasBuildTools()) {
  process.argv.push('--without-types');
  await import('./build.mjs');
} else console.log('voice-jib-jab: no build tools installed, dist/ is left as it is');
