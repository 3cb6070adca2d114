/**
 * Environment → Config. Every problem is reported at once, each with its name, what is wrong and
 * what is allowed; then the relay refuses to start. Nothing else in the relay reads the
 * environment.
 */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DEFAULT_CONFIG, type ArbiterConfig } from '#arbiter';
import type { PriceTable } from './usage/prices.ts';
import { BadValue, VARIABLES, type Values, type Variable, type VariableName } from './config-variables.ts';

export interface Config {
  isProduction: boolean;
  logLevel: (typeof import('./config-variables.ts').LOG_LEVELS)[number];
  /** Undefined listens on every address. */
  host: string | undefined;
  port: number;
  publicUrl: string | undefined;
  healthPath: string;
  /** Networks as `address/bits`. */
  trustedProxies: string[];
  drainTimeoutMs: number;
  /** How long a stopping relay is not ready before conversations are sent away. */
  drainDelayMs: number;
  /** Where other instances reach this one; undefined: found out. */
  instanceUrl: string | undefined;
  openai: {
    /** Undefined: the relay's own emulator. */
    apiKey: string | undefined;
    baseUrl: string;
    fallbackBaseUrl: string | undefined;
    model: string;
  };
  dataDir: string;
  /** A file of SQLite, or the URL of a Postgres database. */
  database: { file: string } | { url: string };
  /** Redis or Valkey; undefined: shared state in memory, of this one instance. */
  redisUrl: string | undefined;
  /** Undefined: made once in `dataDir`. */
  masterKey: string | undefined;
  /** Patterns that are allowed for the first tenant. */
  allowedOrigins: string[];
  adminToken: string | undefined;
  /** Private networks as `address/bits` that requests on behalf of tenants may reach. */
  outboundNetworks: string[];
  /** The operator's own prices; the relay's table without them. */
  prices: PriceTable | undefined;
  rateLimit: { windowMs: number; maxRequests: number };
  socket: { heartbeatMs: number; maxMessageBytes: number };
  metrics: {
    /** Undefined: not on the public port. */
    token: string | undefined;
    /** Undefined: none of its own. */
    port: number | undefined;
    host: string;
    isPerTenant: boolean;
    /** CloudWatch's lines in the log stream. */
    hasEmf: boolean;
  };
  /** Whether conversations are traced, and by which name; the rest is the SDK's to read. */
  tracing: { isOn: boolean; serviceName: string };
  sentry: { dsn: string | undefined; environment: string | undefined; tracesSampleRate: number };
  sessionLogRetentionDays: number;
  /** The defaults of every tenant's knobs. */
  arbiter: ArbiterConfig;
  /** Knobs that differ from what we ship, as `NAME=value`. */
  changedKnobs: string[];
  /** For people: likely slips that do not refuse the start. */
  warnings: string[];
}

/** The start is refused; `problems` are whole sentences for people. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`The configuration has ${problems.length === 1 ? 'a mistake' : `${problems.length} mistakes`}.`);
    this.problems = problems;
  }
}

type Environment = Record<string, string | undefined>;

const NAMES = Object.keys(VARIABLES) as VariableName[];

/**
 * @param readFile - Reads a `NAME_FILE`; tests pass their own.
 * @throws {ConfigError} with every problem found.
 */
export function readConfig(env: Environment, readFile = (path: string) => readFileSync(path, 'utf8')): Config {
  const problems: string[] = [];
  const given = new Set<VariableName>();
  const values: Partial<Record<VariableName, unknown>> = {};
  for (const name of NAMES) {
    const spec = VARIABLES[name] as Variable<unknown>;
    const text = textOf(name, spec, env, readFile, problems);
    if (text !== undefined) given.add(name);
    const used = text ?? spec.absent;
    if (used === undefined) continue;
    try {
      values[name] = spec.read(used);
    } catch (error) {
      if (!(error instanceof BadValue)) throw error;
      const shown = spec.isSecret === true ? '' : ` "${used.slice(0, 100)}"`;
      problems.push(`${name}${shown} ${error.message}. Allowed: ${spec.allowed}.`);
    }
  }
  const isProduction = values.NODE_ENV === 'production';
  if (isProduction) problems.push(...productionProblems(values, given));
  if (problems.length > 0) throw new ConfigError(problems);
  // Whatever has a text for its absence was read above or reported; the rest may be undefined.
  return assemble(values as Values & Filled, given, slips(env));
}

