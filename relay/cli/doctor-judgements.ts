/**
 * What `vjj doctor` makes of what it found: figures in, a sentence and a remedy out. Asks nothing
 * and opens nothing; that is done in `doctor-findings.ts`.
 */
import type { Capacity } from '../capacity.ts';
import type { RedisFindings } from '../shared-state/examine.ts';
import type { StoreFindings } from '../store/examine.ts';

/** `warn` works, and is not as it should be; only `fail` is wrong. */
export interface Verdict {
  state: 'ok' | 'warn' | 'fail' | 'skipped';
  /** What was found, in a line. */
  seen: string;
  /** What to do about it; where there is anything. */
  remedy?: string;
}

const ok = (seen: string): Verdict => ({ state: 'ok', seen });
const warn = (seen: string, remedy: string): Verdict => ({ state: 'warn', seen, remedy });
const fail = (seen: string, remedy: string): Verdict => ({ state: 'fail', seen, remedy });

const LEAST_NODE = [20, 19] as const;

export function judgeNode(version: string): Verdict {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [leastMajor, leastMinor] = LEAST_NODE;
  if (major < leastMajor || (major === leastMajor && minor < leastMinor))
    return fail(
      `${version} is too old`,
      `install Node ${leastMajor}.${leastMinor} or newer, best one with long-term support`,
    );
  if (major % 2 === 1)
    return warn(`${version} gets no long-term support`, 'take the even version before or after it for production');
  return ok(version);
}

export function judgeConfig(warnings: readonly string[], changedKnobs: readonly string[]): Verdict {
  const knobs = changedKnobs.length === 0 ? 'knobs as shipped' : `changed: ${changedKnobs.join(' ')}`;
  if (warnings.length === 0) return ok(knobs);
  return warn(warnings.join(' '), 'npx vjj check-config shows each; .env.example has every setting with its meaning');
}

/** A relay takes up to ten, and another may start before this one has ended. */
const CONNECTIONS_WANTED = 20;

export function judgeStore(found: StoreFindings): Verdict {
  const { place, stepsToDo, stepsUnknown, opensWithKey, server } = found;
  if (stepsUnknown.length > 0)
    return fail(
      `${place} was used by a newer version of the relay (${stepsUnknown.join(', ')})`,
      'start that version, or restore a backup: docs/operations/upgrade.md',
    );
  if (opensWithKey === false)
    return fail(
      `${place} was made with another master key`,
      'give back the former MASTER_KEY (or DATA_DIR/master.key), alone or after a new one and a comma: docs/operations/keys.md',
    );
  const version = server === undefined ? '' : `, Postgres ${server.version}`;
  const tables = !found.isMade
    ? 'empty: the first start makes it'
    : stepsToDo.length === 0
      ? 'up to date'
      : `the next start takes ${stepsToDo.length} ${stepsToDo.length === 1 ? 'step' : 'steps'} of migration`;
  const use = found.isInUse ? ', in use by a running relay' : '';
  const seen = `${place}${version}: ${tables}${use}`;
  if (server !== undefined && server.connections.most - server.connections.used < CONNECTIONS_WANTED)
    return warn(
      `${seen}; ${server.connections.used} of ${server.connections.most} connections are taken`,
      'raise max_connections of Postgres, or end what holds them: a relay takes up to 10',
    );
  return ok(seen);
}

/** Before, scripts that ask for the time could not write. */
const LEAST_REDIS_MAJOR = 5;

export function judgeRedis(found: RedisFindings): Verdict {
  const seen = `${found.product} ${found.version} at ${found.place}, ${Math.max(1, Math.round(found.pingMs))} ms`;
  if (found.product === 'Redis' && Number.parseInt(found.version) < LEAST_REDIS_MAJOR)
    return fail(`${seen}: too old`, `use Redis ${LEAST_REDIS_MAJOR} or newer, or Valkey`);
  if (found.isReplica) return fail(`${seen}: a replica, which takes no writes`, 'name the primary in REDIS_URL');
  if (found.evicts !== null && found.evicts !== 'noeviction')
    return warn(
      `${seen}: it may throw away leases when its memory is full (${found.evicts})`,
      'set maxmemory-policy noeviction: what the relay writes runs out by itself',
    );
  return ok(seen);
}

/** What ended a handshake, and what helps. */
const HANDSHAKE_REMEDIES: readonly (readonly [RegExp, string])[] = [
  [
    /^(http-40[13]|invalid_api_key|invalid_organization|account_deactivated)$/,
    'check OPENAI_API_KEY, and that its project may use realtime models',
  ],
  [/^(insufficient_quota|billing_hard_limit_reached)$/, "raise the limit or pay the bill at the provider's console"],
  [
    /^(http-404|model_not_found|invalid_model|missing_model)$/,
    'check OPENAI_MODEL, and that OPENAI_BASE_URL ends where /realtime begins',
  ],
  [/^(http-429|rate_limit_exceeded)$/, 'the account is at its limits: wait, or ask the provider for higher ones'],
  [/^http-5/, "look at the provider's status page; OPENAI_FALLBACK_BASE_URL names a second address"],
  [/^(ENOTFOUND|EAI_AGAIN)$/, 'the name of OPENAI_BASE_URL is not known here: check it and the name server'],
  [
    /CERT|TLS|SSL|SELF_SIGNED/,
    'the certificate is not trusted: what stands between? NODE_EXTRA_CA_CERTS names one of your own',
  ],
];

