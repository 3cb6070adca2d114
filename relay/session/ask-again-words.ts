/** What is said when the user's words were lost on their way: that they were, and to say them again. */

const WORDS: Readonly<Record<string, string>> = {
  en: 'Sorry, the connection was interrupted and I missed that. Could you say it again?',
  de: 'Entschuldigung, die Verbindung war unterbrochen. Könnten Sie das bitte noch einmal sagen?',
  fr: 'Désolé, la connexion a été interrompue. Pourriez-vous répéter, s’il vous plaît ?',
  es: 'Perdone, se ha cortado la conexión. ¿Podría repetirlo, por favor?',
  pt: 'Desculpe, a ligação foi interrompida. Pode repetir, por favor?',
  it: 'Mi scusi, il collegamento si è interrotto. Può ripetere, per favore?',
  nl: 'Sorry, de verbinding was even weg. Kunt u dat nog een keer zeggen?',
  pl: 'Przepraszam, połączenie zostało przerwane. Czy można prosić o powtórzenie?',
  ja: '申し訳ありません。接続が途切れて聞き取れませんでした。もう一度お願いできますか。',
  zh: '抱歉，刚才连接中断，我没有听到。请您再说一遍，好吗？',
  ko: '죄송합니다. 연결이 끊겨 듣지 못했습니다. 다시 한번 말씀해 주시겠어요?',
  hi: 'क्षमा करें, संपर्क टूट गया था और मैं सुन नहीं सका। क्या आप फिर से कह सकते हैं?',
  ar: 'عذرًا، انقطع الاتصال ولم أسمع ما قلته. هل يمكنك إعادة ذلك من فضلك؟',
};

const ALL: ReadonlySet<string> = new Set(Object.values(WORDS));

/** In the language of `locale`; in English where there are no words of its own. */
export function askAgainFor(locale: string): string {
  return WORDS[locale.split('-')[0]?.toLowerCase() ?? ''] ?? (WORDS['en'] as string);
}

/** Whether these are the words, in whatever language. */
export function isAskAgain(text: string): boolean {
  return ALL.has(text);
}
