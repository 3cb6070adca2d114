/**
 * Conversations over a wire that keeps breaking: the widget's own call and link, the real relay, the emulator, and a
 * proxy that cuts at random bytes. What the person said must reach the provider to the sample, once and in order, and
 * what the provider said must reach the gate in the same way.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createOpenAIBridgeFactory } from '../../relay/bridge/openai/open-bridge.ts';
import { systemClock } from '../../relay/clock.ts';
import { startEmulator, type Emulator } from '../../relay/emulator/emulator.ts';
import { GOOD_TOKEN, relayUnderTest, type RelayUnderTest } from '../../relay/session/testing/relay-under-test.ts';
import { DOOR_DEFAULTS } from '../../relay/session/upgrade.ts';
import { ChaosProxy } from '../../relay/testing/chaos-proxy.ts';
import { joined, tapProvider, type ProviderTap } from '../../relay/testing/provider-tap.ts';
import { speech } from '../../relay/testing/speech.ts';
import { openLink } from '../link/link.ts';
import { wait } from '../link/wait.ts';
import { LiveSound } from '../testing/live-sound.ts';
import { socketClass } from '../testing/relay-socket.ts';
import { checkAgentSound, checkUserSound, parting } from '../testing/same-sound.ts';
import type { CallEvent } from './call.ts';
import { joinCall } from './open-call.ts';

const CONVERSATIONS = 4;
const CUTS = 200;
/** A wire that carries nothing to cut at is cut after this. */
const PATIENCE_MS = 500;

let emulator: Emulator;
let tap: ProviderTap;
let relay: RelayUnderTest;
beforeAll(async () => {
  emulator = await startEmulator();
  tap = await tapProvider(emulator.url);
  const openBridge = createOpenAIBridgeFactory({ apiKey: 'any', baseUrl: tap.url, clock: systemClock });
  const perAddress = { max: 100_000, windowMs: 60_000 };
  relay = await relayUnderTest({
    clock: systemClock,
    openBridge,
    limits: { connectsPerMinute: 100_000 },
    deps: { door: { ...DOOR_DEFAULTS, perAddress } },
  });
});
afterAll(async () => {
  await relay.stop();
  await tap.close();
  await emulator.close();
});

/** In [0, 1), the same for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

class Conversation {
  readonly events: CallEvent[] = [];
  readonly abort = new AbortController();
  readonly sound: LiveSound;
  cuts = 0;
  readonly #waiting = new Set<() => void>();
  readonly #proxy: ChaosProxy;

  constructor(proxy: ChaosProxy, seed: number) {
    this.sound = new LiveSound(this.abort.signal, seed);
    this.#proxy = proxy;
  }

  async open(): Promise<void> {
    const on = (event: CallEvent) => {
      this.events.push(event);
      for (const look of this.#waiting) look();
    };
    await joinCall(
      {
        config: {
          ...{ src: this.#proxy.origin, tenant: 'pk', assistant: '', tokenSrc: '', turn: 'auto', mode: 'voice' },
          ...{ locale: 'en', context: '', tools: [], workletUrls: [], inputId: '', micMuted: false },
          ...{ mutePolicy: 'silence', muted: false, volume: 1 },
        },
        signal: this.abort.signal,
        on,
        early: () => undefined,
        fail: (error) => {
          throw error;
        },
      },
      {
        openAudio: this.sound.openAudio,
        openLink: (options) => openLink({ ...options, socketClass }),
        fetchToken: () => Promise.resolve(GOOD_TOKEN),
        wait,
      },
    );
    await this.until(() => this.events.some((event) => event.type === 'provider.changed' && event.up));
  }

  count(type: CallEvent['type']): number {
    return this.events.filter((event) => event.type === type).length;
  }

  until(isSo: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!isSo()) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  /** Asks, and hears the answer out. */
  async turn(question: Int16Array): Promise<void> {
    const before = this.count('turn.ended');
    await this.sound.say(question);
    await this.until(() => this.count('turn.ended') > before);
  }

  /** Cuts the wire again and again, each time at another byte. */
  async suffer(cuts: number, random: () => number): Promise<void> {
    for (let made = 0; made < cuts; made += 1) {
      const connections = this.#proxy.connections.length;
      const connection = this.#proxy.newest;
      const direction = random() < 0.6 ? 'up' : 'down';
      // Also while the two still shake hands: the first bytes are theirs.
      const afterBytes = Math.floor(random() * (direction === 'up' ? 16_000 : 24_000) * random());
      const kind = random() < 0.5 ? 'close' : 'reset';
      const patience = new AbortController();
      const cut = connection.cutAfter({ direction, afterBytes, kind });
      await Promise.race([cut, wait(PATIENCE_MS, patience.signal), connection.closed]);
      patience.abort();
      connection.cut(kind);
      this.cuts += 1;
      await this.#proxy.until(() => this.#proxy.connections.length > connections);
    }
  }
}

it('of 200 cuts at random bytes nobody hears or loses a sample', { timeout: 120_000 }, async () => {
  const question = await speech('What is two plus three?');
  const tellings = Array.from({ length: CONVERSATIONS }, async (_, index) => {
    const random = randomOf(index + 1);
    const proxy = await ChaosProxy.listen(relay.port);
    const conversation = new Conversation(proxy, index + 1);
    await conversation.open();
    const suffering = { isOver: false };
    const cuts = conversation.suffer(CUTS / CONVERSATIONS, random).then(() => (suffering.isOver = true));
    let turns = 0;
    while (!suffering.isOver) {
      await conversation.turn(question);
      turns += 1;
    }
    await cuts;
    // The last words, over a wire that holds.
    await conversation.turn(question);
    return { conversation, proxy, turns };
  });
  const all = await Promise.all(tellings);
  for (const { conversation, proxy } of all) {
    const { sound, events } = conversation;
    const spoken = joined(sound.spoken);
    const tapped = tap.connections.find(({ heard }) => parting(joined(heard), spoken) === -1);
    expect(tapped, 'no connection of the provider’s carries what this person said').toBeDefined();
    if (!tapped) continue;
    checkUserSound(spoken, joined(tapped.heard));
    expect(checkAgentSound(sound.reached, tapped)).toBeGreaterThan(1);
    expect(events.filter(({ type }) => type === 'session.created')).toHaveLength(1);
    const kept = events.filter((event) => event.type === 'session.resumed').map((event) => event.kept);
    expect(new Set(kept)).toEqual(new Set(['all']));
    expect(conversation.count('turn.ended')).toBeGreaterThan(2);
    conversation.abort.abort();
    await proxy.close();
  }
  expect(all.reduce((sum, { conversation }) => sum + conversation.cuts, 0)).toBe(CUTS);
});
