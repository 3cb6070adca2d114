/** Builds `dist/`: widget, worklet, relay, demo, console; prints sizes and the script's integrity hash. */
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { rollup } from 'rollup';
import { targets } from '../rollup.config.mjs';
import { filesBelow } from './files.mjs';

const root = path.resolve(import.meta.dirname, '..');
process.chdir(root);

/** Files that the relay reads at run time from beside its sources. */
function copyData() {
  for (const file of filesBelow('relay', (name) => /\.(bin|json|raw|pcm|sql)$/.test(name))) {
    const target = path.join('dist', file);
    mkdirSync(path.dirname(target), { recursive: true });
    cpSync(file, target);
  }
  for (const folder of ['demo', 'relay/console'])
    for (const file of filesBelow(folder, (name) => /\.(html|css|svg|png|webp)$/.test(name))) {
      const target = path.join('dist', path.relative(path.dirname(folder), file));
      mkdirSync(path.dirname(target), { recursive: true });
      cpSync(file, target);
    }
}

/** Beside every page file its compressed forms, so that serving costs no compression. */
function precompress() {
  for (const file of filesBelow('dist', (name) => /\.(js|css|html|svg)$/.test(name))) {
    if (file.startsWith(path.join('dist', 'relay'))) continue;
    const bytes = readFileSync(file);
    writeFileSync(`${file}.br`, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
    writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }));
  }
}

rmSync('dist', { recursive: true, force: true });
for (const [name, target] of Object.entries(targets)) {
  const started = performance.now();
  const bundle = await rollup({
    ...target,
    onwarn(warning, warn) {
      if (warning.code !== 'CIRCULAR_DEPENDENCY') warn(warning);
    },
  });
  await bundle.write(target.output);
  await bundle.close();
  console.log(`built ${name.padEnd(8)} ${String(Math.round(performance.now() - started)).padStart(6)} ms`);
}
copyData();
precompress();
if (existsSync('dist/relay/cli/vjj.js')) chmodSync('dist/relay/cli/vjj.js', 0o755);
const script = readFileSync('dist/voice-jib-jab.js');
console.log(`integrity sha384-${createHash('sha384').update(script).digest('base64')}  voice-jib-jab.js`);
