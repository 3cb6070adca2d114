/**
 * The AudioContext of the next call, made in the very click that asks for it: only there may a page
 * start sound, and the rest of the script may still be on its way.
 */
let prepared: AudioContext | null = null;

/** Makes and resumes one, for the next `takeContext`. Where there is no sound it does nothing. */
export function prepareContext(): void {
  if (prepared || typeof AudioContext === 'undefined') return;
  prepared = new AudioContext({ latencyHint: 'interactive' });
  // Without a gesture it stays pending; who opens sound looks whether it runs.
  prepared.resume().catch(() => undefined);
}

/** The prepared one, or a new one. */
export function takeContext(): AudioContext {
  const context = prepared ?? new AudioContext({ latencyHint: 'interactive' });
  prepared = null;
  return context;
}
