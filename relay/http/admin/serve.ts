/**
 * Serves the table of routes: who is asking, whether they may, what they sent, then the handler,
 * then the answer, cut to its schema. Every route goes through here, so that none can forget to
 * ask whose tenant it is. Knows no route by name.
 */
import { createHash } from 'node:crypto';
import { Hono, type Context, type MiddlewareHandler } from 'hono';
import { describeRoute, resolver, validator } from 'hono-openapi';
import * as v from 'valibot';
import { requireCsrf, type Caller, type FindCaller } from '../../auth/console-callers.ts';
import type { Clock } from '../../clock.ts';
import { FAULTS, RelayError, type FaultCode } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { SharedState } from '../../shared-state/shared-state.ts';
import type { Store } from '../../store/store.ts';
import type { Directory } from '../../tenants/directory.ts';
import { ROUTES, type RouteName, type RouteSpec } from '../api/routes.ts';
import { fieldProblems, smallBody } from '../checked-body.ts';
import { problems } from '../problem.ts';
import { addRateHeaders } from '../rate-limit.ts';
import type { RelayEnv } from '../request-env.ts';
import type { Ask, Change, Handlers, TenantInPath } from './ask.ts';
import { consoleCookie, credentialsOf } from './cookie.ts';

const LONGEST_BODY_BYTES = 256 * 1024;
const ROWS = 50;
const MINUTE_MS = 60_000;
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,128}$/;

export interface ServeDeps {
  store: Pick<Store, 'within' | 'audit' | 'idempotency' | 'tenants'>;
  directory: Pick<Directory, 'limits'>;
  shared: Pick<SharedState, 'take'>;
  findCaller: FindCaller;
  clock: Clock;
  log: Log;
  isSecure: boolean;
  addressOf: (env: RelayEnv['Bindings'] | undefined) => string;
}

type AnyHandler = (ask: Ask) => Promise<unknown>;
/** An answer that is no JSON. */
export interface Sound {
  bytes: Uint8Array<ArrayBuffer>;
  type: string;
}

export function serveRoutes(deps: ServeDeps, handlers: Handlers): Hono<RelayEnv> {
  const app = new Hono<RelayEnv>();
  for (const [name, spec] of Object.entries(ROUTES as Record<string, RouteSpec>)) {
    const handler = handlers[name as RouteName] as unknown as AnyHandler;
    app.on([spec.method], [spec.path], ...checks(spec), (c: Context<RelayEnv>) => serve(deps, spec, handler, c));
  }
  return app;
}

/** What is checked before anybody is asked who they are: the document, the size. */
function checks(spec: RouteSpec): MiddlewareHandler[] {
  const middleware: MiddlewareHandler[] = [describe(spec), smallBody(LONGEST_BODY_BYTES)];
  // The schemas are held against the request only after it is known who asks; here they are described.
  if (spec.query !== undefined) middleware.push(documented('query', spec.query));
  if (spec.body !== undefined) middleware.push(documented('json', spec.body));
  return middleware;
}

/** For the document alone. */
function documented(target: 'query' | 'json', schema: v.GenericSchema): MiddlewareHandler {
  const checked = validator(target, schema);
  const passed: MiddlewareHandler = (_c, next) => next();
  for (const symbol of Object.getOwnPropertySymbols(checked))
    Object.defineProperty(passed, symbol, { value: (checked as unknown as Record<symbol, unknown>)[symbol] });
  return passed;
}

function describe(spec: RouteSpec): MiddlewareHandler {
  const codes = new Set<FaultCode>(['rate-limited']);
  if (spec.access !== 'anyone') codes.add('auth-required').add('forbidden');
  if (spec.path.includes(':')) codes.add('not-found');
  if (spec.body !== undefined || spec.query !== undefined) codes.add('bad-request');
  if (spec.body !== undefined) codes.add('too-large');
  if (spec.etag === 'asked' || spec.etag === 'required') codes.add('changed-meanwhile');
  if (spec.etag === 'required') codes.add('version-missing');
  for (const code of spec.problems ?? []) if (code in FAULTS) codes.add(code as FaultCode);
  const content = spec.sound
    ? { 'audio/wav': { schema: { type: 'string' as const, format: 'binary' } } }
    : spec.answer && { 'application/json': { schema: resolver(spec.answer) } };
  const header = (name: string, isRequired: boolean) => ({
    ...{ name, in: 'header' as const, required: isRequired, schema: { type: 'string' as const } },
  });
  return describeRoute({
    summary: spec.summary,
    description:
      { anyone: 'Without signing in.', 'signed-in': 'For whoever is signed in.' }[spec.access as string] ??
      `For the role ${spec.access}, and those above it.`,
    security: spec.access === 'anyone' ? [] : [{ operator: [] }, { apiKey: [] }, { console: [] }],
    parameters: [
      ...[...spec.path.matchAll(/:(\w+)/g)].map(([, name = '']) => ({
        ...{ name, in: 'path' as const, required: true, schema: { type: 'string' as const } },
      })),
      ...(spec.etag === 'asked' || spec.etag === 'required' ? [header('If-Match', spec.etag === 'required')] : []),
      ...(spec.method === 'POST' && spec.access !== 'anyone' ? [header('Idempotency-Key', false)] : []),
    ],
    responses: {
      [statusOf(spec)]: { description: spec.summary, ...(content && { content }) },
      ...problems(...codes),
    },
  });
}

