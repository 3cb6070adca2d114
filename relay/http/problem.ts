/**
 * Errors as problem documents (RFC 9457) with a stable `code`. Only the code, its advice and the
 * names of wrong fields leave the relay; messages and causes stay in the log.
 */
import type { Context, ErrorHandler, NotFoundHandler } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { resolver } from 'hono-openapi';
import * as v from 'valibot';
import { FAULTS, RelayError, type FaultCode } from '../errors.ts';
import type { Log } from '../log.ts';
import type { RelayEnv } from './request-env.ts';

export const Problem = v.object({
  type: v.string(),
  title: v.string(),
  status: v.number(),
  code: v.picklist(Object.keys(FAULTS) as FaultCode[]),
  detail: v.string(),
  retryable: v.boolean(),
  errors: v.optional(v.array(v.object({ at: v.string(), message: v.string() }))),
});

/** For a route's description: the problems that it may answer with. */
export function problems(...codes: FaultCode[]) {
  const byStatus = new Map<number, FaultCode[]>();
  for (const code of codes) byStatus.set(FAULTS[code].http, [...(byStatus.get(FAULTS[code].http) ?? []), code]);
  return Object.fromEntries(
    [...byStatus].map(([status, names]) => [
      String(status),
      {
        description: names.join(', '),
        content: { 'application/problem+json': { schema: resolver(Problem) } },
      },
    ]),
  );
}

/** The one answer to everything thrown below it. */
export function problemHandler(log: Log): ErrorHandler<RelayEnv> {
  return (thrown, c) => {
    const error = asRelayError(thrown);
    const { http } = error.fault;
    const request = c.get('request');
    const tenant = c.get('caller')?.tenantId;
    const fields = {
      ...{ method: c.req.method, path: c.req.path, status: http, code: error.code },
      ...(request !== undefined && { request }),
      ...(typeof tenant === 'string' && { tenant }),
    };
    if (http >= 500) log.error('request failed', { ...fields, error: thrown });
    else log.debug('request refused', { ...fields, reason: error.message });
    return answer(c, error);
  };
}

export const notFound: NotFoundHandler<RelayEnv> = (c) => answer(c, new RelayError('not-found', 'no such route'));

function asRelayError(thrown: unknown): RelayError {
  if (thrown instanceof RelayError) return thrown;
  // What the framework refuses by itself: a body that is no JSON.
  if (thrown instanceof HTTPException && thrown.status < 500)
    return new RelayError('bad-request', 'refused by the framework', {
      problems: [{ at: 'body', message: 'must be JSON' }],
    });
  return new RelayError('internal', 'unexpected', { cause: thrown });
}

function answer(c: Context<RelayEnv>, error: RelayError): Response {
  const { http, advice, retryable } = error.fault;
  const headers: Record<string, string> = { 'content-type': 'application/problem+json', 'cache-control': 'no-store' };
  if (error.retryAfterS !== undefined || http === 429 || http === 503)
    headers['retry-after'] = String(Math.max(1, Math.ceil(error.retryAfterS ?? 1)));
  if (error.code === 'auth-required') headers['www-authenticate'] = 'Bearer realm="voice-jib-jab"';
  const problem: v.InferOutput<typeof Problem> = {
    type: `urn:voice-jib-jab:problem:${error.code}`,
    title: error.code.replaceAll('-', ' '),
    status: http,
    code: error.code,
    detail: advice,
    retryable,
    ...(error.problems.length > 0 && { errors: [...error.problems] }),
  };
  for (const [name, value] of Object.entries(headers)) c.header(name, value);
  return c.body(JSON.stringify(problem), http as 400);
}
