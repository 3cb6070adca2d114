/**
 * What must be said with an answer: phrases that every or the first answer holds, and the
 * disclaimers of topics that question or answer touched. Says what is missing; how it comes to be
 * spoken is not known here.
 */
import { comparable, phraseIn } from './phrases.ts';
import { disclaimRules } from './rules.ts';
import type { Policy } from './settings.ts';

export interface RequiredPhrases {
  /** @returns what an answer of these words still has to say, `topics` being those of the question. */
  missing(said: string, topics: readonly string[]): string[];
  /** The answer was given to its end with these words. */
  answered(said: string): void;
}

export function requiredPhrases(policy: Policy): RequiredPhrases {
  const disclaimed = disclaimRules(policy, 'output');
  const texts = new Map(policy.topics.map(({ name, disclaimer = '' }) => [name, disclaimer]));
  const wasSaid = new Set<string>();
  const holds = (said: string, text: string) => phraseIn(said, [comparable(text)]) !== null;
  return {
    missing(said, topics) {
      if (said.trim() === '') return [];
      const due = new Set<string>();
      for (const { text, when } of policy.required) if (when === 'every_answer' || !wasSaid.has(text)) due.add(text);
      for (const { words, text } of disclaimed) if (phraseIn(said, words) !== null) due.add(text);
      for (const topic of topics) due.add(texts.get(topic) ?? '');
      return [...due].filter((text) => text !== '' && !holds(said, text));
    },
    answered(said) {
      for (const { text } of policy.required) if (holds(said, text)) wasSaid.add(text);
    },
  };
}
