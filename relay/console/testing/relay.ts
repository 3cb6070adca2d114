/**
 * A relay for the console's tests: answers by the table of routes, from what a test says, and checks
 * by the table's own schemas what it is sent and what it gives, so that neither can drift.
 */
import * as v from 'valibot';
import {
  ROUTES,
  pathOf,
  type AnswerOf,
  type CheckedBody,
  type ParamOf,
  type RouteName,
} from '../../http/api/routes.ts';
import type { RouteSpec } from '../../http/api/route-spec.ts';

/** What a route was asked. */
export interface Asked<K extends RouteName = RouteName> {
  name: K;
  params: Readonly<Record<ParamOf<K>, string>>;
  query: Readonly<Record<string, string>>;
  body: CheckedBody<K>;
  headers: Headers;
}

/** In place of an answer: a problem document. */
export class Refusal {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly errors: readonly { at: string; message: string }[];
  constructor(status: number, code: string, detail: string, errors: readonly { at: string; message: string }[] = []) {
    this.status = status;
    this.code = code;
    this.detail = detail;
    this.errors = errors;
  }
}

export type Answers = {
  [K in RouteName]?: (asked: Asked<K>) => AnswerOf<K> | Refusal | Promise<AnswerOf<K> | Refusal>;
};

export interface FakeRelay {
  /** For `createApi`. */
  fetcher: typeof fetch;
  /** Every call, in order. */
  asked: Asked[];
  /** Calls of one route. */
  callsOf<K extends RouteName>(name: K): Asked<K>[];
  /** Answers otherwise from now on. */
  answer(answers: Answers): void;
  /** Refuses the next call of a route; what was said of it goes on after that. */
  refuseOnce(name: RouteName, refusal: Refusal): void;
  /** Whether it is reached at all. */
  isReachable: boolean;
}

/** @param answers - By route. A route without one answers `not-found`. */
export function fakeRelay(answers: Answers): FakeRelay {
  const known: Answers = { ...answers };
  const refusals = new Map<RouteName, Refusal>();
  const relay: FakeRelay = {
    asked: [],
    isReachable: true,
    callsOf: <K extends RouteName>(name: K) =>
      relay.asked.filter((one): one is Asked<K> & Asked => one.name === name) as unknown as Asked<K>[],
    answer: (more) => void Object.assign(known, more),
    refuseOnce: (name, refusal) => void refusals.set(name, refusal),
    async fetcher(input, init = {}) {
      init.signal?.throwIfAborted();
      if (!relay.isReachable) throw new TypeError('Failed to fetch');
      const url = new URL(input instanceof Request ? input.url : input);
      const { name, params } = routeOf(init.method ?? 'GET', url.pathname);
      const spec: RouteSpec = ROUTES[name];
      const query = Object.fromEntries(url.searchParams);
      const sent: unknown = typeof init.body === 'string' ? JSON.parse(init.body) : undefined;
      const headers = new Headers(init.headers);
      const body = spec.body === undefined ? undefined : v.safeParse(spec.body, sent);
      if (spec.query !== undefined) v.parse(spec.query, query);
      if (spec.method === 'POST' && !headers.has('idempotency-key')) throw new Error(`${name} came without its key`);
      if (body?.success === false) return problem(new Refusal(400, 'bad-request', 'wrong', body.issues.map(fieldOf)));
      const asked = { name, params, query, body: body?.output, headers } as unknown as Asked;
      relay.asked.push(asked);
      const refusal = refusals.get(name);
      refusals.delete(name);
      const answer = known[name] as ((asked: Asked) => unknown) | undefined;
      const given = refusal ?? (await answer?.(asked));
      init.signal?.throwIfAborted();
      if (given instanceof Refusal) return problem(given);
      if (answer === undefined) return problem(new Refusal(404, 'not-found', `no answer of ${name}`));
      if (spec.answer === undefined) return new Response(null, { status: 204 });
      return new Response(JSON.stringify(v.parse(spec.answer, given)), {
        status: spec.status ?? 200,
        headers: spec.etag === undefined ? {} : { etag: `"${relay.asked.length}"` },
      });
    },
  };
  return relay;
}

function problem({ status, code, detail, errors }: Refusal): Response {
  return new Response(JSON.stringify({ status, code, detail, ...(errors.length > 0 && { errors }) }), { status });
}
const fieldOf = (issue: v.BaseIssue<unknown>) => ({
  at: (issue.path ?? []).map(({ key }) => String(key)).join('.') || 'body',
  message: issue.message,
});

/** The route that a request is for. */
function routeOf(method: string, path: string): { name: RouteName; params: Record<string, string> } {
  for (const name of Object.keys(ROUTES) as RouteName[]) {
    const names = [...ROUTES[name].path.matchAll(/:(\w+)/g)].map(([, part]) => part ?? '');
    const marked = pathOf(name, Object.fromEntries(names.map((part) => [part, 'PART'])));
    const found = new RegExp(`^${marked.replaceAll('PART', '([^/]+)')}$`).exec(path);
    if (ROUTES[name].method !== method || found === null) continue;
    return {
      name,
      params: Object.fromEntries(names.map((part, at) => [part, decodeURIComponent(found[at + 1] ?? '')])),
    };
  }
  throw new Error(`no route ${method} ${path}`);
}
