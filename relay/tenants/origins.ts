/**
 * Which pages may use a tenant. An origin is compared whole, as a browser serialises it: scheme,
 * host and port. A pattern may replace the left-most label of the host by `*`, and nothing else.
 * Knows no tenant and no request.
 */

export type OriginProblem =
  | 'not-an-origin'
  | 'not-http'
  | 'has-user'
  | 'has-path'
  | 'wildcard-not-leftmost-label'
  | 'wildcard-too-wide'
  | 'trailing-dot'
  | 'too-long';

/** What to tell whoever wrote the pattern. */
export const ORIGIN_ADVICE: Record<OriginProblem, string> = {
  'not-an-origin': 'write an origin such as https://www.example.com',
  'not-http': 'an origin starts with https:// or http://',
  'has-user': 'an origin holds no user name or password',
  'has-path': 'an origin ends after the host and port: no path, query or fragment',
  'wildcard-not-leftmost-label': '* may only stand for the whole left-most label, as in https://*.example.com',
  'wildcard-too-wide':
    '* needs a domain of your own behind it, at least two labels, and no domain that strangers share',
  'trailing-dot': 'leave out the dot at the end of the host',
  'too-long': 'an origin has at most 300 characters',
};

const LONGEST = 300;
// A wildcard directly under one of these would let in strangers. The full list of public suffixes
// changes weekly and is not carried here; these are the ones under which sites like ours live.
const SHARED_SUFFIXES = new Set(
  (
    'co.uk org.uk ac.uk gov.uk me.uk com.au net.au org.au co.nz co.jp or.jp co.kr co.in co.za com.br com.mx com.ar ' +
    'com.tr com.cn com.sg com.hk com.tw co.id co.il github.io gitlab.io pages.dev workers.dev vercel.app netlify.app ' +
    'herokuapp.com onrender.com fly.dev railway.app up.railway.app web.app firebaseapp.com azurewebsites.net ' +
    'cloudfront.net amazonaws.com s3.amazonaws.com elasticbeanstalk.com amplifyapp.com lovable.app replit.app ' +
    'azurestaticapps.net deno.dev bubbleapps.io ondigitalocean.app appspot.com run.app blogspot.com wordpress.com myshopify.com ' +
    'wixsite.com squarespace.com webflow.io ngrok.io ngrok.app ngrok-free.app trycloudflare.com glitch.me surge.sh'
  ).split(' '),
);
// What registries of countries call their shops, offices and schools: `com.xx` is nobody's own.
const SHARED_BY_COUNTRY = /^(co|com|org|net|ac|gov|edu)\.[a-z]{2}$/;
const isShared = (host: string) => SHARED_SUFFIXES.has(host) || SHARED_BY_COUNTRY.test(host);
const IS_IP = /^(\d{1,3}(\.\d{1,3}){3}|\[.*\])$/;

/**
 * Reads one allowed origin. The result is canonical (lower case, punycode, no default port), so
 * that the same site is stored once and compared as text.
 */
export function readOriginPattern(text: string): { ok: true; pattern: string } | { ok: false; problem: OriginProblem } {
  const refuse = (problem: OriginProblem) => ({ ok: false, problem }) as const;
  if (text.length > LONGEST) return refuse('too-long');
  // URL forgives backslashes, tabs and missing slashes; whoever writes those means something else.
  if (!/^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^\s\\]+$/.test(text)) return refuse('not-an-origin');
  let url: URL;
  try {
    url = new URL(text.replace('://*.', '://wildcard-label.'));
  } catch {
    return refuse(text.includes('*') ? 'wildcard-not-leftmost-label' : 'not-an-origin');
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return refuse('not-http');
  if (url.username !== '' || url.password !== '' || text.includes('@')) return refuse('has-user');
  if (url.pathname !== '/' || /[?#]/.test(text)) return refuse('has-path');
  if (url.hostname.endsWith('.')) return refuse('trailing-dot');
  if (url.hostname.includes('*') || url.hostname === '') return refuse('wildcard-not-leftmost-label');
  if (!text.includes('://*.')) return { ok: true, pattern: url.origin };
  const parent = url.hostname.slice('wildcard-label.'.length);
  if (!parent.includes('.') || IS_IP.test(parent) || isShared(parent)) return refuse('wildcard-too-wide');
  return { ok: true, pattern: url.origin.replace('://wildcard-label.', '://*.') };
}

/**
 * Whether `origin` is exactly what a browser would send for some page: canonical, with a host,
 * and not `null` (sandboxed frames and files, which anyone can make).
 */
export function isOrigin(origin: string): boolean {
  if (origin.length > LONGEST || !/^https?:\/\//.test(origin)) return false;
  try {
    const url = new URL(origin);
    return url.origin === origin && !url.hostname.endsWith('.') && !url.hostname.includes('*');
  } catch {
    return false;
  }
}

/**
 * The patterns that would let `origin` in: itself, and itself with its left-most label starred.
 * A look-up by these two replaces a walk over all patterns.
 *
 * @returns nothing for what is no origin.
 */
export function patternsFor(origin: string): string[] {
  if (!isOrigin(origin)) return [];
  const { protocol, hostname, host } = new URL(origin);
  const dot = hostname.indexOf('.');
  const parent = hostname.slice(dot + 1);
  if (dot < 1 || IS_IP.test(hostname) || !parent.includes('.')) return [origin];
  return [origin, `${protocol}//*.${host.slice(dot + 1)}`];
}

/** Whether a page of `origin` is let in by `patterns`, each as {@link readOriginPattern} gives it. */
export function originAllowed(patterns: Iterable<string>, origin: string): boolean {
  const open = patternsFor(origin);
  for (const pattern of patterns) if (open.includes(pattern)) return true;
  return false;
}
