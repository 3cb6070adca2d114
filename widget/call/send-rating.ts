/**
 * A rating on its way to the relay, by HTTP: when people are asked how it was, the call is over and its
 * socket is closed. The token is a fresh one, as for a call.
 */
import { CallError } from '../errors.ts';
import { fetchToken, type TokenSource } from '../link/token.ts';

export interface SentRating {
  session: string;
  /** 1 … 5. */
  score: number;
  /** Null: the conversation as a whole. */
  turn: string | null;
  comment: string;
}

/**
 * Resolves when the relay has kept it.
 *
 * @throws {CallError} `NETWORK` when it could not be sent, `PROTOCOL` when the relay does not take it (the
 *   conversation ended over a day ago, or has no such turn), and what {@link fetchToken} throws.
 */
export async function sendRating(
  source: TokenSource,
  { session, score, turn, comment }: SentRating,
  signal: AbortSignal,
  fetcher = fetch,
): Promise<void> {
  const token = await fetchToken(source, signal, fetcher);
  const body = JSON.stringify({ token, session, score, ...(turn !== null && { turn }), ...(comment && { comment }) });
  const headers = { 'content-type': 'application/json' };
  const how: RequestInit = { method: 'POST', headers, body, signal, credentials: 'omit', keepalive: true };
  const answer = await fetcher(new URL('/api/rating', source.src), how).catch((cause: unknown) => {
    throw new CallError('NETWORK', 'the rating could not be sent', { cause });
  });
  if (!answer.ok) throw new CallError('PROTOCOL', `the rating was refused with ${answer.status}`);
}
