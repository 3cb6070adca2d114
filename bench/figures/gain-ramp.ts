/**
 * How others stop: sound goes through a gain node, each piece of it sets the gain to 1, and an interruption that the page is told of ramps the
 * gain down over two seconds by an exponential ramp that starts wherever the former event was. Measured on the output, sample by sample.
 * Runs in the page; it may use nothing from outside itself.
 */
export interface GainRamps {
  /** From the decision on the audio thread to −20 and −40 dB, in milliseconds. */
  to20Ms: number[];
  to40Ms: number[];
}

export async function runGainRamps(options: { count: number; blockMs: number }): Promise<GainRamps> {
  const processors = `
    registerProcessor('bench-decision', class extends AudioWorkletProcessor {
      constructor() { super(); this.at = 0; this.port.onmessage = ({ data }) => { this.at = currentFrame + data.afterFrames; }; }
      process() {
        if (this.at > 0 && currentFrame >= this.at) { this.at = 0; this.port.postMessage(currentFrame); }
        return true;
      }
    });
    registerProcessor('bench-level', class extends AudioWorkletProcessor {
      process(inputs) {
        const channel = inputs[0][0];
        if (channel) this.port.postMessage({ frame: currentFrame, level: Math.abs(channel[127]) });
        return true;
      }
    });`;
  const context = new AudioContext();
  await context.resume();
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([processors], { type: 'text/javascript' })));
  const voice = new ConstantSourceNode(context, { offset: 0.5 });
  const gain = new GainNode(context);
  const level = new AudioWorkletNode(context, 'bench-level');
  const decision = new AudioWorkletNode(context, 'bench-decision');
  voice.connect(gain).connect(level).connect(context.destination);
  decision.connect(context.destination);
  voice.start();
  let levels: { frame: number; level: number }[] = [];
  level.port.onmessage = ({ data }: MessageEvent<{ frame: number; level: number }>) => levels.push(data);
  const pass = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  const chunk = () => {
    gain.gain.cancelScheduledValues(context.currentTime);
    gain.gain.exponentialRampToValueAtTime(1, context.currentTime);
  };
  const busy =
    options.blockMs === 0
      ? undefined
      : setInterval(() => {
          const until = performance.now() + options.blockMs;
          while (performance.now() < until);
        }, options.blockMs + 60);
  const found: GainRamps = { to20Ms: [], to40Ms: [] };
  for (let n = 0; n < options.count; n++) {
    chunk();
    levels = [];
    // Pieces of a tenth of a second keep coming until the page is told.
    const pieces = setInterval(chunk, 100);
    const decided = new Promise<number>((resolve) => {
      decision.port.onmessage = ({ data }: MessageEvent<number>) => {
        clearInterval(pieces);
        gain.gain.exponentialRampToValueAtTime(0.0001, context.currentTime + 2);
        resolve(data);
      };
    });
    decision.port.postMessage({ afterFrames: Math.round(context.sampleRate * (0.3 + ((n * 37) % 100) / 1000)) });
    const from = await decided;
    await pass(1_700);
    const reached = (share: number) => levels.find((one) => one.frame >= from && one.level <= 0.5 * share)?.frame;
    for (const [share, into] of [[0.1, found.to20Ms] as const, [0.01, found.to40Ms] as const]) {
      const at = reached(share);
      if (at !== undefined) into.push(((at - from) * 1000) / context.sampleRate);
    }
    gain.gain.cancelScheduledValues(0);
    gain.gain.setValueAtTime(1, context.currentTime);
    await pass(100);
  }
  clearInterval(busy);
  await context.close();
  return found;
}
