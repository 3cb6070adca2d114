/**
 * The ear's side of the audio thread: the gate's 24 kHz to device rate, volume, and the record of what
 * is being played for the detector. Thin on purpose: what is heard is the gate's business.
 */
import { EchoReference } from './echo-reference.ts';
import { PlayoutGate } from './playout-gate.ts';
import { Resampler } from './resample.ts';
import type { FromPlayback, SharedSound, SoundFormat, ToPlayback, WorkletPort } from './worklet-messages.ts';

/** Most of the way to a new volume takes this long, so that a change does not click. */
const VOLUME_MS = 10;

/** Builds the processor's work. @returns what fills one render quantum, at `frame` of the context. */
export function createPlayback(
  port: WorkletPort<FromPlayback, ToPlayback>,
  shared: SharedSound,
  format: SoundFormat,
  deviceHz: number,
): (output: Float32Array, frame: number) => void {
  const { rateHz } = format;
  const gate = new PlayoutGate(rateHz, (event) => port.postMessage(event));
  const echo = new EchoReference(rateHz);
  const resampler = new Resampler(rateHz, deviceHz);
  const chunk = new Float32Array(4096);
  const glide = 1 - Math.exp(-1000 / (VOLUME_MS * rateHz));
  shared.gate = gate;
  shared.echo = echo;
  let volume = 1;
  let gain = 1;
  let wasPausable = false;
  let pauses = 0;

  port.onmessage = ({ data }) => {
    switch (data.type) {
      case 'frame':
        gate.push(data.epoch, data.lane, data.samples, data.isLast);
        break;
      case 'clip':
        gate.keepClip(data.clip, data.samples);
        break;
      case 'knobs':
        gate.configure(data.epoch, data.transitionGapMs);
        break;
      case 'volume':
        volume = data.volume;
        break;
      case 'latency':
        gate.setLatency(data.latencyMs);
        break;
      default:
        gate.command(data);
    }
  };

  return (output, frame) => {
    if (gate.canPause !== wasPausable) {
      wasPausable = gate.canPause;
      port.postMessage({ type: 'pausable', pausable: wasPausable });
    }
    const needed = resampler.needed(output.length);
    gate.render(chunk, needed);
    for (let i = 0; i < needed; i++) {
      gain += (volume - gain) * glide;
      chunk[i] = (chunk[i] as number) * gain;
    }
    echo.push(chunk, needed);
    resampler.write(chunk, needed);
    resampler.read(output);
    if (gate.pauses !== pauses && output.every((sample) => sample === 0)) {
      pauses = gate.pauses;
      port.postMessage({ type: 'silent', atFrame: frame });
    }
  };
}
