/**
 * What end-to-end tests stand on: the built relay in a process of its own, an emulator whose memory
 * can be looked into, a customer's page on another origin made from the README's embed snippet, and
 * Chromium with a microphone that plays a WAV file.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import { CHROMIUM_ARGS, findChromium } from '../../scripts/chromium.mjs';
import { installRecorder } from './page-recorder.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export interface RunningRelay {
  origin: string;
  /** Everything it printed so far. */
  output(): string;
  /** SIGTERM, and waits for the end. @returns the exit code. */
  stop(): Promise<number | null>;
}

/** Starts `npm start`'s command, and waits until it says where to click. */
export async function startRelay(env: Record<string, string> = {}): Promise<RunningRelay> {
  const port = await freePort();
  const dataDir = mkdtempSync(path.join(tmpdir(), 'vjj-e2e-'));
  const child: ChildProcess = spawn(process.execPath, [path.join(root, 'dist/relay/main.js')], {
    env: {
      PATH: process.env['PATH'],
      HOME: dataDir,
      PORT: String(port),
      DATA_DIR: dataDir,
      DRAIN_TIMEOUT_MS: '500',
      RATE_LIMIT_MAX_REQUESTS: '10000',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
  await new Promise<void>((resolve, reject) => {
    const look = (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes('/demo/')) resolve();
    };
    child.stdout?.on('data', look);
    child.stderr?.on('data', look);
    void exit.then((code) => reject(new Error(`the relay ended with ${String(code)}:\n${output}`)));
  });
  return {
    origin: `http://localhost:${port}`,
    output: () => output,
    async stop() {
      child.kill('SIGTERM');
      const code = await exit;
      rmSync(dataDir, { recursive: true, force: true });
      return code;
    },
  };
}

/** The embed snippet of the README, as a page, with the relay's address put in. */
export function embedPage(relayOrigin: string, attributes = ''): string {
  const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
  const snippet = /<!-- embed -->\s*```html\n([\s\S]*?)```/.exec(readme)?.[1];
  if (snippet === undefined) throw new Error('README.md has no embed snippet after <!-- embed -->');
  const filled = snippet
    .replaceAll('http://localhost:3000', relayOrigin)
    .replace('<voice-jib-jab ', `<voice-jib-jab ${attributes} `);
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A customer's page</title></head><body><h1>Shop</h1>${filled}</body></html>`;
}

export interface CustomerSite {
  origin: string;
  /** The page's HTML from now on. */
  html: string;
  /** What is sent with it, such as a policy. */
  headers: Record<string, string>;
  /** Scripts that it hosts besides, by path. */
  scripts: Record<string, string>;
  close(): Promise<void>;
}

/** A web site of somebody else's, on its own origin. */
export async function startCustomerSite(): Promise<CustomerSite> {
  const site = { html: '', headers: {}, scripts: {} as Record<string, string> };
  const server = http.createServer(({ url = '' }, response) => {
    const script = site.scripts[url];
    if (script !== undefined) {
      response.writeHead(200, { 'content-type': 'text/javascript' }).end(script);
      return;
    }
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', ...site.headers }).end(site.html);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(site, {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  });
}

export interface BrowserOptions {
  /** WAV bytes that the microphone plays once; without it there is a device that beeps. */
  microphone?: Uint8Array;
  /** Leave out the flag that grants the microphone. */
  withoutPermission?: boolean;
  /** Leave out the fake device: the machine has no microphone. */
  withoutDevice?: boolean;
  /** Pages that are left are kept whole, as in a browser that people use. */
  backForwardCache?: boolean;
}

export async function startBrowser(options: BrowserOptions = {}): Promise<Browser> {
  let args = [...CHROMIUM_ARGS, '--window-size=1000,800'];
  if (options.withoutPermission) args = args.filter((arg) => arg !== '--use-fake-ui-for-media-stream');
  if (options.withoutDevice) args = args.filter((arg) => arg !== '--use-fake-device-for-media-stream');
  if (options.microphone) {
    const folder = mkdtempSync(path.join(tmpdir(), 'vjj-mic-'));
    const file = path.join(folder, 'microphone.wav');
    writeFileSync(file, options.microphone);
    args.push(`--use-file-for-fake-audio-capture=${file}%noloop`);
  }
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error('no Chromium; run npm run setup');
  const ignoreDefaultArgs = ['--mute-audio'];
  if (options.backForwardCache) ignoreDefaultArgs.push('--disable-back-forward-cache');
  return puppeteer.launch({ executablePath, headless: true, args, ignoreDefaultArgs });
}

/** Opens a page whose sound output is recorded. */
export async function openRecorded(browser: Browser, url: string): Promise<Page> {
  const page = await browser.newPage();
  await page.evaluateOnNewDocument(installRecorder);
  await page.goto(url, { waitUntil: 'load' });
  await page.waitForFunction(() => customElements.get('voice-jib-jab') !== undefined);
  return page;
}

/** What reached the output so far, at the context's rate; lost blocks are silence. */
export async function recordingOf(page: Page): Promise<{ rateHz: number; samples: Float32Array }> {
  const { rateHz, base64 } = await page.evaluate(() => {
    const recording = window.vjjRecording;
    if (recording === undefined) return { rateHz: 0, base64: '' };
    const last = recording.blocks.at(-1);
    const whole = new Int16Array(last === undefined ? 0 : last.frame + last.samples.length);
    for (const { frame, samples } of recording.blocks) {
      for (let i = 0; i < samples.length; i++) {
        whole[frame + i] = Math.max(-32768, Math.min(32767, Math.round((samples[i] ?? 0) * 32767)));
      }
    }
    const bytes = new Uint8Array(whole.buffer);
    let text = '';
    for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
    return { rateHz: recording.rateHz, base64: btoa(text) };
  });
  const bytes = Buffer.from(base64, 'base64');
  const ints = new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  return { rateHz, samples: Float32Array.from(ints, (sample) => sample / 32767) };
}
