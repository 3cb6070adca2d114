import { describe, expect, it } from 'vitest';
import { virtualClock } from '../testing/virtual-clock.ts';
import { memoryBroadcast } from './broadcast.ts';
import { memoryOnce } from './once.ts';

describe('the broadcast', () => {
  it('reaches everybody who listens to the channel, and nobody who has stopped', async () => {
    const broadcast = memoryBroadcast();
    const heard: string[] = [];
    const listener = (message: string) => void heard.push(message);
    const stop = broadcast.subscribe('a', listener);
    const stopTwin = broadcast.subscribe('a', listener);
    broadcast.subscribe('b', () => heard.push('of b'));
    await broadcast.publish('a', 'one');
    stop();
    await broadcast.publish('a', 'two');
    stopTwin();
    stopTwin();
    await broadcast.publish('a', 'three');
    expect(heard).toEqual(['one', 'one', 'two']);
  });
});

describe('what may happen once', () => {
  it('happens once until its time has passed, also for those who try at once', async () => {
    const clock = virtualClock();
    const once = memoryOnce(clock);
    const until = clock.wallNow() + 1_000;
    expect(await Promise.all([once.first('a', until), once.first('a', until), once.first('b', until)])).toEqual([
      true,
      false,
      true,
    ]);
    clock.advance(999);
    expect(await once.first('a', until)).toBe(false);
    clock.advance(1);
    expect(await once.first('a', until + 1_000)).toBe(true);
  });

  it('is forgotten afterwards', async () => {
    const clock = virtualClock();
    const once = memoryOnce(clock);
    for (let i = 0; i < 10_000; i++) {
      clock.advance(1);
      await once.first(String(i), clock.wallNow() + 100);
    }
    expect(once.size).toBeLessThan(1_200);
  });
});
