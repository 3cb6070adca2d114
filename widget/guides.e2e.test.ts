/**
 * The guides, run: every snippet of HTML and JavaScript on a page with the built script and a mock
 * call, every style sheet against the names that the element has, every type against the package's.
 * A comment before a snippet says whom it meets (`persona`) what must come true (`then`), and that
 * nobody talks (`drive: no`).
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Browser } from 'puppeteer-core';
import { compile as compileSvelte } from 'svelte/compiler';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compileTemplate, parse as parseVue } from 'vue/compiler-sfc';
import { CallError, ERROR_CODES } from './errors.ts';
import { startDistSite, type DistSite } from './testing/dist-site.ts';
import { startBrowser } from './testing/e2e.ts';

const root = path.resolve(import.meta.dirname, '..');
const guides = path.join(root, 'docs/guides');

interface Snippet {
  title: string;
  language: string;
  text: string;
  notes: Record<string, string>;
}

function snippetsOf(file: string): Snippet[] {
  const page = readFileSync(path.join(guides, file), 'utf8');
  const blocks = page.matchAll(/((?:<!-- [a-z]+: .* -->\n+)*)```([a-z]+)\n([\s\S]*?)```/g);
  return [...blocks].map(([, comments = '', language = '', text = ''], index) => ({
    title: `${file}, snippet ${index + 1}`,
    ...{ language, text },
    notes: Object.fromEntries(
      [...comments.matchAll(/<!-- ([a-z]+): (.*) -->/g)].map(([, name = '', value = '']) => [name, value]),
    ),
  }));
}
const snippets = readdirSync(guides).flatMap(snippetsOf);
const of = (...languages: string[]) => snippets.filter(({ language }) => languages.includes(language));

const importMap = JSON.stringify({
  imports: {
    'voice-jib-jab': '/voice-jib-jab.js',
    'voice-jib-jab/testing': '/testing.js',
    'voice-jib-jab/sentry': '/sentry.js',
  },
});
const attribute = (value: string) => value.replaceAll('&', '&amp;').replaceAll('"', '&quot;');

/** The snippet as a page, its relay a mock. */
function pageOf({ language, text, notes }: Snippet): string {
  const persona = notes['persona'] ?? 'greeter';
  const speed = persona.includes('speed=') ? '' : `${persona.includes('?') ? '&' : '?'}speed=max`;
  const src = `src="${attribute(`mock:${persona}${speed}`)}"`;
  const body =
    language === 'html'
      ? text.replaceAll('https://relay.example', '')
      : `<script type="module" src="/voice-jib-jab.js"></script>
        <voice-jib-jab tenant="pk_demo" ${notes['attributes'] ?? ''}></voice-jib-jab>
        <script type="module">${text}</script>`;
  const mocked = /<voice-jib-jab[^>]* src=/.test(body) ? body : body.replace('<voice-jib-jab', `<voice-jib-jab ${src}`);
  return `<!doctype html><html lang="en"><head><title>Shop</title><link rel="icon" href="data:,">
    <script type="importmap">${importMap}</script></head><body>${mocked}
    <script type="module">import 'voice-jib-jab/testing'; globalThis.isMocked = true;</script></body></html>`;
}

let site: DistSite;
let browser: Browser;
beforeAll(async () => {
  site = await startDistSite();
  browser = await startBrowser();
});
afterAll(async () => {
  await browser.close();
  await site.close();
});

