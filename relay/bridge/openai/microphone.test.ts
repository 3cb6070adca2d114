import { expect, it } from 'vitest';
import { msToSamples } from '#wire';
import { virtualClock } from '../../testing/virtual-clock.ts';
import { KEEP_MS, Microphone, type MicrophoneOptions } from './microphone.ts';

interface Heard {
  microphone: Microphone;
  /** `commit`, `clear`, or the milliseconds and first value of a chunk. */
  sent: string[];
  droppedMs: number[];
  clock: ReturnType<typeof virtualClock>;
  backUp: (isBackedUp: boolean) => void;
}

function listen(turn: MicrophoneOptions['turn'] = 'auto'): Heard {
  const sent: string[] = [];
  const droppedMs: number[] = [];
  const clock = virtualClock();
  let isBackedUp = false;
  const microphone = new Microphone({
    turn,
    clock,
    isBackedUp: () => isBackedUp,
    dropped: (ms) => droppedMs.push(ms),
    send(text) {
      const event = JSON.parse(text) as { type: string; audio?: string };
      if (event.audio === undefined) return void sent.push(event.type.replace('input_audio_buffer.', ''));
      const bytes = Buffer.from(event.audio, 'base64');
      sent.push(`${bytes.length / 48}ms:${bytes.readInt16LE(0)}`);
    },
  });
  return { microphone, sent, droppedMs, clock, backUp: (is) => void (isBackedUp = is) };
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

it('keeps the oldest six seconds while nobody takes it, and says how much was lost', () => {
  const { microphone, sent, droppedMs } = listen();
  for (let second = 1; second <= 8; second += 1) microphone.append(sound(1_000, second));
  expect(droppedMs).toEqual([1_000, 1_000]);
  microphone.open();
  expect(sent).toEqual([1, 2, 3, 4, 5, 6].map((value) => `1000ms:${value}`));
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
  const { microphone } = listen();
  for (let second = 1; second <= 8; second += 1) microphone.append(sound(1_000, second));
  microphone.open();
  microphone.append(sound(1_000, 9));
  expect(microphone.position(500)).toBe(500);
  // Two seconds were dropped after the sixth.
  expect(microphone.position(6_100)).toBe(8_100);
  microphone.committed();
  microphone.shut();
  microphone.append(sound(500, 1));
  microphone.open();
  expect(microphone.position(100)).toBe(9_100);
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
  microphone.committed();
  sent.length = 0;
  microphone.shut();
  microphone.open();
  expect(sent).toEqual([]);
});

it('keeps the start of a very long utterance for the next connection, not its end', () => {
  const { microphone, sent } = listen();
  microphone.open();
  microphone.speechStarted();
  for (let i = 0; i < 70; i += 1) microphone.append(sound(100, i));
  sent.length = 0;
  microphone.shut();
  microphone.append(sound(100, 99));
  microphone.open();
  expect(sent[0]).toBe('100ms:0');
  expect(sent).toHaveLength(KEEP_MS / 100);
  // The second that was not kept, and what came while nobody was there, still count.
  expect(microphone.position(KEEP_MS - 100)).toBe(KEEP_MS - 100);
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
  microphone.committed();
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
