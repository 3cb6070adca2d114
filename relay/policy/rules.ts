/** A tenant's settings as what the judges look for on either side. Knows no text. */
import type { Action, Side, Violation } from './decisions.ts';
import type { PhraseRule } from './judge.ts';
import { comparable } from './phrases.ts';
import type { Policy, Topic } from './settings.ts';

const isOn = ({ on = 'both' }: Topic, side: Side) => on === 'both' || on === side;

/** What stops words of that side. */
export function phraseRules(policy: Policy, side: Side): PhraseRule[] {
  const rules: PhraseRule[] = [];
  const add = (phrases: readonly string[], violation: Violation) => {
    for (const phrase of phrases) rules.push({ phrase, violation });
  };
  if (side === 'output') {
    add(policy.disallowed, { decision: policy.onDisallowed, reason: 'disallowed_phrase', severity: 'medium' });
  }
  for (const topic of policy.topics) {
    if (topic.action === 'disclaim' || !isOn(topic, side)) continue;
    const decision: Action = topic.action;
    add(topic.words, { decision, reason: 'regulated_topic', severity: 'medium', detail: topic.name });
  }
  return rules;
}

export interface DisclaimRule {
  topic: string;
  /** Comparable. */
  words: string[];
  text: string;
}

/** Topics that may be spoken on, with something said about it. */
export function disclaimRules(policy: Policy, side: Side): DisclaimRule[] {
  return policy.topics
    .filter((topic) => topic.action === 'disclaim' && isOn(topic, side))
    .map(({ name, words, disclaimer = '' }) => ({ topic: name, words: words.map(comparable), text: disclaimer }));
}

/** Whether moderation is asked about that side. */
export function isModerated(policy: Policy, side: Side): boolean {
  return Object.keys(policy.moderation[side]).length > 0;
}
