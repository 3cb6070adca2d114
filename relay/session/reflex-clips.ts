/**
 * Which listening sound hides the next wait. The arbiter plays the first clip that fits and never
 * the same name twice, so with every clip under a name of its own it would know the first two for
 * ever. It is told of two names instead, and which clip is behind them changes when one was
 * played: each has its turn, the assistant's own voice before hums. Clips that may be taken for a
 * yes keep their own names and stand behind these: nobody knows yet what the user asked.
 */
import type { Clip } from '../reflex/library.ts';
import type { Happening } from './arbiter-shell.ts';

const NAMES = ['reflex-1', 'reflex-2'] as const;
type Name = (typeof NAMES)[number];
const isName = (name: string): name is Name => (NAMES as readonly string[]).includes(name);

export interface ReflexClips {
  /** A clip is in the page. */
  ready(clip: Clip): void;
  /** The arbiter had `name` played: another clip takes its place. */
  played(name: string): void;
  /** The page's clip for the arbiter's; undefined for a name of somebody else's. */
  clipOf(name: string): string | undefined;
  /** The arbiter's name for the page's clip, while it plays. */
  nameOf(clip: string): string;
}

/** @param announce - Tells the arbiter, after what is going on now. */
export function createReflexClips(announce: (event: Happening) => void): ReflexClips {
  const spoken: Clip[] = [];
  const hums: Clip[] = [];
  const behind = new Map<Name, Clip>();
  let playing: { name: Name; clip: string } | null = null;
  let next = 0;

  const tell = (clip: string, { ms, affirmative }: Clip) =>
    announce({ type: 'clip.ready', kind: 'reflex', clip, ms, affirmative });
  /** With one clip of its own voice only, it would have to be heard every other time. */
  const pool = () => (spoken.length > 1 ? spoken : [...spoken, ...hums]);

  function put(name: Name, clip: Clip): void {
    behind.set(name, clip);
    tell(name, clip);
  }

  /** The next clip in turn that no name stands for. */
  function free(): Clip | undefined {
    const clips = pool();
    const taken = new Set([...behind.values()].map(({ id }) => id));
    for (const _ of clips) {
      const clip = clips[next++ % clips.length];
      if (clip && !taken.has(clip.id)) return clip;
    }
    return undefined;
  }

  return {
    ready(clip) {
      if (clip.affirmative) {
        tell(clip.id, clip);
        return;
      }
      (clip.text === undefined ? hums : spoken).push(clip);
      const fitting = new Set(pool());
      for (const name of NAMES) {
        const now = behind.get(name);
        const other = now && fitting.has(now) ? undefined : free();
        if (other) put(name, other);
      }
    },
    played(name) {
      if (!isName(name)) return;
      const clip = behind.get(name);
      if (clip) playing = { name, clip: clip.id };
      const other = free();
      if (other) put(name, other);
    },
    clipOf: (name) => (isName(name) ? behind.get(name)?.id : undefined),
    nameOf: (clip) => (playing?.clip === clip ? playing.name : clip),
  };
}
