import { describe, expect, it } from 'vitest';
import { KEPT_MS, Outbox } from './outbox.ts';

const sound = (ms: number, mark: number) => ({ samples: new Int16Array(ms * 24).fill(mark), speaking: true });

describe('what waits for a connection', () => {
  it('comes out in the order in which it went in, once', () => {
    const outbox = new Outbox();
    outbox.add(sound(20, 1));
    outbox.add({ message: { type: 'user.interrupt' } });
    outbox.add(sound(20, 2));
    expect(outbox.take().map((parcel) => ('samples' in parcel ? parcel.samples[0] : parcel.message.type))).toEqual([
      1,
      'user.interrupt',
      2,
    ]);
    expect(outbox.take()).toEqual([]);
  });

  it('is the newest three seconds of sound and every message', () => {
    const outbox = new Outbox();
    outbox.add({ message: { type: 'user.interrupt' } });
    for (let mark = 0; mark < 40; mark += 1) outbox.add(sound(100, mark));
    const [first, ...frames] = outbox.take();
    expect(first).toEqual({ message: { type: 'user.interrupt' } });
    expect(frames).toHaveLength(KEPT_MS / 100);
    expect(frames[0]).toMatchObject({ samples: new Int16Array(2400).fill(10) });
  });
});
