import { afterEach, expect, it } from 'vitest';
import { openProbe, type Probe, type ProbeOptions } from '../testing/bridge-probe.ts';
import { type Peer, type ScriptedProvider, startScriptedProvider } from '../testing/scripted-provider.ts';

let provider: ScriptedProvider;
const probes: Probe[] = [];
afterEach(async () => {
  for (const probe of probes.splice(0)) probe.bridge.close();
  await provider.stop();
});
async function up(options: ProbeOptions = {}): Promise<{ probe: Probe; peer: Peer }> {
  provider = await startScriptedProvider();
  const probe = openProbe(provider.baseUrl, options);
  probes.push(probe);
  probe.bridge.connect();
  const peer = await provider.next();
  await probe.next('provider.up');
  return { probe, peer };
}
it('sets up', async () => {
  const { peer, probe } = await up();
  expect(peer.received[0]).toMatchObject({ type: 'session.update' });
  probe.bridge.appendAudio(new Int16Array(480).fill(7));
  expect(await peer.expect('input_audio_buffer.append')).toMatchObject({
    audio: Buffer.from(new Int16Array(480).fill(7).buffer).toString('base64'),
  });
  probe.bridge.createResponse('turn-1');
  const create = await peer.expect('response.create');
  peer.say('response.created', {
    response: { id: 'resp_1', status: 'in_progress', metadata: (create.response as any).metadata, output: [] },
  });
  expect(await probe.next('response.created')).toEqual({
    type: 'response.created',
    response: 'resp_1',
    turn: 'turn-1',
  });
  peer.say('constructor', {});
  peer.say('response.output_item.added', {
    response_id: 'resp_1',
    output_index: 0,
    item: { id: 'item_a', type: 'message', role: 'assistant', status: 'in_progress', content: [] },
  });
  peer.say('response.output_audio.delta', {
    response_id: 'resp_1',
    item_id: 'item_a',
    output_index: 0,
    content_index: 0,
    delta: Buffer.from(new Int16Array([1, 2, 3]).buffer).toString('base64'),
  });
  expect((await probe.next('response.audio')).samples).toEqual(new Int16Array([1, 2, 3]));
});
