/**
 * What tenants can be told of, by name, and what each says. Names and fields stay once they are
 * released; new fields may come. Money is in millionths of a dollar, times are milliseconds since
 * 1970 unless the name ends in `Ms`.
 */

export interface WebhookEvents {
  /** A page began to talk. */
  'session.started': {
    session: string;
    subject: string;
    assistant: { id: string; version: number };
    origin: string | null;
    locale: string;
    startedAt: number;
  };
  /** With all that it used. */
  'session.ended': {
    session: string;
    endedAt: number;
    closeCode: number;
    turns: number;
    interruptions: number;
    usage: { talkMs: number; cost: number; costByLane: { A: number; B: number; C: number } };
  };
  /** A person said how it was; a newer rating of the same replaces the former. */
  'session.rated': {
    session: string;
    /** Null: the conversation as a whole. */
    turn: string | null;
    /** 1 to 5. */
    score: number;
    /** Redacted; null where nothing was said or the tenant keeps no words. */
    comment: string | null;
    at: number;
  };
  /** Texts are as the tenant keeps them: redacted, or null. */
  'turn.completed': {
    session: string;
    turn: string;
    outcome: string;
    isInterrupted: boolean;
    startedMs: number;
    endedMs: number;
    userText: string | null;
    heardText: string | null;
    unheardText: string | null;
    figures: Record<string, number>;
    cost: number;
  };
  /** Policy asks for a person. */
  'policy.escalated': {
    session: string;
    turn: string;
    subject: string;
    assistant: { id: string; version: number };
    side: string;
    reason: string;
    severity: string;
    detail?: string;
    excerpt: string;
    at: number;
  };
  /** 80 or 95 % of a budget is used; once each a period. Minutes in milliseconds. */
  'budget.warning': BudgetNotice;
  /** Nothing is left: no new turn is answered until the period ends or the limit is raised. */
  'budget.exhausted': BudgetNotice;
  'key.created': { kid: string; alg: string };
  /** The former key verifies until `until`. */
  'key.rotated': { kid: string; former: string; until: number };
  'key.revoked': { kid: string };
  /** Too many deliveries failed for too long, or the endpoint said that it is gone. */
  'webhook.disabled': { webhook: string; reason: 'failing' | 'gone' };
  /** Sent when somebody asks for it. */
  'webhook.test': { webhook: string };
}

export interface BudgetNotice {
  kind: 'minutes' | 'spend';
  span: 'day' | 'month';
  /** `2026-11-23` or `2026-11`, UTC. */
  period: string;
  percent: number;
  used: number;
  limit: number;
}

export type WebhookEvent = keyof WebhookEvents;

/** What an endpoint can choose among. */
export const WEBHOOK_EVENTS: readonly WebhookEvent[] = [
  ...(['session.started', 'session.ended', 'session.rated', 'turn.completed', 'policy.escalated'] as const),
  ...(['budget.warning', 'budget.exhausted', 'key.created', 'key.rotated', 'key.revoked'] as const),
  ...(['webhook.disabled', 'webhook.test'] as const),
];

/** The body as it is sent: type, ISO time and data, as Standard Webhooks asks. */
export function bodyOf<T extends WebhookEvent>(type: T, data: WebhookEvents[T], wallMs: number): string {
  return JSON.stringify({ type, timestamp: new Date(wallMs).toISOString(), data });
}
