/** Headers that every answer carries, and the strict policy of pages. */
import { createMiddleware } from 'hono/factory';
import type { RelayEnv } from './request-env.ts';

/**
 * The demo runs under what we promise customers: scripts from their own files alone, no inline
 * style, and no text turned into markup but through a Trusted Types policy.
 *
 * @param socketOrigin - `ws:` or `wss:` origin of the page, for browsers that do not take it as 'self'.
 */
export function pagePolicy(socketOrigin: string | undefined): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "media-src 'self' blob:",
    `connect-src 'self'${socketOrigin === undefined ? '' : ` ${socketOrigin}`}`,
    "worker-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; ');
}

/** @param isSecure - Whether browsers reach us by https, so that they may be told to insist on it. */
export function securityHeaders({ isSecure }: { isSecure: boolean }) {
  const always = {
    'X-Content-Type-Options': 'nosniff',
    'Permissions-Policy': 'microphone=(self), camera=(), geolocation=(), payment=(), usb=()',
    'X-Frame-Options': 'DENY',
    ...(isSecure && { 'Strict-Transport-Security': 'max-age=31536000' }),
  };
  const unlessSet = {
    'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'strict-origin-when-cross-origin',
  };
  return createMiddleware<RelayEnv>(async (c, next) => {
    await next();
    for (const [name, value] of Object.entries(always)) c.res.headers.set(name, value);
    for (const [name, value] of Object.entries(unlessSet)) if (!c.res.headers.has(name)) c.res.headers.set(name, value);
  });
}
