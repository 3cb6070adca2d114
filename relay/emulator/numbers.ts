/** Numbers as they are said, both ways, up to the thousands: enough to count and to add. */

const ONES =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'.split(
    ' ',
  );
const TENS = ['', '', 'twenty', 'thirty', 'forty', 'fifty', 'sixty', 'seventy', 'eighty', 'ninety'];

const WORD = [...ONES, ...TENS.slice(2), 'hundred', 'thousand'].join('|');

/** A capturing group for a number in digits or words; `{number}` in a rule becomes this. */
export const NUMBER_PATTERN = `(-?\\d+|(?:${WORD})(?:[ -](?:${WORD}))*)`;

/** The number that `words` say ("twenty-one", "21"); null when they say none. */
export function readNumber(words: string): number | null {
  if (/^-?\d+$/.test(words)) return Number(words);
  let sum = 0;
  let group = 0;
  for (const word of words.split(/[ -]/)) {
    if (word === 'thousand') {
      sum += (group || 1) * 1000;
      group = 0;
    } else if (word === 'hundred') group = (group || 1) * 100;
    else if (ONES.includes(word)) group += ONES.indexOf(word);
    else if (TENS.includes(word)) group += TENS.indexOf(word) * 10;
    else return null;
  }
  return sum + group;
}

/** How `value` is said: "minus twenty-one", "two point five". Beyond a million, digits. */
export function sayNumber(value: number): string {
  if (value < 0) return `minus ${sayNumber(-value)}`;
  if (!Number.isInteger(value)) {
    const [whole = '0', decimals = ''] = String(Math.round(value * 100) / 100).split('.');
    if (decimals === '') return sayNumber(Number(whole));
    return `${sayNumber(Number(whole))} point ${Array.from(decimals, (digit) => ONES[Number(digit)]).join(' ')}`;
  }
  if (value >= 1_000_000) return String(value);
  if (value >= 1000) return rest(`${sayNumber(Math.floor(value / 1000))} thousand`, value % 1000, ' ');
  if (value >= 100) return rest(`${ONES[Math.floor(value / 100)] ?? ''} hundred`, value % 100, ' ');
  if (value >= 20) return rest(TENS[Math.floor(value / 10)] ?? '', value % 10, '-');
  return ONES[value] ?? '';
}

function rest(start: string, left: number, between: string): string {
  return left === 0 ? start : `${start}${between}${sayNumber(left)}`;
}
