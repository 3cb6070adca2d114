/**
 * The package as it is published: what npm would send, checked by the tools of those who install it;
 * imported on a server; and its types, as each framework's own compiler options see them.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '..');
const bin = (name: string) => path.join(root, 'node_modules/.bin', name);
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');

describe('the package', () => {
  let folder: string;
  let tarball: string;
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'vjj-pack-'));
    const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder];
    const { stdout } = await run('npm', pack, { cwd: root, maxBuffer: 1e8 });
    const [packed] = JSON.parse(stdout) as { filename: string }[];
    tarball = path.join(folder, packed!.filename);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('is published as publint wants it', async () => {
    const bytes = readFileSync(tarball);
    const { messages, pkg } = await publint({
      pack: { tarball: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) },
      strict: true,
    });
    expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).toEqual([]);
  });

  it('has types that resolve wherever modules do', async () => {
    // Typings of frameworks add to what is there and export no values.
    const entries = ['--entrypoints', '.', './ssr', './testing', './sentry'];
    const { stdout } = await run(bin('attw'), [tarball, '--profile', 'esm-only', '--format', 'json', ...entries]);
    const { problems = {} } = JSON.parse(stdout) as { problems?: Record<string, { resolutionKind?: string }[]> };
    const modules = Object.values(problems).flat();
    // A package of modules only: what `require` and resolvers without `exports` make of it is no news.
    expect(modules.filter(({ resolutionKind = '' }) => !['node10', 'node16-cjs'].includes(resolutionKind))).toEqual([]);
  });
});

describe('on a server', () => {
  it('the element is imported without a document, registers nothing and has the same names', async () => {
    const script = `
      import * as all from 'voice-jib-jab';
      import { launcherHtml } from 'voice-jib-jab/ssr';
      console.log(JSON.stringify([
        typeof all.VoiceJibJab, new all.CallError('QUOTA', '').recovery, globalThis.customElements?.get('voice-jib-jab') === undefined,
        launcherHtml({ attributes: { tenant: '"><script>', open: true, debug: false }, nonce: 'n' }),
        Object.keys(all).sort(),
      ]));`;
    const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', script], { cwd: root });
    const [kind, recovery, isUnregistered, html, names] = JSON.parse(stdout) as [
      string,
      string,
      boolean,
      string,
      string[],
    ];
    expect([kind, recovery, isUnregistered, stderr]).toEqual(['function', 'retry', true, '']);
    expect(html).toMatch(
      /^<voice-jib-jab variant="launcher" placement="end-bottom" tenant="&quot;&gt;&lt;script&gt;" open>/,
    );
    expect(html).toMatch(/<template shadowrootmode="open"><style nonce="n">.*<button class="launcher"/);
    const inBrowsers = [...read('dist/voice-jib-jab.js').matchAll(/(?:\w+ as )?(\w+)(?=[,}])/g)].map(
      ([, name]) => name,
    );
    for (const name of names) expect(inBrowsers, name).toContain(name);
  });
});

describe('the hashes', () => {
  it('name every script of this version, as it is', async () => {
    const { files, importmap } = JSON.parse(read('dist/sri.json')) as {
      files: Record<string, { integrity: string; bytes: number }>;
      importmap: { integrity: Record<string, string> };
    };
    const { createHash } = await import('node:crypto');
    for (const [file, { integrity }] of Object.entries(files)) {
      const bytes = readFileSync(path.join(root, 'dist', file));
      expect(integrity, file).toBe(`sha384-${createHash('sha384').update(bytes).digest('base64')}`);
      expect(importmap.integrity[`/${file}`]).toBe(integrity);
    }
    const [, launcher] = /"\.\/(v\/[^"]*launcher[^"]*)"/.exec(read('dist/voice-jib-jab.js')) ?? [];
    expect(Object.keys(files)).toContain(launcher);
  });
});

/** Each compiles against the built types; each `@ts-expect-error` must be one. */
const PAGES: Record<string, { file: string; jsxImportSource?: string; text: string }> = {
  'plain TypeScript': {
    file: 'plain.ts',
    text: `
      import { type CallError, type VoiceJibJab } from 'voice-jib-jab';
      const element = document.querySelector('voice-jib-jab');
      element?.addEventListener('turnend', ({ metrics }) => metrics.ttfaMs?.toFixed());
      element?.addEventListener('toolcall', (event) => event.respondWith(Promise.resolve(event.args['city'])));
      element?.addEventListener('click', (event) => event.preventDefault());
      export const error: CallError | null | undefined = element?.error;
      export const made: VoiceJibJab = document.createElement('voice-jib-jab');
      made.variant = 'bar';
      made.defineTool('f', { description: '', parameters: {}, confirm: true }, async ({ a }) => a);
      // @ts-expect-error no such variant
      made.variant = 'round';
      // @ts-expect-error it is read only
      made.phase = 'idle';
      made.focus();`,
  },
  'React 19': {
    file: 'react.tsx',
    jsxImportSource: 'react',
    text: `
      import type {} from 'voice-jib-jab/react';
      import { useRef } from 'react';
      import type { VoiceJibJab } from 'voice-jib-jab';
      export function Page() {
        const ref = useRef<VoiceJibJab>(null);
        return <voice-jib-jab ref={ref} tenant="pk" turn="hold" context="x" onturnend={({ metrics }) => metrics.heardMs} className="a" />;
      }
      // @ts-expect-error no such turn mode
      export const wrong = <voice-jib-jab turn="never" />;`,
  },
  Solid: {
    file: 'solid.tsx',
    jsxImportSource: 'solid-js',
    text: `
      import type {} from 'voice-jib-jab/solid';
      export const Page = () => <voice-jib-jab tenant="pk" muted prop:context="x" on:turnend={(event) => event.metrics.heardMs} />;
      // @ts-expect-error no such variant
      export const Wrong = () => <voice-jib-jab variant="round" />;`,
  },
  Svelte: {
    file: 'svelte.ts',
    text: `
      import type {} from 'voice-jib-jab/svelte';
      import type { SvelteHTMLElements } from 'svelte/elements';
      export const page: SvelteHTMLElements['voice-jib-jab'] = {
        tenant: 'pk', 'mute-policy': 'release', onturnend: (event) => event.metrics.heardMs, class: 'a',
      };
      // @ts-expect-error no such policy
      export const wrong: SvelteHTMLElements['voice-jib-jab'] = { 'mute-policy': 'loud' };`,
  },
  Vue: {
    file: 'vue.ts',
    text: `
      import type {} from 'voice-jib-jab/vue';
      import type { GlobalComponents } from 'vue';
      type Props = InstanceType<GlobalComponents['voice-jib-jab']>['$props'];
      export const page: Props = { tenant: 'pk', onTurnend: (event) => event.metrics.heardMs, class: 'a' };
      // @ts-expect-error no such theme
      export const wrong: Props = { theme: 'sepia' };`,
  },
};

describe('the types', () => {
  // Inside the package, so that its own name leads to what it exports.
  const folder = path.join(root, 'coverage/types');
  beforeAll(() => {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
  });

  it.each(Object.entries(PAGES))('fit %s', async (_name, { file, jsxImportSource, text }) => {
    writeFileSync(path.join(folder, file), text);
    const options = {
      extends: '../../tsconfig.json',
      compilerOptions: {
        ...{ rootDir: '../..', moduleDetection: 'force', lib: ['ES2023', 'DOM', 'DOM.Iterable'], types: [] },
        ...(jsxImportSource ? { jsx: jsxImportSource === 'react' ? 'react-jsx' : 'preserve', jsxImportSource } : {}),
      },
      include: [file],
      exclude: [],
    };
    const project = path.join(folder, `${file}.json`);
    writeFileSync(project, JSON.stringify(options));
    const { stdout } = await run(bin('tsc'), ['--noEmit', '-p', project]).catch(
      (error: unknown) => error as { stdout: string },
    );
    expect(stdout).toBe('');
  });
});
