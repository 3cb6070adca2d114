import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { PlayoutGate } from './playout-gate.ts';
import type { PlayoutEvent } from './playout-reports.ts';
import { join, largestStep, rms, silence, toInt16, tone } from './testing/sounds.ts';

const RATE = 24_000;
/** One render quantum of 128 at 48 kHz. */
const QUANTUM = 64;
const ms = (samples: number) => samples / 24;

let gate: PlayoutGate;
let events: PlayoutEvent[];
let heard: number[];

/** Lets `length` milliseconds go by. @returns what was heard in them. */
function run(length: number): Float32Array {
  const start = heard.length;
  const block = new Float32Array(QUANTUM);
  for (let left = Math.round(length * 24); left > 0; left -= QUANTUM) {
    const count = Math.min(QUANTUM, left);
    gate.render(block, count);
    heard.push(...block.subarray(0, count));
  }
  return Float32Array.from(heard.slice(start));
}

const output = () => Float32Array.from(heard);
const of = <T extends PlayoutEvent['type']>(type: T) =>
  events.filter((event): event is Extract<PlayoutEvent, { type: T }> => event.type === type);

function announce(item: string, { response = 'r1', epoch = 1, fromMs = 0, lane = 'B' as 'A' | 'B' | 'C' } = {}): void {
  gate.command({ type: 'item.started', item, response, turn: 't1', epoch, lane, fromMs });
}

function send(
  samples: Float32Array,
  { epoch = 1, last = true, frame = 480, lane = 'B' as 'A' | 'B' | 'C' } = {},
): void {
  const pcm = toInt16(samples);
  for (let at = 0; at < pcm.length; at += frame) {
    gate.push(epoch, lane, pcm.slice(at, at + frame), last && at + frame >= pcm.length);
  }
}

function open(epoch = 1, upToMs?: number, response = 'r1'): void {
  gate.command({ type: 'gate.open', epoch, lane: 'B' });
  gate.command({ type: 'lane.admit', epoch, response, ...(upToMs === undefined ? {} : { upToMs }) });
}

/** A ramp tells every sample from every other: its value is its place. */
const ramp = (length: number) => Float32Array.from({ length: length * 24 }, (_, i) => (i % 24_000) / 32_000 + 0.1);
const placeOf = (sample: number) => Math.round(((sample - 0.1) * 32_000) / 24);

beforeEach(() => {
  events = [];
  heard = [];
  gate = new PlayoutGate(RATE, (event) => events.push(event));
  gate.configure(1, 10);
});

