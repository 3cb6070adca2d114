/**
 * Takes personal data out of text before it is stored or leaves the relay: addresses, card,
 * account and phone numbers, and names by the tenant's own patterns. Pure. It errs on the side of
 * taking out: a long number that is neither is taken for a phone number.
 */

export const PII_KINDS = ['email', 'card', 'iban', 'phone', 'name'] as const;
export type PiiKind = (typeof PII_KINDS)[number];

export interface RedactOptions {
  /** All kinds by default. */
  kinds?: readonly PiiKind[];
  /** Compiled with {@link namePattern}. */
  names?: readonly RegExp[];
}

/** Longest pattern, in characters. */
const LONGEST_PATTERN = 120;
/** Most parts of a pattern that repeat; each may repeat this often. */
const MOST_REPEATS = 3;
const LONGEST_REPEAT = 40;

const EMAIL =
  /[\p{L}\p{N}](?:[\p{L}\p{N}._%+-]{0,62}[\p{L}\p{N}_%+-])?@(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?\.){1,8}[\p{L}]{2,24}/gu;
/** Spoken and written down as words: "ada at example dot com". */
const SPOKEN_EMAIL =
  /[\p{L}\p{N}][\p{L}\p{N}._-]{0,40} at (?:[\p{L}\p{N}-]{1,40} dot ){1,3}[\p{L}]{2,24}(?![\p{L}])/giu;
