/**
 * Conversations in one browser, through a microphone and a loudspeaker of a sound server: `npm run test:firefox`,
 * which is also a stage of `npm test`, and `npm run test:webkit`. Refuses with one line where something is missing.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { findFirefox, hasPulseAudio } from './firefox.mjs';
import { WEBKIT_PACKAGES, findWebKit } from './webkit.mjs';

process.chdir(path.resolve(import.meta.dirname, '..'));
const BROWSERS = {
  firefox: { find: findFirefox, packages: ['firefox-esr', 'pulseaudio', 'pulseaudio-utils'] },
  webkit: { find: findWebKit, packages: WEBKIT_PACKAGES },
};

function refuse(why) {
  console.error(why);
  process.exit(1);
}

const name = process.argv[2] ?? '';
const browser = BROWSERS[name];
if (!browser) refuse(`which browser: ${Object.keys(BROWSERS).join(' or ')}?`);
if (browser.find() === undefined || !hasPulseAudio()) {
  refuse(`Something is missing. Debian brings it with: apt-get install -y ${browser.packages.join(' ')}`);
}
if (!existsSync('dist/relay/main.js')) refuse('There is no build to test; run: npm run build');
const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'vitest.devices.config.ts', `.${name}.test`];
process.exit(spawnSync(process.execPath, vitest, { stdio: 'inherit' }).status ?? 1);
