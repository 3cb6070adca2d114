import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { WidgetMessage } from '#wire';
import { KEPT_MS, SentLog, type Parcel } from './sent-log.ts';

const sound = (ms: number, mark: number, speaking = true) => ({
  samples: new Int16Array(ms * 24).fill(mark),
  speaking,
  epoch: 1,
});
const onset = (utterance: string): Parcel => ({
  message: { type: 'user.onset', utterance, epoch: 1, paused: true, level: -20 },
});
const offset = (utterance: string): Parcel => ({ message: { type: 'user.offset', utterance } });
const text = (words: string): Parcel => ({ message: { type: 'user.text', text: words } });
/** In short: a mark for a sound, the type and what it is about for a message. */
const short = (parcel: Parcel) => {
  if ('samples' in parcel) return parcel.samples[0];
  const { message } = parcel;
  return `${message.type} ${'utterance' in message ? String(message.utterance) : 'text' in message ? message.text : ''}`;
};

function keeping(): SentLog {
  const log = new SentLog();
  log.isKeeping = true;
  return log;
}
const addAll = (log: SentLog, isSent: boolean, ...parcels: Parcel[]) => {
  for (const parcel of parcels) log.add(parcel, isSent, 0);
};

describe('what waits for a connection', () => {
  it('comes out in the order in which it went in, once', () => {
    const log = new SentLog();
    addAll(log, false, sound(20, 1), text('a'), sound(20, 2));
    expect(log.restart(1).map(short)).toEqual([1, 'user.text a', 2]);
    expect(log.restart(1)).toEqual([]);
  });

  it('is the newest five seconds of sound and every message', () => {
    const log = new SentLog();
    addAll(log, false, text('a'));
    for (let mark = 0; mark < 60; mark += 1) log.add(sound(100, mark, false), false, 0);
    const [first, ...frames] = log.restart(1);
    expect(first).toEqual(text('a'));
    expect(frames).toHaveLength(KEPT_MS / 100);
    expect(frames[0]).toMatchObject({ samples: new Int16Array(2400).fill(10) });
  });

  it('gives up silence before speech, and the oldest first', () => {
    const log = new SentLog();
    addAll(log, false, onset('u'), sound(2_000, 1), offset('u'));
    for (let mark = 10; mark < 50; mark += 1) log.add(sound(100, mark, false), false, 0);
    expect(log.restart(1).map(short).slice(0, 4)).toEqual(['user.onset u', 1, 'user.offset u', 20]);
  });

  it('is whole or not at all: an utterance of which something could not be kept is told as lost, where it ended', () => {
    const log = new SentLog();
    addAll(log, false, onset('u'), ...Array.from({ length: 6 }, (_, mark) => sound(1_000, mark)), offset('u'));
    addAll(log, false, onset('v'), sound(500, 9), offset('v'));
    expect(log.restart(1).map(short)).toEqual(['speech.lost u', 'user.onset v', 9, 'user.offset v']);
  });

  it('holds the rest of lost speech back until it ends', () => {
    const log = new SentLog();
    addAll(log, false, onset('u'), ...Array.from({ length: 6 }, (_, mark) => sound(1_000, mark)));
    expect(log.restart(1)).toEqual([]);
    expect(log.add(sound(20, 7), true, 0)).toBeNull();
    expect(log.add(onset('u'), true, 0)).toBeNull();
    expect(log.add(offset('u'), true, 0)).toEqual({ message: { type: 'speech.lost', utterance: 'u' } });
    expect(log.add(sound(20, 8), true, 0)).toEqual(sound(20, 8));
  });
});

describe('the same session again', () => {
  it('gets what had not come, numbered on from what had', () => {
    const log = keeping();
    addAll(log, true, text('a'), sound(20, 1), text('b'), sound(20, 2), sound(20, 3));
    expect(log.resume({ messages: 1, frames: 2 }).map(short)).toEqual(['user.text b', 3]);
    expect(log.resume({ messages: 2, frames: 2 }).map(short)).toEqual([3]);
    expect(log.resume({ messages: 2, frames: 3 })).toEqual([]);
  });

  it('gets nothing of what it has acknowledged', () => {
    const log = keeping();
    addAll(log, true, text('a'), text('b'));
    log.acknowledge({ messages: 1, frames: 0 });
    expect(log.resume({ messages: 1, frames: 0 }).map(short)).toEqual(['user.text b']);
  });

  it('gets no rest of speech whose middle is gone, but the word that it is', () => {
    const log = keeping();
    addAll(log, true, onset('u'), sound(1_000, 0), sound(1_000, 1));
    addAll(log, false, ...Array.from({ length: 6 }, (_, at) => sound(1_000, at + 2)), offset('u'), text('b'));
    expect(log.resume({ messages: 1, frames: 1 }).map(short)).toEqual(['speech.lost u', 'user.text b']);
  });

  it('gets all of long speech when only what it has is gone', () => {
    const log = keeping();
    addAll(log, true, onset('u'), ...Array.from({ length: 8 }, (_, mark) => sound(1_000, mark)));
    expect(log.resume({ messages: 1, frames: 8 })).toEqual([]);
    addAll(log, false, sound(1_000, 9), offset('u'));
    expect(log.resume({ messages: 1, frames: 8 }).map(short)).toEqual([9, 'user.offset u']);
  });
});