export function judgeHandshake(found: { at: string; model: string; tookMs: number; failedBy: string | null }): Verdict {
  const { at, model, failedBy } = found;
  if (failedBy === null) return ok(`${model} at ${at}, ${Math.round(found.tookMs)} ms`);
  const remedy = HANDSHAKE_REMEDIES.find(([codes]) => codes.test(failedBy))?.[1];
  return fail(
    `${model} at ${at}: ${failedBy}`,
    remedy ??
      'check OPENAI_BASE_URL, and that the network lets WebSockets out to it (port 443, no proxy that ends them)',
  );
}

export interface ClockSighting {
  /** Whose clock. */
  of: string;
  /** Theirs minus ours, in milliseconds. */
  skewMs: number;
  /** So much of it may be the question's own doing. */
  marginMs: number;
}

/** Tokens, leases and logs bear this much. */
const SKEW_NOTICED_MS = 5_000;
/** Half of what session tokens are given: two relays may be off in both directions. */
const SKEW_WRONG_MS = 15_000;

export function judgeClock(sightings: readonly ClockSighting[]): Verdict {
  const sure = ({ skewMs, marginMs }: ClockSighting) => Math.max(0, Math.abs(skewMs) - marginMs);
  const [worst] = [...sightings].sort((a, b) => sure(b) - sure(a));
  if (worst === undefined) return { state: 'skipped', seen: 'nobody here has a clock to compare with' };
  const off = sure(worst);
  if (off < SKEW_NOTICED_MS) return ok(`agrees with ${sightings.map(({ of }) => of).join(', ')}`);
  const seen = `${(off / 1000).toFixed(1)} s ${worst.skewMs > 0 ? 'behind' : 'ahead of'} ${worst.of}`;
  const remedy = 'let both machines follow a time server: systemd-timesyncd or chrony, timedatectl shows it';
  return off < SKEW_WRONG_MS ? warn(seen, remedy) : fail(seen, remedy);
}

export interface DiskFindings {
  dir: string;
  /** Whether it is there; the first start makes it. */
  isMade: boolean;
  /** The system's code where writing failed. */
  failedBy: string | null;
  freeBytes: number;
  /** New files that fit; null where the file system does not count them. */
  freeFiles: number | null;
}

const MEBI = 1024 * 1024;
const TOO_FULL_BYTES = 100 * MEBI;
const FULL_BYTES = 1024 * MEBI;
const FEWEST_FILES = 1_000;

export function judgeDisk(found: DiskFindings): Verdict {
  const { dir, failedBy, freeBytes, freeFiles } = found;
  if (failedBy === 'ENOSPC' || (failedBy === null && freeBytes < TOO_FULL_BYTES))
    return fail(
      `${dir}: ${sized(freeBytes)} free`,
      'make room: records in DATA_DIR/audit go after SESSION_LOG_RETENTION_DAYS',
    );
  if (failedBy !== null)
    return fail(`${dir} cannot be written (${failedBy})`, 'let DATA_DIR be a folder that the user of the relay owns');
  if (freeFiles !== null && freeFiles < FEWEST_FILES)
    return fail(
      `${dir}: ${freeFiles} more files fit`,
      'remove files: this disk counts them, and has none left (df -i)',
    );
  const seen = `${dir}: ${sized(freeBytes)} free, writable${found.isMade ? '' : '; the first start makes it'}`;
  return freeBytes < FULL_BYTES
    ? warn(seen, 'plan for more than 1 GiB: database, records of conversations, spool')
    : ok(seen);
}

const sized = (bytes: number) =>
  bytes < 1024 * MEBI ? `${Math.floor(bytes / MEBI)} MiB` : `${(bytes / (1024 * MEBI)).toFixed(1)} GiB`;

export function judgeFiles(limit: number | null, capacity: Pick<Capacity, 'sessions'>, wanted: number): Verdict {
  if (limit === null) return ok(`no limit is told; up to ${wanted} conversations`);
  const seen = `${limit} open files: up to ${capacity.sessions} conversations`;
  if (capacity.sessions >= wanted) return ok(seen);
  return warn(
    `${seen} of ${wanted}`,
    'raise it: LimitNOFILE=65536 with systemd, ulimits.nofile with compose, ulimits in the task definition',
  );
}

export interface PortFindings {
  port: number;
  /** What answers there: a relay, by what it tells of itself, or anything else. */
  holder: { version: string; uptimeS: number; sessions: number } | 'other' | null;
  /** The system's code where listening failed though nobody answered. */
  failedBy: string | null;
}

export function judgePort({ port, holder, failedBy }: PortFindings): Verdict {
  if (port === 0) return ok('any free one (PORT=0)');
  if (holder === 'other' || failedBy === 'EADDRINUSE')
    return fail(`${port} is held by something that is no relay`, `stop it (ss -ltnp shows it), or set PORT to another`);
  if (holder !== null)
    return ok(
      `${port} is held by a relay: version ${holder.version}, up ${holder.uptimeS} s, ${holder.sessions} ` +
        (holder.sessions === 1 ? 'conversation' : 'conversations'),
    );
  if (failedBy === 'EACCES')
    return fail(`${port} may not be used by this user`, 'take a port above 1023 and let a proxy lead to it');
  if (failedBy !== null)
    return fail(`${port} cannot be listened on (${failedBy})`, 'check HOST: it is an address of this machine');
  return ok(`${port} is free`);
}
