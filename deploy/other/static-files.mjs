/**
 * Copies what browsers fetch from dist/ into a folder for any static host:
 *
 *     node deploy/other/static-files.mjs public
 *
 * The rest of dist/ is the relay and the package, which no static host needs.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';

const dist = path.resolve(import.meta.dirname, '../../dist');
/** Hosts compress by themselves. */
const isPlain = (file) => !/\.(br|gz)$/.test(file);

/** @returns what was copied, by name at the top. */
export function copyStaticFiles(target) {
  if (!existsSync(path.join(dist, 'v'))) throw new Error('dist/ is not there: npm ci, or npm run build, makes it');
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  const names = readdirSync(dist).filter(
    (name) =>
      isPlain(name) && (['v', 'console', 'demo', 'sri.json'].includes(name) || /^voice-jib-jab.*\.js$/.test(name)),
  );
  for (const name of names) {
    cpSync(path.join(dist, name), path.join(target, name), { recursive: true, filter: isPlain });
  }
  // Whose work is in the script, as their licences ask.
  cpSync(path.join(dist, '../THIRD-PARTY-LICENCES.md'), path.join(target, 'licences.txt'));
  return [...names, 'licences.txt'];
}

if (import.meta.filename === process.argv[1]) {
  const [target] = process.argv.slice(2);
  if (target === undefined) {
    console.error('usage: node deploy/other/static-files.mjs FOLDER');
    process.exit(2);
  }
  console.log(`${copyStaticFiles(target).join(', ')} are in ${target}`);
}
