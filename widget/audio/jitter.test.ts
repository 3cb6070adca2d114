/**
 * Two minutes of answers through the relay's own downlink, an uneven network and the page's own gate, for
 * each way in which a provider and a network may behave. The figures of README.md come from here.
 */
import { describe, expect, it } from 'vitest';
import { playOver } from './testing/jittery-network.ts';

const ANSWERS = { seed: 7, answers: 20, answerMs: 6_000 };

describe('answers over a network that delays unevenly', () => {
  // Jitter is the standard deviation of a frame's delay; frames keep their order, as over TCP.
  it.each([
    { jitterMs: 0, most: { underruns: 0, gapMs: 0, startMs: 40 } },
    { jitterMs: 20, most: { underruns: 0, gapMs: 0, startMs: 40 } },
    { jitterMs: 50, most: { underruns: 2, gapMs: 40, startMs: 50 } },
    { jitterMs: 100, most: { underruns: 3, gapMs: 60, startMs: 80 } },
  ])('sound whole at $jitterMs ms of jitter where the provider is faster than speech', ({ jitterMs, most }) => {
    const heard = playOver({ ...ANSWERS, jitterMs, speed: 3 });
    expect(heard.underruns).toBeLessThanOrEqual(most.underruns);
    expect(heard.gapMs).toBeLessThanOrEqual(most.gapMs);
    expect(heard.startMs).toBeLessThanOrEqual(most.startMs);
    expect(heard.heardMs).toBeGreaterThanOrEqual(ANSWERS.answers * ANSWERS.answerMs);
  });

  // Nothing can be sent ahead then: only what the page waits for at the start is in hand.
  it.each([
    { jitterMs: 20, most: { underruns: 8, gapMs: 300, startMs: 100 } },
    { jitterMs: 50, most: { underruns: 11, gapMs: 500, startMs: 160 } },
    { jitterMs: 100, most: { underruns: 15, gapMs: 1_100, startMs: 240 } },
  ])('learn to wait at $jitterMs ms of jitter where the provider is no faster than speech', ({ jitterMs, most }) => {
    const heard = playOver({ ...ANSWERS, jitterMs, speed: 1 });
    expect(heard.underruns).toBeLessThanOrEqual(most.underruns);
    expect(heard.gapMs).toBeLessThanOrEqual(most.gapMs);
    expect(heard.startMs).toBeLessThanOrEqual(most.startMs);
    expect(heard.heardMs).toBeGreaterThanOrEqual(ANSWERS.answers * ANSWERS.answerMs);
  });
});
