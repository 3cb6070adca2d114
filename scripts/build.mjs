/** Builds `dist/`: widget, worklet, relay, demo, console; prints sizes and the script's integrity hash. */
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { rollup } from 'rollup';
import { targets, versioned } from '../rollup.config.mjs';
import { filesBelow } from './files.mjs';
import { writeIntegrity } from './integrity.mjs';
import { packagesIn, writeBillOfMaterials } from './sbom.mjs';

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
    if (['relay', 'node', 'types'].some((folder) => file.startsWith(path.join('dist', folder)))) continue;
    const bytes = readFileSync(file);
    writeFileSync(`${file}.br`, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
    writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }));
  }
}

rmSync('dist', { recursive: true, force: true });
/** Bundle → names of other people's packages in it. */
const bundled = {};
for (const [name, target] of Object.entries(targets)) {
  const started = performance.now();
  const bundle = await rollup({
    ...target,
    onwarn(warning, warn) {
      if (warning.code !== 'CIRCULAR_DEPENDENCY') warn(warning);
    },
  });
  const { output } = await bundle.write(target.output);
  bundled[name] = packagesIn(output);
  await bundle.close();
  console.log(`built ${name.padEnd(8)} ${String(Math.round(performance.now() - started)).padStart(6)} ms`);
}

/** The address without a version: the newest loader, which names this version's files. */
function newest() {
  const folder = `./${path.posix.relative('dist', versioned)}/`;
  const loader = readFileSync(`${versioned}/voice-jib-jab.js`, 'utf8');
  writeFileSync('dist/voice-jib-jab.js', loader.replace(/(["'])\.\//g, `$1${folder}`));
  for (const file of ['voice-jib-jab.classic.js', 'voice-jib-jab.worklet.js'])
    cpSync(`${versioned}/${file}`, `dist/${file}`);
}

copyData();
newest();
if (!process.argv.includes('--without-types')) await (await import('./build-types.mjs')).buildTypes();
(await import('./build-server-types.mjs')).buildServerTypes();
writeBillOfMaterials(bundled);
precompress();
if (existsSync('dist/relay/cli/vjj.js')) chmodSync('dist/relay/cli/vjj.js', 0o755);
for (const [file, { integrity }] of Object.entries(writeIntegrity(versioned))) {
  if (/voice-jib-jab(\.classic)?\.js$/.test(file)) console.log(`integrity ${integrity}  ${file}`);
}
