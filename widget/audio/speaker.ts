/**
 * The output device: how late it is, whether it runs, and which one it is. Knows nothing of what is played.
 */
import { CallError } from '../errors.ts';

/** What counts as a gesture: on touch screens letting go, elsewhere the press. */
const GESTURES = ['pointerdown', 'pointerup', 'keydown'];
/** More is a device that does not know. */
const LATEST_MS = 1000;
/** About what Firefox says on Linux where it says it: 28 to 53 were seen. */
const UNASKED_MS = 40;

/**
 * Firefox on Linux asks the sound server for its latency with a lock held that the audio thread needs, while the sound
 * server may wait for the audio thread: then the page, and the sound of all pages, stand still for good.
 * Goes when `AudioOutputLatency` asks without the lock.
 *
 * @see https://searchfox.org/mozilla-central/source/dom/media/MediaTrackGraph.cpp
 */
const mayHang = (userAgent: string) => /Linux.+Firefox/.test(userAgent);

/**
 * How much later than the worklet makes it a sample is heard, in milliseconds.
 *
 * @param userAgent - As `navigator` has it: not every browser may be asked.
 */
export function outputLatencyMs(
  context: Pick<AudioContext, 'currentTime' | 'baseLatency' | 'outputLatency' | 'getOutputTimestamp'>,
  nowMs: number,
  userAgent: string,
): number {
  if (mayHang(userAgent)) return UNASKED_MS;
  // Types promise these; not every browser keeps the promise.
  const late: Partial<typeof context> = context;
  let seconds = late.outputLatency ?? 0;
  if (seconds === 0 && late.getOutputTimestamp !== undefined) {
    const { contextTime = 0, performanceTime = 0 } = context.getOutputTimestamp();
    if (contextTime > 0) seconds = context.currentTime - (contextTime + (nowMs - performanceTime) / 1000);
  }
  if (!(seconds > 0)) seconds = late.baseLatency ?? 0;
  return Math.min(LATEST_MS, Math.max(0, seconds * 1000));
}

/** @throws {CallError} `AUTOPLAY` when the context does not run within `patienceMs`: there was no gesture. */
export async function whenRunning(context: AudioContext, signal: AbortSignal, patienceMs: number): Promise<void> {
  if (context.state === 'running') return;
  await new Promise<void>((resolve, reject) => {
    const over = new AbortController();
    const until = { signal: over.signal };
    const settle = (act: () => void) => {
      clearTimeout(timer);
      over.abort();
      act();
    };
    const look = () => {
      if (context.state === 'running') settle(resolve);
    };
    const timer = setTimeout(() => {
      settle(() => reject(new CallError('AUTOPLAY', 'no sound before the page is touched')));
    }, patienceMs);
    context.addEventListener('statechange', look, until);
    signal.addEventListener('abort', () => settle(() => reject(signal.reason)), until);
  });
}

/** Tells changes between a device that runs with its sound on, and any other. @returns what ends it. */
export function watchOutput(context: AudioContext, isSwitchedOff: () => boolean, tell: (suspended: boolean) => void) {
  let wasSuspended = false;
  const look = () => {
    const isSuspended = context.state !== 'running' || isSwitchedOff();
    if (isSuspended === wasSuspended) return;
    wasSuspended = isSuspended;
    tell(isSuspended);
  };
  // A phone call or a sleeping page stops the context; it may go on when the page is seen or touched again.
  const wake = () => {
    if (context.state !== 'running' && document.visibilityState === 'visible') context.resume().catch(() => undefined);
  };
  const over = new AbortController();
  const until = { signal: over.signal };
  context.addEventListener('statechange', look, until);
  for (const sign of ['visibilitychange', ...GESTURES]) document.addEventListener(sign, wake, until);
  return { look, stop: () => over.abort() };
}

/** Sends the sound to another device, where the browser can. @throws what the browser throws. */
export async function setSink(context: AudioContext, sinkId: string): Promise<void> {
  const routable = context as AudioContext & { setSinkId?(sinkId: string): Promise<void> };
  await routable.setSinkId?.(sinkId);
}
