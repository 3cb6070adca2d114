/**
 * The agent's own voice, as a microphone may hear it: whether it is in the room now, and what it has
 * lately said. Tells an echo that was written down from what somebody else said. Hears no sound.
 */
import type { State } from '#arbiter';
import { isPaused } from './arbiter-view.ts';

/** The way to the loudspeaker, the room, and the way back. */
const TAIL_MS = 500;
/** Of the newest words. */
const LONGEST_MEMORY = 6_000;
/** Transcribers mishear an echo; so much of it must be there. */
const LEAST_SHARE = 2 / 3;
/** Scripts without spaces are compared sign by sign. */
const WORD = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]|[\p{L}\p{N}]+/gu;

const wordsOf = (text: string): string[] =>
  text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().match(WORD) ?? [];

/** @returns how many of `words` are found in `said` in this order, with some others between them. */
function inOrder(words: readonly string[], said: readonly string[]): number {
  let before = new Array<number>(words.length + 1).fill(0);
  for (const one of said) {
    const row = [0];
    for (const [index, word] of words.entries()) {
      const longest = Math.max(before[index + 1] ?? 0, row[index] ?? 0);
      row.push(word === one ? (before[index] ?? 0) + 1 : longest);
    }
    before = row;
  }
  return before.at(-1) ?? 0;
}

export interface AgentVoice {
  /** After each step of the arbiter. */
  stepped(state: State): void;
  /** The model's words, piece by piece. */
  said(item: string, text: string): void;
  /** Whether a microphone may hear the agent now. */
  isAudible(): boolean;
  /** Whether the agent said these words, or most of them, one after another. */
  hasSaid(text: string): boolean;
}

/** @param now - whole milliseconds of the session. */
export function createAgentVoice(now: () => number): AgentVoice {
  let isHeard = false;
  let isHeld = false;
  let heardUntil = -Infinity;
  let newest = '';
  let text = '';
  return {
    stepped(state) {
      if (isHeard && state.owner === 'none') heardUntil = now();
      isHeard = state.owner !== 'none';
      isHeld = isPaused(state);
    },
    said(item, more) {
      text = (text + (item === newest ? '' : ' ') + more).slice(-LONGEST_MEMORY);
      newest = item;
    },
    isAudible: () => (isHeard ? !isHeld : now() - heardUntil < TAIL_MS),
    hasSaid(heard) {
      const words = wordsOf(heard);
      const all = wordsOf(text);
      const wanted = Math.ceil(words.length * LEAST_SHARE);
      // An echo is one stretch of what was said: common words from all over a long answer are not.
      const stretch = Math.ceil(words.length * 1.5);
      if (words.length === 0) return false;
      for (let at = 0; at < all.length; at++) {
        if (!words.includes(all[at] ?? '')) continue;
        if (inOrder(words, all.slice(at, at + stretch)) >= wanted) return true;
      }
      return false;
    },
  };
}