async function run(snippet: Snippet, html = pageOf(snippet)): Promise<string[]> {
  const faults: string[] = [];
  const page = await browser.newPage();
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    if (['error', 'warn'].includes(message.type())) faults.push(message.text());
  });
  site.html = html;
  await page.goto(site.origin, { waitUntil: 'load' });
  await page.waitForFunction(() => 'isMocked' in window && customElements.get('voice-jib-jab') !== undefined);
  await page.evaluate(() => {
    const assistant = document.querySelector('voice-jib-jab')!;
    Object.assign(window, { assistant, ended: false });
    assistant.addEventListener('turnend', () => Object.assign(window, { ended: true }));
  });
  const { then = 'ended' } = snippet.notes;
  const came = page.waitForFunction(then, { timeout: 20_000 }).then(
    () => '',
    () => `never came true: ${then}`,
  );
  const isDriven = snippet.notes['drive'] === 'no' || /\.start\(\)/.test(snippet.text);
  if (!isDriven) {
    await page.evaluate(async () => {
      const assistant = document.querySelector('voice-jib-jab')!;
      const started = assistant.start().catch(() => undefined);
      await new Promise(requestAnimationFrame);
      await assistant.updateComplete;
      // The widget's own question of consent, where there is one.
      assistant.shadowRoot?.querySelector<HTMLElement>('[part~=consent] [part~=button-primary]')?.click();
      await Promise.race([started, new Promise((resolve) => setTimeout(resolve, 5_000))]);
      if (assistant.readyState === 3) assistant.send('Hello');
    });
  }
  if (then.includes('ended: user')) {
    await page.waitForFunction('ended');
    await page.evaluate(() => document.querySelector('voice-jib-jab')!.close());
  }
  const missing = await came;
  if (missing) faults.push(missing);
  await page.close();
  return faults;
}

describe('on a page, the guides are right:', () => {
  it.each(of('html', 'js').map((snippet) => [snippet.title, snippet] as const))('%s', async (_title, snippet) => {
    expect(await run(snippet)).toEqual([]);
  });

  it.each(of('http').map((snippet) => [snippet.title, snippet] as const))('%s', async (_title, snippet) => {
    const [, name = '', value = ''] = /^([\w-]+): (.*)$/m.exec(snippet.text) ?? [];
    site.headers = { [name]: value };
    const html = `<!doctype html><html lang="en"><title>Shop</title><link rel="icon" href="/icon.js">
      <script type="module" src="/voice-jib-jab.js"></script><script type="module" src="/testing.js"></script>
      <voice-jib-jab tenant="pk_demo" src="mock:greeter?speed=max" variant="panel"></voice-jib-jab>`;
    const page = await browser.newPage();
    const faults: string[] = [];
    page.on('console', (message) => {
      if (/policy/i.test(message.text())) faults.push(message.text());
    });
    site.html = html;
    await page.goto(site.origin, { waitUntil: 'load' });
    await page.waitForFunction(() => customElements.get('voice-jib-jab') !== undefined);
    const said = await page.evaluate(async () => {
      const assistant = document.querySelector('voice-jib-jab')!;
      const ended = new Promise((resolve) => assistant.addEventListener('turnend', resolve));
      await assistant.start();
      assistant.send('Hello');
      await ended;
      return assistant.transcript.length;
    });
    site.headers = {};
    expect([said, faults]).toEqual([2, []]);
    await page.close();
  });
});

