/**
 * `import code from './x.ts?worklet'`: the file, bundled and minified, as a string.
 * One function for rollup and one for web-test-runner, so that both load the same code.
 */
import path from 'node:path';
import { build } from 'esbuild';

const SUFFIX = '?worklet';

/** Bundles one worklet entry. @returns JavaScript that needs no module loader's help. */
export async function bundleWorklet(file, root = process.cwd()) {
  const result = await build({
    entryPoints: [file],
    absWorkingDir: root,
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    conditions: ['browser'],
    legalComments: 'none',
  });
  return result.outputFiles[0].text.trim();
}

export function rollupWorklet() {
  return {
    name: 'worklet',
    resolveId(source, importer) {
      if (!source.endsWith(SUFFIX)) return null;
      return path.resolve(path.dirname(importer), source.slice(0, -SUFFIX.length)) + SUFFIX;
    },
    async load(id) {
      if (!id.endsWith(SUFFIX)) return null;
      const file = id.slice(0, -SUFFIX.length);
      this.addWatchFile(file);
      return `export default ${JSON.stringify(await bundleWorklet(file))};`;
    },
  };
}

/** For web-test-runner: also serves `x.worklet.js` beside a source, as the product does beside its script. */
export function testRunnerWorklet(root) {
  return {
    name: 'worklet',
    resolveMimeType(context) {
      return context.url.includes(SUFFIX) ? 'js' : undefined;
    },
    async serve(context) {
      if (!context.url.includes(SUFFIX)) return undefined;
      const code = await bundleWorklet(path.join(root, context.path), root);
      const body = context.query.worklet === 'file' ? code : `export default ${JSON.stringify(code)};`;
      return { body, type: 'js' };
    },
  };
}
