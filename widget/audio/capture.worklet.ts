/**
 * The microphone's side of the audio thread: device rate to 24 kHz, onset detection, frames. An onset
 * pauses the gate here and now; the message about it is only news.
 * Thin on purpose: resampling, detection and framing are elsewhere and know nothing of threads.
 */
import { FrameAssembly } from './frame-assembly.ts';
import { ONSET_FRAME_MS, OnsetDetector } from './onset.ts';
import { SILENCE_DB } from './echo-reference.ts';
import { Resampler } from './resample.ts';
import type { FromCapture, SharedSound, SoundFormat, ToCapture, WorkletPort } from './worklet-messages.ts';

/** Short frames go on this long after speech: as long as providers count silence for the end of a turn. */
const TAIL_MS = 700;
/** An utterance that has become so much louder than was told is told again. */
const LOUDER_DB = 3;

/** Builds the processor's work. @returns what it does in each render quantum, at `frame` of the context. */
export function createCapture(
  port: WorkletPort<FromCapture, ToCapture>,
  shared: SharedSound,
  format: SoundFormat,
  deviceHz: number,
): (input: Float32Array | undefined, frame: number) => void {
  const { rateHz } = format;
  const resampler = new Resampler(deviceHz, rateHz);
  const chunk = new Float32Array(1024);
  const frameSamples = (rateHz * ONSET_FRAME_MS) / 1000;
  const window = new Float32Array(frameSamples);
  const detector = new OnsetDetector(frameSamples);
  const knobs = { echoLevelDb: SILENCE_DB, echoGuardMs: 0 };
  const message: Extract<FromCapture, { type: 'frame' }> = {
    type: 'frame',
    buffer: new Int16Array(0),
    length: 0,
    speaking: false,
  };
  const transfer: ArrayBuffer[] = [];
  const assembly = new FrameAssembly({
    ...format,
    tailSamples: (rateHz * TAIL_MS) / 1000,
    send(buffer, length, speaking) {
      // Nothing takes the agent's sound out of it: the provider must not hear itself. A person is marked as speaking.
      if (isHalfDuplex && !speaking && shared.echo !== null && shared.echo.loudestDb > SILENCE_DB) buffer.fill(0);
      message.buffer = buffer;
      message.length = length;
      message.speaking = speaking;
      transfer[0] = buffer.buffer;
      port.postMessage(message, transfer);
    },
  });
  let isHalfDuplex = false;
  let windowed = 0;
  let utterances = 0;
  let isManual = false;
  /** Too soft to be told from the agent's own sound: a louder repeat may still pause. */
  let isEchoSuspect = false;
  let toldDb = 0;

  function announce(frame: number): void {
    const gate = shared.gate;
    const level = detector.levelDb;
    toldDb = level;
    const isGuarded = gate !== null && gate.canPause && gate.agentSoundMs < knobs.echoGuardMs;
    isEchoSuspect = isGuarded && level < knobs.echoLevelDb;
    const paused = !isEchoSuspect && gate !== null && gate.pause();
    detector.isHeld = paused;
    const risen = Math.round((detector.risenFrames * ONSET_FRAME_MS * deviceHz) / 1000);
    port.postMessage({
      type: 'onset',
      utterance: `w${utterances}`,
      epoch: gate?.epoch ?? 0,
      level: Math.round(level * 10) / 10,
      paused,
      timing: { decidedAtFrame: frame, acousticOnsetFrame: Math.max(0, frame - risen) },
    });
  }

  function detect(frame: number): void {
    const change = detector.frame(window, shared.echo);
    if (isManual) return;
    if (change === 'onset') {
      utterances++;
      assembly.setSpeaking(true);
      announce(frame);
    } else if (change === 'offset') {
      end();
    } else if (isEchoSuspect && detector.levelDb >= knobs.echoLevelDb) {
      announce(frame);
    } else if (detector.isSpeaking && !isEchoSuspect && detector.levelDb >= toldDb + LOUDER_DB) {
      toldDb = detector.levelDb;
      const level = Math.round(toldDb * 10) / 10;
      port.postMessage({ type: 'louder', utterance: `w${utterances}`, epoch: shared.gate?.epoch ?? 0, level });
    }
  }

  function end(): void {
    isEchoSuspect = false;
    assembly.setSpeaking(false);
    port.postMessage({ type: 'offset', utterance: `w${utterances}`, ms: detector.lengthMs });
  }

  function reset(): void {
    if (detector.isSpeaking && !isManual) end();
    detector.reset();
    assembly.flush();
  }

  port.onmessage = ({ data }) => {
    switch (data.type) {
      case 'recycle':
        assembly.recycle(data.buffer);
        break;
      case 'talk':
        if (!isManual) reset();
        isManual = true;
        if (data.utterance !== null) shared.gate?.pause();
        assembly.setSpeaking(data.utterance !== null);
        break;
      case 'reset':
        reset();
        break;
      case 'knobs':
        knobs.echoLevelDb = data.echoLevelDb;
        knobs.echoGuardMs = data.echoGuardMs;
        break;
      case 'coupling':
        detector.assumeCoupling(data.couplingDb);
        isHalfDuplex = data.isHalfDuplex;
        break;
      default:
        data satisfies never;
    }
  };

  return (input, frame) => {
    // No input: no microphone is connected, and there is nothing to send.
    if (input === undefined) return;
    resampler.write(input);
    for (let made = resampler.read(chunk); made > 0; made = resampler.read(chunk)) {
      for (let i = 0; i < made; i++) {
        const sample = chunk[i] as number;
        window[windowed++] = sample;
        if (windowed === frameSamples) {
          windowed = 0;
          detect(frame);
        }
        assembly.push(sample);
      }
    }
  };
}
