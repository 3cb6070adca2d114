/**
 * How long text takes to say, from its characters. Transcripts carry no times, so this decides
 * how much sound a judged text covers. Two guesses bracket every voice.
 */

const WIDE = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u;
const LETTER = /[\p{L}\p{M}\s]/u;
const DIGIT = /\p{N}/u;
const STOP = /[.!?…。！？؟।:;\n]/u;
const COMMA = /[,、，،–—-]/u;

/** Milliseconds a character: of a slow voice with long pauses, and of a fast one with none. */
const SLOW = { letter: 90, wide: 250, digit: 350, stop: 500, comma: 250, other: 300 };
const FAST = { letter: 55, wide: 110, digit: 120, stop: 0, comma: 0, other: 0 };

export type Pace = 'slow' | 'fast';

/** Milliseconds that a voice of that pace needs for `text`. */
export function speakingMs(text: string, pace: Pace): number {
  const cost = pace === 'slow' ? SLOW : FAST;
  let ms = 0;
  for (const char of text) {
    if (WIDE.test(char)) ms += cost.wide;
    else if (char === '\n' || STOP.test(char)) ms += cost.stop;
    else if (LETTER.test(char)) ms += cost.letter;
    else if (DIGIT.test(char)) ms += cost.digit;
    else ms += COMMA.test(char) ? cost.comma : cost.other;
  }
  return ms;
}
