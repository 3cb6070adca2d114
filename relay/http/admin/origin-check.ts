/** Which pattern lets a page in, or in a sentence why none does, and what would. Knows no tenant. */
import { isOrigin, ORIGIN_ADVICE, patternsFor, readOriginPattern } from '../../tenants/origins.ts';
import type { AnswerOf } from '../api/routes.ts';

/**
 * @param text - An address as people paste it.
 * @param patterns - Canonical, as they are stored.
 */
export function checkOrigin(text: string, patterns: readonly string[]): AnswerOf<'checkOrigin'> {
  const refuse = (reason: string, origin: string | null = null, suggestions: string[] = []) => ({
    ...{ isAllowed: false, origin, pattern: null, reason, suggestions },
  });
  let url: URL;
  try {
    url = new URL(/^[a-z][a-z0-9+.-]*:/i.test(text) ? text : `https://${text}`);
  } catch {
    return refuse('That is no address: paste one such as https://www.example.com/page.');
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    return refuse('Pages of that kind have no origin that can be allowed: they must come by https:// or http://.');
  if (url.username !== '' || url.password !== '') return refuse(`Not allowed: ${ORIGIN_ADVICE['has-user']}.`);
  const { origin } = url;
  if (!isOrigin(origin)) return refuse(`Not allowed: ${ORIGIN_ADVICE['trailing-dot']}.`);
  const pattern = patternsFor(origin).find((one) => patterns.includes(one));
  if (pattern !== undefined) return { isAllowed: true, origin, pattern, reason: null, suggestions: [] };
  const suggestions = patternsFor(origin).filter((one) => readOriginPattern(one).ok);
  return refuse(whyNot(url, patterns), origin, suggestions);
}

/** Near misses are said: they are what people stare at. */
function whyNot({ protocol, hostname, port, origin }: URL, patterns: readonly string[]): string {
  const others = patterns.map((pattern) => ({
    pattern,
    url: new URL(pattern.replace('://*.', '://wildcard.')),
  }));
  const sameHost = others.filter(({ url, pattern }) => url.hostname === hostname && !pattern.includes('*'));
  const scheme = sameHost.find(({ url }) => url.protocol !== protocol);
  if (scheme !== undefined) return `${scheme.pattern} is allowed, but this page comes by ${protocol}//.`;
  const byPort = sameHost.find(({ url }) => url.port !== port);
  if (byPort !== undefined) return `${byPort.pattern} is allowed, but this page is on another port.`;
  const bare = others.find(({ pattern }) => pattern === `${protocol}//*.${hostname}`);
  if (bare !== undefined) return `${bare.pattern} allows the names below ${hostname}, and not ${hostname} itself.`;
  const deeper = others.find(
    ({ pattern, url }) => pattern.includes('*') && hostname.endsWith(url.hostname.slice('wildcard'.length)),
  );
  if (deeper !== undefined) return `The * in ${deeper.pattern} stands for one label, and this page has more.`;
  return patterns.length === 0 ? 'No page is allowed yet.' : `No pattern allows ${origin}.`;
}
