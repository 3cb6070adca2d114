/** The worklet's entry in a stand-in for the audio thread's global scope: two processors, one quantum after another. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { BATCH_MS, FRAME_SAMPLES, RATE_HZ, msToSamples } from '#wire';
import type { FromCapture, FromPlayback, ToCapture, ToPlayback } from './worklet-messages.ts';
import { Resampler } from './resample.ts';
import { join, largestStep, noise, rms, silence, toInt16, tone, voice } from './testing/sounds.ts';

const DEVICE_HZ = 48_000;
const QUANTUM = 128;

interface Processor {
  process(inputs: Float32Array[][], outputs: Float32Array[][]): boolean;
}
type ProcessorClass = new (options: { processorOptions: unknown }) => Processor;

/** As a MessagePort of the audio thread, but at once: what is posted is cloned and transferred as there. */
class StandInPort<Out, In> {
  onmessage: ((event: { data: In }) => void) | null = null;
  readonly sent: Out[] = [];
  postMessage(message: Out, transfer: ArrayBuffer[] = []): void {
    this.sent.push(structuredClone(message, { transfer }));
  }
  tell(message: In): void {
    this.onmessage?.({ data: message });
  }
}

class Thread {
  readonly capture = new StandInPort<FromCapture, ToCapture>();
  readonly playback = new StandInPort<FromPlayback, ToPlayback>();
  readonly output: number[] = [];
  readonly #capturing: Processor;
  readonly #playing: Processor;
  readonly #scope: { currentFrame: number };

  private constructor(classes: Map<string, ProcessorClass>, scope: { currentFrame: number; port: unknown }) {
    const processorOptions = { rateHz: RATE_HZ, frameSamples: FRAME_SAMPLES, batchSamples: msToSamples(BATCH_MS) };
    const make = (name: string, port: unknown) => {
      scope.port = port;
      const Class = classes.get(name);
      if (!Class) throw new Error(`${name} is not registered`);
      return new Class({ processorOptions });
    };
    this.#scope = scope;
    this.#capturing = make('vjj-capture', this.capture);
    this.#playing = make('vjj-playback', this.playback);
  }

  static async start(): Promise<Thread> {
    const classes = new Map<string, ProcessorClass>();
    const scope = { currentFrame: 0, port: null as unknown };
    vi.stubGlobal('sampleRate', DEVICE_HZ);
    vi.stubGlobal(
      'AudioWorkletProcessor',
      class {
        readonly port = scope.port;
      },
    );
    vi.stubGlobal('registerProcessor', (name: string, Class: ProcessorClass) => classes.set(name, Class));
    vi.resetModules();
    await import('./worklet.ts');
    return new Thread(classes, scope);
  }

