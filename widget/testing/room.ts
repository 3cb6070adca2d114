/**
 * A room in which Firefox is talked to: a sound card, an emulator, the built relay, a customer's page under a strict
 * policy, and one browser for all conversations, because it takes long to start. Everybody hears the loudspeaker; who
 * speaks does so into the sound card's microphone or, word for word, into a microphone that the page is given.
 */
import { startEmulator, type Emulator } from '../../relay/emulator/emulator.ts';
import type {} from '../index.ts';
import { embedPage, startCustomerSite, startRelay, type RunningRelay } from './e2e.ts';
import { startFirefox, type FirefoxPage } from './firefox.ts';
import { startSoundCard, type SoundCard } from './pulse.ts';

declare global {
  interface Window {
    /** What happened since the page began. `causes` are why the floor changed hands. */
    roomSeen: { turns: string[]; heardWords: number; causes: string[]; violations: string[] };
    /** The given microphone: says 16 bit at 24 kHz, in base64, and resolves when it is said. */
    roomVoice: { say(samples: string): Promise<void>; tracks: MediaStreamTrack[] };
  }
}

export interface Room {
  card: SoundCard;
  emulator: Emulator;
  relay: RunningRelay;
  page: FirefoxPage;
  /** Opens the customer's page with the widget as given; a click on `#begin` starts a call. */
  open(attributes?: string, microphone?: 'given' | 'device'): Promise<void>;
  /** Says it into the given microphone. Resolves when it is said. */
  say(samples: Int16Array): Promise<void>;
  /** What was complained of since the last look: errors, and what the page's policy refused. */
  complaints(): Promise<string[]>;
  /** Leaves the page, which must let go of the microphone. */
  clear(): Promise<void>;
  stop(): Promise<void>;
}

export async function startRoom(): Promise<Room> {
  const started: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const end of started.splice(0).reverse()) await end();
  };
  try {
    const card = await startSoundCard();
    started.push(() => card.stop());
    const page = await startFirefox(card.env);
    started.push(() => page.stop());
    const emulator = await startEmulator();
    started.push(() => emulator.close());
    const site = await startCustomerSite();
    started.push(() => site.close());
    const relay = await startRelay({
      ALLOWED_ORIGINS: site.origin,
      OPENAI_API_KEY: 'sk-for-the-emulator',
      OPENAI_BASE_URL: emulator.url,
      // A browser beside them may keep relay and emulator waiting; a verdict that is late would refuse the answer.
      POLICY_BUDGET_MS: '10000',
    });
    started.push(() => relay.stop());
    const sockets = relay.origin.replace('http', 'ws');
    site.headers = {
      'content-security-policy': `default-src 'none'; img-src 'self' data:; connect-src ${relay.origin} ${sockets}; script-src ${relay.origin}; style-src 'self'`,
    };
    await page.beforeScripts(prepare);
    return {
      ...{ card, emulator, relay, page, stop },
      async open(attributes = 'open', microphone = 'given') {
        site.html = embedPage(relay.origin, attributes);
        await page.goto(`${site.origin}/?microphone=${microphone}`);
        await page.until(() => customElements.get('voice-jib-jab') !== undefined);
        await page.run(() => {
          const assistant = document.querySelector('voice-jib-jab')!;
          assistant.addEventListener('turnend', (event) =>
            window.roomSeen.turns.push((event as Event & { outcome: string }).outcome),
          );
          assistant.addEventListener('wordheard', () => (window.roomSeen.heardWords += 1));
          assistant.addEventListener('lanechange', (event) =>
            window.roomSeen.causes.push((event as Event & { cause: string }).cause),
          );
          const button = document.createElement('button');
          button.id = 'begin';
          button.textContent = 'Begin';
          button.onclick = () => void assistant.start();
          document.body.prepend(button);
        });
      },
      say: (samples) => page.run((said) => window.roomVoice.say(said), base64Of(samples)),
      async complaints() {
        const violations = await page.run(() => window.roomSeen.violations.splice(0));
        return [...page.errors(), ...violations];
      },
      async clear() {
        await page.goto('about:blank');
        await card.untilListening(0);
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

const base64Of = ({ buffer, byteOffset, byteLength }: Int16Array) =>
  Buffer.from(buffer, byteOffset, byteLength).toString('base64');

/** Runs in the page before any of its scripts; it may use nothing from outside itself. */
function prepare(): void {
  window.roomSeen = { turns: [], heardWords: 0, causes: [], violations: [] };
  document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
    window.roomSeen.violations.push(`${violatedDirective} ${blockedURI}`),
  );
  if (!location.search.includes('microphone=given')) return;
  const tracks: MediaStreamTrack[] = [];
  let room: { context: AudioContext; voice: GainNode } | undefined;
  const enter = () => {
    if (room) return room;
    const context = new AudioContext();
    const voice = context.createGain();
    // No room is digitally silent.
    const noise = context.createBuffer(1, context.sampleRate, context.sampleRate);
    noise.copyToChannel(
      noise.getChannelData(0).map(() => (Math.random() - 0.5) / 250),
      0,
    );
    const still = new AudioBufferSourceNode(context, { buffer: noise, loop: true });
    still.connect(voice);
    still.start();
    room = { context, voice };
    return room;
  };
  navigator.mediaDevices.getUserMedia = async () => {
    const { context, voice } = enter();
    const microphone = context.createMediaStreamDestination();
    voice.connect(microphone);
    tracks.push(...microphone.stream.getTracks());
    return microphone.stream;
  };
  window.roomVoice = {
    tracks,
    say: (samples) =>
      new Promise((resolve) => {
        const { context, voice } = enter();
        const bytes = Uint8Array.from(atob(samples), (letter) => letter.charCodeAt(0));
        const said = Float32Array.from(new Int16Array(bytes.buffer), (sample) => sample / 32768);
        const buffer = context.createBuffer(1, said.length, 24_000);
        buffer.copyToChannel(said, 0);
        const source = new AudioBufferSourceNode(context, { buffer });
        source.onended = () => resolve();
        source.connect(voice);
        source.start();
      }),
  };
}
