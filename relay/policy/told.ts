/** What the model is told in the name of policy: when it is set up, after a mistake, and to say something. */
import type { Violation } from './decisions.ts';
import type { Policy } from './settings.ts';

/** Phrases named to a model that may not say them; more would cost every answer. */
const MOST_NAMED = 40;
const quoted = (texts: readonly string[]) => texts.map((text) => JSON.stringify(text)).join(', ');

/** The assistant's instructions with policy's own behind them: what the model does by itself needs no second answer. */
export function instructionsWith(instructions: string, policy: Policy): string {
  const told: string[] = [];
  if (policy.disallowed.length > 0) told.push(`Never say: ${quoted(policy.disallowed.slice(0, MOST_NAMED))}.`);
  for (const { name, words, action, on, disclaimer = '', guidance } of policy.topics) {
    const about = `${name} (${words.slice(0, MOST_NAMED).join(', ')})`;
    if (action === 'disclaim')
      told.push(`When you speak about ${about}, end with, word for word: ${quoted([disclaimer])}`);
    else if (on !== 'input') told.push(`Do not speak about ${about}.${guidance === undefined ? '' : ` ${guidance}`}`);
  }
  for (const { text, when } of policy.required) {
    told.push(`In ${when === 'every_answer' ? 'every' : 'your first'} answer say, word for word: ${quoted([text])}`);
  }
  return told.length === 0 ? instructions : `${instructions}\n\n${told.join('\n')}`;
}

/** After an answer that was stopped: what to do better. Names phrases only where the tenant lists them. */
export function rewriteInstruction(violation: Violation, policy: Policy): string {
  const topic = policy.topics.find(({ name }) => violation.reason === 'regulated_topic' && name === violation.detail);
  const avoid =
    violation.reason === 'disallowed_phrase'
      ? `it used one of the phrases that you must never say: ${quoted(policy.disallowed.slice(0, MOST_NAMED))}`
      : topic
        ? `it touched a topic that you may not speak on: ${topic.name}`
        : `it was found to be ${violation.detail ?? 'against the rules'}`;
  const guidance = topic?.guidance === undefined ? '' : ` ${topic.guidance}`;
  return (
    `Your last answer was stopped, because ${avoid}. Answer the user again, in other words and without that. ` +
    `Do not mention this.${guidance}`
  );
}

/** After an answer that lacks something: asks for that and nothing else. */
export function sayInstruction(texts: readonly string[]): string {
  return `Your answer is not complete without this. Now say exactly: ${quoted([texts.join(' ')])}`;
}
