/**
 * Coming back over a wire that breaks while the two shake hands, again and again: the real link, the real relay, and a
 * proxy that cuts each connection at a byte that the test names. Whatever was said before, between or after must
 * arrive once and in order, each way.
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { RelayMessage } from '#wire';
import { systemClock } from '../../relay/clock.ts';
import { GOOD_TOKEN, relayUnderTest, type RelayUnderTest } from '../../relay/session/testing/relay-under-test.ts';
import { scriptedProvider, type ScriptedProvider } from '../../relay/session/testing/scripted-bridge.ts';
import { DOOR_DEFAULTS } from '../../relay/session/upgrade.ts';
import { ChaosProxy, type CutPlan } from '../../relay/testing/chaos-proxy.ts';
import { socketClass } from '../testing/relay-socket.ts';
import { LastingLink } from './lasting-link.ts';
import { openLink, socketUrl, type LinkClosed } from './link.ts';
import { GRACE_MS, QUIET_MS } from './reconnect.ts';

/** More than both sides send until they have come back. */
const HANDSHAKE_BYTES = 1_500;
const STEP_BYTES = 20;

let relay: RelayUnderTest;
let provider: ScriptedProvider;
let proxy: ChaosProxy;
let onBridge = () => undefined as void;
beforeAll(async () => {
  provider = scriptedProvider();
  relay = await relayUnderTest({
    clock: systemClock,
    openBridge: (...all) => {
      onBridge();
      return provider.open(...all);
    },
    limits: { connectsPerMinute: 100_000, concurrentSessions: 10_000 },
    deps: { door: { ...DOOR_DEFAULTS, perAddress: { max: 100_000, windowMs: 60_000 } } },
  });
});
afterAll(() => relay.stop());
beforeEach(async () => {
  provider = scriptedProvider();
  proxy = await ChaosProxy.listen(relay.port);
});
afterEach(() => proxy.close());

/** A link that dials again without waiting, and what came over it. */
function dial() {
  const abort = new AbortController();
  const heard: RelayMessage[] = [];
  const waiting = new Set<() => void>();
  const seen = { closed: null as LinkClosed | null, back: 0 };
  const told = () => waiting.forEach((look) => look());
  const link = new LastingLink({
    url: socketUrl(proxy.origin),
    signal: abort.signal,
    fetchToken: () => Promise.resolve(GOOD_TOKEN),
    openLink: (options) => openLink({ ...options, socketClass }),
    wait: (ms, signal) =>
      ms === QUIET_MS || ms === GRACE_MS
        ? new Promise((done) => signal.addEventListener('abort', () => done(), { once: true }))
        : Promise.resolve(),
    start: { type: 'session.start', turn: 'auto' },
    onMessage: (message) => {
      heard.push(message);
      told();
    },
    onSound: () => undefined,
    onTicket: () => undefined,
    onSent: () => undefined,
    onRoundTrip: () => undefined,
    onAway: () => undefined,
    onBack: () => {
      seen.back += 1;
      told();
    },
    onClosed: (how) => {
      seen.closed = how;
      told();
    },
  });
  void link.connect();
  const until = (isSo: () => boolean) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (!isSo()) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  const all = (type: RelayMessage['type']) => heard.filter((message) => message.type === type);
  const words = () => heard.flatMap((message) => (message.type === 'transcript.done' ? [message.text] : []));
  const kept = () => heard.flatMap((message) => (message.type === 'session.resumed' ? [message.kept] : []));
  const says = (text: string) => link.send({ type: 'context.update', text });
  const isUp = () => heard.some((message) => message.type === 'provider.changed' && message.up);
  return { abort, link, heard, seen, until, all, words, kept, says, isUp };
}

/** What the provider was told by the page, in order. */
const told = () => provider.bridge.commands.flatMap((command) => (command.is === 'context' ? [command.text] : []));
const answers = (text: string) => provider.bridge.emit({ type: 'input.transcript.done', item: `of_${text}`, text });

