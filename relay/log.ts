/**
 * The log: one JSON line an event, and only the fields listed here. Whatever else is handed in is
 * dropped, so that a careless call cannot print a token, a transcript, a key or sound. It knows
 * no business; it knows what must not be written down.
 */
import { pino, type DestinationStream } from 'pino';
import { RelayError } from './errors.ts';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';

/** What may be logged. To log something new, add it here and think about who reads logs. */
export interface LogFields {
  /** Ids that name things and grant nothing. */
  session?: string;
  tenant?: string;
  turn?: string;
  response?: string;
  item?: string;
  instance?: string;
  request?: string;
  /** Where something came from. */
  origin?: string;
  address?: string;
  method?: string;
  /** Path without the query. */
  path?: string;
  /** What came of it. */
  status?: number;
  code?: string;
  closeCode?: number;
  reason?: string;
  cause?: string;
  state?: string;
  /** Which field of a message was wrong; never its value. */
  at?: string;
  /** Amounts, with the unit in the name. */
  ms?: number;
  count?: number;
  bytes?: number;
  sessions?: number;
  generation?: number;
  port?: number;
  /** What the relay runs on. */
  version?: string;
  provider?: string;
  model?: string;
  database?: string;
  sharedState?: string;
  url?: string;
  variable?: string;
  /** A thrown thing; reduced to name, code, message and, for the unexpected, its stack. */
  error?: unknown;
}

/** `event` is a short fixed sentence; what varies goes into the fields. */
export type LogLine = (event: string, fields?: LogFields) => void;

export interface Log {
  debug: LogLine;
  info: LogLine;
  warn: LogLine;
  error: LogLine;
  /** A log that adds `fields` to every line; where they change, they are asked for with each. */
  child(fields: LogFields | (() => LogFields)): Log;
}

const TEXT_FIELDS = [
  ...['session', 'tenant', 'turn', 'response', 'item', 'instance', 'request', 'origin', 'address', 'method', 'path'],
  ...['code', 'reason', 'cause', 'state', 'at', 'version', 'provider', 'model', 'database', 'sharedState', 'url'],
  'variable',
];
const NUMBER_FIELDS = ['status', 'closeCode', 'ms', 'count', 'bytes', 'sessions', 'generation', 'port'];
const LONGEST_TEXT = 300;
const LONGEST_STACK = 4_000;

// Allowed fields may still quote a stranger's words (a provider's error text): anything that looks
// like a credential is blotted out wherever it stands.
const SECRETS = [
  /eyJ[\w-]{4,}\.[\w-]+\.?[\w-]*/g,
  /\b(?:sk|ek|rk|whsec)[-_][\w-]{6,}[\w*-]*/g,
  /\bvjj_[\w-]{6,}/g,
  /\bBearer\s+\S+/gi,
  /\btoken\.[\w.-]{8,}/g,
  /([?&](?:token|key|secret|api_key|access_token)=)[^&\s]+/gi,
];

/** Takes what looks like a credential out of `text`. */
export function scrub(text: string): string {
  return SECRETS.reduce((clean, secret) => clean.replace(secret, '[secret]'), text);
}

const short = (text: string, longest = LONGEST_TEXT) => {
  const clean = scrub(text);
  return clean.length > longest ? `${clean.slice(0, longest)}…` : clean;
};

function errorFields(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { name: typeof error };
  const code = (error as { code?: unknown }).code;
  const isOurs = error instanceof RelayError;
  return {
    name: error.name,
    message: short(error.message),
    ...(typeof code === 'string' && { code: short(code) }),
    ...(!isOurs && error.stack !== undefined && { stack: short(error.stack, LONGEST_STACK) }),
    ...(error.cause instanceof Error && { cause: `${error.cause.name}: ${short(error.cause.message)}` }),
  };
}

/** Only what is on the list, and only in the shape that it has there. */
export function allowedFields(fields: Record<string, unknown>): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const name of TEXT_FIELDS) {
    const value = fields[name];
    if (typeof value === 'string') kept[name] = short(name === 'path' || name === 'url' ? withoutQuery(value) : value);
  }
  for (const name of NUMBER_FIELDS) if (typeof fields[name] === 'number') kept[name] = fields[name];
  if (fields['error'] !== undefined) kept['error'] = errorFields(fields['error']);
  return kept;
}

const withoutQuery = (path: string) => path.replace(/[?#].*$/s, '');

/**
 * @param destination - Where lines go; standard output when absent.
 * @param readable - One line for people in place of JSON, for a terminal.
 */
export function createLog(options: {
  level: LogLevel | 'silent';
  destination?: DestinationStream;
  readable?: boolean;
}): Log {
  const out = options.destination ?? pino.destination({ fd: 1, sync: true });
  const stream: DestinationStream = options.readable
    ? { write: (line) => out.write(`${readableLine(JSON.parse(line) as Record<string, unknown>)}\n`) }
    : out;
  const logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      messageKey: 'event',
      formatters: { level: (level) => ({ level }) },
    },
    stream,
  );
  const make = (bound: () => LogFields): Log => {
    const line =
      (level: 'debug' | 'info' | 'warn' | 'error'): LogLine =>
      (event, fields) => {
        if (logger.isLevelEnabled(level)) logger[level](allowedFields({ ...bound(), ...fields }), short(event));
      };
    return {
      debug: line('debug'),
      info: line('info'),
      warn: line('warn'),
      error: line('error'),
      child: (fields) => make(() => ({ ...bound(), ...(typeof fields === 'function' ? fields() : fields) })),
    };
  };
  return make(() => ({}));
}

/** A log that says nothing, for tests and short commands. */
export const silentLog: Log = createLog({ level: 'silent' });

function readableLine(line: Record<string, unknown>): string {
  const { time, level, event, error, ...rest } = line;
  const clock = typeof time === 'string' ? time.slice(11, 23) : '';
  const fields = Object.entries(rest).map(([name, value]) => `${name}=${String(value)}`);
  const fault = error as { message?: string; name?: string; stack?: string } | undefined;
  if (fault !== undefined) fields.push(fault.stack ?? `${fault.name ?? 'Error'}: ${fault.message ?? ''}`);
  return [clock, String(level).padEnd(5), String(event), ...fields].join(' ');
}
