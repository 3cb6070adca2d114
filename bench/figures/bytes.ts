/** Bytes: what a page loads, and what a minute of each kind takes on the wire, as the widget and the relay really send it. */
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import type { CDPSession } from 'puppeteer-core';
import { startEmulator } from '../../relay/emulator/emulator.ts';
import { concat, mix, noise, silence, speech, wav } from '../../relay/testing/speech.ts';
import type {} from '../../widget/index.ts';
import { startBrowser, startRelay } from '../../widget/testing/e2e.ts';
import { figure, table, type Part } from './part.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const SAMPLES_MS = 24;
const ROOM_DB = -58;
/** What the socket's own frame takes: a header of 2 to 4 bytes, and a mask of 4 on the way up. */
const headerOf = (bytes: number, isUp: boolean) => (bytes < 126 ? 2 : 4) + (isUp ? 4 : 0);

function sizes() {
  const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { version: string };
  const folder = path.join(ROOT, 'dist/v', version);
  const files = readdirSync(folder).filter((file) => file.endsWith('.js'));
  const brotli = (file: string) => brotliCompressSync(readFileSync(path.join(folder, file))).length;
  // One part of each kind is loaded; of the languages one, and the largest is counted.
  const largest = (part: RegExp) => Math.max(0, ...files.filter((file) => part.test(file)).map(brotli));
  const sum = (parts: readonly RegExp[]) => parts.map(largest).reduce((a, b) => a + b, 0);
  const launcher = [/^voice-jib-jab\.js$/, /\.launcher\./];
  const call = [/\.surface\./, /\.open-call\./, /\.worklet\.js$/, /\.[a-z]{2}\.[0-9a-f]{8}\.js$/];
  return { launcher: sum(launcher), call: sum([...launcher, ...call]), opus: sum([/\.opus-link\./]) };
}

interface Wire {
  binary: number;
  text: number;
  frames: number;
  messages: number;
}
interface Counted {
  up: Wire;
  down: Wire;
}
const nothing = (): Counted => {
  const none = () => ({ binary: 0, text: 0, frames: 0, messages: 0 });
  return { up: none(), down: none() };
};

async function countFrames(devtools: CDPSession): Promise<{ take(): Counted }> {
  let counted = nothing();
  const note = (into: Wire, isUp: boolean, { opcode, payloadData }: { opcode: number; payloadData: string }) => {
    const isBinary = opcode === 2;
    const bytes = isBinary ? Buffer.from(payloadData, 'base64').length : Buffer.byteLength(payloadData);
    into[isBinary ? 'binary' : 'text'] += bytes + headerOf(bytes, isUp);
    into[isBinary ? 'frames' : 'messages'] += 1;
  };
  devtools.on('Network.webSocketFrameSent', ({ response }) => note(counted.up, true, response));
  devtools.on('Network.webSocketFrameReceived', ({ response }) => note(counted.down, false, response));
  await devtools.send('Network.enable');
  return {
    take() {
      const taken = counted;
      counted = nothing();
      return taken;
    },
  };
}

interface Minute {
  what: string;
  seconds: number;
  counted: Counted;
}

