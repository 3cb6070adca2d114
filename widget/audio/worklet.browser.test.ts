/** Both processors in a real audio thread without a device: every sample that is rendered is looked at. */
import { expect } from '@esm-bundle/chai';
import { BATCH_MS, FRAME_SAMPLES, RATE_HZ, msToSamples } from '#wire';
import { join, largestStep, noise, rms, silence, toInt16, tone, voice } from './testing/sounds.ts';
import { CAPTURE, PLAYBACK, type FromCapture, type FromPlayback, type ToPlayback } from './worklet-messages.ts';

const WORKLET = new URL('./worklet.ts?worklet=file', import.meta.url).href;

interface Rendered {
  output: Float32Array;
  captured: FromCapture[];
  played: FromPlayback[];
  /** When the microphone's sound began, in the context's frames. */
  begunAtFrame: number;
}

/** Renders what the microphone hears and the relay says beforehand, at the device's rate. */
async function render(heard: Float32Array, told: ToPlayback[], deviceHz = 48_000): Promise<Rendered> {
  const seconds = heard.length / RATE_HZ;
  const context = new OfflineAudioContext(1, Math.round((seconds + 0.5) * deviceHz), deviceHz);
  await context.audioWorklet.addModule(WORKLET);
  const processorOptions = { rateHz: RATE_HZ, frameSamples: FRAME_SAMPLES, batchSamples: msToSamples(BATCH_MS) };
  const options = { channelCount: 1, channelCountMode: 'explicit', outputChannelCount: [1], processorOptions } as const;
  const capture = new AudioWorkletNode(context, CAPTURE, { ...options, outputChannelCount: [1] });
  const playback = new AudioWorkletNode(context, PLAYBACK, { ...options, outputChannelCount: [1] });
  const captured: FromCapture[] = [];
  const played: FromPlayback[] = [];
  capture.port.onmessage = ({ data }: MessageEvent<FromCapture>) => captured.push(data);
  const buffer = new AudioBuffer({ length: heard.length, sampleRate: RATE_HZ });
  buffer.getChannelData(0).set(heard);
  const source = new AudioBufferSourceNode(context, { buffer });
  source.connect(capture).connect(playback).connect(context.destination);
  playback.port.onmessage = ({ data }: MessageEvent<FromPlayback>) => played.push(data);
  for (const message of told) playback.port.postMessage(message);
  // The audio thread reads its messages when it likes; its first word shows that it has.
  let begunAtFrame = 0;
  const begin = async (atS: number): Promise<void> => {
    await context.suspend(atS);
    if (played.length > 0) {
      begunAtFrame = Math.round(context.currentTime * deviceHz);
      source.start();
    } else {
      void begin(atS + 0.02);
    }
    await context.resume();
  };
  void begin(0.02);
  const rendered = await context.startRendering();
  return { output: rendered.getChannelData(0), captured, played, begunAtFrame };
}

const answer = (samples: Float32Array): ToPlayback[] => [
  { type: 'knobs', epoch: 1, transitionGapMs: 10 },
  { type: 'item.started', item: 'i1', response: 'r1', turn: 't1', epoch: 1, lane: 'B', fromMs: 0 },
  { type: 'gate.open', epoch: 1, lane: 'B' },
  { type: 'lane.admit', epoch: 1, response: 'r1' },
  { type: 'frame', epoch: 1, lane: 'B', isLast: true, samples: toInt16(samples) },
];

describe('both processors in one audio thread', () => {
  it('are silent within 25 ms of the decision and 85 ms of the first sound, for every voice, without a click', async () => {
    const waits: number[] = [];
    const delays: number[] = [];
    for (let i = 0; i < 20; i++) {
      const lead = 400 + 7 * i;
      const heard = join(noise(lead, 0.001, i + 1), voice(400, 0.4, 90 + 7 * i, 1.2), silence(200));
      const { output, captured, played, begunAtFrame } = await render(heard, answer(tone(300, 3000, 0.1)));
      const onset = captured.find((message) => message.type === 'onset');
      const silent = played.find((message) => message.type === 'silent');
      expect(onset?.paused).to.equal(true);
      const decided = onset?.timing.decidedAtFrame ?? 0;
      waits.push(((silent?.atFrame ?? Infinity) - decided) / 48);
      delays.push((decided - begunAtFrame) / 48 - lead);
      expect(rms(output.subarray(decided - 4800, decided))).to.be.greaterThan(0.05);
      expect(rms(output.subarray(silent?.atFrame))).to.equal(0);
      expect(largestStep(output)).to.be.below(0.1);
    }
    const p95 = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length * 0.95)];
    expect(p95(waits)).to.be.at.most(25);
    expect(p95(delays)).to.be.at.most(60);
  });

  for (const deviceHz of [16_000, 24_000, 44_100, 48_000, 96_000]) {
    it(`play and hear at a device rate of ${deviceHz} Hz`, async () => {
      const { output, played } = await render(silence(1500), answer(tone(500, 800, 0.4)), deviceHz);
      const steady = output.subarray(Math.round(0.2 * deviceHz), Math.round(0.7 * deviceHz));
      expect(rms(steady)).to.be.closeTo(0.4 * Math.SQRT1_2, 0.01);
      expect(played).to.deep.include({ type: 'drained', epoch: 1, item: 'i1' });
      const nothing: ToPlayback = { type: 'clip.play', epoch: 1, lane: 'A', clip: 'none' };
      const { captured } = await render(tone(700, 1500, 0.25), [nothing], deviceHz);
      const samples = captured.flatMap((one) => (one.type === 'frame' ? [...one.buffer.subarray(0, one.length)] : []));
      const heard = Float32Array.from(samples.slice(14_400, 24_000), (sample) => sample / 32_768);
      expect(rms(heard)).to.be.closeTo(0.25 * Math.SQRT1_2, 0.01);
    });
  }
});
