/**
 * `voice-jib-jab/sentry`: tells the site's own Sentry of what went wrong in a conversation. Nobody
 * is told of anything unless the page asks for it; this file is in no script of the widget's, and
 * the site's Sentry is loaded with the first error if it is given as a function. What is handed
 * over is a code, ids and where in the program: no words, tokens, addresses or devices.
 */
import type { ErrorCode } from '../errors.ts';
import type { VoiceJibJab } from '../index.ts';

/** What is used of Sentry, as `@sentry/browser` and all that build on it have it. */
export interface SentryLike {
  captureException(
    error: unknown,
    context: { level: 'error' | 'warning'; tags: Record<string, string>; fingerprint: string[] },
  ): unknown;
}

export interface ConnectSentryOptions {
  /** Codes that are no news; what a person decided, by default: `MIC_DENIED` and `MIC_DISMISSED`. */
  ignore?: readonly ErrorCode[];
}

/** Of one element, in the life of the page. */
export const MOST_REPORTS = 20;
const DECIDED: readonly ErrorCode[] = ['MIC_DENIED', 'MIC_DISMISSED'];
/** What somebody has to put right; the rest happens to people. */
const MISTAKES: ReadonlySet<ErrorCode> = new Set([
  'PROTOCOL',
  'CSP_WORKLET',
  'ORIGIN_DENIED',
  'INSECURE_CONTEXT',
  'POLICY_BLOCKED',
]);
const LONGEST_MESSAGE = 200;

const SECRETS = [
  /eyJ[\w-]{4,}\.[\w-]+\.?[\w-]*/g,
  /\b(?:sk|ek|rk|pk|whsec)[-_][\w-]{6,}/g,
  /\bvjj_[\w-]{6,}/g,
  /\bBearer\s+\S+/gi,
  /\btoken\.[\w.-]{8,}/g,
];

/** Without what may be somebody's: quotations, addresses and credentials. */
function scrubbed(message: string): string {
  const clean = SECRETS.reduce((text, secret) => text.replace(secret, '[secret]'), message)
    .replace(/(['"`“‘«])(?:\\.|(?!\1)[^\\])*['"`”’»]/gs, '[…]')
    .replace(/\b[a-z][a-z0-9+.-]*:\/\/\S+/gi, '[url]')
    .replace(/[^\s@<>"']+@[^\s@<>"']+\.[a-z]{2,}/gi, '[mail]')
    .replace(/\b\d{1,3}(?:\.\d{1,3}){3}\b/g, '[address]');
  return clean.length > LONGEST_MESSAGE ? `${clean.slice(0, LONGEST_MESSAGE)}…` : clean;
}

/** Sentry groups by name and place: the stack goes along, its first line and what caused it do not. */
function copyOf(error: Error & { code: ErrorCode }): Error {
  const copy = new Error(scrubbed(`${error.code}: ${error.message}`));
  copy.name = 'CallError';
  const frames = error.stack?.split('\n').filter((line) => /^\s*at |@.*:\d+:\d+$/.test(line)) ?? [];
  copy.stack = [`CallError: ${copy.message}`, ...frames].join('\n');
  return copy;
}

/**
 * @param sentry - The page's own, already set up; or a function that loads and sets it up, called
 *   with the first error, and again with a later one where it rejected.
 * @returns what ends it.
 */
export function connectSentry(
  element: VoiceJibJab,
  sentry: SentryLike | (() => SentryLike | Promise<SentryLike>),
  { ignore = DECIDED }: ConnectSentryOptions = {},
): () => void {
  const listening = new AbortController();
  const { signal } = listening;
  let turn = '';
  let reports = 0;
  /** What waits for a Sentry that is being loaded. */
  const waiting: ((to: SentryLike) => void)[] = [];
  let isLoading = false;
  let reporter = typeof sentry === 'function' ? null : sentry;

  async function load(): Promise<void> {
    if (isLoading || typeof sentry !== 'function') return;
    isLoading = true;
    try {
      const loaded = await sentry();
      reporter = loaded;
      for (const report of waiting.splice(0)) report(loaded);
    } catch {
      // It cannot be had now: what waits is told with a later error.
    } finally {
      isLoading = false;
    }
  }
  function tell(report: (to: SentryLike) => void): void {
    if (reporter !== null) {
      report(reporter);
      return;
    }
    waiting.push(report);
    void load();
  }

  element.addEventListener('turnstart', (event) => void (turn = event.turn), { signal });
  element.addEventListener('start', () => void (turn = ''), { signal });
  element.addEventListener(
    'error',
    ({ error }) => {
      if (ignore.includes(error.code) || reports >= MOST_REPORTS) return;
      reports += 1;
      const tags = {
        'vjj.code': error.code,
        'vjj.recovery': error.recovery,
        ...(element.sessionId !== '' && { 'vjj.session': element.sessionId }),
        ...(turn !== '' && { 'vjj.turn': turn }),
      };
      const copy = copyOf(error);
      const level = MISTAKES.has(error.code) ? 'error' : 'warning';
      tell((to) => void to.captureException(copy, { level, tags, fingerprint: ['voice-jib-jab', error.code] }));
    },
    { signal },
  );
  return () => {
    waiting.length = 0;
    listening.abort();
  };
}
