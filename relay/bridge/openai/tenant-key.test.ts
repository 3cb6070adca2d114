import { afterEach, beforeEach, expect, it } from 'vitest';
import { virtualClock, type VirtualClock } from '../../testing/virtual-clock.ts';
import type { BridgeEvent } from '../bridge.ts';
import { SETUP } from '../testing/bridge-probe.ts';
import { startScriptedProvider } from '../testing/scripted-provider.ts';
import type { BridgeProblem } from './bridge.ts';
import { createOpenAIBridgeFactory } from './open-bridge.ts';

let provider: Awaited<ReturnType<typeof startScriptedProvider>>;
let clock: VirtualClock;
let events: BridgeEvent[];
let problems: BridgeProblem[];
beforeEach(async () => {
  provider = await startScriptedProvider();
  clock = virtualClock();
  events = [];
  problems = [];
});
afterEach(() => provider.stop());

const factory = (keyOf: (tenant: string) => Promise<string | undefined>) =>
  createOpenAIBridgeFactory({
    ...{ apiKey: 'sk-of-the-relay', baseUrl: provider.baseUrl, clock, keyOf },
    random: () => 0,
    onProblem: (problem) => problems.push(problem),
  });
const until = async (condition: () => boolean) => {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
};

it("dials with the tenant's own key where it brought one, and with the relay's where not", async () => {
  const keys: Record<string, string> = { ten_own: 'sk-of-the-tenant' };
  const open = factory((tenant) => Promise.resolve(keys[tenant]));
  for (const [tenant, key] of [
    ['ten_own', 'sk-of-the-tenant'],
    ['ten_none', 'sk-of-the-relay'],
    [undefined, 'sk-of-the-relay'],
  ] as const) {
    const bridge = open({ ...SETUP, ...(tenant !== undefined && { tenant }) }, (event) => events.push(event));
    bridge.connect();
    const peer = await provider.next();
    expect(peer.request.headers.authorization).toBe(`Bearer ${key}`);
    // Whose it is stays here: the provider is told what it is to be, and nothing of the tenant.
    expect(JSON.stringify(await peer.expect('session.update'))).not.toMatch(/ten_|sk-/);
    bridge.close();
    await peer.untilClosed();
  }
});

it('asks again at the next dialling, so that a replaced key is used at once', async () => {
  let key = 'sk-old-one';
  const bridge = factory(() => Promise.resolve(key))({ ...SETUP, tenant: 'ten_1' }, (event) => events.push(event));
  bridge.connect();
  const first = await provider.next();
  await first.expect('session.update');
  await until(() => events.some(({ type }) => type === 'provider.up'));
  key = 'sk-new-one';
  first.socket.terminate();
  await until(() => events.at(-1)?.type === 'provider.down');
  clock.advance(10_000);
  const second = await provider.next();
  expect(second.request.headers.authorization).toBe('Bearer sk-new-one');
  bridge.close();
  await second.untilClosed();
});

it("never takes the relay's key for a tenant whose own cannot be told, and tries again", async () => {
  let isDown = true;
  const open = factory(() => (isDown ? Promise.reject(new Error('sk-of-the-tenant')) : Promise.resolve('sk-good')));
  const bridge = open({ ...SETUP, tenant: 'ten_1' }, (event) => events.push(event));
  bridge.connect();
  await until(() => events.length > 0);
  expect(events).toEqual([{ type: 'provider.down', generation: 1, reason: 'key-unavailable', fatal: false }]);
  isDown = false;
  clock.advance(10_000);
  const peer = await provider.next();
  expect(peer.request.headers.authorization).toBe('Bearer sk-good');
  bridge.close();
  await peer.untilClosed();
  expect(JSON.stringify([events, problems])).not.toContain('sk-');
});

it('dials nobody when it was closed while the key was looked up', async () => {
  let tell: (key: string) => void = () => undefined;
  const open = factory(() => new Promise((resolve) => (tell = resolve)));
  const bridge = open({ ...SETUP, tenant: 'ten_1' }, (event) => events.push(event));
  bridge.connect();
  bridge.close();
  tell('sk-late');
  await new Promise((resolve) => setImmediate(resolve));
  expect([events.length, clock.pending]).toEqual([0, 0]);
});