/** One call in Chromium: a quiet room, then somebody who speaks without a pause, then an answer. */
async function oneCall(origin: string, codec: 'pcm' | 'opus', phaseMs: number): Promise<Minute[]> {
  const talk = await speech('Tell me a long story');
  const spoken = concat(
    ...Array.from({ length: Math.ceil((phaseMs + 1_000) / (talk.length / SAMPLES_MS)) }, () => talk),
  );
  const told = concat(silence(phaseMs + 14_000), spoken, silence(120_000));
  const browser = await startBrowser({ microphone: wav(mix(told, noise(told.length / SAMPLES_MS, ROOM_DB, 3))) });
  try {
    const page = await browser.newPage();
    const counter = await countFrames(await page.createCDPSession());
    await page.goto(`${origin}/demo/`);
    await page.waitForFunction(() => customElements.get('voice-jib-jab') !== undefined);
    await page.evaluate((kind) => {
      const element = document.querySelector('voice-jib-jab');
      element?.setAttribute('codec', kind);
      document.body.addEventListener('click', () => void element?.start(), { once: true });
    }, codec);
    await page.click('h1');
    const phase = (wanted: readonly string[]) =>
      page.waitForFunction(
        (phases) => phases.includes(document.querySelector('voice-jib-jab')?.phase ?? ''),
        { timeout: 60_000, polling: 50 },
        wanted,
      );
    const state = () => page.evaluate(() => document.querySelector('voice-jib-jab')?.phase ?? '');
    const during = async (what: string, ms: number): Promise<Minute> => {
      counter.take();
      const began = performance.now();
      await new Promise((resolve) => setTimeout(resolve, ms));
      return { what, seconds: (performance.now() - began) / 1000, counted: counter.take() };
    };
    await page.waitForFunction(() => document.querySelector('voice-jib-jab')?.readyState === 3, { timeout: 30_000 });
    // The voice's clips come once, at the beginning.
    const beginning: Minute = { what: 'the beginning, once: clips', seconds: 60, counted: nothing() };
    for (let still = 0, tries = 0; still < 3 && tries < 24; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      const some = counter.take();
      for (const way of ['up', 'down'] as const)
        for (const kind of ['binary', 'text', 'frames', 'messages'] as const)
          beginning.counted[way][kind] += some[way][kind];
      still = some.down.frames === 0 ? still + 1 : 0;
    }
    const quiet = await during('a quiet room', phaseMs / 2);
    await phase(['listening']);
    // The detector has heard the first word when 20 ms frames come.
    for (let waited = 0; waited < 40_000; waited += 250) {
      counter.take();
      await new Promise((resolve) => setTimeout(resolve, 250));
      if (counter.take().up.frames >= 10) break;
    }
    const speaking = await during('somebody speaks', phaseMs / 2);
    await phase(['speaking']);
    for (let waited = 0; waited < 30_000 && (await state()) !== 'speaking'; waited += 100)
      await new Promise((resolve) => setTimeout(resolve, 100));
    const answering = await during('the agent speaks, the room is quiet', Math.min(phaseMs, 6_000));
    return [beginning, quiet, speaking, answering];
  } finally {
    await browser.close();
  }
}

export const bytes: Part = async ({ isQuick, progress }) => {
  const { launcher, call, opus } = sizes();
  const emulator = await startEmulator({ faults: { 'first-audio-ms': 0, 'created-ms': 0 } });
  const relay = await startRelay({ OPENAI_API_KEY: 'sk-for-the-bench', OPENAI_BASE_URL: emulator.url });
  const calls: { codec: string; minutes: Minute[] }[] = [];
  try {
    for (const codec of ['pcm', 'opus'] as const) {
      progress(`a call with ${codec}`);
      calls.push({ codec, minutes: await oneCall(relay.origin, codec, isQuick ? 6_000 : 12_000) });
    }
  } finally {
    await relay.stop();
    await emulator.close();
  }
  const kb = (wire: Wire, seconds: number) => figure(((wire.binary + wire.text) * 60) / seconds / 1000, 0);
  const texts = (wire: Wire, seconds: number) => figure((wire.text * 60) / seconds / 1000, 1);
  return {
    markdown: [
      table(
        ['what a page loads', 'brotli, bytes', 'budget'],
        [
          ['before anybody wants to talk (loader, launcher)', launcher, '12 000'],
          ['everything for a voice call', call, '45 000'],
          ['besides, where Opus is wanted and spoken', opus, '–'],
        ],
      ),
      'On the wire, kB a minute (of the clips: in all), with the WebSocket’s own headers and without those of TLS and TCP; the widget in Chromium, as its browser counted it.',
      table(
        ['while', 'codec', 'up, kB/min', 'of it text', 'down, kB/min', 'of it text'],
        calls.flatMap(({ codec, minutes }) =>
          minutes.map(({ what, seconds, counted: { up, down } }) => [
            ...[what, codec === 'pcm' ? 'PCM16' : 'Opus', kb(up, seconds), texts(up, seconds)],
            ...[kb(down, seconds), texts(down, seconds)],
          ]),
        ),
      ),
    ],
    targets: [
      { what: 'loader and launcher', target: '≤ 12000 B', seen: `${launcher} B`, isMet: launcher <= 12_000 },
      { what: 'everything for a voice call', target: '≤ 45000 B', seen: `${call} B`, isMet: call <= 45_000 },
    ],
    ...{ plots: [], notMeasured: ['Headers of TLS and TCP, and what a lossy network repeats.'] },
    json: { launcher, call, opus, calls },
  };
};
