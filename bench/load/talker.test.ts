/** Talkers with a real door, session, bridge and emulator: what they say is heard, and what they count is true. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createOpenAIBridgeFactory } from '../../relay/bridge/openai/open-bridge.ts';
import { systemClock } from '../../relay/clock.ts';
import { startEmulator, type Emulator } from '../../relay/emulator/emulator.ts';
import { GOOD_TOKEN, relayUnderTest, type RelayUnderTest } from '../../relay/session/testing/relay-under-test.ts';
import { gatherCrowd } from './crowd.ts';
import { seeded } from './random.ts';
import { loadVoice } from './speech-frames.ts';
import { createTally, type Tally } from './tally.ts';
import { createTalker } from './talker.ts';

let emulator: Emulator;
let relay: RelayUnderTest;
let tally: Tally;

beforeEach(async () => {
  emulator = await startEmulator({ faults: { 'created-ms': 0, 'first-audio-ms': 0 } });
  const openBridge = createOpenAIBridgeFactory({ apiKey: 'none', baseUrl: emulator.url, clock: systemClock });
  relay = await relayUnderTest({ clock: systemClock, openBridge });
  tally = createTally();
});
afterEach(async () => {
  await relay.stop();
  await emulator.close();
});

const crowdOf = async (over: { size?: number; staying?: number; stayMs?: readonly [number, number]; token?: string }) =>
  gatherCrowd({
    ...{ url: relay.url, origin: 'http://page.example', voice: await loadVoice(), tally, random: seeded(5) },
    ...{ habits: { pauseMs: [50, 200] as const }, size: 2, staying: 2, stayMs: [600, 900] as const, rampMs: 50 },
    ...over,
    ...{ token: () => Promise.resolve(over.token ?? GOOD_TOKEN) },
  });
const count = (what: string) => tally.counts[what] ?? 0;

describe('a crowd', { timeout: 90_000 }, () => {
  it('asks, is answered, measures what it heard, and leaves nothing behind', async () => {
    const crowd = await crowdOf({});
    await expect.poll(() => count('turn answered'), { timeout: 60_000 }).toBeGreaterThanOrEqual(2);
    expect(crowd.stayed).toBe(2);
    await crowd.leave();
    await relay.empty();
    const figures = tally.take();
    expect(figures.answerMs.length).toBeGreaterThanOrEqual(2);
    expect(figures.perceivedMs.every((ms) => ms > 0)).toBe(true);
    expect(count('close 1000, wished')).toBe(2);
    expect(emulator.sessions().flatMap(({ responses }) => responses).length).toBeGreaterThanOrEqual(2);
    expect([relay.door.live, relay.leases]).toEqual([0, 0]);
  });

  it('comes and goes, with a goodbye or without, and somebody follows whoever left', async () => {
    const crowd = await crowdOf({ size: 3, staying: 0, stayMs: [60, 200] });
    await expect.poll(() => count('session begun'), { timeout: 60_000 }).toBeGreaterThanOrEqual(9);
    await crowd.leave();
    expect(count('close 1000, wished')).toBeGreaterThan(2);
    expect(Object.keys(tally.counts).filter((name) => name.startsWith('refused'))).toEqual([]);
  });

  it('lets nobody back in who is asked to leave while the connection is cut', async () => {
    let isOver = false;
    const talker = createTalker({
      ...{ url: relay.url, origin: 'http://page.example', voice: await loadVoice(), tally, random: seeded(7) },
      ...{ habits: { pauseMs: [50, 200] as const }, onOver: () => (isOver = true) },
      token: () => Promise.resolve(GOOD_TOKEN),
    });
    await talker.begin();
    await expect.poll(() => talker.mayResume).toBe(true);
    const back = talker.lose(50);
    talker.end();
    await back;
    expect(isOver).toBe(true);
    expect(relay.asked).toHaveLength(1);
    expect(Object.keys(tally.counts).filter((name) => name.startsWith('resume'))).toEqual([]);
  });

  it('counts who was not let in', async () => {
    const crowd = await crowdOf({ size: 1, staying: 1, token: 'wrong' });
    await expect.poll(() => Object.keys(tally.counts)).toEqual(expect.arrayContaining(['refused 4501', 'stayer lost']));
    await crowd.leave();
  });
});
