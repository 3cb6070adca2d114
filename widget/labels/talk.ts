/**
 * The one word of a closed launcher, by language: it is there before anything else is fetched. The
 * same words as `talk` in each language's file, which a test holds together.
 */
export type Language = 'en' | 'de' | 'fr' | 'es' | 'pt' | 'it' | 'nl' | 'pl' | 'ja' | 'zh' | 'ko' | 'hi' | 'ar' | 'he';

const TALK: Readonly<Record<Language, string>> = {
  en: 'Talk',
  de: 'Sprechen',
  fr: 'Parler',
  es: 'Hablar',
  pt: 'Falar',
  it: 'Parla',
  nl: 'Praten',
  pl: 'Rozmowa',
  ja: '話す',
  zh: '通话',
  ko: '말하기',
  hi: 'बात करें',
  ar: 'تحدّث',
  he: 'דיבור',
};
const words: Readonly<Record<string, string | undefined>> = TALK;

/** The word for a language tag such as `de-AT`; English where the language is not known. */
export function talkIn(tag: string): string {
  const [language = ''] = tag.toLowerCase().split('-');
  return words[language] ?? TALK.en;
}
