/** The virtual ear: what it reports, when it is done, and what it calls a gap. */
import { beforeEach, describe, expect, it } from 'vitest';
import { FLAG_LAST, msToSamples, type WidgetMessage } from '#wire';
import { virtualClock, type VirtualClock } from '../../relay/testing/virtual-clock.ts';
import { createEar, type Ear } from './ear.ts';

let clock: VirtualClock;
let ear: Ear;
let sent: WidgetMessage[];
let firsts: string[];
let clips: number;
let underruns: number[];

beforeEach(() => {
  clock = virtualClock();
  [sent, firsts, clips, underruns] = [[], [], 0, []];
  ear = createEar({
    now: () => clock.now(),
    later: (ms, call) => clock.wakeAt(clock.now() + ms, call),
    send: (message) => sent.push(message),
    onFirst: (turn) => firsts.push(turn),
    onClip: () => (clips += 1),
    onUnderrun: (ms) => underruns.push(ms),
  });
});

const begin = (item = 'item_1', epoch = 1) => {
  ear.message({ type: 'gate.open', epoch, lane: 'B' });
  ear.message({ type: 'item.started', item, response: 'r', turn: `turn of ${item}`, epoch, lane: 'B', fromMs: 0 });
};
const sound = (ms: number, isLast = false, epoch = 1) =>
  ear.frame({
    ...{ epoch, seq: 0, lane: 'B' as const, flags: isLast ? FLAG_LAST : 0 },
    samples: new Int16Array(msToSamples(ms)),
  });
const of = <T extends WidgetMessage['type']>(type: T) =>
  sent.filter((one): one is Extract<WidgetMessage, { type: T }> => one.type === type);

describe('an ear', () => {
  it('says every tenth of a second how far it is, and when all was played', () => {
    begin();
    sound(250, true);
    clock.advance(1_000);
    expect(of('playout').map(({ playedMs }) => playedMs)).toEqual([100, 200, 250]);
    expect(of('playout.drained')).toEqual([{ type: 'playout.drained', epoch: 1, item: 'item_1' }]);
    expect(ear.isPlaying).toBe(false);
    expect(clock.pending).toBe(0);
  });

  it('tells the first sound of a turn once', () => {
    begin();
    sound(20);
    sound(20, true);
    expect(firsts).toEqual(['turn of item_1']);
  });

  it('calls it a gap when sound comes later than it was needed, and only then', () => {
    begin();
    sound(100);
    clock.advance(90);
    sound(100);
    expect(underruns).toEqual([]);
    clock.advance(160);
    sound(50, true);
    expect(underruns).toEqual([50]);
    clock.advance(2_000);
    expect(underruns).toEqual([50]);
  });

  it('does not miss sound while it is paused', () => {
    begin();
    sound(200);
    clock.advance(100);
    ear.message({ type: 'gate.pause', epoch: 1 });
    clock.advance(5_000);
    ear.message({ type: 'gate.resume', epoch: 1, rewindMs: 60 });
    sound(100, true);
    clock.advance(1_000);
    expect(underruns).toEqual([]);
    expect(of('playout').at(-1)?.playedMs).toBe(300);
    expect(ear.heardMs).toBe(0);
  });

  it('pauses by itself when its person speaks, and has nothing to pause when nothing is heard', () => {
    expect(ear.interrupt()).toBe(false);
    begin();
    sound(400);
    clock.advance(130);
    expect(ear.interrupt()).toBe(true);
    expect(of('playout').at(-1)?.playedMs).toBe(130);
  });

  it('says where it stopped when the gate closes, and forgets what is over', () => {
    begin();
    sound(400);
    clock.advance(150);
    ear.message({ type: 'gate.close', epoch: 2, rampMs: 10 });
    expect(of('playout').at(-1)).toMatchObject({ epoch: 1, playedMs: 150, last: true });
    expect(ear.epoch).toBe(2);
    sound(100);
    expect(ear.isPlaying).toBe(false);
  });

  it('plays a clip to its end, or until the answer takes over', () => {
    ear.message({ type: 'clip.added', clip: 'c1', kind: 'reflex', ms: 300, affirmative: false, text: 'Hm.' });
    ear.message({ type: 'clip.play', epoch: 1, lane: 'A', clip: 'c1' });
    clock.advance(300);
    expect(of('clip.ended')).toHaveLength(1);
    ear.message({ type: 'clip.play', epoch: 1, lane: 'A', clip: 'c1' });
    clock.advance(100);
    begin();
    sound(50, true);
    expect(of('clip.ended')).toHaveLength(2);
    clock.advance(1_000);
    expect(of('clip.ended')).toHaveLength(2);
    expect(clips).toBe(2);
  });

  it('begins anew with a new session, and goes on where nothing was lost', () => {
    begin();
    sound(400);
    const greeting = {
      ...{ session: 's', epoch: 5, assistant: { name: 'Jib', locale: 'en' }, leadMs: 400, longestSessionMs: 1 },
      ...{ tokenExpiresInMs: 1, knobs: { echoLevelDb: -45, echoGuardMs: 0, transitionGapMs: 10 } },
    };
    const received = { messages: 0, frames: 0 };
    ear.message({ type: 'session.resumed', ...greeting, kept: 'all', received });
    expect(ear.isPlaying).toBe(true);
    ear.message({ type: 'session.resumed', ...greeting, kept: 'memory', received });
    expect([ear.isPlaying, ear.epoch]).toEqual([false, 5]);
  });

  it('leaves nothing running when it is stopped', () => {
    ear.message({ type: 'clip.play', epoch: 1, lane: 'A', clip: 'c1' });
    begin();
    sound(400);
    ear.stop();
    expect(clock.pending).toBe(0);
  });
});
