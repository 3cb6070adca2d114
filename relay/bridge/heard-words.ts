/**
 * Which words of an answer were heard, from how much of its sound was. Transcripts carry no times,
 * so text and sound are taken to run evenly. Pure.
 */

/** How long a written character lasts when spoken, at the fast end; for sound that is not complete yet. */
const SPOKEN_CHARACTER_MS = 55;

/**
 * The share of an item's text that was heard. The transcript runs ahead of the sound, so while
 * an item is not complete its whole length is guessed from its text.
 */
export function heardShare(heardMs: number, receivedMs: number, textLength: number, isComplete: boolean): number {
  const wholeMs = isComplete ? receivedMs : Math.max(receivedMs, textLength * SPOKEN_CHARACTER_MS);
  return wholeMs === 0 ? 0 : Math.min(1, heardMs / wholeMs);
}

/**
 * The words that fit into what was heard, by share of the text. A word that was cut into counts
 * as not heard, so that the model never believes it said more than it did.
 *
 * @param share - of the item's sound that was heard, 0 … 1.
 */
export function heardText(text: string, share: number): string {
  if (share >= 1) return text;
  const end = Math.floor(text.length * Math.max(0, share));
  if (/\s/.test(text.charAt(end))) return text.slice(0, end).trimEnd();
  return text.slice(0, end).replace(/\S*$/, '').trimEnd();
}
