/**
 * The one word of a closed launcher, by language: it is there before anything else is fetched. The
 * same words as `talk` in each language's file, which a test holds together.
 */
const TALK: Readonly<Record<string, string>> = { en: 'Talk', de: 'Sprechen', fr: 'Parler', es: 'Hablar' };

/** The word for a language tag such as `de-AT`; English where the language is not known. */
export function talkIn(tag: string): string {
  const [language = ''] = tag.toLowerCase().split('-');
  return TALK[language] ?? 'Talk';
}
