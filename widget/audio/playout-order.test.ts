/** Clips, hand-over, other sessions, and any order of all of it. */
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  QUANTUM,
  announce,
  events,
  fresh,
  gate,
  heard,
  ms,
  of,
  open,
  output,
  ramp,
  run,
  send,
} from './testing/gate-bench.ts';
import { largestStep, rms, toInt16, tone } from './testing/sounds.ts';

beforeEach(fresh);

describe('clips', () => {
  const clip = ramp(300);
  beforeEach(() => gate.keepClip('mm', toInt16(clip)));

  it('are played from memory and end with a word about it', () => {
    gate.command({ type: 'clip.play', epoch: 1, lane: 'A', clip: 'mm' });
    run(350);
    expect(ms(heard.filter((sample) => sample !== 0).length)).toBeCloseTo(300, 0);
    expect(of('clip.ended')).toEqual([{ type: 'clip.ended', epoch: 1, clip: 'mm' }]);
  });

  it('that are not here are over at once', () => {
    gate.command({ type: 'clip.play', epoch: 1, lane: 'A', clip: 'none' });
    run(5);
    expect(of('clip.ended')).toEqual([{ type: 'clip.ended', epoch: 1, clip: 'none' }]);
  });

  it('give way to the answer: faded out in the transition gap, the answer on the next sample, never both', () => {
    gate.command({ type: 'clip.play', epoch: 1, lane: 'A', clip: 'mm' });
    run(100);
    announce('i1');
    open();
    // Frames of the answer come one by one; the clip is heard until they are enough.
    run(30);
    send(ramp(40), { last: false });
    expect(rms(run(20))).toBeGreaterThan(0.2);
    const before = heard.length;
    send(ramp(500).subarray(40 * 24));
    run(600);
    const answerAt = heard.findIndex((sample, i) => i > before + 240 && sample !== 0);
    expect(answerAt - before).toBeLessThanOrEqual(240 + QUANTUM);
    expect(ms(heard.slice(answerAt).filter((sample) => sample !== 0).length)).toBeCloseTo(500, 0);
    expect(largestStep(output())).toBeLessThan(0.1);
    expect(of('clip.ended')).toEqual([]);
    expect(of('drained')).toHaveLength(1);
  });

  it('are followed by the answer that was waiting for their end', () => {
    gate.command({ type: 'clip.play', epoch: 1, lane: 'A', clip: 'mm' });
    run(280);
    announce('i1');
    open();
    send(ramp(30), { last: false });
    run(40);
    send(ramp(200).subarray(30 * 24));
    run(300);
    expect(of('clip.ended')).toHaveLength(1);
    expect(of('drained')).toHaveLength(1);
  });

  it('stop when they are paused, and are dropped by a close', () => {
    gate.command({ type: 'clip.play', epoch: 1, lane: 'A', clip: 'mm' });
    expect(gate.canPause).toBe(true);
    run(100);
    gate.pause();
    run(20);
    expect(rms(run(50))).toBe(0);
    gate.command({ type: 'gate.resume', epoch: 1, rewindMs: 60 });
    expect(rms(run(50))).toBeGreaterThan(0.1);
    gate.command({ type: 'gate.close', epoch: 2, rampMs: 10 });
    run(10);
    expect(rms(run(300))).toBe(0);
    expect(of('clip.ended')).toEqual([]);
  });

  it('of the next epoch start when the answer before has faded', () => {
    announce('i1');
    open();
    send(tone(300, 500, 0.5));
    run(200);
    gate.command({ type: 'gate.close', epoch: 2, rampMs: 10 });
    gate.command({ type: 'gate.open', epoch: 2, lane: 'C' });
    gate.command({ type: 'clip.play', epoch: 2, lane: 'C', clip: 'mm' });
    run(400);
    expect(of('clip.ended')).toEqual([{ type: 'clip.ended', epoch: 2, clip: 'mm' }]);
    expect(largestStep(output())).toBeLessThan(0.1);
  });
});