/** The variables that have a value even when nobody set them. */
type Filled = { [K in Exclude<VariableName, Unfilled>]: NonNullable<Values[K]> };
type Unfilled =
  | 'HOST'
  | 'PUBLIC_URL'
  | 'OPENAI_API_KEY'
  | 'OPENAI_FALLBACK_BASE_URL'
  | 'DATABASE_URL'
  | 'REDIS_URL'
  | 'MASTER_KEY'
  | 'ADMIN_TOKEN'
  | 'METRICS_TOKEN'
  | 'METRICS_PORT'
  | 'OTEL_EXPORTER_OTLP_ENDPOINT'
  | 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'
  | 'OTEL_TRACES_EXPORTER'
  | 'SENTRY_DSN'
  | 'SENTRY_ENVIRONMENT'
  | 'EXPECTED_FIRST_AUDIO_MS';

function textOf(
  name: VariableName,
  spec: Variable<unknown>,
  env: Environment,
  readFile: (path: string) => string,
  problems: string[],
): string | undefined {
  // An empty value is how many tools write "unset".
  const direct = env[name]?.trim() === '' ? undefined : env[name]?.trim();
  const file = spec.isSecret === true ? env[`${name}_FILE`]?.trim() : undefined;
  if (file === undefined || file === '') return direct;
  if (direct !== undefined) {
    problems.push(`${name} and ${name}_FILE are both set. Allowed: one of them.`);
    return direct;
  }
  try {
    const text = readFile(file).trim();
    if (text === '')
      problems.push(`${name}_FILE names an empty file. Allowed: a file with the value and nothing else.`);
    return text === '' ? undefined : text;
  } catch (error) {
    const why = (error as { code?: string }).code ?? 'unreadable';
    problems.push(`${name}_FILE "${file}" cannot be read (${why}). Allowed: a file that the relay may read.`);
    return undefined;
  }
}

function productionProblems(values: Partial<Record<VariableName, unknown>>, given: Set<VariableName>): string[] {
  const problems: string[] = [];
  if (!given.has('MASTER_KEY'))
    problems.push('MASTER_KEY is not set. In production it must be: openssl rand -base64 32 makes one.');
  if (typeof values.ADMIN_TOKEN === 'string' && values.ADMIN_TOKEN.length < 24)
    problems.push('ADMIN_TOKEN is too short for production. Allowed: 24 characters or more, without spaces.');
  if (
    typeof values.PUBLIC_URL === 'string' &&
    values.PUBLIC_URL.startsWith('http://') &&
    !isLoopback(values.PUBLIC_URL)
  )
    problems.push('PUBLIC_URL is not https. In production browsers give no microphone to a page without it.');
  return problems;
}

const isLoopback = (url: string) => /^http:\/\/(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:|\/|$)/.test(url);

