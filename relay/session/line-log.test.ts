/** Counting and keeping, without a socket. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createReceived, createSentLog, type Counts, type Sent } from './line-log.ts';

const frame = (id: number) => () => Uint8Array.of(id);

describe('what is kept', () => {
  it('is what was not acknowledged, in order, whatever of the two it is', () => {
    const log = createSentLog();
    log.message('a');
    log.frame(frame(1));
    log.message('b');
    log.frame(frame(2));
    expect(log.acknowledge({ messages: 1, frames: 1 })).toBe(true);
    expect(log.after({ messages: 1, frames: 1 })).toEqual(['b', Uint8Array.of(2)]);
    expect(log.after({ messages: 2, frames: 1 })).toEqual([Uint8Array.of(2)]);
    expect([log.bytes, log.isAcknowledged]).toEqual([2, true]);
  });

  it('cannot be asked for again once it was acknowledged, nor before it was sent', () => {
    const log = createSentLog();
    log.message('a');
    log.message('b');
    log.acknowledge({ messages: 1, frames: 0 });
    expect(log.has({ messages: 0, frames: 0 })).toBe(false);
    expect(log.has({ messages: 1, frames: 0 })).toBe(true);
    expect(log.has({ messages: 3, frames: 0 })).toBe(false);
    expect(log.acknowledge({ messages: 3, frames: 0 })).toBe(false);
    expect(log.acknowledge({ messages: 2, frames: 1 })).toBe(false);
  });

  it('is bounded: the oldest goes first, and who has not got it cannot go on', () => {
    const log = createSentLog();
    for (let i = 0; i < 1_000; i++) log.message('0123456789');
    log.shrink(1_000);
    expect(log.bytes).toBe(1_000);
    expect(log.has({ messages: 899, frames: 0 })).toBe(false);
    expect(log.has({ messages: 900, frames: 0 })).toBe(true);
    expect(log.after({ messages: 990, frames: 0 })).toHaveLength(10);
  });

  it('numbers frames by the low 16 bits of their count, and begins anew when told to', () => {
    const log = createSentLog();
    const numbers: number[] = [];
    const one = (seq: number) => {
      numbers.push(seq);
      return Uint8Array.of(0);
    };
    for (let i = 0; i < 65_538; i++) log.frame(one);
    expect(numbers.slice(-3)).toEqual([65_535, 0, 1]);
    log.restart();
    log.frame(one);
    expect([numbers.at(-1), log.sent, log.bytes]).toEqual([0, { messages: 0, frames: 1 }, 1]);
  });
});

describe('what came', () => {
  it('counts frames by their number: a gap is dropped silence, a repeat or a step back is refused', () => {
    const received = createReceived();
    expect([0, 1, 5, 5, 4, 6].map((seq) => received.frame(seq))).toEqual([true, true, true, false, false, true]);
    expect(received.counts).toEqual({ messages: 0, frames: 7 });
  });

  it('goes on over the end of the sequence', () => {
    const received = createReceived();
    for (let i = 0; i < 70_000; i++) expect(received.frame(i & 0xffff)).toBe(true);
    received.message();
    expect(received.counts).toEqual({ messages: 1, frames: 70_000 });
    received.restart();
    expect([received.frame(0), received.counts]).toEqual([true, { messages: 0, frames: 1 }]);
  });
});

/** One end of a connection that breaks: what it sent is logged, what came is counted and seen. */
function end() {
  const log = createSentLog();
  const came: Counts = { messages: 0, frames: 0 };
  const seen: Sent[] = [];
  const received = createReceived();
  return {
    ...{ log, came, seen },
    take(data: Sent) {
      seen.push(data);
      if (typeof data === 'string') came.messages += 1;
      else {
        expect(received.frame((data[0]! << 8) | data[1]!)).toBe(true);
        came.frames = received.counts.frames;
      }
    },
  };
}

it('cuts at any place in either direction lose nothing and repeat nothing', () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ is: fc.constant('send' as const), by: fc.nat(1), isFrame: fc.boolean() }) },
    { weight: 6, arbitrary: fc.record({ is: fc.constant('arrive' as const), by: fc.nat(1), count: fc.nat(5) }) },
    { weight: 2, arbitrary: fc.record({ is: fc.constant('ack' as const), by: fc.nat(1) }) },
    { weight: 1, arbitrary: fc.record({ is: fc.constant('cut' as const) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const ends = [end(), end()];
      const sent: Sent[][] = [[], []];
      // What is on its way from each end: lost in a cut.
      let wires: Sent[][] = [[], []];
      const arrive = (by: number, count: number) => {
        for (const data of wires[by]!.splice(0, count)) ends[1 - by]!.take(data);
      };
      const resume = () => {
        wires = [[], []];
        for (const by of [0, 1]) {
          const { log } = ends[by]!;
          const has = { ...ends[1 - by]!.came };
          expect(log.has(has)).toBe(true);
          expect(log.acknowledge(has)).toBe(true);
          wires[by]!.push(...log.after(has));
        }
      };
      let count = 0;
      for (const one of steps) {
        if (one.is === 'send') {
          const { log } = ends[one.by]!;
          count += 1;
          const id = count & 0xff;
          if (one.isFrame) {
            const data = log.frame((seq) => Uint8Array.of(seq >> 8, seq & 0xff, id));
            sent[one.by]!.push(data);
            wires[one.by]!.push(data);
          } else {
            log.message(`m${count}`);
            sent[one.by]!.push(`m${count}`);
            wires[one.by]!.push(`m${count}`);
          }
        } else if (one.is === 'arrive') arrive(one.by, one.count);
        else if (one.is === 'ack') ends[one.by]!.log.acknowledge({ ...ends[1 - one.by]!.came });
        else resume();
      }
      resume();
      for (const by of [0, 1]) arrive(by, Infinity);
      for (const by of [0, 1]) expect(ends[1 - by]!.seen).toEqual(sent[by]);
    }),
    { numRuns: 300 },
  );
});
