/**
 * What policy may decide, why, and how bad it is: the words of lane C, the same in settings, in
 * the record and in what leaves the relay. Knows no text and no turn.
 */

/** What an operator may choose to do about something. `allow` is what is left. */
export const ACTIONS = ['rewrite', 'refuse', 'escalate', 'cancel_output'] as const;
export type Action = (typeof ACTIONS)[number];
export type Decision = 'allow' | Action;
export type Severity = 'low' | 'medium' | 'high' | 'critical';
/** Whose words they were: the user's, or the model's. */
export type Side = 'input' | 'output';

/** Every reason code, with what it means; the README prints this table. */
export const REASONS = {
  disallowed_phrase: 'the answer holds a phrase that is never said',
  regulated_topic: 'the words touch a topic that the assistant may not speak on',
  flagged_category: 'moderation flagged the words; the category is in `detail`',
  self_harm: 'moderation found self-harm; always escalated',
  moderation_unavailable: 'moderation gave no verdict, and silence blocks',
  required_phrase_missing: 'what had to be said was not said, though asked for',
} as const;
export type Reason = keyof typeof REASONS;

/** What OpenAI's moderation model looks for. A name before a slash stands for all that begin with it. */
export const CATEGORIES = [
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
export type Category = (typeof CATEGORIES)[number];

export interface Violation {
  decision: Action;
  reason: Reason;
  severity: Severity;
  /** A category, or the name of a topic; never anybody's words. */
  detail?: string;
}

const CRITICAL = /^self-harm|minors/;
const HIGH = /threatening|violen/;

export function severityOf(category: string): Severity {
  if (CRITICAL.test(category)) return 'critical';
  return HIGH.test(category) ? 'high' : 'medium';
}

const isSelfHarm = (category: string) => /^self-harm/.test(category);
const RANK: Record<Severity, number> = { low: 0, medium: 1, high: 2, critical: 3 };

/**
 * What flagged categories come to: self-harm is escalated whatever the settings say, of the
 * others the worst that the settings name.
 *
 * @param actions - By category; one without a slash holds for those below it that are not named.
 */
export function violationOf(
  flagged: readonly string[],
  actions: Readonly<Partial<Record<string, Action>>>,
): Violation | null {
  const harm = flagged.find(isSelfHarm);
  if (harm !== undefined) return { decision: 'escalate', reason: 'self_harm', severity: 'critical', detail: harm };
  let worst: Violation | null = null;
  for (const category of flagged) {
    const decision = actions[category] ?? actions[category.split('/')[0] ?? ''];
    if (decision === undefined) continue;
    const severity = severityOf(category);
    if (worst && RANK[worst.severity] >= RANK[severity]) continue;
    worst = { decision, reason: 'flagged_category', severity, detail: category };
  }
  return worst;
}

/** The reason as the arbiter's record has it. */
export function reasonText({ reason, detail }: Violation): string {
  return detail === undefined ? reason : `${reason}:${detail}`;
}