describe('by name, the guides are right:', () => {
  const manifest = JSON.parse(readFileSync(path.join(root, 'dist/custom-elements.json'), 'utf8')) as {
    modules: { declarations?: Record<string, { name: string }[]>[] }[];
  };
  const declared = manifest.modules.flatMap(({ declarations = [] }) => declarations);
  const names = (kind: string) => new Set(declared.flatMap((one) => (one[kind] ?? []).map(({ name }) => name)));

  it.each(of('css').map((snippet) => [snippet.title, snippet] as const))('%s', (_title, { text }) => {
    const found = (pattern: RegExp) => [...text.matchAll(pattern)].map(([, name = '']) => name);
    const unknown = [
      ...found(/(--vjj-[a-z-]+)/g).filter((name) => !names('cssProperties').has(name)),
      ...found(/::part\(([a-z-]+)\)/g).filter((name) => !names('cssParts').has(name)),
      ...found(/:state\(([a-z-]+)\)/g).filter((name) => !names('cssStates').has(name)),
    ];
    expect(unknown).toEqual([]);
  });

  it('every style sheet is one that a browser takes, rule for rule', async () => {
    const page = await browser.newPage();
    for (const { title, text } of of('css')) {
      const taken = await page.evaluate((css) => {
        const sheet = new CSSStyleSheet();
        sheet.replaceSync(css);
        return [...sheet.cssRules].reduce((sum, rule) => sum + (rule as CSSStyleRule).style.length, 0);
      }, text);
      expect(taken, title).toBeGreaterThanOrEqual(text.match(/;$/gm)?.length ?? 0);
    }
    await page.close();
  });

  it('troubleshooting has every error code, with what the widget offers', () => {
    const page = readFileSync(path.join(guides, 'troubleshooting.md'), 'utf8');
    const listed = [...page.matchAll(/^\| `([A-Z_]+)`\s*\| `([a-z]+)`/gm)].map(([, code, recovery]) => [
      code,
      recovery,
    ]);
    expect(listed).toEqual(ERROR_CODES.map((code) => [code, new CallError(code, '').recovery]));
  });

  it('styling and events name everything there is', () => {
    const styling = readFileSync(path.join(guides, 'styling.md'), 'utf8');
    const events = readFileSync(path.join(guides, 'events.md'), 'utf8');
    const missing = [
      ...[...names('cssProperties'), ...names('cssParts'), ...names('cssStates')].filter(
        (name) => !styling.includes(name),
      ),
      ...[...names('events')].filter((name) => !events.includes(name)),
      ...[...names('slots')].filter((name) => !styling.includes(name.replace(/-\{.*/, '-'))),
    ];
    expect(missing).toEqual([]);
  });

  it('components of Vue and Svelte compile without a warning', () => {
    for (const { title, text } of of('vue')) {
      const { descriptor, errors } = parseVue(text);
      const { content = '' } = descriptor.template ?? {};
      const isCustomElement = (tag: string) => tag === 'voice-jib-jab';
      const template = compileTemplate({
        ...{ id: 'guide', filename: 'guide.vue', source: content, compilerOptions: { isCustomElement } },
      });
      expect([errors, template.errors, template.tips], title).toEqual([[], [], []]);
      expect(template.code, title).toContain('onTurnend');
    }
    for (const { title, text } of of('svelte')) {
      const { warnings, js } = compileSvelte(text, { filename: 'guide.svelte', generate: 'client' });
      expect(warnings, title).toEqual([]);
      expect(js.code, title).toContain('turnend');
    }
  });

  it('what is written for servers runs there, and files that are named are in the package', async () => {
    const folder = path.join(root, 'coverage/guides-on-servers');
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const [index, { title, text }] of of('mjs').entries()) {
      const file = path.join(folder, `snippet-${index}.mjs`);
      writeFileSync(file, text);
      const { stdout } = await promisify(execFile)(process.execPath, [file]);
      expect(stdout, title).toMatch(/^<voice-jib-jab .*tenant="pk_demo".*<template shadowrootmode="open">/);
    }
    const named = of('json').flatMap(({ text }) => Object.values(JSON.parse(text) as Record<string, string[]>).flat());
    expect(named.length).toBeGreaterThan(0);
    for (const name of named) expect(existsSync(name.replace('./node_modules/voice-jib-jab', root)), name).toBe(true);
  });

  it('every type is one of the package', async () => {
    const folder = path.join(root, 'coverage/guides');
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    of('ts', 'tsx').forEach(({ language, text }, index) =>
      writeFileSync(path.join(folder, `snippet-${index}.${language}`), text),
    );
    const options = {
      extends: '../../tsconfig.json',
      compilerOptions: {
        rootDir: '../..',
        moduleDetection: 'force',
        lib: ['ES2023', 'DOM', 'DOM.Iterable'],
        types: [],
        jsx: 'preserve',
        jsxImportSource: 'react',
      },
      include: ['*.ts', '*.tsx'],
      exclude: [],
    };
    writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify(options));
    const { stdout } = await promisify(execFile)(path.join(root, 'node_modules/.bin/tsc'), [
      '--noEmit',
      '-p',
      folder,
    ]).catch((error: unknown) => error as { stdout: string });
    expect(stdout).toBe('');
  });
});
