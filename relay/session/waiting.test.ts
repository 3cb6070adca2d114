/** A conversation while nobody is connected to it, and packed sound that goes on over the next connection. */
import { afterEach, describe, expect, it } from 'vitest';
import { msToSamples, readOpus, samplesToMs, type AudioFrame } from '#wire';
import {
  admit,
  begin,
  bridge,
  clock,
  dial,
  expectNothingLeft,
  outcomes,
  page,
  pass,
  relay,
  say,
  userTurn,
} from './testing/conversation.ts';
import { back, cut } from './testing/coming-back.ts';

afterEach(() => relay.stop());

const samplesOf = (frames: AudioFrame[]) => frames.reduce((sum, { samples }) => sum + samples.length, 0);
const ramp = (ms: number, from = 0) =>
  Int16Array.from({ length: msToSamples(ms) }, (_, i) => 2_000 + ((from + i) % 20_000));

describe('a conversation that waits for its page', () => {
  it('ends with a drain, with its tenant, and at its longest', async () => {
    await begin({ limits: { longestSessionMs: 20_000 } });
    await cut();
    clock.advance(20_000);
    await expectNothingLeft();
    await relay.stop();

    await begin();
    await userTurn();
    await cut();
    await relay.door.drain(60_000);
    await expectNothingLeft();
    await relay.stop();

    await begin();
    await cut();
    expect(relay.door.sessions.endRevoked('ten_1', () => true)).toBe(1);
    await expectNothingLeft();
  });

  it('sends nothing of an answer into the void', async () => {
    await begin();
    await userTurn();
    await cut();
    const before = page.came.frames;
    bridge.emit({ type: 'response.created', response: 'r1', turn: 'turn_1' });
    bridge.emit({ type: 'response.audio', response: 'r1', item: 'i1', samples: ramp(2_000) });
    clock.advance(4_000);
    const next = await back();
    await next.until(() => next.frames.length > 0);
    expect(next.frames[0]!.seq).toBe(before);
    expect(samplesToMs(samplesOf(next.frames))).toBeLessThanOrEqual(500);
    expect(outcomes()).toEqual([]);
  });

  it('counts once against the sessions of the process', async () => {
    await admit();
    await dial();
    await cut();
    expect(relay.door.live).toBe(1);
    const next = await back();
    expect(relay.door.live).toBe(1);
    next.send({ type: 'session.end' });
    await expectNothingLeft();
  });
});

describe('sound that is packed', () => {
  it('goes on over the next connection where it was: every sample once, every packet in its order', async () => {
    await begin({}, { codecs: ['opus'] });
    await page.received('session.ready', ({ codec }) => codec === 'opus');
    await userTurn();
    await say(
      { type: 'response.created', response: 'r1', turn: 'turn_1' },
      { type: 'response.audio', response: 'r1', item: 'i1', samples: ramp(2_000) },
    );
    await pass(200);
    await cut();
    bridge.emit({ type: 'response.generated', response: 'r1', text: 'So.' });
    bridge.emit({ type: 'response.done', response: 'r1', status: 'completed' });
    const next = await back();
    for (let at = 400; ((next.frames.at(-1)?.flags ?? 0) & 2) === 0; at += 200) {
      next.send({ type: 'playout', epoch: 1, item: 'i1', playedMs: at });
      clock.advance(200);
      await next.settled();
    }
    const frames = [...page.frames, ...next.frames];
    expect(frames.every(({ opus }) => opus !== undefined)).toBe(true);
    expect(frames.map(({ seq }) => seq)).toEqual(frames.map((_, i) => frames[0]!.seq + i));
    const counted = frames.reduce((sum, { opus }) => sum + (readOpus(opus!)?.samples ?? 0), 0);
    expect(counted).toBe(msToSamples(2_000));
  });
});
