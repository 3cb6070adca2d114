/** The tenant that a fresh relay has, so that the demo page talks at once. Never in production. */
import type { Assistant, AssistantPolicy, Limits } from './tenant.ts';

export const DEMO = { slug: 'demo', name: 'Demo', publishableKey: 'pk_demo' } as const;

/** A demo is also what benchmarks run against: generous, yet bounded. */
export const DEMO_LIMITS = {
  longestSessionMs: 3_600_000,
  concurrentSessions: 500,
  connectsPerMinute: 1_000,
  requestsPerMinute: 6_000,
} as const satisfies Partial<Limits>;

/** The limits of a tenant whose operator set none. */
export const DEFAULT_LIMITS: Limits = {
  longestSessionMs: 3_600_000,
  concurrentSessions: 100,
  connectsPerMinute: 300,
  requestsPerMinute: 600,
  minutesPerDay: null,
  minutesPerMonth: null,
  spendPerDay: null,
  spendPerMonth: null,
};

/** What nobody should have to configure. Self-harm goes to a person whatever is set. */
const MODERATION: NonNullable<AssistantPolicy['moderation']> = {
  input: { 'self-harm': 'escalate', 'sexual/minors': 'refuse', illicit: 'refuse', 'hate/threatening': 'refuse' },
  output: {
    'self-harm': 'escalate',
    'sexual/minors': 'cancel_output',
    illicit: 'refuse',
    hate: 'rewrite',
    harassment: 'rewrite',
    sexual: 'rewrite',
    violence: 'rewrite',
  },
};

/** The assistant of a new tenant: pleasant, brief, and without page tools until somebody allows them. */
export function firstAssistant(id: string, model: string, tenantName: string): Assistant {
  return {
    id,
    version: 1,
    name: tenantName,
    model,
    voice: 'marin',
    instructions:
      `You are the voice assistant of ${tenantName}. You are heard, not read: answer in one to three short ` +
      'sentences of plain speech, without lists or markup. If you do not know something, say so.',
    locale: 'en-US',
    tools: [],
    pageTools: false,
    lanes: {},
    policy: {
      disallowed: [],
      refusal: 'I am sorry, I cannot say that. Is there something else that I can help you with?',
      fallback: 'I am having trouble answering right now. Please try again in a moment.',
      handover: 'I am connecting you to a person.',
      moderation: MODERATION,
    },
  };
}

/** Ada, who answers on the demo page. */
export function demoAssistant(id: string, model: string): Assistant {
  return {
    ...firstAssistant(id, model, DEMO.name),
    name: 'Ada',
    instructions:
      'You are Ada, the voice of a product demonstration. You are heard, not read: answer in one to three short ' +
      'sentences of plain spoken English, without lists or markup, unless a long story is asked for. You may be ' +
      'interrupted at any time; go on from what was heard. When somebody asks for the weather and the page offers ' +
      'get_weather, call it and say the result in a sentence.',
    // The page brings get_weather itself, as a customer's page would.
    pageTools: true,
    policy: {
      disallowed: ['guaranteed returns'],
      refusal: 'I am sorry, that is something I cannot promise. Shall we talk about something else?',
      fallback: 'I am having trouble answering right now. Please try again in a moment.',
      handover: 'I am connecting you to a person.',
      moderation: MODERATION,
    },
  };
}
