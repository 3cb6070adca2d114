/** What the audio thread leaves behind for the garbage collector while both directions run. */
import { Session, type HeapProfiler } from 'node:inspector';
import { expect, it } from 'vitest';
import { BATCH_MS, FRAME_SAMPLES, RATE_HZ, msToSamples } from '#wire';
import { createCapture } from './capture.worklet.ts';
import { createPlayback } from './playback.worklet.ts';
import { noise, toInt16, voice } from './testing/sounds.ts';
import type { FromCapture, FromPlayback, SharedSound, ToCapture, ToPlayback } from './worklet-messages.ts';

const DEVICE_HZ = 48_000;
const QUANTUM = 128;
const QUANTA_A_SECOND = DEVICE_HZ / QUANTUM;
/** A buffer made anew for each quantum would take at least so much. */
const QUANTUM_BYTES = QUANTUM * Float32Array.BYTES_PER_ELEMENT;
const SAMPLED_EVERY_BYTES = 64;

/** What the sound's own functions make while `work` runs, in bytes, whether it is collected meanwhile or not. */
function madeDuring(work: () => void): number {
  const inspector = new Session();
  inspector.connect();
  let made = 0;
  const add = ({ callFrame, selfSize, children }: HeapProfiler.SamplingHeapProfileNode) => {
    if (/\/widget\/audio\/(?!.*\.test\.)/.test(callFrame.url)) made += selfSize;
    children.forEach(add);
  };
  const how = { includeObjectsCollectedByMajorGC: true, includeObjectsCollectedByMinorGC: true };
  inspector.post('HeapProfiler.startSampling', { samplingInterval: SAMPLED_EVERY_BYTES, ...how });
  work();
  inspector.post('HeapProfiler.stopSampling', (_error, { profile }) => add(profile.head));
  inspector.disconnect();
  return made;
}

it.each([
  ['the answer plays and the room is heard', noise(1000, 0.002, 3, DEVICE_HZ), true],
  ['somebody speaks and the answer waits', voice(1000, 0.2, 180, 1, DEVICE_HZ), false],
])('while %s, what is left per quantum is a fraction of its sound', (_what, heard, isPlaying) => {
  const shared: SharedSound = { gate: null, echo: null };
  const format = { rateHz: RATE_HZ, frameSamples: FRAME_SAMPLES, batchSamples: msToSamples(BATCH_MS) };
  let frames = 0;
  let returned: Int16Array<ArrayBuffer> | null = null;
  const up = {
    onmessage: null as ((event: { data: ToCapture }) => void) | null,
    // As the main thread: it keeps nothing, and gives the buffer back.
    postMessage(message: FromCapture) {
      if (message.type === 'frame') {
        frames += 1;
        returned = message.buffer;
      }
    },
  };
  const down = {
    onmessage: null as ((event: { data: ToPlayback }) => void) | null,
    postMessage(_message: FromPlayback) {},
  };
  const play = createPlayback(down, shared, format, DEVICE_HZ);
  const hear = createCapture(up, shared, format, DEVICE_HZ);
  const recycle = { data: { type: 'recycle' as const, buffer: new Int16Array(0) } };
  const tell = (data: ToPlayback) => down.onmessage?.({ data });
  tell({ type: 'knobs', epoch: 1, transitionGapMs: 10 });
  tell({ type: 'item.started', item: 'i1', response: 'r1', turn: 't1', epoch: 1, lane: 'B', fromMs: 0 });
  tell({ type: 'gate.open', epoch: 1, lane: 'B' });
  tell({ type: 'lane.admit', epoch: 1, response: 'r1' });

  const answer = toInt16(voice(20, 0.2));
  const sound = { data: { type: 'frame' as const, epoch: 1, lane: 'B' as const, isLast: false, samples: answer } };
  const views = Array.from({ length: Math.floor(heard.length / QUANTUM) }, (_, at) =>
    heard.subarray(at * QUANTUM, (at + 1) * QUANTUM),
  );
  const output = new Float32Array(QUANTUM);
  let frame = 0;
  let due = 0;
  const run = (seconds: number) => {
    for (let i = 0; i < seconds * QUANTA_A_SECOND; i++) {
      due += QUANTUM / DEVICE_HZ;
      if (due >= 0.02) {
        due -= 0.02;
        // The relay waits too while the answer does.
        if (isPlaying || frame < DEVICE_HZ) down.onmessage?.(sound);
      }
      play(output, frame);
      hear(views[i % views.length], frame);
      frame += QUANTUM;
      if (returned !== null) {
        recycle.data.buffer = returned;
        returned = null;
        up.onmessage?.(recycle);
      }
    }
  };
  // Until it is compiled, the engine makes things of its own.
  run(60);
  const sent = frames;
  const perQuantum = madeDuring(() => run(8)) / (8 * QUANTA_A_SECOND);
  expect(frames).toBeGreaterThan(sent);
  expect(output.some((sample) => sample !== 0)).toBe(isPlaying);
  // Reports to the page, a few times a second.
  expect(perQuantum).toBeLessThan(QUANTUM_BYTES / 8);
});
