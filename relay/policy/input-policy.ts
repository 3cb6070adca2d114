/**
 * What the user said, judged once per item when its words are complete: by the words of topics at
 * once, by moderation a little later. Knows no turns and no sound.
 */
import { violationOf, type Violation } from './decisions.ts';
import { comparable, phraseIn } from './phrases.ts';
import type { Moderator } from './moderation.ts';
import { disclaimRules, isModerated, phraseRules } from './rules.ts';
import type { Policy } from './settings.ts';

export interface InputRuling {
  violation: Violation | null;
  /** Topics on which something must be said with the answer. */
  topics: string[];
}

export interface InputPolicyOptions {
  policy: Policy;
  moderator: Moderator | null;
  timeoutMs: number;
  /** No verdict counts as a bad one. */
  silenceBlocks: boolean;
  signal: AbortSignal;
}

export interface InputPolicy {
  /** Whether an answer must wait for what its question is judged to be. */
  readonly isNeeded: boolean;
  /** The ruling, now where phrases decide, else later. Never rejects. */
  check(text: string): InputRuling | Promise<InputRuling>;
}

export function createInputPolicy(options: InputPolicyOptions): InputPolicy {
  const { policy } = options;
  const moderator = isModerated(policy, 'input') ? options.moderator : null;
  const rules = new Map(phraseRules(policy, 'input').map(({ phrase, violation }) => [comparable(phrase), violation]));
  const phrases = [...rules.keys()];
  const disclaimed = disclaimRules(policy, 'input');

  async function moderated(text: string, topics: string[], asked: Moderator): Promise<InputRuling> {
    const { timeoutMs, signal } = options;
    const answer = await asked.check(text, { timeoutMs, signal });
    if (answer.ok) return { violation: violationOf(answer.flagged, policy.moderation.input), topics };
    if (!options.silenceBlocks) return { violation: null, topics };
    return { violation: { decision: 'refuse', reason: 'moderation_unavailable', severity: 'medium' }, topics };
  }

  return {
    isNeeded: phrases.length > 0 || moderator !== null,
    check(text) {
      const topics = disclaimed.filter(({ words }) => phraseIn(text, words) !== null).map(({ topic }) => topic);
      const found = phrases.length > 0 ? phraseIn(text, phrases) : null;
      const violation = (found !== null && rules.get(found)) || null;
      // Self-harm outranks whatever a word list made of the same sentence.
      const isSettled = violation?.decision === 'escalate' || moderator === null || text.trim() === '';
      if (isSettled) return { violation, topics };
      return moderated(text, topics, moderator).then((ruling) => {
        const isWorse = violation === null || ruling.violation?.decision === 'escalate';
        return isWorse ? ruling : { violation, topics };
      });
    },
  };
}
