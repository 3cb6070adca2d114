/**
 * One conversation under test: a real door, socket and arbiter, a provider that the test speaks
 * for, and the few sentences in which tests are written. One at a time in a test file.
 */
import { expect } from 'vitest';
import { msToSamples, samplesToMs, type WidgetMessage } from '#wire';
import type { BridgeEvent } from '../../bridge/bridge.ts';
import { virtualClock, type VirtualClock } from '../../testing/virtual-clock.ts';
import { openPage, type PageClient } from './page-client.ts';
import { GOOD_TOKEN, relayUnderTest, type RelayUnderTest, type RelayUnderTestOptions } from './relay-under-test.ts';
import { scriptedProvider, type Command, type ScriptedBridge, type ScriptedProvider } from './scripted-bridge.ts';

export let relay: RelayUnderTest;
export let clock: VirtualClock;
export let provider: ScriptedProvider;
export let page: PageClient;
export let bridge: ScriptedBridge;
/** Lets a session in, not yet started. */
export async function admit(options: Partial<RelayUnderTestOptions> = {}): Promise<void> {
  clock = virtualClock();
  provider = scriptedProvider();
  relay = await relayUnderTest({ clock, openBridge: provider.open, ...options });
  page = await openPage(relay.url, GOOD_TOKEN);
  await page.received('session.created');
}

/** The page starts; the provider is not up yet. */
export async function dial(start: Partial<Extract<WidgetMessage, { type: 'session.start' }>> = {}): Promise<void> {
  page.send({ type: 'session.start', turn: 'auto', ...start });
  await page.settled();
  ({ bridge } = provider);
}

/** A session under way with its provider up. */
export async function begin(
  options: Partial<RelayUnderTestOptions> = {},
  start: Partial<Extract<WidgetMessage, { type: 'session.start' }>> = {},
): Promise<void> {
  await admit(options);
  await dial(start);
  await say({ type: 'provider.up', generation: 1 });
}

/** The provider says something, and the page has got what follows from it. */
export async function say(...events: BridgeEvent[]): Promise<void> {
  bridge.emit(...events);
  await page.settled();
}
export async function tell(...messages: WidgetMessage[]): Promise<void> {
  for (const message of messages) page.send(message);
  await page.settled();
}
/** Time passes in steps, so that what is sent on the way can leave. */
export async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 2_000) {
    clock.advance(Math.min(left, 2_000));
    await page.settled();
  }
}

/** Sound of `ms` milliseconds that can be heard. */
export const loud = (ms: number) => new Int16Array(msToSamples(ms)).fill(4_000);
export const commands = <T extends Command['is']>(is: T) =>
  bridge.commands.filter((one): one is Extract<Command, { is: T }> => one.is === is);
export const sentMs = () => page.frames.reduce((sum, frame) => sum + samplesToMs(frame.samples.length), 0);
export const owners = () => page.all('lane.owner_changed').map(({ from, to, cause }) => `${from}→${to} ${cause}`);
export const outcomes = () => page.all('turn.ended').map(({ turn, outcome }) => `${turn} ${outcome}`);

/** The user spoke and the provider made a turn of it. */
export async function userTurn(item = 'user_1'): Promise<void> {
  await tell({ type: 'user.onset', utterance: `of_${item}`, epoch: 1, paused: false });
  await say({ type: 'speech.started', item, atMs: 0 });
  await pass(600);
  await tell({ type: 'user.offset', utterance: `of_${item}` });
  await say({ type: 'speech.stopped', item, atMs: 900 }, { type: 'input.committed', item });
}

/** Somebody speaks while the agent does: the widget pauses. */
export const talkOver = (utterance = 'w2') => tell({ type: 'user.onset', utterance, epoch: 1, paused: true });

/** The provider's detector found the end of the item's speech. */
export const speechEnds = (item: string, atMs: number) =>
  say({ type: 'speech.stopped', item, atMs }, { type: 'input.committed', item });

/** Too short a sound for the widget; the provider heard `ms` of it, and may have found words. */
export async function blip(ms: number, words?: string, item = 'user_1'): Promise<void> {
  await tell({ type: 'user.onset', utterance: 'w', epoch: 1, paused: false });
  await pass(60);
  await tell({ type: 'user.offset', utterance: 'w' });
  await say({ type: 'speech.started', item, atMs: 0 });
  await speechEnds(item, ms);
  if (words !== undefined) await say({ type: 'input.transcript.done', item, text: words });
}

/** The model has said `ms` of sound, and words for it. */
export async function answer(
  response: string,
  turn: string,
  ms: number,
  text = 'It is a fine day, and so on.',
): Promise<void> {
  const item = `item_of_${response}`;
  await say(
    { type: 'response.created', response, turn },
    { type: 'response.text', response, item, delta: text },
    { type: 'response.audio', response, item, samples: loud(ms) },
  );
}
export async function finish(response: string, text = 'It is a fine day, and so on.'): Promise<void> {
  const item = `item_of_${response}`;
  await say(
    { type: 'response.text.done', response, item, text },
    { type: 'response.generated', response, text },
    { type: 'response.done', response, status: 'completed' },
  );
}

/** The session is over and nothing of it is left. */
export async function expectNothingLeft(): Promise<void> {
  await relay.empty();
  expect({ sockets: relay.sockets, live: relay.door.live, leases: relay.leases, timers: clock.pending }).toEqual({
    sockets: 0,
    live: 0,
    leases: 0,
    timers: 0,
  });
  expect(provider.bridges.every((one) => one.isClosed)).toBe(true);
}
