import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OpenBridge } from './bridge/bridge.ts';
import { createOpenAIBridgeFactory } from './bridge/openai/open-bridge.ts';
import { systemClock } from './clock.ts';
import { startEmulator, type Emulator } from './emulator/emulator.ts';
import { previewVoice } from './voice-preview.ts';

let emulator: Emulator;
let openBridge: OpenBridge;
beforeAll(async () => {
  emulator = await startEmulator({ pace: 1_000, requireKey: 'k' });
  openBridge = createOpenAIBridgeFactory({ baseUrl: emulator.url, apiKey: 'k', clock: systemClock });
});
afterAll(() => emulator.close());
const who = { tenantId: 'ten_1', model: 'gpt-realtime-2.1', voice: 'cedar', locale: 'en-US' };

describe('a voice, before it is used', () => {
  it('is spoken by the model and heard', async () => {
    const samples = await previewVoice(openBridge, who, 'Hello, this is how I sound.', AbortSignal.timeout(10_000));
    expect(samples.length).toBeGreaterThan(24_000 / 2);
    expect(samples.some((sample) => Math.abs(sample) > 500)).toBe(true);
  });

  it("is paid by the tenant's own account, where it has one", async () => {
    const asked: string[] = [];
    const dear = createOpenAIBridgeFactory({
      ...{ baseUrl: emulator.url, apiKey: 'of the relay', clock: systemClock },
      keyOf: (tenant) => Promise.resolve((asked.push(tenant), 'k')),
    });
    await previewVoice(dear, who, 'Hello', AbortSignal.timeout(10_000));
    expect(asked).toEqual(['ten_1']);
  });

  it('ends when the model refuses, and when nobody waits any more', async () => {
    const refused = createOpenAIBridgeFactory({ baseUrl: emulator.url, apiKey: 'wrong', clock: systemClock });
    await expect(previewVoice(refused, who, 'Hello', AbortSignal.timeout(10_000))).rejects.toThrow('the model refused');
    await expect(previewVoice(openBridge, who, 'Hello', AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
  });
});
