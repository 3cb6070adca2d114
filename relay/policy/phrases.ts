/**
 * Finds disallowed phrases in text that arrives in pieces. Case, punctuation and diacritics do
 * not count; words do, so that "ass" is not found in "pass". Knows no sound and no response.
 */

/** Scripts that put no space between words: a phrase may begin and end anywhere. */
export const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}]/u;
const MARK = /\p{M}/u;
const COUNTS = /[\p{L}\p{N}]/u;
/** Inside words, and dropped without a gap: "don't" is "dont", and what cannot be seen separates nothing. */
const GAPLESS = /['’ʼ]|\p{Cf}/u;

/** One code point as it is compared: letters and digits plain, everything else a space or nothing. */
function plain(char: string): string {
  if (GAPLESS.test(char)) return '';
  let out = '';
  for (const part of char.normalize('NFKD').toLowerCase().normalize('NFKD')) {
    if (MARK.test(part)) continue;
    out += part === 'ı' ? 'i' : COUNTS.test(part) ? part : ' ';
  }
  return out;
}

/** `text` as it is compared, with single spaces. */
export function comparable(text: string): string {
  return Array.from(text, plain).join('').replace(/ +/g, ' ').trim();
}

export interface Finding {
  found: string | null;
  safe: number;
}

export interface PhraseFinder {
  /**
   * Adds text. `found`: the phrase that is complete. `safe`: how many characters of all text so
   * far can no longer become part of one.
   */
  add(text: string): Finding;
  /** A piece is complete: what was held for want of its next word is decided. */
  end(): Finding;
}

/** @param phrases - already {@link comparable}, none empty. */
export function findPhrases(phrases: readonly string[]): PhraseFinder {
  const longest = Math.max(0, ...phrases.map((phrase) => phrase.length));
  // Only the end of the text can still matter: its comparable form, and for each character of it
  // where it came from.
  let tail = '';
  /** The character before the tail: the text's beginning is a boundary like a space. */
  let before = ' ';
  let origins: number[] = [];
  let total = 0;

  const charBefore = (i: number) => (i === 0 ? before : tail.charAt(i - 1));
  const beginsAt = (i: number) =>
    charBefore(i) === ' ' || UNSPACED.test(tail.charAt(i)) || UNSPACED.test(charBefore(i));
  const endsAt = (i: number, isEnd: boolean) =>
    i < tail.length ? tail[i] === ' ' || UNSPACED.test(tail.charAt(i)) : isEnd || UNSPACED.test(tail.charAt(i - 1));

  function judge(isEnd: boolean): Finding {
    let held = tail.length;
    for (let i = 0; i < tail.length; i++) {
      if (tail[i] === ' ' || !beginsAt(i)) continue;
      for (const phrase of phrases) {
        if (tail.startsWith(phrase, i) && endsAt(i + phrase.length, isEnd))
          return { found: phrase, safe: origins[i] ?? 0 };
        const rest = tail.length - i;
        if (!isEnd && rest <= phrase.length && i < held && phrase.startsWith(tail.slice(i))) held = i;
      }
    }
    const safe = held < tail.length ? (origins[held] ?? total) : total;
    // One character more than the longest phrase, for the boundary before it.
    const drop = Math.max(0, Math.min(held, tail.length - longest - 1));
    before = charBefore(drop);
    tail = tail.slice(drop);
    origins = origins.slice(drop);
    return { found: null, safe };
  }

  function take(text: string): void {
    for (const char of text) {
      for (const part of plain(char)) {
        if (part === ' ' && (tail === '' || tail.endsWith(' '))) continue;
        tail += part;
        origins.push(total);
      }
      total += char.length;
    }
  }

  return {
    add(text) {
      if (phrases.length > 0) {
        take(text);
        return judge(false);
      }
      total += text.length;
      return { found: null, safe: total };
    },
    end() {
      if (phrases.length === 0) return { found: null, safe: total };
      const ruling = judge(true);
      if (!tail.endsWith(' ') && tail !== '') {
        tail += ' ';
        origins.push(total);
      }
      return ruling;
    },
  };
}

/**
 * The first of the phrases that a whole text holds.
 *
 * @param phrases - already {@link comparable}, none empty.
 */
export function phraseIn(text: string, phrases: readonly string[]): string | null {
  const finder = findPhrases(phrases);
  return finder.add(text).found ?? finder.end().found;
}
