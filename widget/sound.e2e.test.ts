/**
 * What a call's sound must stand in real life: a token that is slow to come while somebody already speaks, and
 * Opus both ways, through the built relay, the emulator and Chromium's own codec.
 */
import type { CDPSession, Page } from 'puppeteer-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createVoice } from '../relay/emulator/voice/voice.ts';
import { decodeAudioFrame, FLAG_OPUS, RATE_HZ, samplesToMs, readOpus } from '../relay/wire/index.ts';
import { follow, resampleTo, toFloat } from '../relay/testing/listening.ts';
import { concat, silence, speech } from '../relay/testing/speech.ts';
import type {} from './index.ts';
import { recordingOf } from './testing/e2e.ts';
import { startStage, type Stage } from './testing/stage.ts';

const QUESTION = 'What are your opening hours?';
/** Of a WebSocket's own header, up with its mask and down. */
const SOCKET_BYTES = { up: 8, down: 4 };

declare global {
  interface Window {
    asked: Record<string, number>;
    answered: string[];
  }
}

let stage: Stage;

beforeAll(async () => {
  stage = await startStage();
});
afterEach(() => stage.clear());
afterAll(() => stage.stop());

/** Opens the customer's page with a microphone that says `said`; its button begins the call. */
async function open(said: Int16Array, attributes = ''): Promise<Page> {
  const page = await stage.open(said, attributes);
  await page.evaluate(() => {
    const assistant = document.querySelector('voice-jib-jab')!;
    window.answered = [];
    assistant.addEventListener('turnend', (event) =>
      window.answered.push((event as Event & { outcome: string }).outcome),
    );
  });
  return page;
}

const turnEnded = (page: Page) => page.waitForFunction(() => window.answered.length > 0, { timeout: 60_000 });

function wordsOf(role: string): string[] {
  const items = (stage.emulator.sessions().at(-1)?.items ?? []) as unknown as {
    role: string;
    content: { transcript?: string | null }[];
  }[];
  return items.filter((item) => item.role === role).map(({ content }) => content[0]?.transcript ?? '');
}

async function answerHeard(page: Page) {
  const voice = await createVoice();
  const expected = toFloat(await voice.speak(wordsOf('assistant')[0] ?? '', { voice: 'marin' }));
  const { rateHz, samples } = await recordingOf(page);
  return { expected, hearing: follow(resampleTo(samples, rateHz, RATE_HZ), expected, RATE_HZ) };
}

describe('a call whose token is slow to come', () => {
  it('asks for everything in the click, and loses no word of what is said meanwhile', async () => {
    // All of it is said before there is a token: 1.9 s after the click at the latest.
    const question = await speech(QUESTION);
    expect(samplesToMs(question.length)).toBeLessThan(2_000);
    const page = await open(concat(silence(300), question, silence(12_000)));
    await page.evaluate(() => {
      window.asked = {};
      const ask = (what: string) => (window.asked[what] ??= performance.now());
      const fetchNow = window.fetch.bind(window);
      window.fetch = async (input, init) => {
        const url = input instanceof Request ? input.url : String(input);
        if (url.endsWith('/api/token')) {
          ask('token');
          await new Promise((resolve) => setTimeout(resolve, 2_500));
          ask('tokenCame');
        }
        return fetchNow(input, init);
      };
      const devices = navigator.mediaDevices;
      const getUserMedia = devices.getUserMedia.bind(devices);
      devices.getUserMedia = (constraints) => {
        ask('microphone');
        return getUserMedia(constraints);
      };
      document.querySelector('#begin')!.addEventListener('click', () => ask('click'), { capture: true });
    });
    await page.click('#begin');
    await turnEnded(page);
    expect(wordsOf('user')).toEqual([QUESTION]);
    expect(await page.evaluate(() => window.answered)).toEqual(['answered']);
    const { asked } = await page.evaluate(() => ({ asked: window.asked }));
    expect(asked['microphone']! - asked['token']!).toBeLessThan(1_000);
    expect(asked['tokenCame']! - asked['microphone']!).toBeGreaterThan(2_000);
  });
});

/** Every binary frame of the page's socket, both ways. */
async function listenIn(page: Page): Promise<{ up: Uint8Array[]; down: Uint8Array[]; cdp: CDPSession }> {
  const cdp = await page.createCDPSession();
  const frames = { up: [] as Uint8Array[], down: [] as Uint8Array[], cdp };
  await cdp.send('Network.enable');
  const keep = (into: Uint8Array[]) => (event: { response: { opcode: number; payloadData: string } }) => {
    if (event.response.opcode === 2) into.push(Buffer.from(event.response.payloadData, 'base64'));
  };
  cdp.on('Network.webSocketFrameSent', keep(frames.up));
  cdp.on('Network.webSocketFrameReceived', keep(frames.down));
  return frames;
}

/** Bits a second of sound on the wire, of the frames that are Opus. */
function rateOf(frames: Uint8Array[], socketBytes: number) {
  let bits = 0;
  let ms = 0;
  let others = 0;
  for (const bytes of frames) {
    const decoded = decodeAudioFrame(bytes);
    if (!decoded.ok) throw new Error(decoded.fault);
    const { flags, opus, epoch } = decoded.frame;
    if ((flags & FLAG_OPUS) === 0 || !opus) {
      if (epoch !== 0) others++;
      continue;
    }
    bits += (bytes.length + socketBytes) * 8;
    ms += samplesToMs(readOpus(opus)?.samples ?? 0);
  }
  return { bitsPerSecond: ms === 0 ? Infinity : bits / (ms / 1000), seconds: ms / 1000, others };
}

describe('a call in Opus', () => {
  it('is asked and answered aloud like any other, in a tenth of the bandwidth', async () => {
    const question = await speech(QUESTION);
    const page = await open(concat(silence(1_500), question, silence(15_000)), 'codec="opus"');
    const wire = await listenIn(page);
    await page.click('#begin');
    await turnEnded(page);
    expect(wordsOf('user')[0]).toMatch(/opening hours|\[speech/);
    expect(await page.evaluate(() => window.answered)).toEqual(['answered']);
    const { expected, hearing } = await answerHeard(page);
    expect(hearing, 'the answer is in the recording').toBeDefined();
    expect(hearing!.gapMs).toBeLessThanOrEqual(60);
    expect(hearing!.heardMs).toBeGreaterThan((expected.length / RATE_HZ) * 1000 - 300);
    const up = rateOf(wire.up, SOCKET_BYTES.up);
    const down = rateOf(wire.down, SOCKET_BYTES.down);
    expect(up.seconds).toBeGreaterThan(3);
    expect(up.bitsPerSecond).toBeLessThan(40_000);
    expect(down.seconds).toBeGreaterThan(1);
    expect(down.bitsPerSecond).toBeLessThan(40_000);
    expect(down.others).toBe(0);
  });
});
