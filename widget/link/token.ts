/**
 * Where a session token comes from: a function of the page, an address of the page's backend, or
 * the relay itself against the publishable key. Fetched at the start of a call, never before.
 */
import { CallError, type ErrorCode } from '../errors.ts';

export interface TokenSource {
  /** The relay's origin, for `POST {src}/api/token`. */
  src: string;
  /** The publishable key. */
  tenant: string;
  assistant?: string | undefined;
  /** The token before this one: the relay keeps its subject, so that a live call may take the new one. */
  previous?: string | undefined;
  /** An address of the page's own that answers `{token}`; asked with the page's cookies. */
  tokenSrc?: string | undefined;
  /** Wins over both. */
  getToken?: ((signal: AbortSignal) => Promise<string>) | undefined;
}

/**
 * One fresh token.
 *
 * @throws {CallError} `ORIGIN_DENIED`, `TOKEN_EXPIRED`, `QUOTA`, `NETWORK` or `PROTOCOL`.
 */
export async function fetchToken(source: TokenSource, signal: AbortSignal, fetcher = fetch): Promise<string> {
  if (source.getToken) {
    try {
      return await source.getToken(signal);
    } catch (cause) {
      throw cause instanceof CallError ? cause : new CallError('TOKEN_EXPIRED', 'getToken() failed', { cause });
    }
  }
  const response = await request(source, signal, fetcher);
  if (!response.ok) throw new CallError(codeOf(response.status), `the token was refused with ${response.status}`);
  const answer = (await response.json().catch(() => null)) as { token?: unknown } | null;
  const token = answer?.token;
  if (typeof token !== 'string' || token === '') throw new CallError('PROTOCOL', 'the answer holds no token');
  return token;
}

async function request(source: TokenSource, signal: AbortSignal, fetcher: typeof fetch): Promise<Response> {
  const { src, tenant, assistant, tokenSrc, previous } = source;
  const headers = { 'content-type': 'application/json' };
  const asked = { tenant, ...(assistant ? { assistant } : {}) };
  const body = JSON.stringify(tokenSrc || !previous ? asked : { ...asked, previous });
  try {
    // The relay knows the page by its origin; cookies would only make it forgeable.
    const credentials = tokenSrc ? 'same-origin' : 'omit';
    return await fetcher(tokenSrc || new URL('/api/token', src), {
      method: 'POST',
      headers,
      body,
      signal,
      credentials,
    });
  } catch (cause) {
    const refused = !tokenSrc && !signal.aborted && (await answers(src, signal, fetcher));
    if (refused) throw new CallError('ORIGIN_DENIED', 'the relay gives this page no token', { cause });
    throw new CallError('NETWORK', 'the token could not be fetched', { cause });
  }
}

/**
 * Whether the relay is there at all. To a page that it does not allow it shows nothing, not even a
 * refusal, so that both look alike; an answer that the page may not read tells them apart.
 */
async function answers(src: string, signal: AbortSignal, fetcher: typeof fetch): Promise<boolean> {
  try {
    await fetcher(new URL('/voice-jib-jab.js', src), { method: 'HEAD', mode: 'no-cors', credentials: 'omit', signal });
    return true;
  } catch {
    return false;
  }
}

function codeOf(status: number): ErrorCode {
  if (status === 401) return 'TOKEN_EXPIRED';
  if (status === 403) return 'ORIGIN_DENIED';
  if (status === 429 || status === 503) return 'QUOTA';
  return status >= 500 ? 'NETWORK' : 'PROTOCOL';
}
