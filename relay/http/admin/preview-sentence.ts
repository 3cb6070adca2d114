/** What a voice says of itself, by language; in English where there is no other. */
const SENTENCES: Record<string, string> = {
  en: 'Hello, this is how I sound. How can I help you today?',
  de: 'Hallo, so klinge ich. Wie kann ich Ihnen heute helfen?',
  fr: 'Bonjour, voici ma voix. Comment puis-je vous aider ?',
  es: 'Hola, así sueno. ¿En qué puedo ayudarle hoy?',
  it: 'Buongiorno, questa è la mia voce. Come posso aiutarla?',
  pt: 'Olá, é assim que eu falo. Como posso ajudar?',
  nl: 'Hallo, zo klink ik. Waarmee kan ik u helpen?',
  pl: 'Dzień dobry, tak brzmi mój głos. W czym mogę pomóc?',
  ja: 'こんにちは。私の声はこのように聞こえます。',
};

/** @param locale - BCP 47 tag. */
export const previewSentence = (locale: string): string =>
  SENTENCES[locale.split('-')[0]?.toLowerCase() ?? ''] ?? (SENTENCES['en'] as string);