  /** The microphone hears `samples` of 24 kHz; null is no microphone. */
  run(samples: Float32Array | number): void {
    const up = new Resampler(RATE_HZ, DEVICE_HZ);
    const heard = typeof samples === 'number' ? new Float32Array(samples * 48) : new Float32Array(samples.length * 2);
    if (typeof samples !== 'number') {
      for (let at = 0, made = 0; at < samples.length; at += 1024) {
        up.write(samples.subarray(at, at + 1024));
        made += up.read(heard, made);
      }
    }
    for (let at = 0; at + QUANTUM <= heard.length; at += QUANTUM) {
      vi.stubGlobal('currentFrame', this.#scope.currentFrame);
      const out = new Float32Array(QUANTUM);
      const input = typeof samples === 'number' ? [] : [heard.subarray(at, at + QUANTUM)];
      expect(this.#capturing.process([input], [[new Float32Array(QUANTUM)]])).toBe(true);
      expect(this.#playing.process([[]], [[out]])).toBe(true);
      this.output.push(...out);
      this.#scope.currentFrame += QUANTUM;
    }
  }

  answer(samples: Float32Array, epoch = 1): void {
    this.playback.tell({ type: 'knobs', epoch, transitionGapMs: 10 });
    this.playback.tell({ type: 'item.started', item: 'i1', response: 'r1', turn: 't1', epoch, lane: 'B', fromMs: 0 });
    this.playback.tell({ type: 'gate.open', epoch, lane: 'B' });
    this.playback.tell({ type: 'lane.admit', epoch, response: 'r1' });
    this.playback.tell({ type: 'frame', epoch, lane: 'B', isLast: true, samples: toInt16(samples) });
  }

  from<T extends FromCapture['type']>(type: T) {
    return this.capture.sent.filter((message): message is Extract<FromCapture, { type: T }> => message.type === type);
  }
}

let thread: Thread;

beforeEach(async () => {
  thread = await Thread.start();
});

describe('the audio thread', () => {
  it('silences the output in the same quantum in which it decides that somebody speaks, and says when', () => {
    thread.answer(tone(300, 4000, 0.05));
    thread.run(silence(500));
    const speech = join(silence(300), voice(500, 0.5));
    thread.run(speech);
    const [onset] = thread.from('onset');
    expect(onset).toMatchObject({ utterance: 'w1', epoch: 1, paused: true });
    const decided = onset?.timing.decidedAtFrame ?? 0;
    const silent = thread.playback.sent.find((message) => message.type === 'silent');
    const lateMs = ((silent?.atFrame ?? Infinity) - decided) / 48;
    expect(lateMs).toBeLessThanOrEqual(20);
    const output = Float32Array.from(thread.output);
    const fadeMs = output.subarray(decided, decided + 48 * 6);
    expect(rms(fadeMs)).toBeGreaterThan(0.005);
    expect(rms(output.subarray(silent?.atFrame))).toBe(0);
    expect(largestStep(output)).toBeLessThan(0.1);
    const onsetMs = (decided - (onset?.timing.acousticOnsetFrame ?? 0)) / 48;
    expect(onsetMs).toBeLessThanOrEqual(70);
    // The speaker began 300 ms after the first 500.
    expect(decided / 48 - 800).toBeLessThanOrEqual(65);
  });

  it('sends the start of speech within frames that are marked as speech', () => {
    thread.run(join(silence(1000), voice(500, 0.5), silence(500)));
    const marked: number[] = [];
    const all: number[] = [];
    for (const { buffer, length, speaking } of thread.from('frame')) {
      if (speaking) marked.push(all.length);
      all.push(...buffer.subarray(0, length));
    }
    expect((marked[0] ?? Infinity) / 24).toBeLessThan(1000 - 30);
    const [offset, ...others] = thread.from('offset');
    expect([offset?.utterance, others]).toEqual(['w1', []]);
    // As long as the sound was; the silence that ended it is not in it.
    expect(Math.abs((offset?.ms ?? 0) - 500)).toBeLessThanOrEqual(20);
  });

  it('says again how loud an utterance is when it has become louder, and only then', () => {
    thread.run(join(silence(600), voice(300, 0.05), voice(300, 0.3), voice(300, 0.1), silence(500)));
    const [onset] = thread.from('onset');
    const louder = thread.from('louder');
    expect(louder.length).toBeGreaterThan(0);
    expect(louder.length).toBeLessThan(8);
    const levels = [onset?.level ?? 0, ...louder.map(({ level }) => level)];
    for (const [i, level] of levels.slice(1).entries()) expect(level).toBeGreaterThanOrEqual((levels[i] ?? 0) + 2.9);
    expect(levels.at(-1)).toBeGreaterThan((onset?.level ?? 0) + 10);
    expect(new Set(louder.map(({ utterance }) => utterance))).toEqual(new Set(['w1']));
  });

  it('tells of a cough how short it was', () => {
    const cough = noise(90, 0.2, 3).map((sample, i) => sample * Math.exp(-i / 700));
    thread.run(join(noise(800, 0.0005, 1), cough, noise(600, 0.0005, 2)));
    expect(thread.from('offset')).toHaveLength(1);
    expect(thread.from('offset')[0]?.ms).toBeLessThan(120);
    expect(thread.from('offset')[0]?.ms).toBeGreaterThanOrEqual(60);
  });

  it('gives a tone back as it was, at the rate of the wire', () => {
    thread.run(tone(1000, 1000, 0.25));
    const samples = thread.from('frame').flatMap(({ buffer, length }) => [...buffer.subarray(0, length)]);
    const steady = Float32Array.from(samples.slice(4800), (sample) => sample / 32_768);
    expect(rms(steady)).toBeCloseTo(0.25 * Math.SQRT1_2, 2);
  });

  it('takes buffers back', () => {
    thread.run(silence(500));
    const { length } = thread.from('frame');
    expect(length).toBeGreaterThan(0);
    for (const { buffer } of thread.from('frame')) thread.capture.tell({ type: 'recycle', buffer });
    thread.run(silence(500));
    expect(thread.from('frame').length).toBeGreaterThan(length);
  });

  it('sends nothing while there is no microphone', () => {
    thread.run(500);
    expect(thread.capture.sent).toEqual([]);
  });

  it('does not pause for a soft sound in the first seconds of the agent, but for a louder repeat of it', () => {
    thread.capture.tell({ type: 'knobs', echoLevelDb: -30, echoGuardMs: 3000 });
    thread.answer(tone(300, 4000, 0.01));
    thread.run(silence(500));
    thread.run(join(silence(100), voice(400, 0.03), voice(400, 0.6)));
    const [soft, loud] = thread.from('onset');
    expect(soft).toMatchObject({ utterance: 'w1', paused: false });
    expect(loud).toMatchObject({ utterance: 'w1', paused: true });
    expect(soft?.level).toBeLessThan(-30);
    expect(loud?.level).toBeGreaterThanOrEqual(-30);
    expect(thread.from('onset')).toHaveLength(2);
  });

  it('pauses for a soft sound once that time is over', () => {
    thread.capture.tell({ type: 'knobs', echoLevelDb: -30, echoGuardMs: 400 });
    thread.answer(tone(300, 4000, 0.01));
    thread.run(silence(600));
    thread.run(join(silence(100), voice(400, 0.03)));
    expect(thread.from('onset')[0]).toMatchObject({ paused: true });
  });

  it('lets push-to-talk mark the speech and the detector say nothing', () => {
    thread.answer(tone(300, 4000, 0.05));
    thread.run(silence(300));
    thread.capture.tell({ type: 'talk', utterance: 'u1' });
    thread.run(join(voice(300, 0.5)));
    expect(thread.playback.sent.some((message) => message.type === 'silent')).toBe(true);
    thread.capture.tell({ type: 'talk', utterance: null });
    thread.run(voice(300, 0.5));
    expect(thread.from('onset')).toEqual([]);
    expect(thread.from('frame').some(({ speaking }) => speaking)).toBe(true);
    expect(thread.from('frame').at(-1)?.speaking).toBe(false);
  });

  it.each([true, false])(
    'where nothing cancels the echo (%s) sends none of it up, but every word of a person',
    (isHalfDuplex) => {
      thread.capture.tell({ type: 'coupling', couplingDb: -8, isHalfDuplex });
      thread.answer(tone(330, 3000, 0.3));
      // The loudspeaker comes back into the microphone, softer.
      thread.run(tone(330, 2000, 0.02));
      const echo = thread.from('frame').slice(2);
      expect(echo.length).toBeGreaterThan(10);
      const heard = (frames: typeof echo) =>
        frames.reduce((most, { buffer }) => buffer.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), most), 0);
      if (isHalfDuplex) expect(heard(echo)).toBe(0);
      else expect(heard(echo)).toBeGreaterThan(300);
      const before = thread.from('frame').length;
      thread.run(voice(600, 0.9));
      expect(thread.from('onset')).toHaveLength(1);
      const person = thread.from('frame').slice(before);
      expect(heard(person.filter(({ speaking }) => speaking))).toBeGreaterThan(20_000);
      // The agent fell silent: whatever is said now, and the room, is heard as it is.
      const after = thread.from('frame').length;
      thread.run(join(silence(1500), tone(500, 1000, 0.001)));
      expect(heard(thread.from('frame').slice(after))).toBeGreaterThan(10);
    },
  );

  it('ends what was being said when the microphone is muted, and learns the room anew', () => {
    thread.capture.tell({ type: 'coupling', couplingDb: -10, isHalfDuplex: false });
    thread.run(join(silence(500), voice(300, 0.5)));
    expect(thread.from('onset')).toHaveLength(1);
    thread.capture.tell({ type: 'reset' });
    expect(thread.from('offset')).toMatchObject([{ utterance: 'w1' }]);
    thread.run(noise(2000, 0.01));
    expect(thread.from('onset')).toHaveLength(1);
  });

  it('plays clips, follows the volume without a click, and counts with the latency it is told', () => {
    thread.playback.tell({ type: 'latency', latencyMs: 50 });
    thread.playback.tell({ type: 'clip', clip: 'mm', samples: toInt16(tone(300, 200, 0.4)) });
    thread.playback.tell({ type: 'knobs', epoch: 1, transitionGapMs: 10 });
    thread.playback.tell({ type: 'clip.play', epoch: 1, lane: 'A', clip: 'mm' });
    thread.run(100);
    thread.playback.tell({ type: 'volume', volume: 0 });
    const loud = rms(Float32Array.from(thread.output.slice(-2400)));
    thread.run(60);
    const soft = rms(Float32Array.from(thread.output.slice(-480)));
    expect(loud).toBeGreaterThan(0.2);
    expect(soft).toBeLessThan(0.02);
    expect(largestStep(Float32Array.from(thread.output))).toBeLessThan(0.1);
    thread.run(60);
    expect(thread.playback.sent.some((message) => message.type === 'clip.ended')).toBe(false);
    thread.run(60);
    expect(thread.playback.sent.filter((message) => message.type === 'clip.ended')).toHaveLength(1);
    const pausable = thread.playback.sent.filter((message) => message.type === 'pausable');
    expect(pausable.map((message) => message.pausable)).toEqual([true, false]);
  });
});
