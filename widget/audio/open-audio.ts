/**
 * Opens the sound of a call: one AudioContext at the device's own rate, one microphone, one worklet
 * for both directions. Whatever ends it (the caller's signal, a failure half way) ends all of it.
 */
import { CallError } from '../errors.ts';
import type { AudioEngineOptions, OpenAudio } from './audio-engine.ts';
import { Engine, type EngineParts } from './engine.ts';
import { loadWorklet } from './load-worklet.ts';
import { openMicrophone } from './microphone.ts';
import { takeContext } from './prepared-sound.ts';
import { whenRunning } from './speaker.ts';

/** The browser may take its time to start the device, but not without end. */
const RUNNING_PATIENCE_MS = 4000;

export const openAudio: OpenAudio = async (options) => {
  options.signal.throwIfAborted();
  if (typeof AudioContext === 'undefined' || !isSecureContext) {
    throw new CallError('INSECURE_CONTEXT', 'sound needs a page from https or localhost');
  }
  // Both before the first await: whoever calls this in a gesture has its sound started there.
  const context = takeContext();
  const resumed = context.resume();
  // Without a gesture it stays pending; `whenRunning` says so. Closing makes it fail, which is no news.
  resumed.catch(() => undefined);
  playAndRecord(options);
  const life = new AbortController();
  const end = () => life.abort(options.signal.reason);
  options.signal.addEventListener('abort', end, { once: true });
  life.signal.addEventListener('abort', () => {
    options.signal.removeEventListener('abort', end);
    context.close().catch(() => undefined);
  });
  try {
    return await unlessAborted(life.signal, start(context, options, life.signal));
  } catch (error) {
    life.abort(error);
    throw error;
  }
};

async function start(context: AudioContext, options: AudioEngineOptions, signal: AbortSignal): Promise<Engine> {
  const parts: EngineParts = {
    context,
    signal,
    onEvent: (event) => {
      if (!signal.aborted) options.onEvent(event);
    },
    openMicrophone: (deviceId, isExact, onLost) => openMicrophone({ deviceId, isExact, signal, onLost }),
  };
  const running: { engine?: Engine } = {};
  const [microphone] = await Promise.all([
    options.withoutMicrophone === true
      ? null
      : parts.openMicrophone(options.inputId, false, () => running.engine?.microphoneLost()),
    loadWorklet(context, options.workletUrls),
  ]);
  signal.throwIfAborted();
  running.engine = new Engine(parts, microphone, options.inputId);
  await whenRunning(context, signal, RUNNING_PATIENCE_MS);
  return running.engine;
}

/** On phones: both directions at once, through the loudspeaker and not the earpiece. */
function playAndRecord({ withoutMicrophone }: AudioEngineOptions): void {
  const { audioSession } = navigator as Navigator & { audioSession?: { type: string } };
  if (audioSession !== undefined) audioSession.type = withoutMicrophone === true ? 'playback' : 'play-and-record';
}

/** A question about the microphone that nobody answers must not outlive the call. */
function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    work.then(resolve, reject);
  });
}
