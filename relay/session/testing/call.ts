/**
 * A whole call: a person with a voice and an ear, the real door, session, arbiter, policy and
 * bridge, and the emulator as model and moderation, all on one virtual clock and real sockets.
 */
import type { ArbiterConfig } from '#arbiter';
import type { WidgetMessage } from '#wire';
import { createOpenAIBridgeFactory } from '../../bridge/openai/open-bridge.ts';
import { startEmulator, type Emulator } from '../../emulator/emulator.ts';
import { createModerator, type Moderator } from '../../policy/moderation.ts';
import { createClipLibrary } from '../../reflex/library.ts';
import type { Assistant, Limits, Tenant } from '../../tenants/tenant.ts';
import { virtualClock, type VirtualClock } from '../../testing/virtual-clock.ts';
import type { SessionEscalation } from '../session-deps.ts';
import type { UpgradeDeps } from '../upgrade.ts';
import { openPage, type PageClient } from './page-client.ts';
import { personAt, type Person } from './person.ts';
import { GOOD_TOKEN, relayUnderTest, type RelayUnderTest } from './relay-under-test.ts';

export interface Call {
  page: PageClient;
  person: Person;
  emulator: Emulator;
  relay: RelayUnderTest;
  clock: VirtualClock;
  moderation: ModerationUnderTest;
  escalations: SessionEscalation[];
  /** The turn's item that is being spoken. */
  answering: (turn: string) => Promise<string>;
}

export interface CallOptions {
  assistant?: Partial<Assistant>;
  limits?: Partial<Limits>;
  tenant?: Partial<Tenant>;
  /** More of what the relay is made of. */
  deps?: (clock: VirtualClock) => Promise<Partial<UpgradeDeps>>;
  start?: Partial<Extract<WidgetMessage, { type: 'session.start' }>>;
  config?: Partial<ArbiterConfig>;
  /** The moderation endpoint; the emulator's when absent. */
  moderationUrl?: string;
  /** How long moderation takes, in milliseconds of the call's clock. */
  moderationMs?: number;
}

interface ModerationUnderTest extends Moderator {
  /** Questions that reached the endpoint's client. */
  readonly asked: number;
  /** What was asked has been answered, the time it is to take aside. */
  settled(): Promise<void>;
}

/** The real client, whose answers take as long as the call's clock says and not as long as the machine takes. */
function moderationUnderTest(moderator: Moderator, clock: VirtualClock, ms: number): ModerationUnderTest {
  const open = new Set<Promise<unknown>>();
  let asked = 0;
  return {
    async check(text, options) {
      if (!moderator.isResting) asked += 1;
      const answer = moderator.check(text, { ...options, timeoutMs: 60_000 });
      open.add(answer);
      void answer.then(() => open.delete(answer));
      if (ms === 0) return answer;
      const isLate = ms > options.timeoutMs;
      await new Promise<void>((resolve) => clock.wakeAt(clock.now() + Math.min(ms, options.timeoutMs), resolve));
      return isLate ? { ok: false } : answer;
    },
    get isResting() {
      return moderator.isResting;
    },
    get asked() {
      return asked;
    },
    async settled() {
      while (open.size > 0) await Promise.all(open);
    },
  };
}

/** Makes the call, has `talk` done in it, and hangs up. */
export async function withCall(options: CallOptions, talk: (call: Call) => Promise<void>): Promise<void> {
  const clock = virtualClock();
  const emulator = await startEmulator({ clock });
  const openBridge = createOpenAIBridgeFactory({ apiKey: 'none', baseUrl: emulator.url, clock });
  const baseUrl = options.moderationUrl ?? emulator.url;
  const moderator = createModerator({ apiKey: 'none', baseUrl, clock });
  const moderation = moderationUnderTest(moderator, clock, options.moderationMs ?? 0);
  const escalations: SessionEscalation[] = [];
  const relay = await relayUnderTest({
    clock,
    openBridge,
    config: { MIN_DELAY_BEFORE_REFLEX_MS: 50, ...options.config },
    ...(options.assistant && { assistant: options.assistant }),
    ...(options.limits && { limits: options.limits }),
    ...(options.tenant && { tenant: options.tenant }),
    deps: {
      clips: createClipLibrary({ dir: null, now: () => clock.now() }),
      moderator: moderation,
      onEscalation: (escalation) => void escalations.push(escalation),
      ...(await options.deps?.(clock)),
    },
  });
  const page = await openPage(relay.url, GOOD_TOKEN);
  let person: Person | undefined;
  try {
    await page.received('session.created');
    page.send({ type: 'session.start', turn: 'auto', ...options.start });
    person = personAt(page, clock, () => moderation.settled());
    await page.received('provider.changed', ({ up }) => up);
    const answering = async (turn: string) => (await page.received('item.started', (one) => one.turn === turn)).item;
    await talk({ page, person, emulator, relay, clock, moderation, escalations, answering });
    if (page.socket.readyState === page.socket.OPEN) page.send({ type: 'session.end' });
    await page.closed;
  } finally {
    person?.leave();
    await relay.stop();
    await emulator.close();
  }
}
