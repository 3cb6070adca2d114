/** The size gate: brotli bytes of what a page loads, and names that may not be in it. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import { filesBelow } from './files.mjs';

const KB = 1000;
/** Everything that a voice call needs, worklet included. */
const CALL_BUDGET_BYTES = 45 * KB;
const NOT_IN_WIDGET = ['openai', 'node:', 'process.env', 'jose', 'sourceMappingURL'];
const NOT_IN_RELAY = [/from ['"]lit/];

const brotli = (file) =>
  brotliCompressSync(readFileSync(file), { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;

const faults = [];
const page = ['dist/voice-jib-jab.js', 'dist/voice-jib-jab.worklet.js'];
let total = 0;
for (const file of page) {
  if (!existsSync(file)) {
    faults.push(`${file} is missing; run npm run build`);
    continue;
  }
  const bytes = brotli(file);
  total += bytes;
  console.log(`${path.basename(file).padEnd(32)} ${String(bytes).padStart(7)} B brotli`);
  const text = readFileSync(file, 'utf8');
  for (const name of NOT_IN_WIDGET) if (text.includes(name)) faults.push(`${file} contains "${name}"`);
}
console.log(`${'a voice call'.padEnd(32)} ${String(total).padStart(7)} B of ${CALL_BUDGET_BYTES}`);
if (total > CALL_BUDGET_BYTES) faults.push(`a voice call takes ${total} B, over the budget of ${CALL_BUDGET_BYTES}`);

if (existsSync('dist/relay')) {
  for (const file of filesBelow('dist/relay', (name) => name.endsWith('.js'))) {
    if (file.includes(`${path.sep}console${path.sep}`)) continue;
    const text = readFileSync(file, 'utf8');
    for (const name of NOT_IN_RELAY) if (name.test(text)) faults.push(`${file} matches ${name}`);
  }
}
for (const fault of faults) console.error(fault);
process.exit(faults.length === 0 ? 0 : 1);
