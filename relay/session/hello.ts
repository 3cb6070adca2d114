/** The first thing a page is told: who it talks to, and what it must know to do its half. */
import type { ArbiterConfig } from '#arbiter';
import type { RelayMessage } from '#wire';
import { LEAD_MS } from './downlink.ts';
import type { SessionSeed } from './session-deps.ts';

export function helloOf(session: {
  seed: SessionSeed;
  config: ArbiterConfig;
  epoch: number;
  wallNow: number;
}): Extract<RelayMessage, { type: 'session.created' }> {
  const { config } = session;
  const { id, admission } = session.seed;
  const { assistant, limits } = admission;
  return {
    type: 'session.created',
    session: id,
    epoch: session.epoch,
    assistant: { name: assistant.name, locale: assistant.locale },
    leadMs: LEAD_MS,
    longestSessionMs: limits.longestSessionMs,
    tokenExpiresInMs: Math.max(0, admission.tokenExpiresAt - session.wallNow),
    knobs: {
      echoLevelDb: config.ECHO_LEVEL_DB,
      echoGuardMs: config.ECHO_GUARD_MS,
      transitionGapMs: config.TRANSITION_GAP_MS,
    },
    config: { ...config },
  };
}
