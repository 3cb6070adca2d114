/**
 * Text as it is spoken: sentences, clauses, words, numbers in words (English). Two texts that
 * sound alike have the same {@link spokenKey}. Knows no sound.
 */

const ONES =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'.split(
    ' ',
  );
const TENS = 'zero ten twenty thirty forty fifty sixty seventy eighty ninety'.split(' ');
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
const LARGEST_NAMED = 999_999_999;

function belowThousand(value: number): string[] {
  const words: string[] = [];
  if (value >= 100) words.push(ONES[Math.floor(value / 100)] ?? '', 'hundred');
  const rest = value % 100;
  if (rest >= 20) {
    words.push(TENS[Math.floor(rest / 10)] ?? '');
    if (rest % 10 > 0) words.push(ONES[rest % 10] ?? '');
  } else if (rest > 0) words.push(ONES[rest] ?? '');
  return words;
}

/**
 * A number as it is read: "-3.5" → "minus three point five". Digits one by one above
 * {@link LARGEST_NAMED} and behind the point.
 */
export function numberInWords(digits: string): string {
  const [, sign = '', whole = '0', fraction = ''] = /^([-−]?)(\d+)(?:\.(\d+))?$/.exec(digits.replaceAll(',', '')) ?? [];
  const oneByOne = (run: string) => Array.from(run, (digit) => ONES[Number(digit)] ?? '');
  const value = Number(whole);
  const words = sign === '' ? [] : ['minus'];
  if (value > LARGEST_NAMED) words.push(...oneByOne(whole));
  else if (value === 0) words.push('zero');
  else {
    for (const [size, name] of [
      [1_000_000, 'million'],
      [1000, 'thousand'],
      [1, ''],
    ] as const) {
      const part = Math.floor(value / size) % 1000;
      if (part > 0) words.push(...belowThousand(part), ...(name === '' ? [] : [name]));
    }
  }
  if (fraction !== '') words.push('point', ...oneByOne(fraction));
  return words.join(' ');
}

/** Lower-case words without punctuation, numbers and signs spelt out. */
export function spokenWords(text: string): string[] {
  return text
    .normalize('NFKC')
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
