/**
 * The clips that need no model: "mm", "hmm" and "mhm" in a low and a high voice, for every
 * language. Two of a voice only listen, so that there is another one when one was just heard.
 */
import type { Clip } from './clip.ts';
import { hum, type Hum } from './hum.ts';
import { finishClip } from './render.ts';

export type Register = 'low' | 'high';

const SOUNDS: readonly (Hum & { register: Register })[] = [
  { register: 'low', sound: 'mm', pitchHz: 108, ms: 360 },
  { register: 'low', sound: 'hmm', pitchHz: 104, ms: 430 },
  { register: 'low', sound: 'mhm', pitchHz: 112, ms: 480 },
  { register: 'high', sound: 'mm', pitchHz: 196, ms: 340 },
  { register: 'high', sound: 'hmm', pitchHz: 190, ms: 410 },
  { register: 'high', sound: 'mhm', pitchHz: 204, ms: 460 },
];

/** OpenAI's voices that speak low; every other is taken as high. */
const LOW_VOICES: ReadonlySet<string> = new Set(['ash', 'ballad', 'cedar', 'echo', 'verse']);

/** The register in which a hum fits a model's `voice`. */
export function registerOf(voice: string): Register {
  return LOW_VOICES.has(voice.toLowerCase()) ? 'low' : 'high';
}

/** "mhm" agrees, so it never follows a question; "mm" and "hmm" only listen. */
export function makeWordless(): { register: Register; clip: Clip }[] {
  return SOUNDS.map(({ register, ...sound }) => {
    const clip = finishClip(hum(sound), { kind: 'reflex', affirmative: sound.sound === 'mhm' });
    return { register, clip: { ...clip, id: `clip_${sound.sound}-${register}` } };
  });
}
