/**
 * The sound of the next call, begun in the very click that asks for it, while the rest of the script may still be
 * on its way: the AudioContext, because only there may a page start sound; its worklet, because an audio thread
 * takes long to come up; and the microphone, because a device takes longer still. Whether a call may have one is
 * decided before this is asked.
 */

import { nextTask } from '../next-task.ts';

/** The worklet's file beside the script; the build names both, and stamps this one's content. */
export const WORKLET = 'voice-jib-jab.worklet.js';
declare const __VJJ_WORKLET_STAMP__: string | undefined;
const STAMP = typeof __VJJ_WORKLET_STAMP__ === 'undefined' ? '' : `?${__VJJ_WORKLET_STAMP__}`;
/** Where it is, for sure the same in every call: a module is fetched once for a context. */
export const workletUrl = () => new URL(`./${WORKLET}${STAMP}`, import.meta.url).href;

/** As every microphone is asked for. */
export const VOICE = { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true };

let prepared: AudioContext | null = null;
let asked: Promise<MediaStream> | null = null;

/**
 * Makes and resumes a context, for the next `takeContext`. Where there is no sound it does nothing. It takes long where
 * the processor is slow, so the click is answered first; only browsers that tell a page's sound from another's
 * (`audioSession`) hear a gesture in its own task alone.
 */
export function prepareContext(): void {
  const made = 'audioSession' in navigator ? make() : nextTask().then(make);
  // Who opens sound makes what is missing, and says what went wrong.
  made.catch(() => undefined);
}

async function make(): Promise<void> {
  if (prepared) return;
  const context = (prepared = new AudioContext());
  // Without a gesture it stays pending; who opens sound looks whether it runs.
  context.resume().catch(() => undefined);
  await nextTask();
  await context.audioWorklet.addModule(workletUrl());
}

/** The prepared one, or a new one. */
export function takeContext(): AudioContext {
  const context = prepared ?? new AudioContext();
  prepared = null;
  return context;
}

/**
 * Asks for any microphone, for the next `takeMicrophone`.
 *
 * @returns what lets go of it, unless a call has taken it; null where none was asked for.
 */
export function prepareMicrophone(): (() => void) | null {
  // Only secure pages have devices; who opens the microphone says so.
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  if (asked || !devices) return null;
  const mine = (asked = devices.getUserMedia({ audio: VOICE }));
  // A refusal is told to whoever takes it, and is no news otherwise.
  mine.catch(() => undefined);
  return () => {
    if (asked !== mine) return;
    asked = null;
    mine.then(
      (stream) => stream.getTracks().forEach((track) => track.stop()),
      () => undefined,
    );
  };
}

/** The microphone that was asked for, if one was; who takes it lets go of it. */
export function takeMicrophone(): Promise<MediaStream> | null {
  const mine = asked;
  asked = null;
  return mine;
}
