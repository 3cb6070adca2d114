import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PII_KINDS, namePattern, passesIban, passesLuhn, redact } from './redact.ts';

const DIGITS = Array.from('0123456789');
const names = (...sources: string[]) => sources.map((source) => namePattern(source) as RegExp);

describe('redacted text', () => {
  it.each([
    ['an address', 'Write to ada.byron+x@mail.example.co.uk, please.', 'Write to [email], please.'],
    ['an address in another script', 'Пишите: ада@почта.рф', 'Пишите: [email]'],
    ['a spoken address', 'It is ada dot b at example dot com, you know.', 'It is ada dot [email], you know.'],
    ['a card number', 'My card is 4111 1111 1111 1111.', 'My card is [card].'],
    ['a card number with dashes', '5500-0000-0000-0004 is it', '[card] is it'],
    ['a card number and its end', 'It is 378282246310005 12/27', 'It is [card] 12/27'],
    ['an account number', 'IBAN DE89 3704 0044 0532 0130 00 is mine', 'IBAN [iban] is mine'],
    ['an account number in one piece', 'gb82west12345698765432', '[iban]'],
    ['an account number and a word behind it', 'to GB82 WEST 1234 5698 7654 32 today', 'to [iban] today'],
    ['a phone number', 'Call +49 (0)30 1234-567 now', 'Call [phone] now'],
    ['a phone number in one piece', 'or 03012345678', 'or [phone]'],
    ['digits of another script', 'رقمي ٠٥٠١٢٣٤٥٦٧', 'رقمي [phone]'],
    ['a long number that is nothing known', 'customer 4111111111111112', 'customer [phone]'],
    ['several at once', 'a@b.de, 030 1234567', '[email], [phone]'],
  ])('has no %s', (_, text, redacted) => {
    expect(redact(text)).toBe(redacted);
  });

  it.each([
    ['a price', 'It costs 1 250 000 or 1.250.000 in all.'],
    ['a date', 'On 2026-11-05, or 05.11.2026.'],
    ['an hour', 'From 9:30 to 18:00, room 1204.'],
    ['a word with digits', 'Model RX4111111111111111X'],
    ['an at sign', 'meet me @ noon'],
  ])('keeps %s', (_, text) => {
    expect(redact(text)).toBe(text);
  });

  it('has no name of the given patterns, and keeps what stands for others', () => {
    const options = { names: names('Ada(?: Byron)?', '[A-Z][a-z]{1,20}son', 'e', ' ?') };
    expect(redact('I am Ada Byron, not Nelson; x@y.org', options)).toBe(
      'I am [name], not [name]; x@y.org'.replace('x@y.org', '[email]'),
    );
  });

  it('keeps the kinds that are not asked for', () => {
    const text = 'a@b.de 4111 1111 1111 1111';
    expect(redact(text, { kinds: ['card'] })).toBe('a@b.de [card]');
    expect(redact(text, { kinds: [] })).toBe(text);
  });

  it('comes out unchanged when it is redacted again, whatever it is', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '4111 1111 1111 1111',
        'a@b.de',
        '+49 30 1234567',
        'DE89370400440532013000',
        'Ada',
        ' at ',
        ' dot ',
        '[name]',
      ),
      fc.string({ unit: fc.constantFrom(...Array.from('0123456789 -.@abZ+[]()\u00a0٤é')), maxLength: 24 }),
      fc.string(),
    );
    const options = { names: names('Ada', 'b.?Z', '^\\d') };
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const once = redact(pieces.join(''), options);
        expect(redact(once, options)).toBe(once);
      }),
      { numRuns: 2_000 },
    );
  });

  it('holds no valid card or account number, wherever one stands', () => {
    const digits = fc.string({ unit: fc.constantFrom(...DIGITS), minLength: 15, maxLength: 15 });
    const around = fc.constantFrom('', ' ', ', ', '. ', ' – ', '\n');
    fc.assert(
      fc.property(digits, around, around, fc.constantFrom('', ' ', '-'), (body, before, after, gap) => {
        const check = DIGITS.find((digit) => passesLuhn(body + digit)) ?? '';
        const card = (body + check).replaceAll(/(.{4})(?=.)/g, `$1${gap}`);
        const out = redact(`card:${before}${card}${after}!`);
        expect(out).not.toMatch(/\d{4}/);
        const iban = `DE${String(98 - Number(BigInt(`${body}131400`) % 97n)).padStart(2, '0')}${body}`;
        expect(passesIban(iban)).toBe(true);
        expect(redact(`to${before || ' '}${iban}${after}!`)).toContain('[iban]');
      }),
    );
  });

  it.each(['1 ', 'a.', 'ab dot ', 'AB12 ', '1', 'a', '[a@b.c] ', '+1(2)3 '])(
    'of a hostile %j, however often, takes no more than its length says',
    (piece) => {
      // Four times the text: a pattern that goes over it again and again would take sixteen times as long, or worse.
      const [short, long] = [2_000, 8_000].map((characters) => piece.repeat(Math.ceil(characters / piece.length)));
      const timed = (text = '') => {
        const start = performance.now();
        redact(text, { kinds: PII_KINDS });
        return performance.now() - start;
      };
      timed(short);
      // The best of several: what else the machine does only ever adds.
      const runs = Array.from({ length: 7 }, () => [timed(short), timed(long)] as const);
      const best = (times: number[]) => Math.min(...times);
      const ratio = best(runs.map(([, ms]) => ms)) / Math.max(best(runs.map(([ms]) => ms)), 0.05);
      expect(ratio).toBeLessThan(10);
    },
  );
});

describe('check digits', () => {
  it.each(['4111111111111111', '٤١١١١١١١١١١١١١١١', '5555 5555 5555 4444'])('of the card %s are right', (card) => {
    expect(passesLuhn(card)).toBe(true);
  });
  it.each(['4111111111111112', '411', '1'.repeat(20)])('of the card %s are wrong', (card) => {
    expect(passesLuhn(card)).toBe(false);
  });
  it('of accounts are told from others', () => {
    expect(passesIban('GB82 WEST 1234 5698 7654 32')).toBe(true);
    expect(passesIban('GB82 WEST 1234 5698 7654 33')).toBe(false);
    expect(passesIban('nonsense')).toBe(false);
  });
});

describe('a pattern of names', () => {
  it.each([
    ['', /empty/],
    ['x'.repeat(121), /longer/],
    ['(a{1,3}){1,9}', /group/],
    ['(?=a)b', /around/],
    ['(a)\\1', /back/],
    ['a+', /bound/],
    ['a{2,}', /more often/],
    ['a{1,99}', /more often/],
    ['a{1,2}b{1,2}c{1,2}d{1,2}', /more than/],
    ['[z-a]', /no/],
    ['(a', /expression/],
  ])('%s is refused', (source, why) => {
    const pattern = namePattern(source);
    if (source === '[z-a]') expect(pattern).toBe('is not a regular expression');
    else expect(pattern).toMatch(why);
  });
  it('may hold groups, sets and bounded repeats', () => {
    expect(namePattern('(?:Dr|Prof)\\.? [A-Z][a-z]{1,20}[+*]?')).toBeInstanceOf(RegExp);
  });
});