function assemble(values: Values & Filled, given: Set<VariableName>, warnings: string[]): Config {
  const arbiter = { ...DEFAULT_CONFIG } as Record<string, unknown>;
  const changedKnobs: string[] = [];
  for (const name of [...Object.keys(DEFAULT_CONFIG), 'EXPECTED_FIRST_AUDIO_MS'] as VariableName[]) {
    const value = values[name] as string | number | boolean | undefined;
    if (value === undefined) continue;
    if (value !== arbiter[name]) changedKnobs.push(`${name}=${String(value)}`);
    arbiter[name] = value;
  }
  if (given.has('OPENAI_BASE_URL') && !given.has('OPENAI_API_KEY'))
    warnings.push('OPENAI_BASE_URL is set without OPENAI_API_KEY: the emulator inside the relay is used.');
  if (values.NODE_ENV === 'production' && !given.has('OPENAI_API_KEY'))
    warnings.push('OPENAI_API_KEY is not set: in production, too, the emulator answers.');
  // Postgres is chosen to have several relays on it; one alone is fine, and is told what a second would mean.
  if (values.DATABASE_URL !== undefined && 'url' in values.DATABASE_URL && !given.has('REDIS_URL'))
    warnings.push(
      'REDIS_URL is not set: run one relay only on this database. Of several, each would count limits, places and tokens ' +
        'for one session by itself.',
    );
  const dataDir = resolve(values.DATA_DIR);
  return {
    isProduction: values.NODE_ENV === 'production',
    logLevel: values.LOG_LEVEL,
    host: values.HOST,
    port: values.PORT,
    publicUrl: values.PUBLIC_URL,
    healthPath: values.HEALTH_CHECK_PATH,
    trustedProxies: values.TRUSTED_PROXIES,
    drainTimeoutMs: values.DRAIN_TIMEOUT_MS,
    drainDelayMs: values.DRAIN_DELAY_MS,
    instanceUrl: values.INSTANCE_URL,
    openai: {
      apiKey: values.OPENAI_API_KEY,
      baseUrl: values.OPENAI_BASE_URL,
      fallbackBaseUrl: values.OPENAI_FALLBACK_BASE_URL,
      model: values.OPENAI_MODEL,
    },
    dataDir,
    database: place(values.DATABASE_URL ?? { file: join(dataDir, 'vjj.db') }),
    redisUrl: values.REDIS_URL,
    masterKey: values.MASTER_KEY,
    allowedOrigins: values.ALLOWED_ORIGINS,
    adminToken: values.ADMIN_TOKEN,
    outboundNetworks: values.RELAY_WEBHOOK_ALLOW_CIDR,
    prices: values.PRICES_FILE,
    rateLimit: { windowMs: values.RATE_LIMIT_WINDOW_MS, maxRequests: values.RATE_LIMIT_MAX_REQUESTS },
    socket: { heartbeatMs: values.WS_HEARTBEAT_INTERVAL, maxMessageBytes: values.WS_MAX_PAYLOAD },
    metrics: {
      ...{ token: values.METRICS_TOKEN, port: values.METRICS_PORT, host: values.METRICS_HOST },
      ...{ isPerTenant: values.METRICS_PER_TENANT, hasEmf: values.EMF_METRICS },
    },
    tracing: { isOn: isTraced(values), serviceName: values.OTEL_SERVICE_NAME },
    sentry: {
      dsn: values.SENTRY_DSN,
      environment: values.SENTRY_ENVIRONMENT,
      tracesSampleRate: values.SENTRY_TRACES_SAMPLE_RATE,
    },
    sessionLogRetentionDays: values.SESSION_LOG_RETENTION_DAYS,
    arbiter: arbiter as unknown as ArbiterConfig,
    changedKnobs,
    warnings,
  };
}

/** As the standard variables mean it: an endpoint or an exporter is named, and nothing says no. */
function isTraced(values: Values): boolean {
  const exporter = values.OTEL_TRACES_EXPORTER;
  if (values.OTEL_SDK_DISABLED === true || exporter === 'none') return false;
  const { OTEL_EXPORTER_OTLP_ENDPOINT: all, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: traces } = values;
  return exporter !== undefined || all !== undefined || traces !== undefined;
}

const place = (at: { file: string } | { url: string }) => ('file' in at ? { file: resolve(at.file) } : at);

/** Names in the environment that resemble ours and are not: likely slips. */
function slips(env: Environment): string[] {
  const known = new Set<string>(NAMES.flatMap((name) => [name, `${name}_FILE`]));
  return Object.keys(env)
    .filter((name) => !known.has(name) && (env[name] ?? '') !== '')
    .flatMap((name) => {
      const meant = NAMES.find((ours) => resembles(name, ours));
      return meant === undefined ? [] : [`${name} is not ours and is ignored; ${meant} was meant?`];
    });
}

function resembles(name: string, ours: string): boolean {
  const flat = (text: string) => text.toUpperCase().replace(/[^A-Z0-9]/g, '');
  if (flat(name) === flat(ours)) return true;
  // Short names resemble too much (HOME and HOST): they get no or one slip.
  const slipsAllowed = ours.length < 5 ? 0 : ours.length < 9 ? 1 : 2;
  return distance(flat(name), flat(ours), slipsAllowed) <= slipsAllowed || isShortened(name, ours);
}

/** `OPENAI_KEY` for `OPENAI_API_KEY`: the same first and last word, and fewer between. */
function isShortened(name: string, ours: string): boolean {
  const words = name.toUpperCase().split('_');
  const all = ours.split('_');
  if (words.length < 2 || words.length >= all.length) return false;
  return words[0] === all[0] && words.at(-1) === all.at(-1) && words.every((word) => all.includes(word));
}

/** Insertions, deletions, replacements and swaps of neighbours from `a` to `b`; more than `limit` is not counted out. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  const at = (rows: number[][], i: number, j: number) => rows[i]?.[j] ?? 0;
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(at(rows, i - 1, j) + 1, at(rows, i, j - 1) + 1, at(rows, i - 1, j - 1) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, at(rows, i - 2, j - 2) + 1);
      row.push(best);
    }
  }
  return at(rows, a.length, b.length);
}