describe('the gate', () => {
  it('plays what is admitted, from its first sample to its last, and says that all was heard', () => {
    announce('i1');
    open();
    send(ramp(500));
    run(700);
    const sounding = heard.filter((sample) => sample !== 0);
    expect(ms(sounding.length)).toBeCloseTo(500, 0);
    expect(placeOf(sounding[6000] ?? 0)).toBe(250);
    expect(largestStep(output())).toBeLessThan(0.1);
    expect(of('playout').at(-1)).toEqual({ type: 'playout', epoch: 1, item: 'i1', playedMs: 500 });
    expect(of('drained')).toEqual([{ type: 'drained', epoch: 1, item: 'i1' }]);
    expect(gate.canPause).toBe(false);
  });

  it.each([
    ['a closed gate', () => undefined],
    ['a response that was not admitted', () => open(1, undefined, 'r2')],
    ['another lane', () => gate.command({ type: 'gate.open', epoch: 1, lane: 'C' })],
  ])('lets nothing through %s', (_name, prepare) => {
    announce('i1');
    prepare();
    send(ramp(300));
    expect(rms(run(400))).toBe(0);
    expect(events).toEqual([]);
  });

  it('drops frames that nobody announced and frames of an epoch that is over', () => {
    open(3);
    gate.push(3, 'B', new Int16Array(480).fill(9000), true);
    announce('i0', { epoch: 2 });
    gate.push(2, 'B', new Int16Array(480).fill(9000), true);
    expect(rms(run(200))).toBe(0);
  });

  it('waits for 60 ms of sound before it starts, or for all of it, or 150 ms', () => {
    announce('i1');
    open();
    send(tone(300, 50, 0.5), { last: false });
    expect(rms(run(100))).toBe(0);
    send(tone(300, 20, 0.5), { last: false });
    expect(rms(run(20))).toBeGreaterThan(0.2);
    gate.command({ type: 'gate.close', epoch: 2, rampMs: 10 });
    run(50);
    announce('i2', { epoch: 2 });
    open(2);
    send(tone(300, 20, 0.5), { epoch: 2 });
    expect(rms(run(20))).toBeGreaterThan(0.2);
    announce('i3', { epoch: 2 });
    send(tone(300, 45, 0.5), { epoch: 2, last: false });
    expect(rms(run(140))).toBe(0);
    expect(rms(run(40))).toBeGreaterThan(0.05);
  });

  it('pauses with a fade of 12 ms, holds, and resumes a little earlier at a quiet place', () => {
    announce('i1');
    open();
    // Pauses of 40 ms between words of 200 ms.
    const words = Array.from({ length: 12 }, () => join(tone(300, 200, 0.5), silence(40)));
    send(join(...words));
    run(560);
    expect(gate.pause()).toBe(true);
    const tail = run(100);
    expect(rms(tail.subarray(0, 200))).toBeGreaterThan(0.1);
    expect(rms(tail.subarray(12 * 24 + 1))).toBe(0);
    const held = of('playout').at(-1)?.playedMs ?? 0;
    expect(held).toBeGreaterThanOrEqual(570);
    expect(gate.pause()).toBe(false);
    gate.command({ type: 'gate.resume', epoch: 1, rewindMs: 120 });
    run(5);
    const resumed = run(1);
    // 572 − 120 = 452 lies between two words.
    expect(rms(resumed)).toBeLessThan(0.01);
    run(150);
    const after = of('playout').at(-1)?.playedMs ?? 0;
    expect(after).toBeGreaterThan(500);
    expect(after).toBeLessThan(held + 100);
    run(4000);
    expect(of('drained')).toHaveLength(1);
    expect(largestStep(output())).toBeLessThan(0.1);
  });

  it('resumes also when the word came before the pause had faded, and pauses again as often as it must', () => {
    announce('i1');
    open();
    send(tone(300, 900, 0.5));
    run(200);
    gate.pause();
    run(4);
    gate.command({ type: 'gate.resume', epoch: 1, rewindMs: 0 });
    gate.command({ type: 'gate.pause', epoch: 1 });
    gate.command({ type: 'gate.resume', epoch: 1, rewindMs: 50 });
    run(40);
    expect(rms(run(20))).toBeGreaterThan(0.2);
    gate.pause();
    run(50);
    expect(rms(run(50))).toBe(0);
    gate.command({ type: 'gate.resume', epoch: 2, rewindMs: 50 });
    expect(rms(run(50))).toBe(0);
    open();
    expect(rms(run(50))).toBeGreaterThan(0.2);
    expect(largestStep(output())).toBeLessThan(0.1);
  });

  it('closes with the ramp it is told and plays nothing of that epoch ever again', () => {
    announce('i1');
    open();
    send(tone(300, 800, 0.5));
    run(300);
    gate.command({ type: 'gate.close', epoch: 2, rampMs: 10 });
    expect(of('playout').at(-1)?.playedMs).toBe(300);
    expect(rms(run(10))).toBeGreaterThan(0.05);
    send(tone(300, 800, 0.5));
    open(2);
    gate.command({ type: 'gate.resume', epoch: 2, rewindMs: 120 });
    expect(rms(run(500))).toBe(0);
    expect(largestStep(output())).toBeLessThan(0.1);
    announce('i2', { epoch: 2 });
    send(ramp(200), { epoch: 2 });
    expect(rms(run(100))).toBeGreaterThan(0.1);
  });

  it('drops a paused answer when the gate is closed', () => {
    announce('i1');
    open();
    send(tone(300, 800, 0.5));
    run(300);
    gate.pause();
    run(50);
    gate.command({ type: 'gate.close', epoch: 2, rampMs: 10 });
    open(2);
    expect(rms(run(500))).toBe(0);
  });

  it('plays sound that came before its gate opened', () => {
    gate.command({ type: 'gate.close', epoch: 2, rampMs: 10 });
    announce('i1', { epoch: 3 });
    send(ramp(300), { epoch: 3 });
    run(20);
    open(3);
    run(400);
    expect(of('drained')).toEqual([{ type: 'drained', epoch: 3, item: 'i1' }]);
  });

  it('stops at the mark that policy has cleared, fading before it, and goes on from there', () => {
    announce('i1');
    open(1, 300);
    send(ramp(600));
    run(800);
    expect(Math.max(...heard.map(placeOf))).toBeLessThanOrEqual(300);
    expect(of('drained')).toEqual([]);
    expect(largestStep(output())).toBeLessThan(0.1);
    gate.command({ type: 'lane.admit', epoch: 1, response: 'r1', upToMs: 600 });
    run(500);
    expect(of('playout').at(-1)?.playedMs).toBe(600);
    expect(of('drained')).toHaveLength(1);
    expect(gate.underruns).toBe(0);
  });

  it('counts the mark over all items of a response, in the order in which they came', () => {
    announce('i1', { fromMs: 40 });
    open(1, 400);
    send(ramp(160), { last: true });
    announce('i2');
    send(ramp(500));
    run(900);
    expect(of('playout').at(-1)).toMatchObject({ item: 'i2', playedMs: 188 });
    expect(
      of('playout')
        .filter(({ item }) => item === 'i1')
        .at(-1)?.playedMs,
    ).toBe(200);
  });

  it('fades and waits for more when sound is late, loses none of it, and waits longer the next time', () => {
    announce('i1');
    open();
    send(ramp(200), { last: false });
    run(400);
    expect(gate.underruns).toBe(1);
    send(ramp(260).subarray(200 * 24), { last: false });
    expect(rms(run(40))).toBe(0);
    send(ramp(900).subarray(260 * 24));
    run(1000);
    expect(of('playout').at(-1)?.playedMs).toBe(900);
    const places = heard.filter((sample) => sample > 0.1).map(placeOf);
    for (let place = 10; place < 880; place++) expect(places).toContain(place);
    expect(largestStep(output())).toBeLessThan(0.1);
  });

  it('goes on without a gap when more comes while it already fades', () => {
    announce('i1');
    open();
    send(tone(300, 100, 0.5), { last: false });
    run(94);
    send(tone(300, 400, 0.5).subarray(0));
    run(300);
    expect(gate.underruns).toBe(0);
    expect(largestStep(output())).toBeLessThan(0.1);
  });

  it('plays a second item after the first as one answer, and is drained after both', () => {
    announce('i1');
    open();
    send(ramp(200));
    announce('i2');
    send(ramp(300));
    run(700);
    expect(ms(heard.filter((sample) => sample !== 0).length)).toBeCloseTo(500, 0);
    const reports = of('playout');
    expect(reports.filter(({ item }) => item === 'i1').at(-1)?.playedMs).toBe(200);
    expect(reports.at(-1)).toMatchObject({ item: 'i2', playedMs: 300 });
    expect(of('drained')).toEqual([{ type: 'drained', epoch: 1, item: 'i2' }]);
  });

  it('skips what it has already when the relay goes back in an item', () => {
    announce('i1');
    open();
    send(ramp(300), { last: false });
    run(100);
    announce('i1', { fromMs: 200 });
    send(ramp(500).subarray(200 * 24));
    run(600);
    expect(ms(heard.filter((sample) => sample !== 0).length)).toBeCloseTo(500, 0);
    expect(of('playout').at(-1)?.playedMs).toBe(500);
  });

  it('keeps positions true when more comes than it can hold', () => {
    announce('i1');
    for (let i = 0; i < 100; i++) send(tone(300, 100, 0.5), { last: i === 99 });
    open();
    run(12_000);
    expect(of('playout').at(-1)?.playedMs).toBeLessThan(10_000);
    expect(of('drained')).toEqual([]);
  });
});

