/**
 * The relay's HTTP side: mounts routes, answers every error in one place, listens on nothing. The
 * socket's upgrade is not here but on the server itself.
 */
import type { BlockList } from 'node:net';
import { Hono } from 'hono';
import { openAPIRouteHandler } from 'hono-openapi';
import type { Keyring } from './auth/keyring.ts';
import type { Revocations } from './auth/revocation.ts';
import type { Clock } from './clock.ts';
import { RelayError } from './errors.ts';
import { createCallers } from './auth/console-callers.ts';
import { createSignIns } from './auth/console-sign-in.ts';
import { consoleCookie, credentialsOf } from './http/admin/cookie.ts';
import { adminRoutes, type AdminDeps } from './http/admin/routes.ts';
import { clientAddress } from './http/client-address.ts';
import { demoRoutes } from './http/demo.ts';
import { fellowRoutes, type FellowDeps } from './http/fellow.ts';
import { healthRoutes, statusRoutes, type PingStore, type Status } from './http/health.ts';
import { metricsRoutes, watchRequests, type Exposition, type OnAnswer } from './http/metrics.ts';
import { notFound, problemHandler } from './http/problem.ts';
import { ratingRoutes } from './http/rating.ts';
import { rateLimit, type Known } from './http/rate-limit.ts';
import type { RelayEnv } from './http/request-env.ts';
import { pagePolicy, securityHeaders } from './http/security-headers.ts';
import { staticRoutes } from './http/static-files.ts';
import { tokenCors, tokenRoutes } from './http/token.ts';
import type { Log } from './log.ts';
import { redact } from './policy/redact.ts';
import { completePolicy } from './policy/settings.ts';
import type { Store } from './store/store.ts';
import type { SharedState } from './shared-state/shared-state.ts';
import type { Directory } from './tenants/directory.ts';
import type { Assistant } from './tenants/tenant.ts';

export interface AppDeps {
  log: Log;
  clock: Clock;
  directory: Directory;
  keyring: Keyring;
  store: Store;
  revocations: Pick<Revocations, 'holds' | 'revoke' | 'changed'>;
  shared: SharedState;
  /** Undefined: nobody is the operator. */
  adminToken: string | undefined;
  rateLimit: { windowMs: number; maxRequests: number };
  trustedProxies: BlockList;
  healthPath: string;
  /** Undefined: there are no metrics on this port. */
  metricsToken?: string | undefined;
  exposition?: Exposition;
  /** Told of every answer. */
  onAnswer?: OnAnswer;
  isDraining: () => boolean;
  pingStore: PingStore;
  status: () => Status;
  /** The folder that the build writes. */
  staticRoot: string;
  /** How long browsers need not ask for the script again, in seconds. */
  staticMaxAgeS: number;
  publicUrl: string | undefined;
  /** Where browsers reach this relay, without a slash at the end; known when it listens. */
  siteUrl: () => string;
  /** Whether the demo page may set its assistant's knobs; never in production. */
  hasDemo?: boolean;
  /** Other instances; without it nobody is answered as one. */
  fellow?: FellowDeps;
  /** What only the rest of the relay can do for the API. */
  admin: Pick<
    AdminDeps,
    | ('acceptsUrl' | 'checkAssistant' | 'choices' | 'endSession' | 'operations')
    | ('outbox' | 'rateHz' | 'readRecord' | 'speakAs')
  >;
}

export function createApp(deps: AppDeps): Hono<RelayEnv> {
  const { log, directory, publicUrl, store } = deps;
  const addressOf = (env: RelayEnv['Bindings'] | undefined) =>
    env?.incoming === undefined ? '' : clientAddress(env.incoming, deps.trustedProxies);
  const isSecure = publicUrl?.startsWith('https://') === true;
  const policy = pagePolicy(publicUrl === undefined ? undefined : new URL(publicUrl).origin.replace(/^http/, 'ws'));

  const app = new Hono<RelayEnv>();
  app.onError(problemHandler(log));
  app.notFound(notFound);
  app.use(watchRequests({ clock: deps.clock, onAnswer: deps.onAnswer }));
  app.use(securityHeaders({ isSecure }));
  app.route('/', healthRoutes({ path: deps.healthPath, isDraining: deps.isDraining, pingStore: deps.pingStore }));

  if (deps.exposition !== undefined)
    app.route('/', metricsRoutes({ token: deps.metricsToken, exposition: deps.exposition }));

  for (const path of ['/api/token', '/api/rating']) app.use(path, tokenCors({ directory }));
  const signIns = createSignIns({ people: store.people, clock: deps.clock, attempts: deps.shared });
  const findCaller = createCallers({ ...deps, apiKeys: store.apiKeys, signIns });
  const cookie = consoleCookie(isSecure);
  const known: Known = {
    claims: (c) =>
      c.req.path.startsWith('/api/admin/') && Object.values(credentialsOf(c, cookie)).some((one) => one !== undefined),
    async holds(c) {
      const caller = await findCaller(credentialsOf(c, cookie));
      if (caller !== undefined) c.set('caller', caller);
      return caller !== undefined;
    },
  };
  app.use('/api/*', rateLimit({ shared: deps.shared, ...deps.rateLimit, addressOf, known }));
  app.route(
    '/api',
    tokenRoutes({ directory, keyring: deps.keyring, revocations: deps.revocations, clock: deps.clock }),
  );
  app.route('/api', ratingRoutes({ ...deps, outbox: deps.admin.outbox, redact: redactFor }));
  if (deps.hasDemo === true) app.route('/api/demo', demoRoutes({ directory, choices: deps.admin.choices }));
  app.route('/api', statusRoutes({ status: deps.status }));
  const { version } = deps.status();
  app.route('/api/admin', adminRoutes({ ...deps, ...deps.admin, signIns, findCaller, isSecure, addressOf, version }));
  // Also what is no route tells nothing to strangers.
  app.all('/api/admin/*', (c) => {
    throw new RelayError(c.get('caller') === undefined ? 'auth-required' : 'not-found', 'no such route');
  });
  app.get('/api/openapi.json', openAPIRouteHandler(app, { documentation: documentation(version) }));

  if (deps.fellow !== undefined) app.route('/', fellowRoutes(deps.fellow));
  app.route('/', staticRoutes({ root: deps.staticRoot, maxAgeS: deps.staticMaxAgeS, policy }));
  return app;
}

const redactFor = (text: string, assistant: Assistant | undefined) =>
  redact(text, assistant && completePolicy(assistant.policy).pii);

const documentation = (version: string) => ({
  info: {
    title: 'Voice Jib-Jab relay',
    version,
    description:
      'Session tokens for pages, and what tenants and operators configure. Errors are problem documents with a stable code.',
  },
  components: {
    securitySchemes: {
      operator: { type: 'http' as const, scheme: 'bearer', description: 'ADMIN_TOKEN' },
      apiKey: { type: 'http' as const, scheme: 'bearer', description: "A tenant's API key, vjj_…" },
      console: {
        ...{ type: 'apiKey' as const, in: 'cookie' as const, name: '__Host-vjj' },
        description: 'Signed in to the console; every change also carries X-CSRF-Token.',
      },
    },
  },
});
