/**
 * What short words over the agent's voice mean, by language: an acknowledgement lets it go on, a
 * stop word stops it. Lists, because a decision within half a second cannot ask a model. Knows no
 * sound and no time.
 */

interface Words {
  /** Said to show that one listens. */
  acknowledge: string[];
  /** Said to make the other stop. */
  stop: string[];
}

const list = (words: string) => words.split(',').map((word) => word.trim());

/** Sounds that mean the same everywhere. */
const EVERYWHERE: Words = {
  acknowledge: list(`
      mm, mmm, mhm, mm hm, mmhmm, mm hmm, hm, hmm, uh huh, uhhuh, aha, ah, oh, ok, okay`),
  stop: list(`
      stop`),
};

const BY_LANGUAGE: Record<string, Words> = {
  en: {
    acknowledge: list(`
      yeah, yes, yep, yup, right, sure, i see, got it, great, good, nice, cool, wow, really, true, exactly,
      alright, all right, fine, interesting`),
    stop: list(`
      wait, hold on, no, hang on, pause, enough, shut up, be quiet, quiet, cancel, never mind, one moment,
      excuse me, actually, but`),
  },
  de: {
    acknowledge: list(`
      ja, jo, jaja, genau, stimmt, klar, gut, verstehe, ach so, achso, alles klar, richtig, schön, super,
      interessant`),
    stop: list(`
      stopp, halt, warte, warten sie, moment, nein, genug, ruhe, sei still, abbrechen, aufhören, hör auf,
      aber`),
  },
  fr: {
    acknowledge: list(`
      oui, ouais, d accord, daccord, bien, très bien, bien sûr, je vois, ça marche, exactement, voilà,
      super, entendu, ah bon`),
    stop: list(`
      arrête, arrêtez, attends, attendez, non, assez, une minute, un instant, pause, tais toi, taisez vous,
      annule, mais`),
  },
  es: {
    acknowledge: list(`
      sí, vale, claro, ya, bien, muy bien, de acuerdo, entiendo, ajá, exacto, bueno, perfecto, genial,
      ya veo`),
    stop: list(`
      para, pare, espera, espere, alto, no, basta, un momento, cállate, silencio, cancela, pero`),
  },
  pt: {
    acknowledge: list(`
      sim, é, tá, tá bom, está bem, certo, claro, entendi, pois, pois é, isso, bem, ótimo, aham, beleza,
      legal`),
    stop: list(`
      para, pare, espera, espere, não, chega, basta, um momento, cala a boca, silêncio, cancela, mas`),
  },
  it: {
    acknowledge: list(`
      sì, va bene, certo, bene, esatto, giusto, capisco, ho capito, ah ecco, ecco, d accordo, daccordo,
      perfetto, chiaro`),
    stop: list(`
      ferma, fermati, aspetta, aspetti, no, basta, un momento, un attimo, zitto, silenzio, annulla, ma`),
  },
  ja: {
    acknowledge: list(`
      うん, うんうん, はい, はいはい, ええ, へえ, へー, なるほど, そう, そうですね, そうですか, そうか, わかりました, わかった, ああ, ふん, ふーん`),
    stop: list(`
      止めて, とめて, やめて, ストップ, 待って, まって, ちょっと待って, ちょっとまって, いいえ, 違う, ちがう, 黙って`),
  },
  zh: {
    acknowledge: list(`
      嗯, 嗯嗯, 对, 对对, 对的, 是, 是的, 好, 好的, 好吧, 行, 哦, 噢, 啊, 明白, 明白了, 知道了, 没错, 對, 對的, 沒錯`),
    stop: list(`
      停, 停下, 停一下, 等等, 等一下, 等一等, 别说了, 不, 不是, 不对, 闭嘴, 够了, 別說了, 不對, 閉嘴, 夠了`),
  },
  ko: {
    acknowledge: list(`
      네, 네네, 예, 응, 음, 어, 그래, 그래요, 그렇군요, 그렇구나, 알겠어요, 알겠습니다, 맞아, 맞아요, 아하, 좋아요, 좋아`),
    stop: list(`
      그만, 그만해, 멈춰, 잠깐, 잠깐만, 잠깐만요, 잠시만, 기다려, 기다려요, 아니, 아니요, 스톱, 조용히`),
  },
  hi: {
    acknowledge: list(`
      हाँ, हां, जी, जी हाँ, जी हां, अच्छा, ठीक, ठीक है, सही, समझ गया, समझ गई, हम्म, बिल्कुल, haan, ji,
      accha, theek hai`),
    stop: list(`
      रुको, रुकिए, रुक जाओ, बस, नहीं, एक मिनट, चुप, बंद करो, स्टॉप, ruko, bas, nahin`),
  },
  ar: {
    acknowledge: list(`
      نعم, اه, آه, أيوه, ايوه, أيوا, طيب, حسنا, حسناً, تمام, صحيح, فهمت, أكيد, ماشي, صح`),
    stop: list(`
      توقف, قف, انتظر, لحظة, لا, كفى, يكفي, بس, اسكت, دقيقة, ستوب`),
  },
};

/** Lower case, no punctuation, no diacritics: how both lists and transcripts are compared. */
function normal(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}

export interface VerdictWords {
  /** Nothing but acknowledgements; `text` is complete. */
  isAcknowledgement(text: string): boolean;
  /** Begins with a stop word; the last word counts only when `isComplete`. */
  isStop(text: string, isComplete: boolean): boolean;
}

/** By language: every session of one has the same words. */
const known = new Map<string, VerdictWords>();

/** @param locale - language tag; a language without a list has the sounds that mean the same everywhere. */
export function verdictWords(locale: string): VerdictWords {
  const asked = locale.split('-')[0]?.toLowerCase() ?? '';
  const language = Object.hasOwn(BY_LANGUAGE, asked) ? asked : '';
  const words = known.get(language) ?? wordsOf(BY_LANGUAGE[language] ?? { acknowledge: [], stop: [] });
  known.set(language, words);
  return words;
}

function wordsOf(own: Words): VerdictWords {
  const acknowledge = new Set([...EVERYWHERE.acknowledge, ...own.acknowledge].map(normal));
  const stop = new Set([...EVERYWHERE.stop, ...own.stop].map(normal));
  const longest = Math.max(...[...acknowledge, ...stop].map((phrase) => phrase.split(' ').length));

  /** Length of the longest listed phrase at the head of `words`, 0 where none is. */
  const headIn = (list: Set<string>, words: string[]): number => {
    for (let n = Math.min(longest, words.length); n > 0; n--) if (list.has(words.slice(0, n).join(' '))) return n;
    return 0;
  };
  return {
    isAcknowledgement(text) {
      let words = normal(text).split(' ').filter(Boolean);
      if (words.length === 0) return false;
      while (words.length > 0) {
        const n = headIn(acknowledge, words);
        if (n === 0) return false;
        words = words.slice(n);
      }
      return true;
    },
    isStop(text, isComplete) {
      const isWhole = isComplete || /[^\p{L}\p{N}\p{M}]$/u.test(text);
      const words = normal(text).split(' ').filter(Boolean);
      const complete = isWhole ? words : words.slice(0, -1);
      return headIn(stop, complete) > 0;
    },
  };
}