async function live() {
  const opened = new Promise<void>((resolve) => (onBridge = resolve));
  const call = dial();
  await opened;
  provider.bridge.emit({ type: 'provider.up', generation: 1 });
  await call.until(call.isUp);
  return call;
}

const everywhere = (['up', 'down'] as const).flatMap((direction) =>
  Array.from({ length: HANDSHAKE_BYTES / STEP_BYTES }, (_, at): CutPlan => {
    return { direction, afterBytes: at * STEP_BYTES, kind: at % 2 === 0 ? 'reset' : 'close' };
  }),
);

it.each(['up', 'down'] as const)(
  'nothing is lost or said twice, wherever the next connections are cut as well, %s first',
  { timeout: 60_000 },
  async (first) => {
    for (const [at, plan] of everywhere.filter(({ direction }) => direction === first).entries()) {
      provider = scriptedProvider();
      const call = await live();
      call.says('one');
      answers('one');
      // And once more, each time elsewhere.
      const again = everywhere[(at * 31 + 7) % everywhere.length]!;
      void proxy.cutNext(plan);
      void proxy.cutNext(again);
      proxy.newest.cut(plan.kind);
      call.says('two');
      answers('two');
      await call.until(() => call.seen.back > 0);
      call.says('three');
      answers('three');
      // One that was not reached is over now.
      proxy.cut();
      const { back } = call.seen;
      await call.until(() => call.seen.back > back && call.words().length > 2);
      call.says('four');
      answers('four');
      await call.until(() => call.words().length > 3);
      call.link.send({ type: 'user.text', text: 'end' });
      await call.until(() => call.all('turn.started').length > 0);
      const where = `${plan.direction} ${plan.afterBytes}, then ${again.direction} ${again.afterBytes}`;
      expect(call.words(), where).toEqual(['one', 'two', 'three', 'four', 'end']);
      expect(told(), where).toEqual(['one', 'two', 'three', 'four']);
      expect(call.all('session.created'), where).toHaveLength(1);
      expect(new Set(call.kept()), where).toEqual(new Set(['all']));
      expect(provider.bridges, where).toHaveLength(1);
      call.link.end();
      call.abort.abort();
    }
  },
);

it('a conversation whose beginning was lost on the way begins again, and what was said meanwhile is told once', async () => {
  const sessions = new Set<number>();
  for (let afterBytes = 0; afterBytes < 400; afterBytes += 8) {
    provider = scriptedProvider();
    const cut = proxy.cutNext({ direction: 'up', afterBytes });
    const opened = new Promise<void>((resolve) => (onBridge = resolve));
    const call = dial();
    call.says('one');
    await cut;
    await Promise.race([opened, call.until(() => call.seen.closed !== null)]);
    if (call.seen.closed) {
      // Nobody had answered yet: the person is told, and presses again.
      expect(call.seen.closed.error?.code).toBe('NETWORK');
      expect(call.heard).toEqual([]);
    } else {
      await call.until(() => call.seen.back > 0);
      provider.bridge.emit({ type: 'provider.up', generation: 1 });
      call.says('two');
      answers('one');
      await call.until(() => call.isUp() && call.words().length > 0);
      call.link.send({ type: 'user.text', text: 'end' });
      await call.until(() => call.all('turn.started').length > 0);
      expect(told(), `cut after ${afterBytes}`).toEqual(['one', 'two']);
      expect(provider.bridges, `cut after ${afterBytes}`).toHaveLength(1);
      const created = call.all('session.created').length;
      expect(created + call.kept().length, `cut after ${afterBytes}`).toBe(2);
      sessions.add(created);
    }
    call.link.end();
    call.abort.abort();
  }
  // Both have been seen: one whose beginning had not come, and one that had only lost what followed.
  expect(sessions).toEqual(new Set([1, 2]));
});