const CARD = /(?<![\p{L}\p{N}])\p{Nd}(?:[ .\u00a0-]?\p{Nd}){11,18}(?![\p{L}\p{N}])/gu;
const IBAN = /(?<![\p{L}\p{N}])[a-z]{2}[ -]?\d{2}(?:[ -]?[a-z\d]){11,30}(?![\p{L}\p{N}])/giu;
const PHONE =
  /(?<![\p{L}\p{N}])(?:\+|00)?[ ]?\(?\p{Nd}(?:[ ./()\u00a0\u2010-\u2013-]{0,2}\p{Nd}){6,16}(?![\p{L}\p{N}])/gu;
/** Years, prices and times are no phone numbers. */
const GROUPED = /^\p{Nd}{1,3}(?:[ .]\p{Nd}{3})+$/u;
const DATE = /^\p{Nd}{4}[-./]\p{Nd}{1,2}[-./]\p{Nd}{1,2}$|^\p{Nd}{1,2}[-./]\p{Nd}{1,2}[-./]\p{Nd}{4}$/u;

/** Decimal digits of any script as numbers. */
function digitsOf(text: string): number[] {
  return Array.from(text.normalize('NFKC').match(/\p{Nd}/gu) ?? [], (digit) => {
    // Every block of decimal digits is ten long and begins with its zero.
    let zero = digit.codePointAt(0) ?? 0;
    const code = zero;
    while (code - zero < 9 && /\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero -= 1;
    return code <= 0x39 ? code - 0x30 : code - zero;
  });
}

/** Whether the number's last digit is what the card schemes' check asks for (ISO/IEC 7812). */
export function passesLuhn(text: string): boolean {
  const digits = digitsOf(text);
  if (digits.length < 12 || digits.length > 19) return false;
  let sum = 0;
  for (const [index, digit] of digits.reverse().entries()) {
    const doubled = index % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

/** Whether the account number's two check digits are right (ISO 13616). */
export function passesIban(text: string): boolean {
  const plain = text.replace(/[ -]/g, '').toUpperCase();
  if (!/^[A-Z]{2}\d{2}[A-Z\d]{11,30}$/.test(plain)) return false;
  let rest = 0;
  for (const char of plain.slice(4) + plain.slice(0, 4)) {
    const value = Number.parseInt(char, 36);
    rest = (value > 9 ? rest * 100 + value : rest * 10 + value) % 97;
  }
  return rest === 1;
}

/** The longest head of `match`, cut between groups, that passes; a name may follow a number without a comma. */
function headThatPasses(match: string, passes: (text: string) => boolean): string | null {
  for (let end = match.length; end > 0; end--) {
    if (end < match.length && /[\p{L}\p{N}]/u.test(match.charAt(end)) && !/[ -]/.test(match.charAt(end))) continue;
    const head = match.slice(0, end);
    if (/[\p{L}\p{N}]$/u.test(head) && passes(head)) return head;
  }
  return null;
}

const isPhone = (text: string) => !GROUPED.test(text.trim()) && !DATE.test(text.trim());
const TAKEN = /\[(?:email|card|iban|phone|name)\]/g;

/**
 * The text without personal data; `[email]`, `[card]`, `[iban]`, `[phone]` and `[name]` stand for
 * what was there. The same text again comes out unchanged.
 */
export function redact(text: string, options: RedactOptions = {}): string {
  const kinds = new Set(options.kinds ?? PII_KINDS);
  const names = kinds.has('name') ? (options.names ?? []) : [];
  // What is taken out makes new edges, at which more may show.
  for (let out = text; ;) {
    const next = takeNames(takeNumbers(takeAddresses(out, kinds), kinds), names);
    if (next === out) return out;
    out = next;
  }
}

function takeAddresses(text: string, kinds: ReadonlySet<PiiKind>): string {
  return kinds.has('email') ? text.replace(EMAIL, '[email]').replace(SPOKEN_EMAIL, '[email]') : text;
}

function takeNumbers(text: string, kinds: ReadonlySet<PiiKind>): string {
  const take = (out: string, pattern: RegExp, passes: (text: string) => boolean, by: string) =>
    out.replace(pattern, (match) => {
      const head = headThatPasses(match, passes);
      return head === null ? match : `${by}${match.slice(head.length)}`;
    });
  let out = text;
  if (kinds.has('iban')) out = take(out, IBAN, passesIban, '[iban]');
  if (kinds.has('card')) out = take(out, CARD, passesLuhn, '[card]');
  // A space that a number began with is not part of it.
  if (kinds.has('phone')) {
    out = out.replace(PHONE, (match) => (isPhone(match) ? `${/^ */.exec(match)?.[0] ?? ''}[phone]` : match));
  }
  return out;
}

/** Names, but nothing of what stands for something taken out. */
function takeNames(text: string, names: readonly RegExp[]): string {
  let out = text;
  for (const name of names) {
    const taken = Array.from(out.matchAll(TAKEN), ({ index, 0: all }) => ({ from: index, to: index + all.length }));
    out = out.replace(name, (match: string, ...rest: unknown[]) => {
      const from = rest.find((value) => typeof value === 'number') ?? 0;
      const overlaps = taken.some((one) => from < one.to && from + match.length > one.from);
      return match.trim() === '' || overlaps ? match : '[name]';
    });
  }
  return out;
}

/**
 * A tenant's pattern for names, compiled; a string says why it is refused. A pattern runs on every
 * transcript of every session, so it may not be able to take long: no group repeats, nothing
 * repeats without a bound, nothing looks around or back.
 */
export function namePattern(source: string): RegExp | string {
  if (source.trim() === '') return 'is empty';
  if (source.length > LONGEST_PATTERN) return `is longer than ${LONGEST_PATTERN} characters`;
  const plain = source.replace(/\\[^1-9k]/g, 'x').replace(/\[[^\]]*\]/g, 'x');
  if (/\(\?[=!<]|\\[1-9k]/.test(plain)) return 'looks around or back';
  if (/\)[*+{]/.test(plain)) return 'repeats a group';
  if (/[*+]/.test(plain)) return 'repeats without a bound; write {1,20}';
  const repeats = plain.match(/\{[^}]*\}/g) ?? [];
  if (repeats.length > MOST_REPEATS) return `repeats more than ${MOST_REPEATS} times`;
  for (const repeat of repeats) {
    const most = /^\{(?:\d+,)?(\d+)\}$/.exec(repeat)?.[1];
    if (most === undefined || Number(most) > LONGEST_REPEAT) return `repeats more often than ${LONGEST_REPEAT}`;
  }
  try {
    return new RegExp(source, 'gu');
  } catch {
    return 'is not a regular expression';
  }
}
