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

class ReflexSupply implements ReflexClips {
  readonly #announce: (event: Happening) => void;
  readonly #spoken: Clip[] = [];
  readonly #hums: Clip[] = [];
  readonly #behind = new Map<Name, Clip>();
  #playing: { name: Name; clip: string } | null = null;
  #next = 0;

  constructor(announce: (event: Happening) => void) {
    this.#announce = announce;
  }

  #tell(clip: string, { ms, affirmative }: Clip): void {
    this.#announce({ type: 'clip.ready', kind: 'reflex', clip, ms, affirmative });
  }

  /** With one clip of its own voice only, it would have to be heard every other time. */
  #pool(): Clip[] {
    return this.#spoken.length > 1 ? this.#spoken : [...this.#spoken, ...this.#hums];
  }

  #put(name: Name, clip: Clip): void {
    this.#behind.set(name, clip);
    this.#tell(name, clip);
  }

  /** The next clip in turn that no name stands for. */
  #free(): Clip | undefined {
    const clips = this.#pool();
    const taken = new Set([...this.#behind.values()].map(({ id }) => id));
    for (const _ of clips) {
      const clip = clips[this.#next++ % clips.length];
      if (clip && !taken.has(clip.id)) return clip;
    }
    return undefined;
  }

  ready(clip: Clip): void {
    if (clip.affirmative) {
      this.#tell(clip.id, clip);
      return;
    }
    (clip.text === undefined ? this.#hums : this.#spoken).push(clip);
    const fitting = new Set(this.#pool());
    for (const name of NAMES) {
      const now = this.#behind.get(name);
      const other = now && fitting.has(now) ? undefined : this.#free();
      if (other) this.#put(name, other);
    }
  }

  played(name: string): void {
    if (!isName(name)) return;
    const clip = this.#behind.get(name);
    if (clip) this.#playing = { name, clip: clip.id };
    const other = this.#free();
    if (other) this.#put(name, other);
  }

  clipOf(name: string): string | undefined {
    return isName(name) ? this.#behind.get(name)?.id : undefined;
  }

  nameOf(clip: string): string {
    return this.#playing?.clip === clip ? this.#playing.name : clip;
  }
}

/** @param announce - Tells the arbiter, after what is going on now. */
export function createReflexClips(announce: (event: Happening) => void): ReflexClips {
  return new ReflexSupply(announce);
}
