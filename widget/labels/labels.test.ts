import { beforeAll, expect, it } from 'vitest';
import { ERROR_CODES } from '../errors.ts';
import { labelsFor, LANGUAGES, loadLabels } from './labels.ts';
import { talkIn } from './talk.ts';

beforeAll(async () => {
  await Promise.all(LANGUAGES.map((language) => loadLabels(language)));
});

it('has the launcher’s word before any file is fetched, and it is the same', () => {
  for (const language of LANGUAGES) expect(talkIn(`${language}-XX`)).toBe(labelsFor(language).talk);
  expect(talkIn('tlh')).toBe('Talk');
});

it('follows the language and not the region', () => {
  expect(labelsFor('de-AT')).toBe(labelsFor('de'));
  expect(labelsFor('FR').talk).toBe('Parler');
});

it('speaks English where it has no words', () => {
  expect(labelsFor('tlh')).toBe(labelsFor('en'));
  expect(labelsFor('')).toBe(labelsFor('en'));
});

it('says each error in its own sentence, in every language', () => {
  for (const language of LANGUAGES) {
    const { errors } = labelsFor(language);
    const sentences = ERROR_CODES.map((code) => errors[code]);
    expect(new Set(sentences).size).toBe(ERROR_CODES.length);
    expect(sentences.every((sentence) => /[.。।]$/u.test(sentence))).toBe(true);
  }
});

it('has every language of the product, and knows which way each is read', () => {
  expect([...LANGUAGES].sort().join(' ')).toBe('ar de en es fr he hi it ja ko nl pl pt zh');
  const rightToLeft = LANGUAGES.filter((language) => labelsFor(language).dir === 'rtl');
  expect(rightToLeft).toEqual(['ar', 'he']);
  for (const language of LANGUAGES) expect(labelsFor(language).lang).toBe(language);
});

it('leaves nothing in English by mistake', () => {
  const flat = (tag: string) =>
    Object.values(labelsFor(tag)).flatMap((one: string | object) =>
      typeof one === 'string' ? [one] : (Object.values(one) as string[]),
    );
  const english = new Set(flat('en').filter((text) => text.includes(' ')));
  for (const language of LANGUAGES.filter((one) => one !== 'en')) {
    expect(flat(language).filter((text) => text.trim() === '' || english.has(text))).toEqual([]);
  }
});
