/**
 * Calls the relay's API by the names of its routes. Keeps the CSRF token that changes need; the
 * cookie is the browser's. Knows no page.
 */
import {
  ROUTES,
  pathOf,
  type AnswerOf,
  type BodyOf,
  type ParamOf,
  type QueryOf,
  type RouteName,
} from '../http/api/routes.ts';

/** What the relay refused, in its own words. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';
  readonly status: number;
  /** Stable; `network` when the relay was not reached. */
  readonly code: string;
  /** Fields that were wrong, where a form was sent. */
  readonly errors: readonly { at: string; message: string }[];

  constructor(status: number, code: string, detail: string, errors: readonly { at: string; message: string }[] = []) {
    super(detail);
    this.status = status;
    this.code = code;
    this.errors = errors;
  }
}

export interface Call<K extends RouteName> {
  params?: Readonly<Record<ParamOf<K>, string>>;
  query?: QueryOf<K>;
  body?: BodyOf<K>;
  /** ETag of what is changed, for routes that ask. */
  ifMatch?: string;
  signal?: AbortSignal;
}

export interface Answer<T> {
  data: T;
  /** Of what was read, for a later change. */
  etag: string | undefined;
}

export interface Api {
  /** @throws {ApiProblem} for every refusal, and when the relay is not reached. */
  call<K extends RouteName>(name: K, call?: Call<K>): Promise<AnswerOf<K>>;
  /** As `call`, with the ETag. */
  read<K extends RouteName>(name: K, call?: Call<K>): Promise<Answer<AnswerOf<K>>>;
  /** The sound of a route that answers with `audio/wav`. */
  sound<K extends RouteName>(name: K, call?: Call<K>): Promise<Blob>;
  /** What changes carry from now on; null without a sign-in. */
  csrf: string | null;
}

/** @param onSignedOut - Called when the relay no longer knows this browser. */
export function createApi(onSignedOut: () => void, fetcher: typeof fetch = (...all) => fetch(...all)): Api {
  async function request<K extends RouteName>(name: K, call: Call<K> = {}): Promise<Response> {
    const route = ROUTES[name];
    const url = new URL(pathOf(name, call.params ?? {}), location.href);
    for (const [key, value] of Object.entries(call.query ?? {}))
      if (typeof value === 'string' && value !== '') url.searchParams.set(key, value);
    const headers: Record<string, string> = {};
    if (call.body !== undefined) headers['Content-Type'] = 'application/json';
    if (call.ifMatch !== undefined) headers['If-Match'] = call.ifMatch;
    if (route.method !== 'GET' && api.csrf !== null) headers['X-CSRF-Token'] = api.csrf;
    if (route.method === 'POST') headers['Idempotency-Key'] = crypto.randomUUID();
    let response: Response;
    try {
      response = await fetcher(url, {
        method: route.method,
        headers,
        credentials: 'same-origin',
        ...(call.body !== undefined && { body: JSON.stringify(call.body) }),
        ...(call.signal && { signal: call.signal }),
      });
    } catch (error) {
      if (call.signal?.aborted === true) throw error;
      throw new ApiProblem(0, 'network', 'The relay cannot be reached. Check the connection and try again.');
    }
    if (response.ok) return response;
    const problem = await readProblem(response);
    if (response.status === 401 && name !== 'signIn' && name !== 'signInByLink') onSignedOut();
    throw problem;
  }

  const api: Api = {
    csrf: null,
    async call(name, call) {
      return (await api.read(name, call)).data;
    },
    async read<K extends RouteName>(name: K, call?: Call<K>) {
      const response = await request(name, call);
      const data = (response.status === 204 ? undefined : await response.json()) as AnswerOf<K>;
      return { data, etag: response.headers.get('etag') ?? undefined };
    },
    async sound(name, call) {
      return (await request(name, call)).blob();
    },
  };
  return api;
}

async function readProblem(response: Response): Promise<ApiProblem> {
  let said: { code?: unknown; detail?: unknown; errors?: unknown } = {};
  try {
    said = (await response.json()) as typeof said;
  } catch {
    // Not ours: a proxy's page, say. The status is all there is.
  }
  return new ApiProblem(
    response.status,
    typeof said.code === 'string' ? said.code : `http-${response.status}`,
    typeof said.detail === 'string' ? said.detail : `The relay answered with status ${response.status}.`,
    Array.isArray(said.errors) ? (said.errors as { at: string; message: string }[]) : [],
  );
}
