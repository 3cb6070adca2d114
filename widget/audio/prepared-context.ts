/**
 * The AudioContext of the next call, made in the very click that asks for it: only there may a page
 * start sound, and the rest of the script may still be on its way. Its worklet begins to load meanwhile:
 * an audio thread takes longer to come up than anything else in a start.
 */

/** The worklet's file beside the script; the build names both, and stamps this one's content. */
export const WORKLET = 'voice-jib-jab.worklet.js';
declare const __VJJ_WORKLET_STAMP__: string | undefined;
const STAMP = typeof __VJJ_WORKLET_STAMP__ === 'undefined' ? '' : `?${__VJJ_WORKLET_STAMP__}`;
/** Where it is, for sure the same in every call: a module is fetched once for a context. */
export const workletUrl = () => new URL(`./${WORKLET}${STAMP}`, import.meta.url).href;

let prepared: AudioContext | null = null;

/** Makes and resumes one, for the next `takeContext`. Where there is no sound it does nothing. */
export function prepareContext(): void {
  if (prepared || typeof AudioContext === 'undefined') return;
  prepared = new AudioContext({ latencyHint: 'interactive' });
  // Without a gesture it stays pending; who opens sound looks whether it runs.
  prepared.resume().catch(() => undefined);
  // Who opens sound asks for the same file again, and says what went wrong.
  prepared.audioWorklet.addModule(workletUrl()).catch(() => undefined);
}

/** The prepared one, or a new one. */
export function takeContext(): AudioContext {
  const context = prepared ?? new AudioContext({ latencyHint: 'interactive' });
  prepared = null;
  return context;
}