describe('a new session', () => {
  it('keeps what plays when it is the same one, and drops it when it is another', () => {
    announce('i1');
    open();
    send(tone(300, 800, 0.5));
    run(100);
    gate.configure(1, 8);
    expect(rms(run(50))).toBeGreaterThan(0.2);
    gate.configure(0, 8);
    run(20);
    expect(rms(run(50))).toBe(0);
    expect(gate.epoch).toBe(0);
  });

  it('moves on by itself to an epoch whose beginning it missed', () => {
    announce('i1');
    open();
    send(tone(300, 800, 0.5));
    run(100);
    announce('i2', { epoch: 5, response: 'r2' });
    send(ramp(300), { epoch: 5 });
    open(5, undefined, 'r2');
    run(500);
    expect(of('drained')).toEqual([{ type: 'drained', epoch: 5, item: 'i2' }]);
    expect(largestStep(output())).toBeLessThan(0.1);
  });
});

describe('over any order of commands', () => {
  /** Any step in what is heard is then the gate's own. */
  const constant = (length: number) => new Float32Array(Math.round(length * 24)).fill(0.3);

  const command = fc.oneof(
    fc.record({
      do: fc.constant('frame'),
      length: fc.integer({ min: 1, max: 2400 }),
      epoch: fc.integer({ min: 0, max: 3 }),
    }),
    fc.record({ do: fc.constant('item'), item: fc.integer({ min: 0, max: 3 }), epoch: fc.integer({ min: 0, max: 3 }) }),
    fc.record({ do: fc.constant('open'), epoch: fc.integer({ min: 0, max: 3 }), lane: fc.constantFrom('A', 'B', 'C') }),
    fc.record({ do: fc.constant('close'), epoch: fc.integer({ min: 0, max: 3 }) }),
    fc.record({
      do: fc.constant('admit'),
      epoch: fc.integer({ min: 0, max: 3 }),
      upToMs: fc.integer({ min: 0, max: 900 }),
    }),
    fc.record({ do: fc.constant('clip'), epoch: fc.integer({ min: 0, max: 3 }) }),
    fc.record({ do: fc.constant('pause') }),
    fc.record({ do: fc.constant('resume'), epoch: fc.integer({ min: 0, max: 3 }) }),
    fc.record({ do: fc.constant('run'), length: fc.integer({ min: 1, max: 200 }) }),
  ) as fc.Arbitrary<{ do: string; length: number; epoch: number; item: number; lane: 'A' | 'B' | 'C'; upToMs: number }>;

  it('never clicks, never tells a place beyond what it received, and never speaks of a closed epoch', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 40 }), (commands) => {
        fresh();
        let closed = 0;
        gate.keepClip('mm', toInt16(constant(80)));
        for (const one of commands) {
          const { epoch } = one;
          if (one.do === 'frame') gate.push(epoch, 'B', toInt16(constant(one.length / 24)), one.length % 3 === 0);
          else if (one.do === 'item') announce(`i${one.item}`, { epoch });
          else if (one.do === 'open') gate.command({ type: 'gate.open', epoch, lane: one.lane });
          else if (one.do === 'close') {
            gate.command({ type: 'gate.close', epoch, rampMs: 10 });
            closed = Math.max(closed, epoch);
            events.length = 0;
          } else if (one.do === 'admit') {
            gate.command({ type: 'lane.admit', epoch, response: 'r1', upToMs: one.upToMs });
          } else if (one.do === 'clip') gate.command({ type: 'clip.play', epoch, lane: 'A', clip: 'mm' });
          else if (one.do === 'pause') gate.pause();
          else if (one.do === 'resume') gate.command({ type: 'gate.resume', epoch, rewindMs: 120 });
          else run(one.length);
          expect(events.every((event) => event.epoch >= closed)).toBe(true);
          expect(of('playout').every(({ playedMs }) => playedMs <= 4000)).toBe(true);
        }
        expect(largestStep(output())).toBeLessThan(0.02);
        expect(Math.max(0, ...heard)).toBeLessThan(0.301);
      }),
      { numRuns: 100 },
    );
  });
});
