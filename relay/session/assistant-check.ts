/**
 * Everything that may be wrong with an assistant before it is stored: its policy by policy's own
 * schema, its reflex phrases by what a reflex may say. Each mistake is named with its place and,
 * for a phrase, with the phrase.
 */
import type { FieldProblem } from '../errors.ts';
import { checkPolicy } from '../policy/settings.ts';
import { MOST_PHRASES, checkPhrase } from '../reflex/phrases.ts';
import type { Assistant } from '../tenants/tenant.ts';

const MOODS = ['neutral', 'affirmative'] as const;

/** @returns every mistake, in order; empty when there is none. */
export function checkAssistant({ policy, reflex, locale }: Assistant): FieldProblem[] {
  const problems = checkPolicy(policy);
  for (const mood of reflex === undefined ? [] : MOODS) {
    const phrases: unknown = reflex?.[mood];
    if (!Array.isArray(phrases)) {
      problems.push({ at: `reflex.${mood}`, message: 'must be a list of phrases' });
      continue;
    }
    if (phrases.length > MOST_PHRASES) {
      problems.push({ at: `reflex.${mood}`, message: `must be at most ${MOST_PHRASES}` });
    }
    for (const [index, phrase] of phrases.entries()) {
      const at = `reflex.${mood}.${index}`;
      if (typeof phrase !== 'string') problems.push({ at, message: 'must be a phrase' });
      else {
        const check = checkPhrase(phrase, locale, mood);
        if (!check.ok) problems.push({ at, message: `${JSON.stringify(phrase.slice(0, 80))}: ${check.advice}` });
      }
    }
  }
  return problems;
}
