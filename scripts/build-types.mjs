/**
 * What editors and type checkers read: the types of the package's entries, the custom-elements
 * manifest, typings for frameworks made from it, and VS Code's custom data.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { generateVsCodeCustomElementData } from 'custom-element-vs-code-integration';
import { rollup } from 'rollup';
import { dts } from 'rollup-plugin-dts';
import { elementManifest } from './element-manifest.mjs';
import { frameworkTypes } from './framework-types.mjs';

const OUT = 'dist/types';

/** Lit's own types go along: a page's project need not have it. */
async function entryTypes() {
  const bundle = await rollup({
    input: { 'voice-jib-jab': 'widget/index.ts', ssr: 'widget/ssr.ts' },
    plugins: [
      dts({ tsconfig: 'tsconfig.json', includeExternal: ['lit', 'lit-element', 'lit-html', '@lit/reactive-element'] }),
    ],
    external: ['valibot'],
  });
  await bundle.write({ dir: OUT, format: 'es', chunkFileNames: '[name].d.ts' });
  await bundle.close();
  const file = `${OUT}/voice-jib-jab.d.ts`;
  const types = readFileSync(file, 'utf8');
  // The bundler keeps what is exported and drops what is only declared for everybody.
  if (!types.includes('HTMLElementTagNameMap')) {
    writeFileSync(
      file,
      `${types}\ndeclare global {\n  interface HTMLElementTagNameMap {\n    'voice-jib-jab': VoiceJibJab;\n  }\n}\n`,
    );
  }
}

/** The types of `voice-jib-jab/testing` and `/sentry` lean on the element's. */
async function besideTypes() {
  const bundle = await rollup({
    input: { testing: 'widget/testing/testing.ts', sentry: 'widget/error-tracking/sentry.ts' },
    plugins: [dts({ tsconfig: 'tsconfig.json' })],
    external: [/index\.ts$/, /errors\.ts$/],
  });
  await bundle.write({ dir: OUT, format: 'es', paths: () => './voice-jib-jab.js' });
  await bundle.close();
}

export async function buildTypes() {
  mkdirSync(OUT, { recursive: true });
  await entryTypes();
  await besideTypes();
  const manifest = elementManifest('dist/voice-jib-jab.js');
  writeFileSync('dist/custom-elements.json', `${JSON.stringify(manifest, null, 2)}\n`);
  for (const [file, text] of Object.entries(frameworkTypes(manifest))) writeFileSync(`${OUT}/${file}`, text);
  generateVsCodeCustomElementData(structuredClone(manifest), {
    outdir: 'dist',
    htmlFileName: 'vscode.html-custom-data.json',
    cssFileName: 'vscode.css-custom-data.json',
  });
}