describe('a relay that knows nothing of what was under way', () => {
  it('gets the utterance again, whole, from its onset, under the new epoch and unpacked', () => {
    const log = keeping();
    const packed = { ...sound(20, 2), opus: Uint8Array.of(1) };
    addAll(log, true, sound(100, 1), onset('u'), packed, sound(20, 3));
    log.acknowledge({ messages: 1, frames: 3 });
    expect(log.restart(7)).toEqual([
      { ...sound(100, 1), epoch: 7 },
      { message: { type: 'user.onset', utterance: 'u', epoch: 7, paused: false, level: -20 } },
      { ...sound(20, 2), epoch: 7 },
      { ...sound(20, 3), epoch: 7 },
    ]);
  });

  it('hears that it is lost where not all of it is kept', () => {
    const log = keeping();
    addAll(log, true, onset('u'), ...Array.from({ length: 7 }, (_, mark) => sound(1_000, mark)), offset('u'));
    log.acknowledge({ messages: 2, frames: 7 });
    expect(log.restart(2).map(short)).toEqual(['speech.lost u']);
  });

  it('gets nothing of what a turn had begun with, or of what ended long ago', () => {
    const log = keeping();
    addAll(log, true, onset('u'), sound(100, 1), offset('u'), onset('v'), sound(100, 2));
    log.answered();
    log.add(sound(100, 3), true, 1_000);
    log.add(offset('v'), true, 1_000);
    expect(log.restart(2).map(short)).toEqual(['user.onset v', 3, 'user.offset v']);
    log.acknowledge({ messages: 9, frames: 9 });
    log.add(sound(100, 4, false), true, 1_000 + KEPT_MS);
    log.acknowledge({ messages: 9, frames: 9 });
    expect(log.restart(3)).toEqual([]);
  });

  it('gets what was typed and the state of the devices, and nothing that meant the sound of before', () => {
    const log = keeping();
    const messages: WidgetMessage[] = [
      { type: 'mic.changed', muted: true },
      { type: 'playout', epoch: 1, item: 'i', playedMs: 5 },
      { type: 'user.interrupt' },
      { type: 'tool.result', call: 'c', output: '' },
      { type: 'context.update', text: 'x' },
      { type: 'talk.start', utterance: 't', epoch: 1, paused: true },
    ];
    addAll(log, true, ...messages.map((message) => ({ message })), text('a'));
    expect(log.restart(2)).toEqual([
      { message: { type: 'mic.changed', muted: true } },
      { message: { type: 'context.update', text: 'x' } },
      { message: { type: 'talk.start', utterance: 't', epoch: 2, paused: false } },
      text('a'),
    ]);
  });
});

type Step =
  { is: 'say'; words: boolean } | { is: 'ack' } | { is: 'cut'; messages: number; frames: number } | { is: 'back' };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.boolean().map((words) => ({ is: 'say', words }) as const) },
  { weight: 1, arbitrary: fc.constant({ is: 'ack' } as const) },
  // Of what is under way, that much still arrives.
  { weight: 1, arbitrary: fc.record({ is: fc.constant('cut' as const), messages: fc.nat(5), frames: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.constant({ is: 'back' } as const) },
);

describe('over any cuts', () => {
  it('the relay sees each message and each frame once and in order', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const log = keeping();
        const received: (string | number | undefined)[] = [];
        let arrived = { messages: 0, frames: 0 };
        let flight: Parcel[] = [];
        let isUp = true;
        let said = 0;
        const expected: (string | number | undefined)[] = [];
        const arrive = (count: number) => {
          for (const parcel of flight.splice(0, count)) {
            received.push(short(parcel));
            arrived = {
              messages: arrived.messages + ('message' in parcel ? 1 : 0),
              frames: arrived.frames + ('message' in parcel ? 0 : 1),
            };
          }
        };
        const back = () => {
          flight = log.resume(arrived);
          isUp = true;
        };
        for (const one of steps) {
          if (one.is === 'say') {
            said += 1;
            const parcel = one.words ? text(String(said)) : sound(20, said, false);
            expected.push(short(parcel));
            log.add(parcel, isUp, said);
            if (isUp) flight.push(parcel);
          } else if (one.is === 'ack') {
            arrive(flight.length);
            log.acknowledge(arrived);
          } else if (one.is === 'cut') {
            arrive(one.messages + one.frames);
            flight = [];
            isUp = false;
          } else if (!isUp) back();
        }
        back();
        arrive(flight.length);
        expect(received).toEqual(expected);
      }),
      { numRuns: 500, seed: 11 },
    );
  });

  it('no utterance ever arrives in part', () => {
    const away = fc.record({
      spokenMs: fc.integer({ min: 100, max: 9_000 }),
      silentMs: fc.integer({ min: 0, max: 9_000 }),
    });
    fc.assert(
      fc.property(fc.array(away, { minLength: 1, maxLength: 8 }), fc.boolean(), (utterances, isNew) => {
        const log = keeping();
        utterances.forEach(({ spokenMs, silentMs }, index) => {
          log.add(onset(`u${index}`), false, 0);
          for (let ms = 0; ms < spokenMs; ms += 20) log.add(sound(20, index), false, 0);
          log.add(offset(`u${index}`), false, 0);
          for (let ms = 0; ms < silentMs; ms += 100) log.add(sound(100, -1, false), false, 0);
        });
        const out = (isNew ? log.restart(1) : log.resume({ messages: 0, frames: 0 })).map(short);
        utterances.forEach(({ spokenMs }, index) => {
          const frames = out.filter((one) => one === index).length;
          const isLost = out.includes(`speech.lost u${index}`);
          expect(frames).toBe(isLost ? 0 : Math.ceil(spokenMs / 20));
          expect(out.includes(`user.onset u${index}`)).toBe(!isLost);
        });
      }),
      { numRuns: 60, seed: 12 },
    );
  });
});
