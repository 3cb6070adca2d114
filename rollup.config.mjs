/**
 * What `dist/` holds: the widget in `v/<version>/` (a loader, the launcher, and what is fetched with
 * the first press, each named by its content; the worklet beside them), the same loader at the top,
 * the package's entries for servers, the relay (one module a source, so that stack traces and data
 * files keep their places), and the demo page.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import nodeResolve from '@rollup/plugin-node-resolve';
import terser from '@rollup/plugin-terser';
import esbuild from 'rollup-plugin-esbuild';
import { rollupWorklet } from './scripts/worklet-plugin.mjs';

const { dependencies, peerDependencies, version } = JSON.parse(
  readFileSync(new URL('./package.json', import.meta.url), 'utf8'),
);
const external = (id) =>
  id.startsWith('node:') ||
  [...Object.keys(dependencies), ...Object.keys(peerDependencies)].some(
    (name) => id === name || id.startsWith(`${name}/`),
  );

const small = terser({
  ecma: 2022,
  module: true,
  compress: { passes: 3, unsafe_arrows: true, unsafe_methods: true, pure_getters: true, drop_console: true },
  format: { comments: false },
});

/** Where this version's files are: they never change, so that pages and caches may keep them. */
export const versioned = `dist/v/${version}`;
const WORKLET_FILE = `${versioned}/voice-jib-jab.worklet.js`;

/** The worklet's name is fixed, for pages that host it themselves; its content is told apart by a stamp. */
const workletStamp = () => ({
  name: 'worklet-stamp',
  transform(code) {
    if (!code.includes('__VJJ_WORKLET_STAMP__')) return null;
    const stamp = createHash('sha256').update(readFileSync(WORKLET_FILE)).digest('hex').slice(0, 8);
    return { code: code.replaceAll('__VJJ_WORKLET_STAMP__', JSON.stringify(stamp)), map: null };
  },
});

/** Templates of HTML and CSS carry their indentation to the page otherwise; style sheets also their line ends. */
const outdent = () => ({
  name: 'outdent',
  transform(code, id) {
    if (/widget\/styles\//.test(id)) {
      const lines = code.replace(/([{};,:`])\n\s*/g, '$1').replace(/\n\s*}/g, '}');
      // What is in a template is no program: a space after a colon or a comma means nothing there.
      return {
        code: lines.replace(/`[^`]*`/g, (css) =>
          css
            .replace(/\/\*.*?\*\//gs, '')
            .replace(/([:,]) /g, '$1')
            .replace(/ \{/g, '{')
            .replace(/ > /g, '>')
            .replace(/\b0\./g, '.')
            .replace(/;\}/g, '}'),
        ),
        map: null,
      };
    }
    return /widget\/view\/|presence\.ts$/.test(id) ? { code: code.replace(/\n[ \t]+/g, '\n'), map: null } : null;
  },
});

/**
 * Browsers that know the colours of our style sheets (`light-dark`) also adopt them: what Lit has for older ones stays
 * out, and what it says to those who write styles.
 */
const adopted = () => ({
  name: 'adopted',
  transform(code, id) {
    if (!/reactive-element|lit-(html|element)/.test(id)) return null;
    const lean = code
      .replace(/\w+\.ShadowRoot&&.*?"replace"in CSSStyleSheet\.prototype/, 'true')
      .replace(/throw Error\(".*?"\)/g, 'throw Error()')
      .replace(/\w+\.(reactiveElement|litHtml|litElement)(Polyfill|Hydrate)Support/g, 'undefined');
    if (/ShadyCSS|function result|Support\?/.test(lean)) this.error('Lit has another form than expected');
    return { code: lean, map: null };
  },
});

/** All that the entry needs at once is the launcher; the entry itself only names it. */
function launcherChunk() {
  let launcher;
  return (id, { getModuleInfo, getModuleIds }) => {
    if (!launcher) {
      launcher = new Set();
      const [entry] = [...getModuleIds()].filter((one) => getModuleInfo(one)?.isEntry);
      const visit = (one) => {
        if (launcher.has(one)) return;
        launcher.add(one);
        getModuleInfo(one)?.importedIds.forEach(visit);
      };
      getModuleInfo(entry)?.importedIds.forEach(visit);
    }
    if (launcher.has(id)) return 'launcher';
    // What is shared with a part that is fetched later stays with the part that is fetched first.
    return /widget\/(surface|call\/media-devices|link\/token)\.ts$/.test(id) ? 'surface' : undefined;
  };
}

const inBrowser = (input, output) => ({
  input,
  output: { format: 'es', ...output },
  plugins: [
    rollupWorklet(),
    outdent(),
    adopted(),
    nodeResolve({ extensions: ['.ts', '.mjs', '.js'], browser: true, exportConditions: ['browser', 'production'] }),
    esbuild({ target: 'es2022', define: { __VJJ_VERSION__: JSON.stringify(version) } }),
    workletStamp(),
    small,
  ],
});

/** For servers, which render pages and register no element: one file, nothing fetched. */
const onServer = (input, file) => ({
  input,
  output: { file, format: 'es', inlineDynamicImports: true },
  plugins: [
    rollupWorklet(),
    nodeResolve({ extensions: ['.ts', '.mjs', '.js'], exportConditions: ['node', 'production'] }),
    esbuild({ target: 'node20', define: { __VJJ_VERSION__: JSON.stringify(version) } }),
    workletStamp(),
    small,
  ],
});

/** In this order: the widget's script carries the worklet's stamp. */
export const targets = {
  worklet: inBrowser('widget/audio/worklet.ts', { file: WORKLET_FILE }),
  widget: inBrowser(
    { 'voice-jib-jab': 'widget/index.ts' },
    {
      dir: versioned,
      entryFileNames: '[name].js',
      chunkFileNames: 'voice-jib-jab.[name].[hash].js',
      hashCharacters: 'hex',
      manualChunks: launcherChunk(),
    },
  ),
  classic: inBrowser('widget/classic.ts', { file: `${versioned}/voice-jib-jab.classic.js`, format: 'iife' }),
  server: onServer('widget/index.ts', 'dist/node/voice-jib-jab.js'),
  ssr: onServer('widget/ssr.ts', 'dist/node/ssr.js'),
  // Entries of their own: nothing of them is in what people get.
  testing: inBrowser('widget/testing/testing.ts', { file: 'dist/testing.js' }),
  sentry: inBrowser('widget/error-tracking/sentry.ts', { file: 'dist/sentry.js' }),
  demo: inBrowser('demo/demo.ts', { file: 'dist/demo/demo.js' }),
  console: inBrowser(
    { console: 'relay/console/console.ts' },
    { dir: 'dist/console', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
  ),
  relay: {
    input: { main: 'relay/main.ts', 'cli/vjj': 'relay/cli/vjj.ts', 'auth/server': 'relay/auth/server.ts' },
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