const statusOf = (spec: RouteSpec): number =>
  spec.status ?? (spec.answer !== undefined || spec.sound === true ? 200 : 204);

async function serve(deps: ServeDeps, spec: RouteSpec, handler: AnyHandler, c: Context<RelayEnv>): Promise<Response> {
  c.header('Cache-Control', 'no-store');
  const cookie = consoleCookie(deps.isSecure);
  const caller = c.get('caller') ?? (await deps.findCaller(credentialsOf(c, cookie)));
  if (caller === undefined && spec.access !== 'anyone') throw new RelayError('auth-required', 'nobody who is known');
  if (caller !== undefined && spec.method !== 'GET' && spec.access !== 'anyone')
    requireCsrf(caller, c.req.header('x-csrf-token'));
  if (caller !== undefined) await countRequest(deps, caller, c);
  const params = c.req.param() as Record<string, string>;
  const tenant = caller && (await tenantFor(deps, caller, params['tenant']));
  if (caller !== undefined) allow(spec, caller, tenant);

  const text = spec.body === undefined ? '' : await textOf(c);
  const query = spec.query === undefined ? {} : checked(spec.query, c.req.query(), 'query');
  const repeat = caller && repeatOf(spec, caller, c, text);
  const remembered = repeat && (await deps.store.idempotency.get(repeat.scope, repeat.key));
  if (remembered !== undefined) return again(c, remembered, repeat?.requestHash);

  const answer = await handler({
    ...{ caller: caller ?? NOBODY, tenant: tenant as never, params: params, query: query as never },
    body: (spec.body === undefined ? undefined : checked(spec.body, asJson(text), 'body')) as never,
    page: pageOf(query as { after?: string; limit?: string }),
    address: deps.addressOf(c.env),
    origin: c.req.header('origin'),
    signal: c.req.raw.signal,
    setCookie(secret) {
      cookie.write(c, secret);
    },
    match(current) {
      match(spec, c, current);
    },
    change: changing(deps, spec, caller, tenant, repeat),
  } satisfies Ask);
  return reply(spec, c, answer);
}

/** How the handler changes things: together with the audit, and with the memory of the answer. */
function changing(
  { store, clock }: ServeDeps,
  spec: RouteSpec,
  caller: Caller | undefined,
  tenant: TenantInPath | undefined,
  repeat: ReturnType<typeof repeatOf>,
) {
  return <T>(what: Change | ((answer: T) => Change), work: () => Promise<T>): Promise<T> =>
    store.within(async () => {
      const made = await work();
      const { chain, actor = caller?.actor ?? 'nobody', ...entry } = typeof what === 'function' ? what(made) : what;
      const tenantId = chain === undefined ? (tenant?.id ?? null) : chain;
      await store.audit.add({ ...{ tenantId, actor, payload: null }, ...entry });
      const body = spec.answer === undefined ? '' : JSON.stringify(cut(spec, made));
      if (repeat !== undefined)
        await store.idempotency.put({ ...repeat, status: statusOf(spec), body, createdAt: clock.wallNow() });
      return made;
    });
}

const NOBODY: Caller = { kind: 'user', role: 'viewer', tenantId: '', actor: 'nobody' };

/** Requests of one caller, and of its tenant together; told in headers where that is what is left. */
async function countRequest(deps: ServeDeps, caller: Caller, c: Context<RelayEnv>): Promise<void> {
  if (caller.tenantId === null) return;
  const { requestsPerMinute } = await deps.directory.limits(caller.tenantId);
  const taken = await deps.shared.take('api', caller.tenantId, requestsPerMinute, MINUTE_MS);
  addRateHeaders(c, requestsPerMinute, MINUTE_MS, taken);
}

/**
 * The tenant of the path, by id or slug. Another's is as if it were not there.
 *
 * @throws {RelayError} `not-found`.
 */
async function tenantFor(
  { store }: ServeDeps,
  caller: Caller,
  name: string | undefined,
): Promise<TenantInPath | undefined> {
  if (name === undefined) return undefined;
  const row = (await store.tenants.byId(name)) ?? (await store.tenants.bySlug(name));
  if (row === undefined || (caller.tenantId !== null && caller.tenantId !== row.id))
    throw new RelayError('not-found', "no such tenant, or not the caller's");
  const { id, slug, status } = row;
  return { id, slug, name: row.name, status: status === 'active' ? 'active' : 'suspended' };
}

