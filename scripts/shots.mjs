/**
 * `npm run shots -- FOLDER [NAME …]`: what people see, on sheets of many small pictures: the widget in
 * every state, form, width, colour scheme and language, the console's pages, and the demo page. With
 * names, only sheets whose name contains one. Needs a build; asserts nothing: somebody has to look.
 */
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import puppeteer from 'puppeteer-core';
import { CHROMIUM_ARGS, findChromium } from './chromium.mjs';
import { shootDemo } from './shots/demo.mjs';
import { PICTURES, sheets } from './shots/sheets.mjs';
import { startSite } from './shots/site.mjs';

/** How much smaller a cell is than its window. */
const SCALE = 0.75;
const LONGEST_WAIT_MS = 60_000;

const [folder, ...names] = process.argv.slice(2);
if (folder === undefined) {
  console.error('usage: npm run shots -- FOLDER [NAME …]');
  process.exit(1);
}
const out = path.resolve(folder);
process.chdir(path.resolve(import.meta.dirname, '..'));
const executablePath = findChromium();
if (executablePath === undefined || !existsSync('dist/voice-jib-jab.js')) {
  console.error(executablePath === undefined ? 'no Chromium; run: npm run setup' : 'no build; run: npm run build');
  process.exit(1);
}
mkdirSync(out, { recursive: true });
const isWanted = (name) => names.length === 0 || names.some((part) => name.includes(part));

function figure({ label, address, width, height, crop = { from: 0, width } }, scale) {
  const box = `inline-size:${Math.round(crop.width * scale)}px;block-size:${Math.round(height * scale)}px`;
  return `<figure><figcaption>${label}</figcaption><div style="${box}"><iframe src="${address.replaceAll('&', '&amp;')}" style="inline-size:${width}px;block-size:${height}px;transform:scale(${scale}) translateX(${-crop.from}px)"></iframe></div></figure>`;
}
const pageOf = ({
  cells,
  columns,
  theme,
  scale = SCALE,
}) => `<!doctype html><meta charset="utf-8"><title>Sheet</title><style>
  html { color-scheme: ${theme}; inline-size: max-content } body { margin: 8px; font: 13px system-ui; display: grid; gap: 8px; grid-template-columns: repeat(${columns}, max-content) }
  figure { margin: 0 } div { overflow: hidden; outline: 1px solid gray } iframe { border: 0; transform-origin: 0 0; color-scheme: ${theme} }
</style>${cells.map((cell) => figure(cell, scale)).join('')}`;

/** Runs in the sheet: everything inside, also in shadow roots. */
function pressIn(selector) {
  const all = (root) =>
    [...root.querySelectorAll('*')].flatMap((one) => [one, ...(one.shadowRoot ? all(one.shadowRoot) : [])]);
  for (const { contentDocument } of document.querySelectorAll('iframe'))
    all(contentDocument)
      .find((one) => one.matches(selector))
      ?.click();
}
const areReady = () =>
  [...document.querySelectorAll('iframe')].every(
    ({ contentDocument }) => contentDocument?.documentElement.dataset.ready === 'yes',
  );

/** What the microphone hears: a quiet room, for a digital silence is none. */
function quietRoom() {
  const rateHz = 24_000;
  const wav = Buffer.alloc(44 + rateHz * 2 * 60);
  wav.write('RIFF', 0);
  wav.writeUInt32LE(wav.length - 8, 4);
  wav.write('WAVEfmt ', 8);
  for (const [at, value] of [
    [16, 16],
    [24, rateHz],
    [28, rateHz * 2],
    [40, wav.length - 44],
  ])
    wav.writeUInt32LE(value, at);
  for (const [at, value] of [
    [20, 1],
    [22, 1],
    [32, 2],
    [34, 16],
  ])
    wav.writeUInt16LE(value, at);
  wav.write('data', 36);
  for (let at = 44; at < wav.length; at += 2) wav.writeInt16LE(Math.round((Math.random() - 0.5) * 36), at);
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'vjj-shots-')), 'room.wav');
  writeFileSync(file, wav);
  return file;
}

const site = await startSite();
const args = [...CHROMIUM_ARGS, `--use-file-for-fake-audio-capture=${quietRoom()}`];
const browser = await puppeteer.launch({ executablePath, headless: true, args });
try {
  for (const sheet of sheets().filter(({ name }) => isWanted(name))) {
    const page = await browser.newPage();
    page.on('pageerror', (error) => console.error(`${sheet.name}: ${error}`));
    const devtools = await page.createCDPSession();
    const features = [
      { name: 'forced-colors', value: sheet.isForced ? 'active' : 'none' },
      { name: 'prefers-color-scheme', value: sheet.theme },
    ];
    await devtools.send('Emulation.setEmulatedMedia', { features });
    await page.setViewport({ width: 1600, height: 1600 });
    site.sheet = pageOf(sheet);
    await page.goto(`${site.origin}/sheet`, { waitUntil: 'load', timeout: LONGEST_WAIT_MS });
    await page.waitForFunction(areReady, { timeout: LONGEST_WAIT_MS });
    if (sheet.press) await page.evaluate(pressIn, sheet.press);
    const { width, height } = await (await page.$('body')).boundingBox();
    await page.setViewport({ width: Math.ceil(width + 16), height: Math.ceil(height + 16) });
    await page.screenshot({ path: path.join(out, `${sheet.name}.png`) });
    console.log(`${sheet.name}.png`);
    await page.close();
  }
  for (const { name, address, width, height, theme } of PICTURES.filter(({ name }) => isWanted(`docs-${name}`))) {
    const page = await browser.newPage();
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }]);
    await page.setViewport({ width, height });
    await page.goto(`${site.origin}${address}`, { waitUntil: 'load' });
    await page.waitForFunction(() => document.documentElement.dataset.ready === 'yes');
    await page.screenshot({ path: path.join(out, `docs-${name}.png`) });
    console.log(`docs-${name}.png`);
    await page.close();
  }
  await shootDemo(browser, out, isWanted);
} finally {
  await browser.close();
  site.close();
}
