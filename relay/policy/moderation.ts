/**
 * Asks the provider's moderation endpoint about text. One for the whole process: an endpoint that
 * fails is left alone for a while, so that its failing costs no turn its time. Never rejects, and
 * neither text nor key is in anything it reports. What a verdict means is decided elsewhere.
 */
import { setMaxListeners } from 'node:events';
import OpenAI from 'openai';
import type { Clock } from '../clock.ts';

export const MODERATION_MODEL = 'omni-moderation-latest';
/** Failures in a row after which the endpoint is left alone. */
const FAILURES = 3;
/** For this long; then one question tries it again. */
const REST_MS = 10_000;

export type ModerationAnswer = { ok: true; flagged: string[] } | { ok: false };

export interface Moderator {
  /** @param timeoutMs - After which there is no answer; counted as a failure of the endpoint. */
  check(text: string, options: { timeoutMs: number; signal?: AbortSignal }): Promise<ModerationAnswer>;
  /** Whether the endpoint is being left alone. */
  readonly isResting: boolean;
}

export interface ModeratorOptions {
  apiKey: string;
  /** As the bridge's: `http(s)://…/v1`. */
  baseUrl: string;
  clock: Clock;
  /** Told once when the endpoint is left alone, and why: a code, never text. */
  onProblem?: (problem: { code: string; detail: string }) => void;
}

export function createModerator({ apiKey, baseUrl, clock, onProblem }: ModeratorOptions): Moderator {
  const client = new OpenAI({ apiKey, baseURL: baseUrl, maxRetries: 0, logLevel: 'off' });
  let failures = 0;
  let restUntil = -Infinity;
  let isTrying = false;

  const isResting = () => failures >= FAILURES && (isTrying || clock.now() < restUntil);

  function failed(detail: string): void {
    failures += 1;
    if (failures < FAILURES) return;
    restUntil = clock.now() + REST_MS;
    if (failures === FAILURES) onProblem?.({ code: 'moderation-resting', detail });
  }

  async function ask(text: string, signal: AbortSignal): Promise<string[]> {
    const { results } = await client.moderations.create({ model: MODERATION_MODEL, input: text }, { signal });
    const flagged = new Set<string>();
    for (const { categories } of results) {
      for (const [category, isFlagged] of Object.entries(categories)) if (isFlagged) flagged.add(category);
    }
    return [...flagged];
  }

  return {
    async check(text, { timeoutMs, signal }) {
      if (isResting()) return { ok: false };
      // After a rest one question tries the endpoint; until it is answered all others have none.
      const isTrial = failures >= FAILURES;
      if (isTrial) isTrying = true;
      const abort = new AbortController();
      const leave = () => abort.abort();
      let isLate = false as boolean;
      const cancelTimer = clock.wakeAt(clock.now() + timeoutMs, () => {
        isLate = true;
        abort.abort();
      });
      signal?.addEventListener('abort', leave, { once: true });
      if (signal?.aborted) leave();
      try {
        const flagged = await ask(text, abort.signal);
        failures = 0;
        return { ok: true, flagged };
      } catch (error) {
        // A session that ended says nothing about the endpoint.
        if (!signal?.aborted) failed(isLate ? 'timeout' : causeOf(error));
        return { ok: false };
      } finally {
        if (isTrial) isTrying = false;
        cancelTimer();
        signal?.removeEventListener('abort', leave);
      }
    },
    get isResting() {
      return isResting();
    },
  };
}

/** Questions of one conversation at once. Speech needs a few; a page that floods would ask hundreds. */
export const MOST_CHECKS = 32;

/**
 * One conversation's share of the moderator: what it asks beyond {@link MOST_CHECKS} at once has no
 * answer, as if the endpoint were away, and never reaches it.
 *
 * @param signal - Aborts when the conversation ends; every question listens to it.
 */
export function shareOf(moderator: Moderator, signal: AbortSignal): Moderator {
  // Node warns of a leak from the eleventh listener on; here they are counted.
  setMaxListeners(2 * MOST_CHECKS, signal);
  let underWay = 0;
  return {
    async check(text, options) {
      if (underWay >= MOST_CHECKS) return { ok: false };
      underWay += 1;
      try {
        return await moderator.check(text, options);
      } finally {
        underWay -= 1;
      }
    },
    get isResting() {
      return moderator.isResting;
    },
  };
}

/** A status or a kind of failure; messages may quote what was asked. */
function causeOf(error: unknown): string {
  if (error instanceof OpenAI.APIError && typeof error.status === 'number') return `http-${error.status}`;
  return error instanceof OpenAI.APIConnectionError ? 'connection' : 'answer';
}
