/** One bridge and one scripted provider per test, both gone after it. */
import { afterEach } from 'vitest';
import { type Probe, type ProbeOptions, openProbe } from './bridge-probe.ts';
import { type Peer, type ScriptedProvider, startScriptedProvider } from './scripted-provider.ts';

export interface Scene {
  provider: ScriptedProvider;
  probe: Probe;
  peer: Peer;
  /** Asks for an answer and has the provider begin it under that id. */
  respond: (id: string, turn?: string) => Promise<void>;
  /** Everything that the provider said before this has been read. */
  settled: () => Promise<void>;
}

/** @returns what opens a bridge that is up; to be called at the top of a test file. */
export function bridgeScenes(): (options?: ProbeOptions) => Promise<Scene> {
  const undo: (() => Promise<void> | void)[] = [];
  afterEach(async () => {
    for (const one of undo.splice(0).reverse()) await one();
  });
  return async (options = {}) => {
    const provider = await startScriptedProvider();
    undo.push(() => provider.stop());
    const probe = openProbe(provider.baseUrl, options);
    undo.push(() => probe.bridge.close());
    probe.bridge.connect();
    const peer = await provider.next();
    await probe.next('provider.up');
    return {
      provider,
      probe,
      peer,
      async respond(id, turn = `turn of ${id}`) {
        probe.bridge.createResponse(turn);
        const { response } = await peer.expect('response.create');
        peer.begin(id, response?.metadata);
        await probe.next('response.created');
      },
      async settled() {
        peer.say('input_audio_buffer.cleared');
        await probe.next('input.cleared');
      },
    };
  };
}
