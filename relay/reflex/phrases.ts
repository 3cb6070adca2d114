/**
 * What a reflex may say: short words that hide a wait, promise nothing and state nothing. By
 * language, split in those that only listen and those that may be taken for a yes. A tenant's own
 * list passes the same check. Knows no sound.
 */

export interface ReflexPhrases {
  neutral: string[];
  /** Never played after a question of the agent's. */
  affirmative: string[];
}

/** Longest phrase, in words as the language's own rules count them. */
export const MOST_WORDS = 4;
const LONGEST_CHARACTERS = 40;
/** Most phrases of either mood. */
export const MOST_PHRASES = 12;

const PHRASES: Readonly<Record<string, ReflexPhrases>> = {
  en: { neutral: ['Hmm.', 'Let me see.', 'One moment.'], affirmative: ['Okay.', 'Right.', 'Sure.'] },
  de: { neutral: ['Hmm.', 'Mal sehen.', 'Moment.'], affirmative: ['Okay.', 'Gut.', 'Gerne.'] },
  fr: { neutral: ['Hum.', 'Voyons.', 'Un instant.'], affirmative: ["D'accord.", 'Bien.', 'Très bien.'] },
  es: { neutral: ['Hmm.', 'A ver.', 'Un momento.'], affirmative: ['Vale.', 'Claro.', 'Muy bien.'] },
  pt: { neutral: ['Hum.', 'Vejamos.', 'Um momento.'], affirmative: ['Certo.', 'Claro.', 'Está bem.'] },
  it: { neutral: ['Hmm.', 'Vediamo.', 'Un attimo.'], affirmative: ['Va bene.', 'Certo.', 'Bene.'] },
  ja: { neutral: ['ええと。', 'うーん。', 'さて。'], affirmative: ['はい。', 'そうですね。'] },
  zh: { neutral: ['我看看。', '稍等。'], affirmative: ['嗯。', '好的。', '好。'] },
  ko: { neutral: ['음.', '잠시만요.', '어디 보자.'], affirmative: ['네.', '좋아요.'] },
  hi: { neutral: ['हम्म।', 'देखते हैं।', 'एक पल।'], affirmative: ['जी।', 'ठीक है।'] },
  ar: { neutral: ['لحظة.', 'لنرى.', 'دقيقة.'], affirmative: ['حسنًا.', 'طيب.'] },
};

/** Languages that have phrases of their own; every other has the wordless clips. */
export const REFLEX_LANGUAGES: readonly string[] = Object.keys(PHRASES);

/** Words that may be taken for a yes. */
const YES: Readonly<Record<string, readonly string[]>> = {
  en: ['yes', 'yeah', 'yep', 'sure', 'ok', 'okay', 'right', 'certainly', 'absolutely', 'correct', 'fine', 'alright'],
  de: ['ja', 'okay', 'ok', 'gut', 'gerne', 'gern', 'klar', 'genau', 'sicher', 'richtig', 'stimmt', 'natürlich'],
  fr: ['oui', 'ok', 'accord', "d'accord", 'bien', 'bon', 'exact', 'certainement', 'entendu'],
  es: ['sí', 'si', 'vale', 'claro', 'bien', 'bueno', 'exacto', 'correcto', 'ok'],
  pt: ['sim', 'certo', 'claro', 'bem', 'bom', 'exato', 'ok'],
  it: ['sì', 'si', 'certo', 'bene', 'va', 'esatto', 'giusto', 'ok'],
  ja: ['はい', 'ええ', 'うん', 'そう', 'そうですね', 'もちろん'],
  zh: ['嗯', '好', '好的', '是', '是的', '对', '可以', '行'],
  ko: ['네', '예', '좋아요', '그래요', '물론'],
  hi: ['जी', 'हाँ', 'हां', 'ठीक', 'बिल्कुल', 'ज़रूर'],
  ar: ['نعم', 'أجل', 'حسنًا', 'حسنا', 'طيب', 'طبعا', 'تمام'],
};
const NO: Readonly<Record<string, readonly string[]>> = {
  en: ['no', 'nope', 'not', 'never', "can't", 'cannot', "don't", "won't"],
  de: ['nein', 'nicht', 'nie', 'niemals', 'kein', 'keine'],
  fr: ['non', 'pas', 'jamais'],
  es: ['no', 'nunca', 'jamás'],
  pt: ['não', 'nunca', 'jamais'],
  it: ['no', 'non', 'mai'],
  ja: ['いいえ', 'ない', 'ません'],
  zh: ['不', '不是', '没', '没有', '不行'],
  ko: ['아니요', '아니', '안', '못'],
  hi: ['नहीं', 'मत', 'कभी'],
  ar: ['لا', 'ليس', 'لن', 'أبدا'],
};
/** Words that promise or state something, as stems: a word that starts with one is refused. */
const PROMISES: Readonly<Record<string, readonly string[]>> = {
  en: [
    'promis',
    'guarant',
    'definit',
    'always',
    'free',
    'refund',
    'confirm',
    'booked',
    'will',
    "i'll",
    "we'll",
    'done',
  ],
  de: ['versprech', 'garant', 'immer', 'kostenlos', 'gratis', 'erstatt', 'bestätig', 'gebucht', 'werde', 'erledigt'],
  fr: ['promet', 'promis', 'garanti', 'toujours', 'gratuit', 'rembours', 'confirm', 'réserv'],
  es: ['promet', 'garant', 'siempre', 'gratis', 'reembols', 'confirm', 'reservad'],
  pt: ['promet', 'garant', 'sempre', 'grátis', 'reembols', 'confirm', 'reservad'],
  it: ['promet', 'garan', 'sempre', 'gratis', 'gratuit', 'rimbors', 'conferm', 'prenotat'],
  ja: ['約束', '保証', '必ず', '無料', '返金', '確認'],
  zh: ['保证', '承诺', '一定', '免费', '退款', '确认'],
  ko: ['약속', '보장', '반드시', '무료', '환불', '확인'],
  hi: ['वादा', 'गारंटी', 'हमेशा', 'मुफ़्त', 'मुफ्त', 'रिफंड', 'पुष्टि'],
  ar: ['أعد', 'وعد', 'ضمان', 'مضمون', 'دائما', 'مجان', 'تأكيد'],
};

