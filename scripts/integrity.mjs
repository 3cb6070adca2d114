/**
 * `dist/sri.json`: the integrity hash of every script that pages load, and an import map with the
 * hashes of all that the loader names, for pages that pin every byte.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { filesBelow } from './files.mjs';

const hashOf = (file) => `sha384-${createHash('sha384').update(readFileSync(file)).digest('base64')}`;

/** Writes the file. @returns for each path below `dist`, `{ integrity, bytes }`. */
export function writeIntegrity(versioned) {
  const scripts = ['dist/voice-jib-jab.js', 'dist/voice-jib-jab.classic.js'].concat(
    filesBelow(versioned, (name) => name.endsWith('.js')),
  );
  const files = {};
  for (const file of scripts) {
    const name = path.relative('dist', file).split(path.sep).join('/');
    files[name] = { integrity: hashOf(file), bytes: readFileSync(file).length };
  }
  const importmap = { integrity: {} };
  for (const [name, { integrity }] of Object.entries(files)) importmap.integrity[`/${name}`] = integrity;
  writeFileSync('dist/sri.json', `${JSON.stringify({ files, importmap }, null, 2)}\n`);
  return files;
}
