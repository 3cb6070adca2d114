/**
 * What `dist/` holds: the widget (one script, its worklet beside it), the relay (one module a
 * source, so that stack traces and data files keep their places), and the demo page.
 */
import { readFileSync } from 'node:fs';
import nodeResolve from '@rollup/plugin-node-resolve';
import terser from '@rollup/plugin-terser';
import esbuild from 'rollup-plugin-esbuild';
import { rollupWorklet } from './scripts/worklet-plugin.mjs';

const { dependencies, version } = JSON.parse(readFileSync(new URL('./package.json', import.meta.url), 'utf8'));
const external = (id) =>
  id.startsWith('node:') || Object.keys(dependencies).some((name) => id === name || id.startsWith(`${name}/`));

const small = terser({
  ecma: 2020,
  module: true,
  compress: { passes: 3, unsafe_arrows: true, drop_console: true },
  format: { comments: false },
});
const inBrowser = (input, output) => ({
  input,
  output: { format: 'es', ...output },
  plugins: [
    rollupWorklet(),
    nodeResolve({ extensions: ['.ts', '.mjs', '.js'], browser: true, exportConditions: ['browser', 'production'] }),
    esbuild({ target: 'es2022', define: { __VJJ_VERSION__: JSON.stringify(version) } }),
    small,
  ],
});

export const targets = {
  widget: inBrowser(
    { 'voice-jib-jab': 'widget/index.ts' },
    { dir: 'dist', entryFileNames: '[name].js', chunkFileNames: 'voice-jib-jab.[name].js' },
  ),
  worklet: inBrowser('widget/audio/worklet.ts', { file: 'dist/voice-jib-jab.worklet.js' }),
  demo: inBrowser('demo/demo.ts', { file: 'dist/demo/demo.js' }),
  console: inBrowser(
    { console: 'relay/console/console.ts' },
    { dir: 'dist/console', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
  ),
  relay: {
    input: { main: 'relay/main.ts', 'cli/vjj': 'relay/cli/vjj.ts' },
    external,
    output: {
      dir: 'dist/relay',
      format: 'es',
      preserveModules: true,
      preserveModulesRoot: 'relay',
      entryFileNames: '[name].js',
    },
    plugins: [
      nodeResolve({ extensions: ['.ts', '.mjs', '.js'], exportConditions: ['node', 'production'] }),
      esbuild({ target: 'node20', define: { __VJJ_VERSION__: JSON.stringify(version) } }),
    ],
  },
};

export default Object.values(targets);
