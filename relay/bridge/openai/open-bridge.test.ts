import { once } from 'node:events';
import { expect, it } from 'vitest';
import { virtualClock } from '../../testing/virtual-clock.ts';
import type { BridgeEvent } from '../bridge.ts';
import { SETUP } from '../testing/bridge-probe.ts';
import { startScriptedProvider } from '../testing/scripted-provider.ts';
import { createOpenAIBridgeFactory } from './open-bridge.ts';

it('needs no more than an account and a clock, and dials only when told to', async () => {
  const provider = await startScriptedProvider();
  const clock = virtualClock();
  const open = createOpenAIBridgeFactory({ apiKey: '', baseUrl: provider.baseUrl, clock });
  const events: BridgeEvent[] = [];
  const bridge = open(SETUP, (event) => events.push(event));
  expect(clock.pending).toBe(0);
  bridge.connect();
  const peer = await provider.next();
  peer.say('not.a.known.event');
  peer.socket.send('{');
  peer.socket.terminate();
  // Nobody listens to problems and chance is the machine's own: the loss is answered all the same.
  while (events.at(-1)?.type !== 'provider.down') await new Promise((resolve) => setImmediate(resolve));
  clock.advance(250);
  const second = await provider.next();
  await second.expect('session.update');
  bridge.close();
  if (second.closed === null) await once(second.socket, 'close');
  await provider.stop();
});
