/**
 * Asks the provider's moderation endpoint about text. One for the whole process: an endpoint that
 * fails is left alone for a while, so that its failing costs no turn its time. Never rejects, and
 * neither text nor key is in anything it reports. What a verdict means is decided elsewhere.
 */
import { setMaxListeners } from 'node:events';
import { Agent, request } from 'undici';
import type { Clock } from '../clock.ts';

export const MODERATION_MODEL = 'omni-moderation-latest';
/** Failures in a row after which the endpoint is left alone. */
const FAILURES = 3;
/** For this long; then one question tries it again. */
const REST_MS = 10_000;
/** An idle connection is kept this long for the next question: a new one costs several round trips. */
const KEEP_ALIVE_MS = 30_000;
/** Of all conversations together; questions beyond wait for one of these. */
const MOST_CONNECTIONS = 256;
/** A verdict is a kilobyte or two. */
const MAX_ANSWER_BYTES = 64 * 1024;

export type ModerationAnswer = { ok: true; flagged: string[] } | { ok: false };

export interface Moderator {
  /** @param timeoutMs - After which there is no answer; counted as a failure of the endpoint. */
  check(text: string, options: { timeoutMs: number; signal?: AbortSignal }): Promise<ModerationAnswer>;
  /** Whether the endpoint is being left alone. */
  readonly isResting: boolean;
}

/** The endpoint has said something that is no verdict. */
class RefusedError extends Error {
  override readonly name = 'RefusedError';
  /** A code for the log. */
  readonly code: string;
  constructor(code: string) {
    super(`moderation: ${code}`);
    this.code = code;
  }
}

export interface ModeratorOptions {
  apiKey: string;
  /** As the bridge's: `http(s)://…/v1`. */
  baseUrl: string;
  clock: Clock;
  /** Told once when the endpoint is left alone, and why: a code, never text. */
  onProblem?: (problem: { code: string; detail: string }) => void;
}

/** @returns the moderator; `close` gives up its connections, and questions that are open have no answer. */
export function createModerator({
  apiKey,
  baseUrl,
  clock,
  onProblem,
}: ModeratorOptions): Moderator & { close(): Promise<void> } {
  const url = `${baseUrl.replace(/\/$/, '')}/moderations`;
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', accept: 'application/json' };
  const agent = new Agent({
    ...{ connections: MOST_CONNECTIONS, keepAliveTimeout: KEEP_ALIVE_MS, maxResponseSize: MAX_ANSWER_BYTES },
  });
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
    const answer = await request(url, {
      ...{ dispatcher: agent, method: 'POST', headers, signal },
      body: JSON.stringify({ model: MODERATION_MODEL, input: text }),
    });
    if (answer.statusCode !== 200) {
      await answer.body.dump();
      throw new RefusedError(`http-${answer.statusCode}`);
    }
    return flaggedIn(await answer.body.text());
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
    close: () => agent.destroy(),
  };
}

/** @throws {RefusedError} when it is no verdict. */
function flaggedIn(text: string): string[] {
  const flagged = new Set<string>();
  try {
    const { results } = JSON.parse(text) as { results: { categories: Record<string, boolean> }[] };
    for (const { categories } of results) {
      for (const [category, isFlagged] of Object.entries(categories)) if (isFlagged) flagged.add(category);
    }
  } catch {
    throw new RefusedError('answer');
  }
  return [...flagged];
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
  return error instanceof RefusedError ? error.code : 'connection';
}
