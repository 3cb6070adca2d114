/**
 * What lane C says when the arbiter has it speak. The arbiter knows one refusal clip by one name
 * and when it plays; which words are behind the name is decided here, by why it plays: a refusal,
 * that a person takes over, that the conversation must end, to say it again, or nothing at all.
 */
import type { Clip } from '../reflex/library.ts';
import type { Happening } from './arbiter-shell.ts';
import { isAskAgain } from './ask-again-words.ts';

/** What the arbiter calls lane C's refusal, whatever it says. */
export const REFUSAL = 'refusal';

export type ControlChoice = 'refusal' | 'handover' | 'ending' | 'again' | 'silence';

export interface ControlClips {
  /** A clip is in the page: what the arbiter is told of it. */
  ready(clip: Clip): Happening;
  /** What refusals are from now on. */
  choose(choice: ControlChoice): void;
  /** Whether there is a clip of its own for it. */
  has(choice: ControlChoice): boolean;
  /** The page's clip for the arbiter's; null for silence. */
  clipOf(name: string): string | null;
  /** The arbiter's name for the page's clip. */
  nameOf(clip: string): string;
}

/**
 * @param handover - The words of the clip that says that a person takes over.
 * @param ending - The words of the goodbye that a used-up budget brings.
 */
export function createControlClips(handover: string, ending = ''): ControlClips {
  const clips = new Map<Exclude<ControlChoice, 'silence'>, Clip>();
  let choice: ControlChoice = 'refusal';

  function clipOf(name: string): string | null {
    if (name !== REFUSAL) return name;
    const refusal = clips.get('refusal')?.id ?? null;
    if (choice === 'silence') return null;
    // A refusal would be wrong there: nothing that was asked is refused.
    if (choice === 'ending' || choice === 'again') return clips.get(choice)?.id ?? null;
    // Better a refusal than silence; but nobody is promised a person who does not come.
    return choice === 'handover' ? (clips.get('handover')?.id ?? refusal) : refusal;
  }

  const roleOf = (text: string) => {
    if (text === handover.trim()) return 'handover';
    if (isAskAgain(text)) return 'again';
    return text === ending.trim() ? 'ending' : 'refusal';
  };

  return {
    ready(clip) {
      const { kind, affirmative } = clip;
      if (kind !== 'refusal') return { type: 'clip.ready', kind, clip: clip.id, ms: clip.ms, affirmative };
      const role = clip.text === undefined ? 'refusal' : roleOf(clip.text);
      if (!clips.has(role)) clips.set(role, clip);
      // The arbiter's time limit must hold for whichever is played.
      const ms = Math.max(...[...clips.values()].map((one) => one.ms));
      return { type: 'clip.ready', kind, clip: REFUSAL, ms, affirmative };
    },
    choose(next) {
      choice = next;
    },
    has: (which) => which !== 'silence' && clips.has(which),
    clipOf,
    nameOf: (clip) => ([...clips.values()].some(({ id }) => id === clip) ? REFUSAL : clip),
  };
}
