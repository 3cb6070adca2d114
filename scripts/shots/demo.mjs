/** Shoots the demo page before a real relay: whole, at rest and in mid-conversation. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

const MOST_TRIES = 4;
const LONGEST_WAIT_MS = 12_000;

async function freePort() {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts the relay on its emulator; resolves when it says where to click. */
async function startRelay() {
  const folder = mkdtempSync(path.join(tmpdir(), 'vjj-shots-'));
  const PORT = String(await freePort());
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    DATA_DIR: folder,
    PORT,
    DRAIN_TIMEOUT_MS: '500',
    POLICY_BUDGET_MS: '5000',
  };
  const child = spawn(process.execPath, ['dist/relay/main.js'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = new Promise((resolve) => child.once('exit', resolve));
  await new Promise((resolve, reject) => {
    let said = '';
    child.stdout.on('data', (chunk) => {
      said += chunk;
      if (said.includes('/demo/')) resolve();
    });
    void exit.then(() => reject(new Error(`the relay ended:\n${said}`)));
  });
  return {
    origin: `http://localhost:${PORT}`,
    async stop() {
      child.kill('SIGTERM');
      await exit;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const heard = (page, words) =>
  page.waitForFunction(
    (text) => document.querySelector('voice-jib-jab').transcript.some((one) => one.text.includes(text)),
    { timeout: LONGEST_WAIT_MS },
    words,
  );
/** Runs in the page: until so many words of the newest answer were heard. */
const untilHeard = (count) =>
  document
    .querySelector('voice-jib-jab')
    .transcript.at(-1)
    .words.filter(({ state }) => state === 'heard').length >= count;

async function converse(page) {
  await page.evaluate(() => document.querySelector('voice-jib-jab').start());
  const say = (words) => page.evaluate((text) => document.querySelector('voice-jib-jab').send(text), words);
  await say('Hello!');
  await heard(page, 'help you today');
  await page.waitForFunction(untilHeard, { timeout: LONGEST_WAIT_MS }, 7);
  await say('Tell me a long story.');
  await heard(page, 'Once upon');
  await page.waitForFunction(untilHeard, { timeout: LONGEST_WAIT_MS }, 11);
  await say('Who are you?');
  await heard(page, 'emulator');
  await page.waitForFunction(untilHeard, { timeout: LONGEST_WAIT_MS }, 5);
}

export async function shootDemo(browser, out, isWanted) {
  const wanted = ['light', 'dark'].flatMap((theme) =>
    [360, 1440].map((width) => ({ theme, width, name: `demo-${width}-${theme}` })),
  );
  const extra = [
    { theme: 'dark', width: 1440, isForced: true, name: 'demo-forced' },
    { theme: 'light', width: 720, name: 'demo-zoom' },
  ];
  const shots = [...wanted, ...extra].filter(({ name }) => isWanted(name));
  if (shots.length === 0) return;
  const relay = await startRelay();
  try {
    for (const { theme, width, isForced, name } of shots) {
      const page = await browser.newPage();
      const devtools = await page.createCDPSession();
      const features = [
        { name: 'forced-colors', value: isForced ? 'active' : 'none' },
        { name: 'prefers-color-scheme', value: theme },
      ];
      await devtools.send('Emulation.setEmulatedMedia', { features });
      await page.setViewport({ width, height: 1000 });
      for (let tries = 1; ; tries += 1) {
        await page.goto(`${relay.origin}/demo/`, { waitUntil: 'load' });
        await page.waitForSelector('#phrases button');
        try {
          await converse(page);
          break;
        } catch (error) {
          // A busy machine answers too late.
          if (tries === MOST_TRIES) throw error;
        }
      }
      await page.screenshot({ path: path.join(out, `${name}.png`) });
      await page.screenshot({ path: path.join(out, `${name}-whole.png`), fullPage: true });
      console.log(`${name}.png`);
      await page.close();
    }
  } finally {
    await relay.stop();
  }
}