export type PhraseRefusal = 'empty' | 'too-long' | 'factual' | 'question' | 'promise' | 'denial' | 'affirmative';

const ADVICE: Readonly<Record<PhraseRefusal, string>> = {
  empty: 'Write at least one word.',
  'too-long': `Use at most ${MOST_WORDS} words; a longer phrase states something or cannot be short enough.`,
  factual: 'Leave out numbers, prices and addresses; a reflex states no fact.',
  question: 'Leave out the question; a reflex expects no answer.',
  promise: 'Leave out words that promise or confirm something.',
  denial: 'Leave out words that may be taken for a no.',
  affirmative: 'This may be taken for a yes; put it in the affirmative list.',
};

export type PhraseCheck = { ok: true } | { ok: false; reason: PhraseRefusal; advice: string };

/** The language of a BCP 47 tag: "pt-BR" → "pt". Empty where there is no list for it. */
function languageOf(locale: string): string {
  const language = locale.toLowerCase().split(/[-_]/)[0] ?? '';
  return Object.hasOwn(PHRASES, language) ? language : '';
}

/** Words as the language counts them, also where it writes no spaces. */
function wordsOf(phrase: string, language: string): string[] {
  const words = [
    ...new Intl.Segmenter(language === '' ? 'en' : language, { granularity: 'word' }).segment(phrase.toLowerCase()),
  ];
  return words.filter((word) => word.isWordLike).map((word) => word.segment.replaceAll('’', "'"));
}

/**
 * Whether a reflex may say `phrase`: at most four words, no number, price or address, no question,
 * no promise, no yes among the neutral ones, and no "no" at all. An unknown language is checked
 * by everything but its words.
 *
 * @param mood - The list it stands in.
 */
export function checkPhrase(phrase: string, locale: string, mood: keyof ReflexPhrases): PhraseCheck {
  const language = languageOf(locale);
  const words = wordsOf(phrase, language);
  const has = (list: readonly string[] | undefined) => words.some((word) => list?.includes(word));
  const refuse = (reason: PhraseRefusal): PhraseCheck => ({ ok: false, reason, advice: ADVICE[reason] });

  if (words.length === 0) return refuse('empty');
  if (/[\p{N}\p{Sc}%@]|https?:|www\./u.test(phrase)) return refuse('factual');
  if (/[?？؟]/u.test(phrase)) return refuse('question');
  const stems = PROMISES[language] ?? [];
  const promises = stems.some((stem) => words.some((word) => word.startsWith(stem)) || inScript(phrase, stem));
  if (promises) return refuse('promise');
  if (words.length > MOST_WORDS || phrase.length > LONGEST_CHARACTERS) return refuse('too-long');
  if (has(NO[language])) return refuse('denial');
  if (mood === 'neutral' && has(YES[language])) return refuse('affirmative');
  return { ok: true };
}

/** Scripts without spaces are cut into words differently from phrase to phrase; there a stem counts anywhere. */
function inScript(phrase: string, stem: string): boolean {
  return /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Hangul}]/u.test(stem) && phrase.includes(stem);
}

/** The language's own phrases; none where there are none. */
export function phrasesFor(locale: string): ReflexPhrases {
  return PHRASES[languageOf(locale)] ?? { neutral: [], affirmative: [] };
}
