/** Who hosts a conversation and what they configured: plain data, shared by name across the relay. */
import type { ArbiterConfig } from '#arbiter';
import type { PageTool } from '#wire';

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
  policy: {
    /** Phrases that the agent never says, compared without case and punctuation. */
    disallowed: string[];
    /** Spoken when policy blocks an answer. */
    refusal: string;
    /** Spoken when the model fails. */
    fallback: string;
  };
}

export interface Tenant {
  id: string;
  slug: string;
  name: string;
  status: 'active' | 'suspended';
}

export interface Limits {
  longestSessionMs: number;
  concurrentSessions: number;
  connectsPerMinute: number;
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
  /** Id of the token (`jti`), for revocation. */
  token: string;
  /** Wall-clock milliseconds at which the token ends. */
  tokenExpiresAt: number;
  /** Gives back what admission took (the concurrency lease). Safe to call twice. */
  release(): void;
}
