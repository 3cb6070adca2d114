/** The first thing a page is told: who it talks to, and what it must know to do its half. */
import type { ArbiterConfig } from '#arbiter';
import type { Kept, RelayMessage } from '#wire';
import { LEAD_MS } from './downlink.ts';
import type { Counts } from './line-log.ts';
import type { SessionSeed } from './session-deps.ts';

export interface HelloFacts {
  seed: SessionSeed;
  config: ArbiterConfig;
  epoch: number;
  tokenExpiresInMs: number;
  /** How to come back. */
  resume: { secret: string; windowMs: number };
}

type Facts = Omit<Extract<RelayMessage, { type: 'session.created' }>, 'type'>;

function factsOf(session: HelloFacts): Facts {
  const { config, tokenExpiresInMs, resume } = session;
  const { id, admission } = session.seed;
  const { assistant, limits } = admission;
  return {
    session: id,
    epoch: session.epoch,
    assistant: { name: assistant.name, locale: assistant.locale },
    leadMs: LEAD_MS,
    longestSessionMs: limits.longestSessionMs,
    tokenExpiresInMs: Math.max(0, tokenExpiresInMs),
    knobs: {
      echoLevelDb: config.ECHO_LEVEL_DB,
      echoGuardMs: config.ECHO_GUARD_MS,
      transitionGapMs: config.TRANSITION_GAP_MS,
    },
    config: { ...config },
    resume,
  };
}

export function helloOf(session: HelloFacts): Extract<RelayMessage, { type: 'session.created' }> {
  return { type: 'session.created', ...factsOf(session) };
}

/** To a page that has come back. @param received - What had come of it. */
export function helloAgain(
  session: HelloFacts,
  kept: Kept,
  received: Counts,
): Extract<RelayMessage, { type: 'session.resumed' }> {
  return { type: 'session.resumed', ...factsOf(session), kept, received };
}
