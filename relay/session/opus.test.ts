/** What a page may send and gets where it offered Opus, and where it did not. */
import { createEncoder } from 'libopus-wasm';
import { afterEach, describe, expect, it } from 'vitest';
import { CLOSE, FRAME_SAMPLES, RATE_HZ, encodeAudioFrame, packOpus, readOpus } from '#wire';
import { answer, begin, bridge, finish, page, pass, relay, say, tell, userTurn } from './testing/conversation.ts';

afterEach(() => relay.stop());

async function said(): Promise<Uint8Array> {
  const encoder = await createEncoder({ sampleRate: RATE_HZ, channels: 1, frameSize: FRAME_SAMPLES });
  const packets = [encoder.encode(new Int16Array(FRAME_SAMPLES).fill(2_000))];
  encoder.free();
  return packOpus({ skip: 0, samples: FRAME_SAMPLES, packets });
}

const frameOf = (opus: Uint8Array, seq = 0) =>
  encodeAudioFrame({ epoch: 0, seq, lane: 'mic', flags: 0, samples: new Int16Array(0), opus });

describe('a page that offers Opus', () => {
  it('is told that it may, is heard, and gets the answer so', async () => {
    await begin({}, { codecs: ['opus'] });
    expect(await page.received('session.ready')).toEqual({ type: 'session.ready', codec: 'opus' });
    page.sendRaw(frameOf(await said()));
    await page.settled();
    expect(bridge.commands).toContainEqual({ is: 'append', samples: FRAME_SAMPLES });
    await userTurn();
    await answer('r1', 'turn_1', 300);
    await finish('r1');
    const bodies = page.frames.map(({ opus }) => readOpus(opus!));
    expect(bodies.reduce((sum, body) => sum + body!.samples, 0)).toBe(0.3 * RATE_HZ);
  });

  it('is closed for what is not Opus', async () => {
    await begin({}, { codecs: ['opus'] });
    await page.received('session.ready');
    page.sendRaw(frameOf(Uint8Array.of(0, 0, 1, 224, 0, 9, 1)));
    expect((await page.closed).code).toBe(CLOSE.protocol);
  });
});

describe('a page that does not', () => {
  it('gets PCM16 and no word about it, and is closed for sending Opus', async () => {
    await begin();
    await userTurn();
    await answer('r1', 'turn_1', 300);
    await finish('r1');
    expect(page.frames.every(({ opus }) => opus === undefined)).toBe(true);
    expect(page.all('session.ready')).toEqual([]);
    page.sendRaw(frameOf(await said()));
    expect((await page.closed).code).toBe(CLOSE.protocol);
  });
});

describe('speech that comes all at once, because there was no connection while it was said', () => {
  it('is a turn by what the page says of its length', async () => {
    await begin();
    await tell({ type: 'user.onset', utterance: 'w1', epoch: 1, paused: false });
    await tell({ type: 'user.offset', utterance: 'w1', ms: 1_700 });
    await say({ type: 'speech.started', item: 'user_1', atMs: 0 });
    await pass(200);
    await say({ type: 'speech.stopped', item: 'user_1', atMs: 2_000 }, { type: 'input.committed', item: 'user_1' });
    await pass(50);
    expect(page.all('turn.started')).toHaveLength(1);
    expect(page.all('item.deleted')).toEqual([]);
  });
});
