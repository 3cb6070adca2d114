/** Serves what the sheets show: the built files, one widget a page, and the console with nobody behind it. */
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { build } from 'esbuild';

const here = import.meta.dirname;
const root = path.resolve(here, '../..');
const TYPES = { '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.html': 'text/html' };

const widgetPage = (query) => {
  const lang = query.get('lang') ?? 'en';
  const text = query.get('text') ?? '100';
  const dir = /^(ar|he)/.test(lang) ? 'rtl' : 'ltr';
  const variant = query.get('variant') ?? 'launcher';
  const ground = variant === 'launcher' ? 'margin:0' : 'margin:0;padding:16px';
  const open = variant === 'launcher' && query.get('state') === 'closed' ? '' : 'open';
  return `<!doctype html><html lang="${lang}" dir="${dir}" style="color-scheme:light dark;font-size:${text}%"><head>
    <meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Shop</title><link rel="icon" href="data:,">
    <script type="module" src="/voice-jib-jab.js"></script><script type="module" src="/states.js"></script>
    </head><body style="${ground};font-family:system-ui,sans-serif"><voice-jib-jab tenant="pk_test" variant="${variant}" ${open}></voice-jib-jab></body></html>`;
};

async function standIn() {
  const { outputFiles } = await build({
    entryPoints: [path.join(here, 'console-stand-in.mjs')],
    bundle: true,
    format: 'iife',
    target: 'chrome125',
    write: false,
  });
  return outputFiles[0].text;
}
const consolePage = async () =>
  (await readFile(path.join(root, 'dist/console/index.html'), 'utf8')).replace(
    '<script type="module" src="console.js">',
    '<script src="/stand-in.js"></script><script type="module" src="console.js">',
  );

/** @returns its address, a place for the sheet's HTML (`sheet`), and how to close it. */
export async function startSite() {
  const site = { sheet: '' };
  const stand = await standIn();
  const answer = async (url) => {
    const { pathname, searchParams } = url;
    if (pathname === '/sheet') return ['.html', site.sheet];
    if (pathname === '/widget') return ['.html', widgetPage(searchParams)];
    if (pathname === '/states.js') return ['.js', await readFile(path.join(here, 'widget-states.mjs'))];
    if (pathname === '/stand-in.js') return ['.js', stand];
    if (pathname === '/console/') return ['.html', await consolePage()];
    return [path.extname(pathname), await readFile(path.join(root, 'dist', path.normalize(pathname)))];
  };
  const server = http.createServer((request, response) => {
    answer(new URL(request.url ?? '/', 'http://site')).then(
      ([kind, body]) =>
        response.writeHead(200, { 'content-type': `${TYPES[kind] ?? 'text/plain'}; charset=utf-8` }).end(body),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(site, {
    origin: `http://localhost:${server.address().port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  });
}
