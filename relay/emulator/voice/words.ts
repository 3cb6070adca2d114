/**
 * Text as it is spoken: sentences, clauses, words, numbers in words (English). Two texts that
 * sound alike have the same {@link spokenKey}. Knows no sound.
 */
import { sayNumber } from '../numbers.ts';

const SIGNS: Readonly<Record<string, string>> = {
  '+': 'plus',
  '−': 'minus',
  '×': 'times',
  '*': 'times',
  '÷': 'divided by',
  '=': 'is',
  '%': 'percent',
  '&': 'and',
  '°': 'degrees',
};
/** From here on a number is read digit by digit. */
const LARGEST_NAMED = 1_000_000;

/** A number as it is read: "-3.5" → "minus three point five"; digit by digit behind the point and when it is very large. */
export function numberInWords(digits: string): string {
  const [, sign = '', whole = '0', fraction = ''] = /^([-−]?)(\d+)(?:\.(\d+))?$/.exec(digits.replaceAll(',', '')) ?? [];
  const oneByOne = (run: string) => Array.from(run, (digit) => sayNumber(Number(digit)));
  const words = sign === '' ? [] : ['minus'];
  if (Number(whole) < LARGEST_NAMED) words.push(sayNumber(Number(whole)).replaceAll('-', ' '));
  else words.push(...oneByOne(whole));
  if (fraction !== '') words.push('point', ...oneByOne(fraction));
  return words.join(' ');
}

/** Lower-case words without punctuation, numbers and signs spelt out, names of fields taken apart ("windSpeed"). */
export function spokenWords(text: string): string[] {
  return text
    .normalize('NFKC')
    .replace(/(\p{Ll})(?=\p{Lu})/gu, '$1 ')
    .toLowerCase()
    .replaceAll('’', "'")
    .replace(/(?<![\p{L}\p{N}])[-−]?\d+(?:,\d{3})*(?:\.\d+)?(?!\p{L})/gu, (digits) => ` ${numberInWords(digits)} `)
    .replace(/(?<=\s)[-−](?=\s)/g, 'minus')
    .replace(/[+−×*÷=%&°]/g, (sign) => ` ${SIGNS[sign] ?? ''} `)
    .replace(/[^\p{L}\p{M}\p{N}']+/gu, ' ')
    .split(' ')
    .filter((word) => /[\p{L}\p{N}]/u.test(word));
}

/** Equal for texts that are spoken alike: "It's 5!" and "it’s five". */
export function spokenKey(text: string): string {
  return spokenWords(text).join(' ');
}

/** Sentences, with their punctuation. Very long ones are cut between words. */
export function sentencesOf(text: string, longest = 300): string[] {
  return text
    .split(/(?<=[.!?…]["'”’)]*)\s+|(?<=[。！？])|\n+/u)
    .flatMap((sentence) => cutBetweenWords(sentence.trim(), longest))
    .filter((sentence) => /[\p{L}\p{N}]/u.test(sentence));
}

function cutBetweenWords(sentence: string, longest: number): string[] {
  const pieces: string[] = [];
  let rest = sentence;
  while (rest.length > longest) {
    const space = rest.lastIndexOf(' ', longest);
    const at = space > longest / 2 ? space : longest;
    pieces.push(rest.slice(0, at));
    rest = rest.slice(at).trimStart();
  }
  return [...pieces, rest];
}

/** Parts of a sentence between which one pauses a little. */
export function clausesOf(sentence: string): string[] {
  return sentence.split(/[,;:—–]+(?!\d)|、|，/u).filter((clause) => /[\p{L}\p{N}]/u.test(clause));
}
