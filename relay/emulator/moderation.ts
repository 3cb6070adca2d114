/**
 * `POST /v1/moderations`: verdicts by the phrases of the rule file, in the shape and with the
 * categories of OpenAI's moderation model. Knows no HTTP and no conversation.
 */
import { ProtocolError, isObject, newId, type Fields } from './protocol.ts';
import type { Rules } from './rules.ts';

/** What the real model looks for; a client may rely on all of them being there. */
export const MODERATION_CATEGORIES = [
  'harassment',
  'harassment/threatening',
  'hate',
  'hate/threatening',
  'illicit',
  'illicit/violent',
  'self-harm',
  'self-harm/intent',
  'self-harm/instructions',
  'sexual',
  'sexual/minors',
  'violence',
  'violence/graphic',
] as const;

const FOUND_SCORE = 0.98;
const CLEAN_SCORE = 0.001;

/**
 * Flags every text that holds one of the rule file's phrases.
 *
 * @throws {ProtocolError} when `input` is neither text nor a list of texts.
 */
export function moderate({ input, model: asked }: Fields, { moderation }: Rules): Fields {
  const texts = (Array.isArray(input) ? input : [input]).map((part: unknown) => {
    if (typeof part === 'string') return part;
    if (isObject(part) && part['type'] === 'text' && typeof part['text'] === 'string') return part['text'];
    throw new ProtocolError('invalid_type', "Invalid type for 'input': expected text or a list of texts.", 'input');
  });
  const categories = [...new Set([...MODERATION_CATEGORIES, ...Object.keys(moderation)])];
  const results = texts.map((text) => {
    const words = text.toLowerCase().replaceAll('’', "'");
    const found = categories.map((category) => {
      const phrases = moderation[category] ?? [];
      return [category, phrases.some((phrase) => words.includes(phrase.toLowerCase()))] as const;
    });
    return {
      flagged: found.some(([, isFound]) => isFound),
      categories: Object.fromEntries(found),
      category_scores: Object.fromEntries(
        found.map(([category, isFound]) => [category, isFound ? FOUND_SCORE : CLEAN_SCORE]),
      ),
      category_applied_input_types: Object.fromEntries(found.map(([category]) => [category, ['text']])),
    };
  });
  return { id: newId('modr'), model: typeof asked === 'string' ? asked : 'omni-moderation-latest', results };
}
