/**
 * `node scripts/run-bench.mjs NAME …`: runs the bench whose sources are TypeScript, `bench/NAME/main.ts` (or
 * `bench/NAME.ts` where NAME has a slash: a process of a bench's own), against the product's own sources. Each file is turned into JavaScript as it is loaded and keeps its
 * place, so that what lies beside a source is found there.
 */
import { readFile } from 'node:fs/promises';
import { register } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import { transform } from 'esbuild';

/** Node calls this, in a thread of its own, for every module. */
export async function load(url, context, next) {
  const { pathname, protocol } = new URL(url);
  if (protocol !== 'file:' || !pathname.endsWith('.ts')) return next(url, context);
  const file = fileURLToPath(new URL(pathname, 'file:'));
  const { code } = await transform(await readFile(file, 'utf8'), {
    loader: 'ts',
    format: 'esm',
    target: 'node20',
    sourcefile: file,
    sourcemap: 'inline',
  });
  return { format: 'module', source: code, shortCircuit: true };
}

if (isMainThread) {
  const [name = '', ...rest] = process.argv.slice(2);
  if (!/^[a-z]+(\/[a-z0-9-]+)?$/.test(name)) throw new Error('usage: node scripts/run-bench.mjs NAME …');
  register(import.meta.url);
  process.argv.splice(2, process.argv.length, ...rest);
  const file = name.includes('/') ? `${name}.ts` : `${name}/main.ts`;
  const main = path.join(import.meta.dirname, '..', 'bench', file);
  await import(pathToFileURL(main).href);
}