const RANK = { viewer: 0, admin: 1, operator: 2 } as const;

/** @throws {RelayError} `forbidden`. */
function allow({ access, method }: RouteSpec, { role }: Caller, tenant: TenantInPath | undefined): void {
  if (access === 'anyone' || access === 'signed-in') return;
  if (RANK[role] < RANK[access]) throw new RelayError('forbidden', `for ${access} alone`);
  if (tenant?.status === 'suspended' && method !== 'GET' && role !== 'operator')
    throw new RelayError('forbidden', 'the tenant is suspended: it may be read, and not changed');
}

/**
 * What a form of another site can send without asking is not read: nobody is signed in by it either.
 *
 * @throws {RelayError} `bad-request` for a body that is not said to be JSON.
 */
async function textOf(c: Context<RelayEnv>): Promise<string> {
  const text = await c.req.text();
  if (text !== '' && !/^application\/json\s*(;|$)/i.test(c.req.header('content-type') ?? ''))
    throw new RelayError('bad-request', 'a body that is not said to be JSON', {
      problems: [{ at: 'Content-Type', message: 'must be application/json' }],
    });
  return text;
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text === '' ? '{}' : text);
  } catch (cause) {
    throw new RelayError('bad-request', 'no JSON', { cause, problems: [{ at: 'body', message: 'must be JSON' }] });
  }
}

function checked(schema: v.GenericSchema, value: unknown, at: string): unknown {
  const read = v.safeParse(schema, value);
  if (read.success) return read.output;
  throw new RelayError('bad-request', 'it does not fit its schema', { problems: fieldProblems(read.issues, at) });
}

const pageOf = ({ after, limit }: { after?: string; limit?: string }) => ({
  ...(after !== undefined && { after }),
  limit: limit === undefined ? ROWS : Math.min(Number(limit), 200),
});

const digest = (text: string) => createHash('sha256').update(text).digest('base64url');

/** A POST that names itself, so that it can be repeated without being done twice. */
function repeatOf(spec: RouteSpec, caller: Caller, c: Context<RelayEnv>, text: string) {
  const key = spec.method === 'POST' && spec.access !== 'anyone' ? c.req.header('idempotency-key') : undefined;
  if (key === undefined) return undefined;
  if (!IDEMPOTENCY_KEY.test(key))
    throw new RelayError('bad-request', 'a malformed Idempotency-Key', {
      problems: [{ at: 'Idempotency-Key', message: 'must be 1 to 128 printable characters without spaces' }],
    });
  const scope = `${caller.actor} ${c.req.method} ${c.req.path}`;
  return { scope, key, requestHash: digest(text) };
}

function again(
  c: Context<RelayEnv>,
  { requestHash, status, body }: { requestHash: string; status: number; body: string },
  asked: string | undefined,
): Response {
  if (requestHash !== asked)
    throw new RelayError('conflict', 'the Idempotency-Key was used for another request', {
      problems: [{ at: 'Idempotency-Key', message: 'was used for another request' }],
    });
  c.header('Idempotency-Replayed', 'true');
  if (body === '') return c.body(null, status as 204);
  c.header('Content-Type', 'application/json');
  return c.body(body, status as 200);
}

/** What the schema names and nothing else: a hash or a secret that a row holds does not slip out. */
const cut = (spec: RouteSpec, answer: unknown): unknown =>
  spec.answer === undefined ? undefined : v.parse(spec.answer, answer);

const etagOf = (spec: RouteSpec, answer: unknown) => `"${digest(JSON.stringify(cut(spec, answer))).slice(0, 27)}"`;
const named = (header: string) => header.split(',').map((etag) => etag.trim().replace(/^W\//, ''));

function match(spec: RouteSpec, c: Context<RelayEnv>, current: unknown): void {
  const given = c.req.header('if-match');
  if (given === undefined) {
    if (spec.etag === 'required') throw new RelayError('version-missing', 'no If-Match');
    return;
  }
  if (given.trim() !== '*' && !named(given).includes(etagOf(spec, current)))
    throw new RelayError('changed-meanwhile', 'If-Match names another version');
}

function reply(spec: RouteSpec, c: Context<RelayEnv>, answer: unknown): Response {
  if (spec.sound) {
    const { bytes, type } = answer as Sound;
    c.header('Content-Type', type);
    return c.body(bytes);
  }
  if (spec.answer === undefined) return c.body(null, 204);
  if (spec.etag !== undefined) {
    const etag = etagOf(spec, answer);
    c.header('ETag', etag);
    c.header('Cache-Control', 'private, no-cache');
    if (spec.method === 'GET' && named(c.req.header('if-none-match') ?? '').includes(etag)) return c.body(null, 304);
  }
  c.header('Content-Type', 'application/json');
  return c.body(JSON.stringify(cut(spec, answer)), statusOf(spec) as 200);
}
