/**
 * Builds a whole relay from its configuration and opens its doors: store, keys, tenants, provider
 * or emulator, HTTP and sockets. What it opened it closes, also when it fails half way. Reads no
 * environment and no signals.
 */
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createAdaptorServer } from '@hono/node-server';
import { RATE_HZ } from '#wire';
import { createAcrossInstances } from './across-instances.ts';
import { createApp } from './app.ts';
import { createAuth } from './auth/auth.ts';
import { createSignIns } from './auth/console-sign-in.ts';
import { openKeyring } from './auth/keyring.ts';
import { createBookkeeping, type BookEntry } from './bookkeeping.ts';
import { DEFAULT_TRANSCRIPTION_MODEL } from './bridge/openai/setup.ts';
import { capacityHere } from './capacity.ts';
import { choicesOf } from './choices.ts';
import { systemClock, type Clock } from './clock.ts';
import { blockList } from './config-variables.ts';
import type { Config } from './config.ts';
import { FELLOW_PATH } from './continuity/fellow-ask.ts';
import { PASS_ON_DEFAULTS } from './continuity/pass-on.ts';
import { createFellows, instanceUrl } from './fellows.ts';
import { setupOperator } from './http/admin/people.ts';
import { clientAddress } from './http/client-address.ts';
import type { Status } from './http/health.ts';
import { newId } from './ids.ts';
import { createLastKnown, LAST_KNOWN_MS } from './last-known.ts';
import type { Log } from './log.ts';
import { startMeasuring, type MeasuringOptions } from './measuring.ts';
import { openProvider } from './open-provider.ts';
import { createOutbound } from './outbound/outbound.ts';
import { createModerator } from './policy/moderation.ts';
import { createClipLibrary } from './reflex/library.ts';
import { checkAssistant } from './session/assistant-check.ts';
import { createByteBudget } from './session/byte-budget.ts';
import { COME_BACK_MS } from './session/session-deps.ts';
import { createUpgradeHandler, DOOR_DEFAULTS, type DoorLimits, type UpgradeHandler } from './session/upgrade.ts';
import { openSharedState } from './shared-state/open.ts';
import { keepRecent } from './store/retention.ts';
import { createSeal, masterKeyIn } from './store/sealing.ts';
import { openStore, type Store } from './store/store.ts';
import { createDirectory, type Directory } from './tenants/directory.ts';
import { openSpool } from './usage/spool.ts';
import { VERSION } from './version.ts';
import { previewVoice } from './voice-preview.ts';

/** A header that is longer is refused with 431; a token of 4 KiB fits in. */
const MAX_HEADER_BYTES = 16 * 1024;
const HEADERS_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 15_000;
/** Longer than load balancers keep idle connections, so that they close first. */
const KEEP_ALIVE_MS = 65_000;
/** In production who guesses tokens waits up to this long for each refusal. */
const REFUSAL_PAUSE_MS = 2_000;
const TOO_FEW_FILES = 'too few open files are allowed: fewer conversations are let in';
/** How long requests under way may go on after the last conversation. */
const LAST_REQUESTS_MS = 2_000;
const SCRIPT_MAX_AGE_S = 300;
/** Below what readiness waits for the store. */
const SLOW_PING_MS = 500;

export interface Relay {
  port: number;
  /** For people, without a slash at the end. */
  url: string;
  /** By which the operator sets a password, until there is one. */
  setup: string[];
  /** What it runs on, a line each, for whoever started it. */
  greeting: string[];
  sessions(): number;
  /** Sockets that its server holds, whatever is spoken on them. */
  connections(): Promise<number>;
  /** Answers `not ready`, lets conversations end for `drainMs`, then closes everything. Once. */
  stop(drainMs: number): Promise<void>;
}

