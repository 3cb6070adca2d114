import { expect, it } from 'vitest';
import { msToSamples } from '#wire';
import { virtualClock } from '../../testing/virtual-clock.ts';
import { KEEP_MS, Microphone, type MicrophoneOptions } from './microphone.ts';

interface Heard {
  microphone: Microphone;
  /** `commit`, `clear`, or the milliseconds and first value of a chunk. */
  sent: string[];
  droppedMs: number[];
  lostMs: number[];
  clock: ReturnType<typeof virtualClock>;
  backUp: (isBackedUp: boolean) => void;
}

function listen(turn: MicrophoneOptions['turn'] = 'auto'): Heard {
  const sent: string[] = [];
  const droppedMs: number[] = [];
  const lostMs: number[] = [];
  const clock = virtualClock();
  let isBackedUp = false;
  const microphone = new Microphone({
    turn,
    clock,
    isBackedUp: () => isBackedUp,
    dropped: (ms) => droppedMs.push(ms),
    lost: (ms) => lostMs.push(ms),
    send(text) {
      const event = JSON.parse(text) as { type: string; audio?: string };
      if (event.audio === undefined) return void sent.push(event.type.replace('input_audio_buffer.', ''));
      const bytes = Buffer.from(event.audio, 'base64');
      sent.push(`${bytes.length / 48}ms:${bytes.readInt16LE(0)}`);
    },
  });
  return { microphone, sent, droppedMs, lostMs, clock, backUp: (is) => void (isBackedUp = is) };
}

const sound = (ms: number, value: number) => new Int16Array(msToSamples(ms)).fill(value);

it('sends what it is given, message by message, once the provider is there', () => {
  const { microphone, sent } = listen();
  microphone.append(sound(20, 1));
  microphone.append(sound(20, 2));
  expect(sent).toEqual([]);
  microphone.open();
  microphone.append(sound(20, 3));
  microphone.append(new Int16Array(0));
  expect(sent).toEqual(['20ms:1', '20ms:2', '20ms:3']);
});

it('keeps the last thirty seconds while nobody takes it, and says how much was dropped', () => {
  const { microphone, sent, droppedMs, lostMs } = listen();
  for (let second = 1; second <= 32; second += 1) microphone.append(sound(1_000, second));
  expect(droppedMs).toEqual([1_000, 1_000]);
  microphone.open();
  expect(sent).toEqual(Array.from({ length: 30 }, (_, at) => `1000ms:${at + 3}`));
  // A quiet room: nobody has said anything that would have to be said again.
  expect(lostMs).toEqual([]);
});

it('says so once, when it is up again, that somebody spoke longer ago than is kept', () => {
  const { microphone, lostMs } = listen();
  for (let second = 1; second <= 33; second += 1) microphone.append(sound(1_000, second < 3 ? 4_000 : 0));
  expect(lostMs).toEqual([]);
  microphone.open();
  expect(lostMs).toEqual([2_000]);
  microphone.shut();
  microphone.open();
  expect(lostMs).toEqual([2_000]);
});

it('does not keep the caller’s buffer, which may be used again', () => {
  const { microphone, sent } = listen();
  const buffer = sound(20, 1);
  microphone.append(buffer);
  buffer.fill(9);
  microphone.open();
  expect(sent).toEqual(['20ms:1']);
});

it('tells positions on the provider’s clock in what was appended, over gaps and connections', () => {
  const { microphone, backUp } = listen();
  for (let second = 1; second <= 32; second += 1) microphone.append(sound(1_000, second));
  microphone.open();
  microphone.append(sound(1_000, 33));
  // Two seconds were dropped before the first that was sent.
  expect(microphone.position(500)).toBe(2_500);
  expect(microphone.position(6_100)).toBe(8_100);
  microphone.committed('u1');
  microphone.shut();
  microphone.append(sound(500, 1));
  microphone.open();
  expect(microphone.position(100)).toBe(33_100);
  backUp(true);
  for (let second = 1; second <= 31; second += 1) microphone.append(sound(1_000, second));
  backUp(false);
  microphone.append(sound(1_000, 1));
  // A second was dropped while the network was full, after the half that had been sent.
  expect(microphone.position(400)).toBe(33_400);
  expect(microphone.position(600)).toBe(34_600);
});

it('says an utterance again to the next connection from its start, and a second of what came before', () => {
  const { microphone, sent } = listen();
  microphone.open();
  for (let i = 0; i < 30; i += 1) microphone.append(sound(100, i));
  microphone.speechStarted();
  for (let i = 30; i < 40; i += 1) microphone.append(sound(100, i));
  sent.length = 0;
  microphone.shut();
  microphone.append(sound(100, 40));
  microphone.open();
  expect(sent[0]).toBe('100ms:20');
  expect(sent).toHaveLength(21);
  expect(sent.at(-1)).toBe('100ms:40');
});

it('does not say again what became a turn', () => {
  const { microphone, sent } = listen();
  microphone.open();
  microphone.append(sound(100, 1));
  microphone.committed('u1');
  sent.length = 0;
  microphone.shut();
  microphone.open();
  expect(sent).toEqual([]);
});

