/**
 * From lane A to lane B in a live context, sample by sample. The clip is a constant and the answer
 * alternates from sample to sample, at the wire's own rate, where nothing is resampled: of every two
 * samples the mean is the clip and half the difference the answer, so that both at once would be seen.
 * Runs in the page; it may use nothing from outside itself.
 */
export interface HandOvers {
  /** Samples in which both were heard. */
  overlapSamples: number;
  /** From where the clip begins to fade to the first sample of the answer, and how much of that was silent. */
  changesMs: number[];
  silentMs: number[];
  quantumMs: number;
}

export async function runHandOvers(options: { worklet: string; count: number; gapMs: number }): Promise<HandOvers> {
  const rateHz = 24_000;
  const processor = `registerProcessor('bench-samples', class extends AudioWorkletProcessor {
    process(inputs) {
      const channel = inputs[0][0];
      if (channel) this.port.postMessage(channel.slice());
      return true;
    }
  });`;
  const context = new AudioContext({ sampleRate: rateHz });
  await context.audioWorklet.addModule(options.worklet);
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([processor], { type: 'text/javascript' })));
  const mono: AudioWorkletNodeOptions = { channelCount: 1, channelCountMode: 'explicit', outputChannelCount: [1] };
  const processorOptions = { rateHz, frameSamples: 480, batchSamples: 2400 };
  const playback = new AudioWorkletNode(context, 'vjj-playback', { ...mono, processorOptions });
  const taken = new AudioWorkletNode(context, 'bench-samples', mono);
  const blocks: Float32Array[] = [];
  taken.port.onmessage = ({ data }: MessageEvent<Float32Array>) => blocks.push(data);
  playback.connect(taken).connect(context.destination);
  const tell = (message: object) => playback.port.postMessage(message);
  const pass = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  const level = 9830;
  const clip = new Int16Array(rateHz).fill(level);
  const answer = Int16Array.from({ length: rateHz * 0.3 }, (_, i) => (i % 2 === 0 ? level : -level));

  tell({ type: 'knobs', epoch: 1, transitionGapMs: options.gapMs });
  tell({ type: 'clip', clip: 'a', samples: clip });
  for (let n = 1; n <= options.count; n++) {
    const item = `i${n}`;
    const response = `r${n}`;
    tell({ type: 'gate.open', epoch: n, lane: 'A' });
    tell({ type: 'clip.play', epoch: n, lane: 'A', clip: 'a' });
    await pass(120 + ((n * 37) % 100));
    tell({ type: 'item.started', item, response, turn: `t${n}`, epoch: n, lane: 'B', fromMs: 0 });
    tell({ type: 'frame', epoch: n, lane: 'B', isLast: true, samples: answer });
    tell({ type: 'gate.open', epoch: n, lane: 'B' });
    tell({ type: 'lane.admit', response, epoch: n });
    await pass(450);
    tell({ type: 'gate.close', epoch: n + 1, rampMs: options.gapMs });
    await pass(60);
  }
  await context.close();

  const all = new Float32Array(blocks.reduce((sum, block) => sum + block.length, 0));
  let filled = 0;
  for (const block of blocks) {
    all.set(block, filled);
    filled += block.length;
  }
  const full = (0.95 * level) / 32_768;
  // Less is the slope of a fade, which a mean of two cannot tell from the other sound.
  const trace = 0.01;
  const found: HandOvers = { overlapSamples: 0, changesMs: [], silentMs: [], quantumMs: 128_000 / rateHz };
  let lastFull = -1;
  let lastClip = -1;
  for (let i = 1; i < all.length; i++) {
    const [before, here] = [all[i - 1] ?? 0, all[i] ?? 0];
    const clipPart = Math.abs(before + here) / 2;
    const answerPart = Math.abs(before - here) / 2;
    if (clipPart > trace && answerPart > trace) found.overlapSamples++;
    if (clipPart >= full) lastFull = i;
    if (clipPart > 1e-4 && answerPart < trace) lastClip = i;
    if (answerPart < trace || lastFull < 0) continue;
    // The attack is a few samples old by now: back to its first.
    let first = i;
    while (first > lastClip + 1 && all[first - 1] !== 0) first--;
    found.changesMs.push(((first - lastFull) * 1000) / rateHz);
    found.silentMs.push(((first - lastClip) * 1000) / rateHz);
    lastFull = lastClip = -1;
  }
  return found;
}
