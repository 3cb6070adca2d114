/** The size gate: brotli bytes of what a page loads, and names that may not be in it. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import { filesBelow } from './files.mjs';

const KB = 1000;
/** What a page loads before anybody wants to talk. */
const LAUNCHER_BUDGET_BYTES = 12 * KB;
/** Everything that a voice call needs, worklet included, in the language that takes most. */
const CALL_BUDGET_BYTES = 45 * KB;
/** The relay's code, its libraries, and what stands in for a call in tests. */
const NOT_IN_WIDGET = [
  ...['openai', 'node:', 'process.env', 'jose', 'hono', 'sourceMappingURL'],
  ...['ScriptedCall', 'scripted', 'mock:', 'mock-', 'persona', 'greeter', 'chai', 'emulator', 'postgres', 'RelayError'],
];
const NOT_IN_RELAY = [/from ['"]lit/];
const LANGUAGE = /voice-jib-jab\.[a-z]{2}\.[0-9a-f]{8}\.js$/;

const brotli = (file) =>
  brotliCompressSync(readFileSync(file), { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
const faults = [];
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const versioned = `dist/v/${version}`;
const files = existsSync(versioned) ? filesBelow(versioned, (name) => name.endsWith('.js')) : [];

function sizes(title, budget, wanted) {
  let total = 0;
  for (const part of wanted) {
    const found = files.filter((file) => part.test(path.basename(file)));
    if (found.length === 0) faults.push(`${versioned} has no ${part}; run npm run build`);
    const bytes = Math.max(0, ...found.map(brotli));
    total += bytes;
    console.log(
      `  ${(found.length > 1 ? `the largest of ${found.length}` : path.basename(found[0] ?? '')).padEnd(46)} ${bytes}`,
    );
  }
  console.log(`${title.padEnd(48)} ${total} B of ${budget}, brotli`);
  if (total > budget) faults.push(`${title} takes ${total} B, over the budget of ${budget}`);
}

const launcher = [/^voice-jib-jab\.js$/, /\.launcher\./];
sizes('the launcher', LAUNCHER_BUDGET_BYTES, launcher);
const call = [/\.surface\./, /\.open-call\./, /\.worklet\.js$/, LANGUAGE];
sizes('a voice call', CALL_BUDGET_BYTES, [...launcher, ...call]);

for (const file of [...files, 'dist/voice-jib-jab.js']) {
  const text = readFileSync(file, 'utf8');
  for (const name of NOT_IN_WIDGET) if (text.includes(name)) faults.push(`${file} contains "${name}"`);
}
// A part that nobody counted would be a part that no budget holds.
// The last resort of a strict policy, forms and functions of pages that have them, the verdict for support desks and the drawer of
// devices and rating are not part of a call; Opus is for calls that ask for it, and what the next page of a tab
// goes on with for pages that ask for that; a rating is sent when the call is over.
const beside = [
  /\.tab\./,
  /\.send-rating\./,
  /\.classic\.js$/,
  /\.worklet-code\./,
  /\.page-forms\./,
  /\.run-tool\./,
  /\.support\./,
  /\.drawer\./,
  /\.opus-link\./,
];
const counted = [...launcher, ...call, ...beside];
for (const file of files) {
  if (!counted.some((part) => part.test(path.basename(file)))) faults.push(`${file} is in no budget`);
}

if (existsSync('dist/relay')) {
  for (const file of filesBelow('dist/relay', (name) => name.endsWith('.js'))) {
    if (file.includes(`${path.sep}console${path.sep}`)) continue;
    const text = readFileSync(file, 'utf8');
    for (const name of NOT_IN_RELAY) if (name.test(text)) faults.push(`${file} matches ${name}`);
  }
}
for (const fault of faults) console.error(fault);
process.exit(faults.length === 0 ? 0 : 1);