describe('what the relay is told of playout', () => {
  it('is what the ear has heard: less the latency while it plays, all of it once it is silent', () => {
    gate.setLatency(80);
    announce('i1');
    open();
    send(ramp(1000));
    run(500);
    for (const { playedMs } of of('playout')) expect(playedMs % 1).toBe(0);
    expect(of('playout').at(-1)?.playedMs).toBeGreaterThan(300);
    gate.pause();
    expect(of('playout').at(-1)?.playedMs).toBe(420);
    run(400);
    expect(of('playout').at(-1)?.playedMs).toBe(512);
  });

  it('comes at most every 100 ms, and not at all while nothing changes', () => {
    announce('i1');
    open();
    send(ramp(1000));
    run(900);
    expect(of('playout').length).toBeLessThanOrEqual(10);
    gate.pause();
    run(300);
    const paused = of('playout').length;
    run(3000);
    expect(of('playout')).toHaveLength(paused);
  });

  it('says that all is heard only when it has come to the ear', () => {
    gate.setLatency(100);
    announce('i1');
    open();
    send(ramp(200));
    run(290);
    expect(of('drained')).toEqual([]);
    run(20);
    expect(of('drained')).toHaveLength(1);
  });

  it('takes "drained" back when more comes in time', () => {
    gate.setLatency(100);
    announce('i1');
    open();
    send(ramp(200));
    run(250);
    announce('i2');
    send(ramp(200));
    run(500);
    expect(of('drained')).toEqual([{ type: 'drained', epoch: 1, item: 'i2' }]);
  });

  it('calls an item unheard whose first sample has not reached the ear', () => {
    gate.setLatency(150);
    announce('i1', { fromMs: 300 });
    open();
    send(ramp(600));
    run(120);
    gate.command({ type: 'gate.close', epoch: 2, rampMs: 10 });
    expect(of('playout').every(({ playedMs }) => playedMs === 0)).toBe(true);
  });
});

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
        events = [];
        heard = [];
        let closed = 0;
        gate = new PlayoutGate(RATE, (event) => {
          events.push(event);
          if (event.type === 'playout') expect(event.playedMs).toBeLessThanOrEqual(4000);
        });
        gate.configure(1, 10);
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
        }
        expect(largestStep(output())).toBeLessThan(0.02);
        expect(Math.max(0, ...heard)).toBeLessThan(0.301);
      }),
      { numRuns: 100 },
    );
  });
});
