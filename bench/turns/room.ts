/**
 * The way from the loudspeaker to the microphone, and what else is in the room: one render quantum of
 * what is played in, one of what the microphone hears out. Knows no conversation.
 */
import { DEVICE_HZ, roomTone, type Sound } from './sounds.ts';

/** The walls: later than the direct way by so many milliseconds, and softer. */
const WALLS = [
  [0, 0.86],
  [7, 0.38],
  [19, 0.27],
  [31, -0.16],
] as const;
const MEMORY = DEVICE_HZ / 4;

export interface Room {
  /** @param sound - heard from the next sample on. @returns the sample at which it begins. */
  place(sound: Sound): number;
  /** What the microphone hears while `played` leaves the loudspeaker. */
  hear(played: Float32Array): Float32Array;
  /** Samples so far. */
  readonly frame: number;
}

export function createRoom(options: {
  echo: { couplingDb: number; delayMs: number } | null;
  noiseDb: number;
  seed: number;
}): Room {
  const { echo } = options;
  const tone = roomTone(options.noiseDb, options.seed);
  const past = new Float32Array(MEMORY);
  const gain = echo === null ? 0 : 10 ** (echo.couplingDb / 20);
  const taps = WALLS.map(([laterMs, share]) => ({
    lag: Math.round((((echo?.delayMs ?? 0) + laterMs) * DEVICE_HZ) / 1000),
    gain: gain * share,
  }));
  let placed: { sound: Sound; at: number }[] = [];
  let frame = 0;
  return {
    place(sound) {
      placed.push({ sound, at: frame });
      return frame;
    },
    hear(played) {
      const heard = new Float32Array(played.length);
      for (let i = 0; i < played.length; i++) {
        const now = frame + i;
        past[now % MEMORY] = played[i] ?? 0;
        let sample = tone[now % tone.length] ?? 0;
        if (echo !== null) {
          for (const tap of taps) sample += tap.gain * (past[(now - tap.lag + MEMORY) % MEMORY] ?? 0);
        }
        for (const { sound, at } of placed) sample += sound.samples[now - at] ?? 0;
        heard[i] = Math.max(-1, Math.min(1, sample));
      }
      frame += played.length;
      placed = placed.filter(({ sound, at }) => at + sound.samples.length > frame);
      return heard;
    },
    get frame() {
      return frame;
    },
  };
}
