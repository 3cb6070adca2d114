/** Who hosts a conversation and what they configured: plain data, shared by name across the relay. */
import type { ArbiterConfig } from '#arbiter';
import type { PageTool } from '#wire';
import type { LimitsRow } from '../store/records.ts';

/** One immutable version of an assistant. */
export interface Assistant {
  id: string;
  version: number;
  name: string;
  model: string;
  voice: string;
  instructions: string;
  /** BCP 47 language tag. */
  locale: string;
  /** Functions that the page must serve. */
  tools: PageTool[];
  /** Whether a page may offer tools of its own in `session.start`. */
  pageTools: boolean;
  /** Knobs that differ from the relay's defaults. */
  lanes: Partial<ArbiterConfig>;
  policy: AssistantPolicy;
  /** Lane A's phrases instead of the language's own; used where the page speaks the assistant's language. */
  reflex?: { neutral: string[]; affirmative: string[] };
}

/** What follows when a rule of policy is broken. */
export type PolicyAction = 'rewrite' | 'refuse' | 'escalate' | 'cancel_output';

/** What may be said to and by the assistant; `relay/policy/settings.ts` checks it. */
export interface AssistantPolicy {
  /** Phrases that the agent never says, compared without case and punctuation. */
  disallowed: string[];
  /** What follows when one is said; `refuse` without it. */
  onDisallowed?: PolicyAction;
  /** Actions by category of the provider's moderation, for the user's words and the agent's. */
  moderation?: {
    input?: Record<string, PolicyAction>;
    output?: Record<string, PolicyAction>;
    opening?: number;
    holdForInput?: boolean;
  };
  /** Regulated topics, by their words. */
  topics?: {
    name: string;
    words: string[];
    on?: 'input' | 'output' | 'both';
    action: PolicyAction | 'disclaim';
    /** Said with an answer on the topic. */
    disclaimer?: string;
    guidance?: string;
  }[];
  /** Said in every answer, or in the first. */
  required?: { text: string; when: 'first_answer' | 'every_answer' }[];
  /** Personal data that is taken out of text before it is stored or sent. */
  pii?: { kinds?: ('email' | 'card' | 'iban' | 'phone' | 'name')[]; names?: string[] };
  /** Spoken when policy blocks an answer. */
  refusal: string;
  /** Spoken when the model fails. */
  fallback: string;
  /** Spoken when a person takes over. */
  handover?: string;
}

/** What an operator may change of an assistant; every change is a new version. */
export type AssistantChange = Partial<Omit<Assistant, 'id' | 'version'>>;

export interface Tenant {
  id: string;
  slug: string;
  name: string;
  status: 'active' | 'suspended';
  /** What is kept of the words of its conversations; `redacted` when absent. */
  transcripts?: TranscriptKeeping;
  /** Whether the relay's own tokens open one session only. */
  singleUseTokens?: boolean;
}

/** `redacted`: without personal data, as the assistant's policy finds it. */
export type TranscriptKeeping = 'off' | 'redacted' | 'full';

/** What a tenant may use; every one has a value, the relay's default where nobody set it. */
export type Limits = LimitsRow;

/** What a token says of itself: what a revocation may meet, and a newer token may not widen. */
export interface TokenFacts {
  tenant: string;
  subject: string;
  /** `jti`. */
  id: string;
  /** Names by which the key that signed it may be revoked. */
  kids: readonly string[];
  /** Milliseconds since 1970. */
  issuedAtMs: number;
  /** Signed for a backend, which needs no origin. */
  isServer: boolean;
  /** The assistant that it names, if it names one. */
  assistant: string | undefined;
}

/** A session that was let in: everything it may do, decided once at the door. */
export interface Admission {
  tenant: Tenant;
  assistant: Assistant;
  limits: Limits;
  /** The end user, as the token's `sub` says. */
  subject: string;
  /** The page's origin; undefined only for tokens of server scope. */
  origin: string | undefined;
  /** Id of the token (`jti`). */
  token: string;
  grant: TokenFacts;
  /** Wall-clock milliseconds at which the token ends. */
  tokenExpiresAt: number;
  /** Gives back what admission took (the concurrency lease). Safe to call twice. */
  release(): void;
}