export interface StartOptions {
  log: Log;
  /** The folder that the build writes: script, worklet and demo. */
  staticRoot: string;
  /** In place of what the door ships with. */
  door?: Partial<DoorLimits>;
  /** How long the head of a request, and all of it, may take to come. */
  requests?: { headMs: number; wholeMs: number };
  /** In place of where figures and traces go. */
  measuring?: Pick<MeasuringOptions, 'writeLine' | 'loadSdk'>;
  /** What waits of all conversations together; a quarter of the memory by default. */
  mostHeldBytes?: number;
  /** An operator asks this instance to stop; it begins by itself where nobody is told. */
  onStopAsked?: () => void;
  /** All addresses of a name that a tenant gave; the system's resolver by default. */
  lookup?: (name: string) => Promise<readonly string[]>;
}

/**
 * @throws when the store is in use or of another key, or the port is taken.
 */
export async function startRelay(config: Config, options: StartOptions): Promise<Relay> {
  const closers: (() => Promise<void> | void)[] = [];
  const closeAll = async () => {
    for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
  };
  try {
    return await open(config, options, closers, closeAll);
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function open(
  config: Config,
  { log, staticRoot, door: doorLimits, requests, lookup, mostHeldBytes, onStopAsked, measuring: aside }: StartOptions,
  closers: (() => Promise<void> | void)[],
  closeAll: () => Promise<void>,
): Promise<Relay> {
  const clock = systemClock;
  const instance = newId('ins', clock.wallNow());
  const startedAt = clock.now();

  const masterKey = config.masterKey ?? masterKeyIn(config.dataDir).key;
  const store = await openStore({ ...config.database, masterKey, now: () => clock.wallNow() });
  closers.push(() => store.close());
  let storeAwayAt: number | null = null;
  closers.push(
    store.onChange((isUp) => {
      storeAwayAt = isUp ? null : clock.now();
      if (isUp) log.info('the database is back', { database: store.place });
      else log.error('the database is away: what was known last holds on', { database: store.place });
    }),
  );
  const keyring = await openKeyring(store.signingKeys, clock);
  // Where other instances reach this one is known when it listens.
  const self = { instance, url: '' };
  const sharing = await openSharedState(config.redisUrl, { self, clock });
  closers.push(() => sharing.close());
  const { shared, broadcast, once, ownership } = sharing;
  const tellSharing = (isUp: boolean) => {
    if (isUp) log.info('shared state is back', { sharedState: shared.kind });
    else log.error('shared state is away: each instance keeps to its own share', { count: sharing.instances() });
  };
  if (!sharing.isUp()) tellSharing(false);
  closers.push(sharing.onChange(tellSharing));
  const directory = createDirectory({
    ...{ store, clock, model: config.openai.model },
    firstTenantOrigins: config.allowedOrigins,
    checkAssistant,
  });
  const outbound = createOutbound({
    allowCidrs: config.outboundNetworks,
    allowHttp: config.outboundNetworks.length > 0,
    ...(lookup && { lookup }),
  });
  closers.push(() => outbound.close());
  const spool = openSpool<BookEntry>({ dir: join(config.dataDir, 'spool'), instance, ...sealedBy(masterKey) });
  const measuring = await startMeasuring({
    ...{ config, clock, log },
    ...aside,
    gauges: () => ({
      ...{ isDraining, isStoreUp: store.isUp(), isSharedStateUp: sharing.isUp(), instances: sharing.instances() },
      ...{ sessions: door.live, spoolBytes: spool.bytes, circuits: provider.circuits.view() },
    }),
  });
  closers.push(() => measuring.stop());
  const auth = createAuth({
    ...{ keyring, store, directory, quotas: shared, outbound, clock },
    ...{ usedTokens: once, broadcast },
    onKeyProblem: ({ tenantId, code }) => log.warn("a tenant's key cannot be used", { tenant: tenantId, code }),
    onProblem(error) {
      // While the store is known to be away, that was said once.
      if (store.isUp()) log.warn('revocations cannot be looked up', { error });
    },
  });
  const books = createBookkeeping({
    ...{ store, clock, log, instance, transcriptionModel: DEFAULT_TRANSCRIPTION_MODEL },
    limitsOf: (tenantId) => directory.limits(tenantId),
    send: (to, request) => outbound.request(to, request),
    ...(config.prices !== undefined && { prices: config.prices }),
    ...measuring.inTheBooks,
    spool,
  });
  closers.push(() => books.stop());
  await books.start();
  const providerKeys = createLastKnown<{ key: string | undefined }>({ clock, freshMs: 0 });
  // That a tenant has no key of its own is something to know, too, while the store does not answer.
  const ownKey = async (tenant: string) => ({ key: (await store.providerKeys.open(tenant))?.key });
  const provider = await openProvider(
    config,
    log,
    async (tenant) => (await providerKeys.get(tenant, () => ownKey(tenant)))?.key,
    measuring.onRotation,
  );
  closers.push(provider.close);

  closers.push(
    keepRecent(
      { store, auditDir: join(config.dataDir, 'audit'), days: config.sessionLogRetentionDays },
      clock,
      (error) => log.warn('old records were not removed', { error }),
    ),
  );

  let isDraining = false;
  const trustedProxies = blockList(config.trustedProxies);
  const wanted = { ...DOOR_DEFAULTS, ...doorLimits };
  const { tooFewFiles, ...capacity } = capacityHere({
    ...{ sessions: wanted.maxSessions, pending: wanted.maxPending, passed: PASS_ON_DEFAULTS.most },
  });
  if (tooFewFiles !== null) log.warn(TOO_FEW_FILES, { count: tooFewFiles, sessions: capacity.sessions });
  const budget = createByteBudget({
    mostBytes: mostHeldBytes ?? capacity.heldBytes,
    elsewhere: () => fellows.passed() * 2 * PASS_ON_DEFAULTS.bufferBytes,
    onShed(bytes) {
      measuring.onShed();
      log.warn('a conversation was ended: too much is held', { bytes, count: budget.shed });
    },
  });
  const fellows = createFellows({
    ...{ store, ownership, clock, log, self, masterKey },
    sessions: () => door.live,
    addressOf: (request) => clientAddress(request, trustedProxies),
    limits: { most: capacity.passed },
    onPassed: measuring.onPassed,
    isFull: () => budget.isFull,
  });
  closers.push(() => fellows.stop());
  const moderator = createModerator({
    ...{ apiKey: provider.apiKey, baseUrl: provider.baseUrl, clock },
    onProblem: ({ code, detail }) => log.warn('moderation does not answer', { code, reason: detail }),
  });
  closers.push(() => moderator.close());
  const door: UpgradeHandler = createUpgradeHandler({
    ...{ clock, log, config: config.arbiter, openBridge: provider.openBridge, limits: config.socket },
    moderator,
    clips: createClipLibrary({
      dir: join(config.dataDir, 'clips'),
      now: () => clock.now(),
      onProblem: ({ kind, reason }) => log.warn('clip left out', { code: kind, reason }),
    }),
    auditDir: join(config.dataDir, 'audit'),
    admit: books.guard(auth.admit),
    ...{ meter: books.meter, conversations: books.conversations, onEscalation: books.onEscalation, instance },
    ...fellows.atTheDoor,
    ...measuring.atTheDoor,
    budget,
    door: {
      ...DOOR_DEFAULTS,
      perAddress: { max: config.rateLimit.maxRequests, windowMs: config.rateLimit.windowMs },
      refusalPauseMs: config.isProduction ? REFUSAL_PAUSE_MS : 0,
      ...doorLimits,
      ...{ maxSessions: capacity.sessions, maxPending: capacity.pending },
    },
  });
  closers.push(() => door.close());
  closers.push(auth.revocations.watch(door.sessions));
  const status = (): Status => ({
    status: isDraining ? 'draining' : 'ok',
    ...{ version: VERSION, instance, provider: provider.kind, model: config.openai.model },
    ...{ sharedState: shared.kind, isSharedStateUp: sharing.isUp(), instances: sharing.instances() },
    uptimeS: Math.round((clock.now() - startedAt) / 1000),
    sessions: door.live,
  });
  let stopping: Promise<void> | undefined;
  const stop = (drainMs: number) =>
    (stopping ??= (async () => {
      isDraining = true;
      door.refuse();
      void fellows.draining();
      const delayMs = Math.min(config.drainDelayMs, drainMs);
      if (delayMs > 0) await new Promise<void>((resolve) => void setTimeout(resolve, delayMs));
      await Promise.all([door.drain(drainMs - delayMs), fellows.cut(COME_BACK_MS)]);
      await closeAll();
    })());
  const across = createAcrossInstances({
    ...{ store, clock, self, questions: fellows.questions, sessions: door.sessions, status },
    circuits: () => provider.circuits.view(),
    auditDir: join(config.dataDir, 'audit'),
    stop: onStopAsked ?? (() => void stop(config.drainTimeoutMs)),
  });
  // What people reach it by; the port is known when it listens.
  let siteUrl = config.publicUrl ?? `http://localhost:${config.port}`;
  const app = createApp({
    store,
    siteUrl: () => siteUrl,
    admin: {
      ...{ checkAssistant, outbox: books.webhooks, rateHz: RATE_HZ },
      choices: choicesOf(config.openai.model, config.arbiter),
      acceptsUrl: (to) => outbound.accepts(to),
      operations: across,
      endSession: (...which) => across.endSession(...which),
      readRecord: (...which) => across.readRecord(...which),
      speakAs: (who, text, signal) => previewVoice(provider.openBridge, who, text, signal),
    },
    ...{ log, clock, directory, keyring, shared, revocations: auth.revocations, trustedProxies, staticRoot, status },
    ...measuring.overHttp,
    ...{ adminToken: config.adminToken, rateLimit: config.rateLimit, healthPath: config.healthPath },
    fellow: { path: FELLOW_PATH, isAsked: fellows.questions.isAsked, answer: (question) => across.answer(question) },
    publicUrl: config.publicUrl,
    hasDemo: !config.isProduction,
    isDraining: () => isDraining,
    pingStore() {
      if (storeAwayAt === null) return pingSoon(store);
      if (clock.now() - storeAwayAt < LAST_KNOWN_MS) return Promise.resolve('degraded');
      return store.ping();
    },
    staticMaxAgeS: config.isProduction ? SCRIPT_MAX_AGE_S : 0,
  });

  // Before the first page can ask, where the port is known before.
  if (config.port !== 0) await openDemo(directory, config, config.port);
  const server = await listen(app.fetch, door, config, capacity.connections, requests);
  closers.push(() => server.close());
  const { port } = server;
  await measuring.listen();
  if (config.port === 0) await openDemo(directory, config, port);

  self.url = config.instanceUrl ?? instanceUrl(config.host, port);
  await fellows.start();
  const url = (siteUrl = config.publicUrl ?? `http://localhost:${port}`);
  directory.allowOwnPages(ownOrigins(config, port));
  const setup = await setupLine(store, clock, url);
  log.info('relay started', {
    ...{ instance, version: VERSION, port, url, provider: provider.kind, model: config.openai.model },
    ...{ database: store.place, sharedState: shared.kind },
  });
  return {
    port,
    url,
    setup,
    greeting: [
      `Voice Jib-Jab ${VERSION}`,
      `  model         ${provider.describes}`,
      `  database      ${store.place}`,
      `  shared state  ${describeSharing(shared.kind, sharing.isUp())}`,
      `  knobs         ${config.changedKnobs.length === 0 ? 'as shipped' : config.changedKnobs.join(' ')}`,
      `  operator      ${config.adminToken === undefined ? 'nobody: ADMIN_TOKEN is not set' : 'by ADMIN_TOKEN'}`,
      ...setup,
      '',
      config.isProduction ? `  listening on ${url}` : `  click  ${url}/demo/  and speak`,
    ],
    sessions: () => door.live,
    connections: () => server.connections(),
    stop,
  };
}

/** One that is slow is not yet away: its own watch tells. */
async function pingSoon(store: Store): Promise<void | 'degraded'> {
  let timer: NodeJS.Timeout | undefined;
  const slow = new Promise<'degraded'>((resolve) => {
    timer = setTimeout(resolve, SLOW_PING_MS, 'degraded');
  });
  try {
    return await Promise.race([store.ping(), slow]);
  } catch {
    return 'degraded';
  } finally {
    clearTimeout(timer);
  }
}

/** What waits on the disk is sealed as secrets are in the database: it holds words. */
function sealedBy(masterKey: string) {
  const row = ['', 'spool', 'entry', ''];
  const key = createSeal(masterKey);
  return { seal: (text: string) => key.seal(text, row), unseal: (sealed: string) => key.open(sealed, row) };
}

function describeSharing(kind: 'memory' | 'redis', isUp: boolean): string {
  if (kind === 'memory') return 'in memory, for this one instance';
  return isUp ? 'in Redis, with all that name the same' : 'in Redis, which is away: by its own share until it is back';
}

async function openDemo(directory: Directory, config: Config, port: number): Promise<void> {
  if (config.isProduction) return directory.suspendDemo();
  await directory.ensureDemo(ownOrigins(config, port));
}

/** Of the pages that this relay serves itself. */
function ownOrigins({ publicUrl, isProduction }: Config, port: number): string[] {
  const own = ['localhost', '127.0.0.1', '[::1]'].map((host) => new URL(`http://${host}:${port}`).origin);
  if (publicUrl === undefined) return isProduction ? [] : own;
  const known = new URL(publicUrl).origin;
  return isProduction ? [known] : [...own, known];
}

/** Until the operator has a password: a link to set one, which works once. */
async function setupLine(store: Store, clock: Clock, url: string): Promise<string[]> {
  const operator = await setupOperator(store.people, url, clock);
  if (operator.hasPassword) return [];
  const attempts = { take: () => Promise.resolve({ isAllowed: true, resetMs: 0 }) };
  const { secret } = await createSignIns({ people: store.people, clock, attempts }).makeLink(operator.id);
  return [`  set up        ${url}/console/#link=${secret} (once, for a day, as ${operator.email})`];
}

async function listen(
  fetch: Parameters<typeof createAdaptorServer>[0]['fetch'],
  door: UpgradeHandler,
  { port, host }: Config,
  mostConnections: number,
  { headMs, wholeMs } = { headMs: HEADERS_TIMEOUT_MS, wholeMs: REQUEST_TIMEOUT_MS },
): Promise<{ port: number; connections: () => Promise<number>; close: () => Promise<void> }> {
  const server = createAdaptorServer({
    fetch,
    overrideGlobalObjects: false,
    serverOptions: {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: headMs,
      requestTimeout: wholeMs,
      keepAliveTimeout: KEEP_ALIVE_MS,
      // The timeouts above are looked at this often only.
      connectionsCheckingInterval: 1_000,
    },
  }) as import('node:http').Server;
  server.maxConnections = mostConnections;
  // The only one: the framework's own would let hung upgrades live for ever.
  server.on('upgrade', (request, socket, head) => door.handle(request, socket, head));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, ...(host !== undefined && { host }) }, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    connections: () =>
      new Promise((resolve, reject) => {
        server.getConnections((error, count) => {
          if (error) reject(error);
          else resolve(count);
        });
      }),
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const cut = setTimeout(() => server.closeAllConnections(), LAST_REQUESTS_MS);
      await closed;
      clearTimeout(cut);
    },
  };
}
