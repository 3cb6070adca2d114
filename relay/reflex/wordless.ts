/** The clips that need no model: "mm" and "mhm" in a low and a high voice, for every language. */
import type { Clip } from './clip.ts';
import { hum, type Hum } from './hum.ts';
import { finishClip } from './render.ts';

const SOUNDS: readonly (Hum & { id: string })[] = [
  { id: 'mm-low', sound: 'mm', pitchHz: 108, ms: 360 },
  { id: 'mhm-low', sound: 'mhm', pitchHz: 112, ms: 480 },
  { id: 'mm-high', sound: 'mm', pitchHz: 196, ms: 340 },
  { id: 'mhm-high', sound: 'mhm', pitchHz: 204, ms: 460 },
];

/** "mhm" agrees, so it never follows a question; "mm" only listens. */
export function makeWordless(): Clip[] {
  return SOUNDS.map(({ id, ...sound }) => {
    const clip = finishClip(hum(sound), { kind: 'reflex', affirmative: sound.sound === 'mhm' });
    return { ...clip, id: `clip_${id}` };
  });
}
