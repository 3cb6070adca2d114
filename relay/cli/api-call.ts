/**
 * How `vjj` asks a running relay: by the table of routes, with bodies held against the same schemas
 * before they are sent. Says in a sentence what went wrong; knows no commands.
 */
import * as v from 'valibot';
import { pathOf, ROUTES, type RouteName, type RouteSpec } from '../http/api/routes.ts';

/** Something that whoever typed the command can put right. */
export class CliError extends Error {
  override readonly name = 'CliError';
}

export interface Target {
  /** Of the relay, without a slash at the end. */
  url: string;
  token: string | undefined;
}

export interface ApiRequest {
  params?: Record<string, string>;
  query?: Record<string, string>;
  body?: unknown;
  headers?: Record<string, string>;
}

export interface ApiAnswer {
  /** Undefined where there is none. */
  value: unknown;
  etag: string | undefined;
}

const REQUEST_LIMIT_MS = 30_000;

/** @throws {CliError} whatever is wrong: the body, the way, the refusal. */
export async function callApi(
  { url, token }: Target,
  name: RouteName,
  { params = {}, query = {}, body, headers = {} }: ApiRequest = {},
): Promise<ApiAnswer> {
  const spec = ROUTES[name] as RouteSpec;
  if (token === undefined && spec.access !== 'anyone')
    throw new CliError("No token: set ADMIN_TOKEN, or give a tenant's API key with --token.");
  if (spec.body !== undefined) checkBody(spec.body, body ?? {});
  const search = Object.keys(query).length === 0 ? '' : `?${new URLSearchParams(query).toString()}`;
  const response = await request(`${url}${pathOf(name, params)}${search}`, {
    method: spec.method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(spec.body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(spec.body !== undefined && { body: JSON.stringify(body ?? {}) }),
  });
  if (!response.ok) throw new CliError(await refusalOf(response));
  const etag = response.headers.get('etag') ?? undefined;
  if (spec.sound) return { value: new Uint8Array(await response.arrayBuffer()), etag };
  const text = await response.text();
  return { value: text === '' ? undefined : JSON.parse(text), etag };
}

/** @throws {CliError} when nobody answers there. */
export async function request(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...init, signal: AbortSignal.timeout(REQUEST_LIMIT_MS), redirect: 'error' });
  } catch (error) {
    const { cause, name } = error as { cause?: { code?: string }; name?: string };
    const why = name === 'TimeoutError' ? 'no answer in time' : (cause?.code ?? 'no connection');
    throw new CliError(`No relay answers at ${new URL(url).origin} (${why}). Is it running? --url names another.`);
  }
}

function checkBody(schema: v.GenericSchema, body: unknown): void {
  const read = v.safeParse(schema, body);
  if (read.success) return;
  const lines = read.issues.map((issue) => `  - ${v.getDotPath(issue) ?? 'body'} ${issue.message}`);
  throw new CliError(['It was not sent, because something in it is wrong:', ...lines].join('\n'));
}

/** A problem document in words; whatever else came by its status. */
export async function refusalOf(response: Response): Promise<string> {
  const text = await response.text();
  try {
    const {
      code,
      detail,
      errors = [],
    } = JSON.parse(text) as {
      code: string;
      detail: string;
      errors?: { at: string; message: string }[];
    };
    return [
      `Refused (${response.status} ${code}). ${detail}`,
      ...errors.map((one) => `  - ${one.at} ${one.message}`),
    ].join('\n');
  } catch {
    return `The answer was ${response.status}, and not from a relay of ours.`;
  }
}
