/**
 * `GET /metrics`: what the process measures, in Prometheus' text form. On the public port behind a
 * token, on a port of its own without one; and every answer over HTTP counted and timed by the
 * pattern of its route. What is measured is not known here.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Hono } from 'hono';
import { createMiddleware } from 'hono/factory';
import { routePath } from 'hono/route';
import { requireOperator } from '../auth/operator.ts';
import type { Clock } from '../clock.ts';
import { RelayError } from '../errors.ts';
import { requestId } from '../ids.ts';
import type { RelayEnv } from './request-env.ts';

/** What can be scraped. */
export interface Exposition {
  render(): Promise<string>;
  readonly contentType: string;
}

/** One answer: `route` is its pattern, `other` where nothing answers. */
export type OnAnswer = (method: string, route: string, status: number, seconds: number) => void;

export const METRICS_PATH = '/metrics';
const PORT_TIMEOUT_MS = 10_000;

/** @param token - Undefined: there is nothing at this address. */
export function metricsRoutes({ token, exposition }: { token: string | undefined; exposition: Exposition }) {
  return new Hono<RelayEnv>().get(METRICS_PATH, async (c) => {
    if (token === undefined) throw new RelayError('not-found', 'no metrics on this port');
    requireOperator(c.req.header('authorization'), token);
    c.header('Content-Type', exposition.contentType);
    c.header('Cache-Control', 'no-store');
    return c.body(await exposition.render());
  });
}

/** Names every request, for the log and for whoever asks about it, and tells what came of it. */
export function watchRequests({ clock, onAnswer }: { clock: Clock; onAnswer: OnAnswer | undefined }) {
  return createMiddleware<RelayEnv>(async (c, next) => {
    const began = clock.now();
    const id = requestId(c.req.header('x-request-id'), clock.wallNow());
    c.set('request', id);
    await next();
    c.header('X-Request-Id', id);
    onAnswer?.(c.req.method, routeOf(routePath(c), c.res.status), c.res.status, (clock.now() - began) / 1000);
  });
}

/** A pattern that everything fits says nothing where nobody answered. */
function routeOf(pattern: string, status: number): string {
  return status === 404 && pattern.endsWith('*') ? 'other' : pattern;
}

export interface MetricsPort {
  port: number;
  close(): Promise<void>;
}

/**
 * Listens for collectors alone; whoever reaches this port may look.
 *
 * @throws when the port is taken.
 */
export async function openMetricsPort(options: {
  host: string;
  port: number;
  exposition: Exposition;
  onProblem: (error: unknown) => void;
}): Promise<MetricsPort> {
  const { exposition } = options;
  const server = createServer((request, response) => {
    const isMetrics = request.url?.split('?')[0] === METRICS_PATH;
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (!isMetrics || !isRead) {
      response.writeHead(isMetrics ? 405 : 404, isMetrics ? { allow: 'GET, HEAD' } : {}).end();
      return;
    }
    exposition.render().then(
      (text) => {
        response.writeHead(200, { 'content-type': exposition.contentType, 'cache-control': 'no-store' });
        response.end(request.method === 'HEAD' ? '' : text);
      },
      (error: unknown) => {
        options.onProblem(error);
        response.writeHead(500).end();
      },
    );
  });
  server.headersTimeout = PORT_TIMEOUT_MS;
  server.requestTimeout = PORT_TIMEOUT_MS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: options.port, host: options.host }, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
