/** Too much at once, of one conversation and of all: who waits, who goes, and who still comes. */
import { afterEach, describe, expect, it } from 'vitest';
import { virtualClock } from '../testing/virtual-clock.ts';
import { createByteBudget } from './byte-budget.ts';
import { createPageHold } from './page-hold.ts';
import { createUplink } from './uplink.ts';
import { openPage, type PageClient } from './testing/page-client.ts';
import { GOOD_TOKEN, relayUnderTest, type RelayUnderTest } from './testing/relay-under-test.ts';
import { scriptedProvider } from './testing/scripted-bridge.ts';

const PIECE = new Int16Array(2_400).fill(3_000);
const FRAME_100 = new Int16Array(2_400);

describe('a page whose provider takes nothing', () => {
  function held() {
    const clock = virtualClock();
    const told: string[] = [];
    const state = { isFull: false };
    const hold = createPageHold({
      clock,
      isFull: () => state.isFull,
      line: { pause: () => void told.push('pause'), goOn: () => void told.push('go on') },
      onHeld: (ms) => void told.push(`after ${ms}`),
    });
    return { clock, told, state, hold };
  }

  it('is not read from until there is room, and what it kept meanwhile is not its haste', () => {
    const { clock, told, state, hold } = held();
    hold.look();
    state.isFull = true;
    hold.look();
    hold.look();
    clock.advance(1_000);
    expect(told).toEqual(['pause']);
    state.isFull = false;
    clock.advance(50);
    expect(told).toEqual(['pause', 'after 1050', 'go on']);
    expect(clock.pending).toBe(0);
  });

  it('is read from again after ten seconds in any case', () => {
    const { clock, told, state, hold } = held();
    state.isFull = true;
    hold.look();
    clock.advance(10_000);
    expect(told).toEqual(['pause', 'after 10000', 'go on']);
  });

  it('is left alone when its conversation is over', () => {
    const { clock, told, state, hold } = held();
    state.isFull = true;
    hold.look();
    hold.stop();
    clock.advance(20_000);
    expect([told, clock.pending]).toEqual([['pause'], 0]);
  });

  it('may send ten seconds at once when it was held for ten, and no more', () => {
    const clock = virtualClock();
    const uplink = createUplink(clock, undefined, { frame: () => true });
    const frame = new Uint8Array(8 + FRAME_100.byteLength);
    clock.advance(10_000);
    uplink.wasHeld(10_000);
    let ms = 0;
    while (uplink.frame(frame).ok) ms += 100;
    expect(ms).toBe(21_000);
    clock.advance(1_000);
    for (ms = 0; uplink.frame(frame).ok;) ms += 100;
    expect(ms).toBe(1_500);
  });
});

describe('conversations on a real door', () => {
  let relay: RelayUnderTest;
  const clock = virtualClock();
  const provider = scriptedProvider();
  afterEach(() => relay.stop());

  async function talking(): Promise<PageClient> {
    const page = await openPage(relay.url, GOOD_TOKEN);
    await page.received('session.created');
    page.send({ type: 'session.start', turn: 'auto' });
    await page.settled();
    provider.bridge.emit({ type: 'provider.up', generation: 1 });
    return page;
  }

  it('wait with the page while their provider is full: its words come later, none is lost', async () => {
    relay = await relayUnderTest({ clock, openBridge: provider.open });
    const page = await talking();
    const { bridge } = provider;
    const state = { isFull: true };
    Object.defineProperty(bridge, 'isFull', { get: () => state.isFull });
    page.speak(FRAME_100);
    await expect.poll(() => bridge.heard).toBe(2_400);
    for (let i = 0; i < 20; i++) page.speak(FRAME_100);
    const answered = page.settled();
    // Other sockets are served meanwhile.
    const other = await openPage(relay.url, GOOD_TOKEN);
    await other.settled();
    expect([bridge.heard, page.all('pong').length]).toEqual([2_400, 1]);
    state.isFull = false;
    clock.advance(50);
    await answered;
    expect(bridge.heard).toBe(21 * 2_400);
    for (const one of [page, other]) one.send({ type: 'session.end' });
    await relay.empty();
  });

  it('end, the newest first, with 4029 and a hint when to come back where they hold too much together; nobody new is let in', async () => {
    const budget = createByteBudget({ mostBytes: 200_000 });
    relay = await relayUnderTest({ clock, openBridge: provider.open, deps: { budget } });
    const old = await talking();
    const young = await talking();
    // Of an answer of which only the beginning is on its way to the ear.
    const asked = async (page: PageClient, bridge = provider.bridge) => {
      page.send({ type: 'user.text', text: 'And so on?' });
      await page.settled();
      const create = bridge.commands.findLast((one) => one.is === 'create');
      const response = `to_${create?.turn}`;
      bridge.emit({ type: 'response.created', response, turn: create?.turn ?? '' });
      return () => bridge.emit({ type: 'response.audio', response, item: `of_${response}`, samples: PIECE });
    };
    const [first, second] = provider.bridges.slice(-2);
    const [sayOld, sayYoung] = [await asked(old, first), await asked(young, second)];
    for (let i = 0; i < 100 && !budget.isFull; i++) {
      sayYoung();
      sayOld();
    }
    expect(budget.shed).toBe(0);
    // Somebody new hears it over HTTP.
    await expect(openPage(relay.url, GOOD_TOKEN)).rejects.toThrow('503');
    for (let i = 0; i < 100 && budget.shed === 0; i++) sayOld();
    const { code } = await young.closed;
    expect([code, budget.shed]).toEqual([4029, 1]);
    expect(young.all('error')).toMatchObject([{ code: 'busy', retryable: true }]);
    expect(young.all('relay.draining')[0]?.comeBackMs).toBeGreaterThanOrEqual(0);
    expect(old.socket.readyState).toBe(old.socket.OPEN);
    expect(budget.heldBytes).toBeLessThanOrEqual(200_000);
    old.send({ type: 'session.end' });
    await relay.empty();
    expect([budget.heldBytes, relay.door.live, relay.leases]).toEqual([0, 0, 0]);
  });
});
