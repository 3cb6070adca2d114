import { beforeEach, describe, expect, it } from 'vitest';
import {
  announce,
  fresh,
  gate,
  heard,
  ms,
  of,
  open,
  output,
  placeOf,
  ramp,
  run,
  send,
  events,
} from './testing/gate-bench.ts';
import { join, largestStep, random, rms, silence, tone } from './testing/sounds.ts';

beforeEach(fresh);

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
    // The fade is heard too.
    expect(of('playout').at(-1)).toMatchObject({ epoch: 1, playedMs: 310, last: true });
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
  it('is what the ear has heard: less the latency while it plays, with what is on its way once it is paused', () => {
    gate.setLatency(80);
    announce('i1');
    open();
    send(ramp(1000));
    run(500);
    for (const { playedMs } of of('playout')) expect(playedMs % 1).toBe(0);
    expect(of('playout').at(-1)?.playedMs).toBeGreaterThan(300);
    gate.pause();
    expect(of('playout').at(-1)?.playedMs).toBe(512);
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
    expect(of('playout').every(({ playedMs }) => playedMs === 0)).toBe(true);
  });

  it('says once after a close how much will have been heard, also of what is on its way and fades', () => {
    gate.setLatency(150);
    announce('i1');
    open();
    send(ramp(600));
    run(120);
    gate.command({ type: 'gate.close', epoch: 2, rampMs: 10 });
    expect(of('playout').at(-1)).toEqual({ type: 'playout', epoch: 1, item: 'i1', playedMs: 130, last: true });
    run(300);
    gate.command({ type: 'gate.close', epoch: 3, rampMs: 10 });
    expect(of('playout').filter(({ last }) => last)).toHaveLength(1);
  });

  it('says it after a pause too, where it is what the pause has said', () => {
    announce('i1');
    open();
    send(ramp(600));
    run(200);
    gate.pause();
    run(100);
    gate.command({ type: 'gate.close', epoch: 2, rampMs: 10 });
    const [paused, closed] = of('playout').slice(-2);
    expect(closed).toEqual({ ...paused, last: true });
  });

  it('says of two items which one the close met', () => {
    announce('i1');
    open();
    send(ramp(200));
    announce('i2');
    send(ramp(600));
    run(280);
    gate.command({ type: 'gate.close', epoch: 2, rampMs: 10 });
    expect(of('playout').filter(({ last }) => last)).toMatchObject([{ item: 'i2', playedMs: 90 }]);
  });
});

describe('against the network', () => {
  /** Frames of 20 ms that leave in time and arrive in order, each up to `jitterMs` late. @returns the underruns. */
  function play(jitterMs: number, aheadMs: number): number {
    const next = random(jitterMs + aheadMs);
    announce('i1');
    open();
    const pcm = ramp(6000);
    let arrivedMs = 0;
    let nowMs = 0;
    for (let frame = 0; frame < 300; frame++) {
      arrivedMs = Math.max(arrivedMs, Math.max(0, frame * 20 - aheadMs) + next() * jitterMs);
      if (arrivedMs > nowMs) run(arrivedMs - nowMs);
      nowMs = Math.max(nowMs, arrivedMs);
      send(pcm.subarray(frame * 480, (frame + 1) * 480), { last: frame === 299 });
    }
    run(2000);
    expect(of('playout').at(-1)?.playedMs).toBe(6000);
    expect(of('drained')).toHaveLength(1);
    return gate.underruns;
  }

  it.each([20, 50, 100])(
    'plays without a gap when frames are up to %i ms late and the relay is 400 ms ahead',
    (jitter) => {
      expect(play(jitter, 400)).toBe(0);
    },
  );

  it.each([20, 50, 100, 200])('finds a delay that suits frames up to %i ms late that come just in time', (jitter) => {
    expect(play(jitter, 0)).toBeLessThanOrEqual(4);
  });
});
