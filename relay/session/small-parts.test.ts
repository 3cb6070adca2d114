/** The parts of a session that need nothing but a clock. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FLAG_LAST, FLAG_SPEECH, encodeAudioFrame, msToSamples, type AudioFrame } from '#wire';
import { virtualClock } from '../testing/virtual-clock.ts';
import { createAddressLimit, networkOf } from './address-limit.ts';
import { isQuestion } from './answers.ts';
import { firstAudible } from './audible.ts';
import { createPace } from './pace.ts';
import { createSoundStore } from './sound-store.ts';
import { createUplink } from './uplink.ts';
import { verdictWords } from './verdict-words.ts';

const mic = (fields: Partial<AudioFrame> = {}): Uint8Array =>
  encodeAudioFrame({ epoch: 0, seq: 0, lane: 'mic', flags: 0, samples: new Int16Array(480), ...fields });

describe('the uplink', () => {
  it('lets through what is in order, wherever the count starts, over its wrap', () => {
    const uplink = createUplink(virtualClock());
    for (const seq of [65_534, 65_535, 0, 1]) expect(uplink.frame(mic({ seq, flags: FLAG_SPEECH })).ok).toBe(true);
  });

  it('lets through what follows a gap: the page dropped it', () => {
    const uplink = createUplink(virtualClock());
    expect([uplink.frame(mic({ seq: 1 })).ok, uplink.frame(mic({ seq: 9 })).ok]).toEqual([true, true]);
  });

  it.each([
    ['order', mic({ seq: 4 })],
    ['order', mic({ seq: 3 })],
    ['lane', mic({ seq: 5, lane: 'B' })],
    ['flags', mic({ seq: 5, flags: FLAG_LAST })],
    ['too-short', new Uint8Array(3)],
    ['odd-length', new Uint8Array(9)],
    ['empty', new Uint8Array(8)],
    ['too-long', new Uint8Array(70_000)],
  ])('refuses what is wrong by its %s', (at, bytes) => {
    const uplink = createUplink(virtualClock());
    uplink.frame(mic({ seq: 4 }));
    expect(uplink.frame(bytes)).toEqual({ ok: false, code: 'protocol', at });
  });

  it('carries 1.5 times real time with a burst of six seconds, and no more', () => {
    const clock = virtualClock();
    const uplink = createUplink(clock);
    let seq = 0;
    const say = (ms: number) => uplink.frame(mic({ seq: seq++, samples: new Int16Array(msToSamples(ms)) }));
    for (let i = 0; i < 6; i++) expect(say(1_000).ok).toBe(true);
    expect(say(100)).toEqual({ ok: false, code: 'rate-limited', at: 'sound' });
    clock.advance(1_000);
    expect([say(1_000).ok, say(500).ok, say(100).ok]).toEqual([true, true, false]);
  });

  it('carries real speech in frames of 20 ms for as long as anybody talks', () => {
    const clock = virtualClock();
    const uplink = createUplink(clock);
    for (let seq = 0; seq < 3_000; seq++) {
      expect(uplink.frame(mic({ seq: seq & 0xffff })).ok).toBe(true);
      clock.advance(20);
    }
  });

  it('counts frames and messages, so that small ones are no way around it', () => {
    const uplink = createUplink(virtualClock());
    const frames = Array.from({ length: 361 }, (_, seq) => uplink.frame(mic({ seq, samples: new Int16Array(1) })));
    expect(frames.filter((frame) => frame.ok)).toHaveLength(360);
    expect(frames.at(-1)).toEqual({ ok: false, code: 'rate-limited', at: 'frames' });
    expect(Array.from({ length: 121 }, () => uplink.message()).filter(Boolean)).toHaveLength(120);
  });
});

describe('an address limit', () => {
  it('counts neighbours together', () => {
    expect(networkOf('203.0.113.7')).toBe('203.0.113');
    expect(networkOf('::ffff:203.0.113.7')).toBe('203.0.113');
    expect(networkOf('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2');
    expect(networkOf('2001:db8::1')).toBe('2001:db8:0:0');
    expect(networkOf('::1')).toBe('0:0:0:0');
    expect(networkOf('fe80::1%eth0')).toBe('fe80:0:0:0');
    expect(networkOf('somewhere')).toBe('somewhere');
  });

  it('refills with time and says how long that takes', () => {
    const clock = virtualClock();
    const limit = createAddressLimit(clock, { max: 2, windowMs: 1_000 });
    expect([limit.take('10.0.0.1'), limit.take('10.0.0.2'), limit.take('10.0.0.3')]).toEqual([0, 0, 500]);
    expect(limit.take('10.0.1.1')).toBe(0);
    clock.advance(500);
    expect(limit.take('10.0.0.1')).toBe(0);
  });

  it('forgets the network that was quiet the longest', () => {
    const limit = createAddressLimit(virtualClock(), { max: 1, windowMs: 1_000 });
    limit.take('1.0.0.1');
    for (let i = 0; i < 10_000; i++) limit.take(`2.${i >> 8}.${i & 255}.1`);
    expect(limit.take('1.0.0.1')).toBe(0);
  });
});

describe('what can be heard', () => {
  it('begins at the first loud window', () => {
    const samples = new Int16Array(2_400);
    samples.fill(3_000, 1_000);
    expect(firstAudible(samples)).toBe(960);
    expect(firstAudible(new Int16Array(500).fill(50))).toBe(-1);
    expect(firstAudible(new Int16Array(0))).toBe(-1);
  });
});

describe('a question', () => {
  it.each(['Really?', 'هل أنت بخير؟', '本当ですか？', 'He asked: “why?”', 'So? '])('is %s', (text) => {
    expect(isQuestion(text)).toBe(true);
  });
  it.each(['Why? Because.', 'No.', ''])('is not %s', (text) => expect(isQuestion(text)).toBe(false));
});

describe('words over the agent', () => {
  it.each([
    ['en', 'Mm-hm.'],
    ['en-US', 'Yeah, yeah, okay!'],
    ['de', 'Ja, genau.'],
    ['fr', "D'accord, très bien"],
    ['es', 'Sí, sí, claro'],
    ['pt', 'Tá bom'],
    ['it', 'Sì, va bene'],
    ['ja', 'はい、はい'],
    ['zh', '嗯，对的'],
    ['ko', '네, 알겠습니다'],
    ['hi', 'हाँ, ठीक है'],
    ['ar', 'نعم، طيب'],
    ['xx', 'mhm'],
  ])('acknowledge in %s: %s', (locale, text) => {
    expect(verdictWords(locale).isAcknowledgement(text)).toBe(true);
    expect(verdictWords(locale).isStop(text, true)).toBe(false);
  });

  it.each([
    ['en', 'Stop'],
    ['en', 'Wait, what about Tuesday'],
    ['de', 'Moment mal'],
    ['fr', 'Arrêtez !'],
    ['es', 'Espera un momento'],
    ['pt', 'Não, não'],
    ['it', 'Aspetta'],
    ['ja', '待って'],
    ['zh', '等一下'],
    ['ko', '잠깐만요'],
    ['hi', 'रुको'],
    ['ar', 'توقف'],
  ])('stop in %s: %s', (locale, text) => {
    expect(verdictWords(locale).isStop(text, true)).toBe(true);
    expect(verdictWords(locale).isAcknowledgement(text)).toBe(false);
  });

  it('acknowledge only when there is nothing else', () => {
    const words = verdictWords('en');
    expect(words.isAcknowledgement('okay but why')).toBe(false);
    expect(words.isAcknowledgement('...')).toBe(false);
  });

  it('stop only when the word is complete', () => {
    const words = verdictWords('en');
    expect([words.isStop('no', false), words.isStop('no ', false), words.isStop('now tell', false)]).toEqual([
      false,
      true,
      false,
    ]);
  });
});

describe('the pace', () => {
  it('follows the clock between the reports of the page, and the reports when they come', () => {
    const pace = createPace();
    pace.reset(0);
    pace.sent(400, 0);
    expect(pace.aheadMs(100)).toBe(300);
    pace.reported(40, 100);
    expect(pace.aheadMs(150)).toBe(310);
    expect(pace.aheadMs(5_000)).toBe(0);
  });

  it('stands still while paused, and when a page that reported falls silent', () => {
    const pace = createPace();
    pace.reset(0);
    pace.sent(4_000, 0);
    pace.setRunning(false, 100);
    expect(pace.aheadMs(1_000)).toBe(3_900);
    pace.setRunning(true, 1_000);
    pace.reported(100, 1_000);
    expect(pace.aheadMs(9_000)).toBe(1_900);
  });
});

describe('the sound store', () => {
  const part = (length: number, from = 0) => Int16Array.from({ length }, (_, i) => (from + i) % 30_000);

  it('gives back exactly what came, however it is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 8 }),
        (chunks, takes) => {
          const store = createSoundStore();
          let total = 0;
          for (const length of chunks) {
            store.add('r', 't', 'i', part(length, total));
            total += length;
          }
          const item = store.get('r')!.items[0]!;
          let at = 0;
          for (const wanted of takes) {
            const count = Math.min(wanted, total - at);
            expect([...store.take(item, count)]).toEqual([...part(count, at)]);
            at += count;
          }
        },
      ),
    );
  });

  it('can start a response over until a second of it was sent', () => {
    const store = createSoundStore();
    for (let i = 0; i < 20; i++) store.add('r', 't', 'i', part(2_400));
    const item = store.get('r')!.items[0]!;
    store.take(item, 12_000);
    store.restart('r');
    expect(store.get('r')?.items[0]?.sent).toBe(0);
    store.take(item, 30_000);
    store.restart('r');
    expect(store.get('r')).toBeUndefined();
    expect(store.bytes).toBe(0);
  });

  it('holds no more than its bound, and counts what it lets go', () => {
    const store = createSoundStore();
    const mega = new Int16Array(1024 * 1024);
    for (let i = 0; i < 8; i++) expect(store.add('r', 't', 'i', mega)).toBe(true);
    expect(store.add('r', 't', 'i', part(1))).toBe(false);
    store.take(store.get('r')!.items[0]!, 3 * 1024 * 1024);
    expect(store.bytes).toBe(5 * 2 * 1024 * 1024);
    store.forget('r');
    store.forget('r');
    expect(store.bytes).toBe(0);
  });

  it('asks nothing of a response that it does not have', () => {
    const store = createSoundStore();
    store.trim('x', 'i', 3);
    store.complete('x');
    store.restart('x');
    expect([...store.all()]).toEqual([]);
  });
});
