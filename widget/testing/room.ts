/**
 * A room in which a browser is talked to through a sound card: emulator, built relay, a customer's page under a strict
 * policy, and one browser for all conversations, because it takes long to start. Knows any browser that can be driven
 * by what Puppeteer offers everywhere.
 */
import type { Browser, Page } from 'puppeteer-core';
import { startEmulator, type Emulator } from '../../relay/emulator/emulator.ts';
import type {} from '../index.ts';
import { embedPage, startCustomerSite, startRelay, type RunningRelay } from './e2e.ts';
import { startSoundCard, type SoundCard } from './pulse.ts';

export interface SeenTurn {
  outcome: string;
}

declare global {
  interface Window {
    roomSeen: { turns: SeenTurn[]; phases: string[]; complaints: string[] };
  }
}

export interface Room {
  card: SoundCard;
  emulator: Emulator;
  relay: RunningRelay;
  browser: Browser;
  /** Opens the customer's page, always in the same tab, with the widget as given; a click on `#begin` starts a call. */
  open(attributes?: string): Promise<Page>;
  /** What was complained of since the last look: errors, and what the page's policy refused. */
  complaints(): Promise<string[]>;
  /** Leaves the page, which must let go of the microphone. */
  clear(): Promise<void>;
  stop(): Promise<void>;
}

export async function startRoom(launch: (card: SoundCard) => Promise<Browser>): Promise<Room> {
  const started: { stop(): Promise<unknown> }[] = [];
  const stop = async () => {
    for (const one of started.splice(0).reverse()) await one.stop();
  };
  const keep = <T>(value: T, end: () => Promise<unknown>) => {
    started.push({ stop: end });
    return value;
  };
  try {
    const card = await startSoundCard();
    keep(card, () => card.stop());
    const [browser, emulator, site] = await Promise.all([launch(card), startEmulator(), startCustomerSite()]);
    keep(browser, () => browser.close());
    keep(emulator, () => emulator.close());
    keep(site, () => site.close());
    const relay = await startRelay({
      ALLOWED_ORIGINS: site.origin,
      OPENAI_API_KEY: 'sk-for-the-emulator',
      OPENAI_BASE_URL: emulator.url,
    });
    keep(relay, () => relay.stop());
    const sockets = relay.origin.replace('http', 'ws');
    site.headers = {
      'content-security-policy': `default-src 'none'; img-src 'self' data:; connect-src ${relay.origin} ${sockets}; script-src ${relay.origin}; style-src 'self'`,
    };
    const complaints: string[] = [];
    const page = await browser.newPage();
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    await page.evaluateOnNewDocument(() => {
      window.roomSeen = { turns: [], phases: [], complaints: [] };
      document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
        window.roomSeen.complaints.push(`${violatedDirective} ${blockedURI}`),
      );
    });
    return {
      ...{ card, emulator, relay, browser, stop },
      async open(attributes = 'open') {
        site.html = embedPage(relay.origin, attributes);
        await page.goto(site.origin, { waitUntil: 'load' });
        await page.waitForFunction(() => customElements.get('voice-jib-jab') !== undefined);
        await page.evaluate(() => {
          const assistant = document.querySelector('voice-jib-jab')!;
          assistant.addEventListener('turnend', (event) =>
            window.roomSeen.turns.push({ outcome: (event as Event & SeenTurn).outcome }),
          );
          assistant.addEventListener('phasechange', () => window.roomSeen.phases.push(assistant.phase));
          const button = document.createElement('button');
          button.id = 'begin';
          button.textContent = 'Begin';
          button.onclick = () => void assistant.start();
          document.body.prepend(button);
        });
        return page;
      },
      async complaints() {
        complaints.push(...(await page.evaluate(() => window.roomSeen.complaints)));
        return complaints.splice(0);
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