it('keeps an utterance of thirty seconds whole for the next connection, with what came meanwhile', () => {
  const { microphone, sent, lostMs } = listen();
  microphone.open();
  microphone.speechStarted();
  for (let i = 0; i < 250; i += 1) microphone.append(sound(100, 4_000 + i));
  sent.length = 0;
  microphone.shut();
  for (let i = 250; i < 300; i += 1) microphone.append(sound(100, 4_000 + i));
  microphone.open();
  expect(sent).toEqual(Array.from({ length: 300 }, (_, at) => `100ms:${4_000 + at}`));
  expect(lostMs).toEqual([]);
});

it('of a longer one keeps the last thirty seconds, and tells how much is lost', () => {
  const { microphone, sent, lostMs } = listen();
  microphone.open();
  microphone.speechStarted();
  for (let i = 0; i < 340; i += 1) microphone.append(sound(100, 4_000 + i));
  sent.length = 0;
  microphone.shut();
  for (let i = 340; i < 350; i += 1) microphone.append(sound(100, 4_000 + i));
  microphone.open();
  expect(sent).toHaveLength(KEEP_MS / 100);
  expect([sent[0], sent.at(-1)]).toEqual(['100ms:4050', '100ms:4349']);
  expect(lostMs).toEqual([5_000]);
  expect(microphone.position(0)).toBe(5_000);
});

it('keeps the sound of a turn until its words are known, thirty seconds of it in all', () => {
  const { microphone } = listen();
  microphone.open();
  for (const item of ['u1', 'u2', 'u3', 'u4']) {
    microphone.speechStarted();
    for (let i = 0; i < 10; i += 1) microphone.append(sound(1_000, i));
    microphone.committed(item);
  }
  expect(['u1', 'u2', 'u3', 'u4'].map((item) => microphone.soundOf(item)?.length)).toEqual([
    undefined,
    240_000,
    240_000,
    240_000,
  ]);
  expect(microphone.soundOf('u2')?.at(-1)).toBe(9);
  microphone.written('u2');
  expect(microphone.soundOf('u2')).toBeUndefined();
  microphone.committed('empty');
  expect(microphone.soundOf('empty')).toBeUndefined();
});

it('sends what waited no faster than the network takes it', () => {
  const { microphone, sent, clock, backUp } = listen();
  for (let i = 0; i < 10; i += 1) microphone.append(sound(100, i));
  backUp(true);
  microphone.open();
  expect(sent).toEqual([]);
  expect(microphone.isBusy).toBe(true);
  backUp(false);
  clock.advance(50);
  expect(sent).toHaveLength(10);
  expect([microphone.isBusy, clock.pending]).toEqual([false, 0]);
});

it('lets a turn go whose sound is too old, commit and all', () => {
  const { microphone, sent, lostMs } = listen('hold');
  microphone.append(sound(1_000, 1));
  expect(microphone.commit()).toBe(true);
  for (let i = 0; i < 30; i += 1) microphone.append(sound(1_000, 2));
  microphone.open();
  expect(sent).toHaveLength(30);
  expect(sent).not.toContain('commit');
  expect(lostMs).toEqual([1_000]);
});

it('commits by hand from 100 ms on, counted anew after each commit and clear', () => {
  const { microphone, sent } = listen('hold');
  microphone.open();
  microphone.append(sound(99, 1));
  expect(microphone.commit()).toBe(false);
  microphone.append(sound(1, 1));
  expect(microphone.commit()).toBe(true);
  expect(microphone.commit()).toBe(false);
  microphone.append(sound(100, 2));
  microphone.clear();
  expect(microphone.commit()).toBe(false);
  expect(sent).toEqual(['99ms:1', '1ms:1', 'commit', '100ms:2', 'clear']);
});

it('never commits while the provider decides about turns', () => {
  const { microphone } = listen('auto');
  microphone.open();
  microphone.append(sound(500, 1));
  expect(microphone.commit()).toBe(false);
});

it('keeps turns apart that were let go of before the provider was there', () => {
  const { microphone, sent } = listen('hold');
  microphone.append(sound(200, 1));
  expect(microphone.commit()).toBe(true);
  microphone.append(sound(300, 2));
  microphone.clear();
  microphone.append(sound(400, 3));
  microphone.open();
  expect(sent).toEqual(['200ms:1', 'commit', '400ms:3']);
});

it('commits again on the next connection what the last one did not confirm', () => {
  const { microphone, sent } = listen('hold');
  microphone.open();
  microphone.append(sound(200, 1));
  microphone.commit();
  microphone.append(sound(200, 2));
  microphone.commit();
  microphone.committed('u1');
  sent.length = 0;
  microphone.shut();
  microphone.open();
  expect(sent).toEqual(['200ms:2', 'commit']);
});

it('holds sound back while the network is full and goes on by itself, in order', () => {
  const { microphone, sent, clock, backUp } = listen();
  microphone.open();
  backUp(true);
  microphone.append(sound(20, 1));
  microphone.append(sound(20, 2));
  clock.advance(200);
  expect(sent).toEqual([]);
  backUp(false);
  clock.advance(50);
  expect(sent).toEqual(['20ms:1', '20ms:2']);
  expect(clock.pending).toBe(0);
  backUp(true);
  microphone.append(sound(20, 3));
  microphone.shut();
  expect(clock.pending).toBe(0);
});

it('puts what waits before a commit even when the network is full', () => {
  const { microphone, sent, backUp } = listen('hold');
  microphone.open();
  backUp(true);
  microphone.append(sound(200, 1));
  expect(microphone.commit()).toBe(true);
  expect(sent).toEqual(['200ms:1', 'commit']);
});
