/**
 * What is said when a conversation must end because its tenant's budget is used up: thanks, the
 * end, and a goodbye. The reason is the tenant's business and not the user's.
 */

const ENDINGS: Readonly<Record<string, string>> = {
  en: 'Thank you for talking with me. I have to end our conversation here. Goodbye.',
  de: 'Vielen Dank für das Gespräch. Ich muss es hier leider beenden. Auf Wiederhören.',
  fr: 'Merci pour cet échange. Je dois malheureusement terminer ici. Au revoir.',
  es: 'Gracias por hablar conmigo. Tengo que terminar aquí nuestra conversación. Hasta pronto.',
  pt: 'Agradeço a conversa. Tenho de terminar por aqui. Até breve.',
  it: 'Grazie per la conversazione. Devo concludere qui. Arrivederci.',
  nl: 'Bedankt voor het gesprek. Ik moet hier helaas afronden. Tot ziens.',
  pl: 'Dziękuję za rozmowę. Muszę ją tutaj zakończyć. Do widzenia.',
  ja: 'お話しいただき、ありがとうございました。申し訳ありませんが、ここで終了いたします。失礼いたします。',
  zh: '感谢您与我交谈。很抱歉，我们的对话只能到此结束。再见。',
  ko: '대화해 주셔서 감사합니다. 죄송하지만 여기서 마쳐야 합니다. 안녕히 계세요.',
  hi: 'मुझसे बात करने के लिए धन्यवाद। हमें बातचीत यहीं समाप्त करनी होगी। नमस्ते।',
  ar: 'شكرًا على حديثك معي. عليّ أن أنهي محادثتنا هنا. مع السلامة.',
};

/** In the language of `locale`; in English where there are no words of its own. */
export function endingFor(locale: string): string {
  return ENDINGS[locale.split('-')[0]?.toLowerCase() ?? ''] ?? (ENDINGS['en'] as string);
}
