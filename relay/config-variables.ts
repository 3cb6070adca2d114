/**
 * Every variable of the environment that the relay reads: how its text becomes a value, what it
 * is when absent, and what it means. `.env.example` is printed from this table. Reads nothing
 * itself.
 */
import { readFileSync } from 'node:fs';
import { BlockList, isIP } from 'node:net';
import { DEFAULT_CONFIG, type ArbiterConfig } from '#arbiter';
import {
  BadValue,
  flag,
  list,
  oneOf,
  origin,
  pattern,
  secret,
  share,
  url,
  variable,
  whole,
  type Variable,
} from './config-kinds.ts';
import { ORIGIN_ADVICE, readOriginPattern } from './tenants/origins.ts';
import { readPrices, type PriceTable } from './usage/prices.ts';

export { BadValue, type Variable };

/** An address or a network such as 10.0.0.0/8. */
function readNetwork(text: string): string {
  const [address = '', bits, more] = text.split('/');
  const family = isIP(address);
  const longest = family === 6 ? 128 : 32;
  const isBits = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= longest);
  if (family === 0 || !isBits || more !== undefined) throw new BadValue('is neither an address nor a network');
  return `${address}/${bits ?? String(longest)}`;
}

/** Networks as {@link readNetwork} gives them, ready to be asked. */
export function blockList(networks: readonly string[]): BlockList {
  const blocks = new BlockList();
  for (const network of networks) {
    const [address = '', bits = ''] = network.split('/');
    blocks.addSubnet(address, Number(bits), isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }
  return blocks;
}

function readOrigin(text: string): string {
  const read = readOriginPattern(text);
  if (!read.ok) throw new BadValue(ORIGIN_ADVICE[read.problem]);
  return read.pattern;
}

const knob = (min: number, max: number, means: string) => ({ min, max, means });
export const KNOB_RANGES = {
  MIN_DELAY_BEFORE_REFLEX_MS: knob(0, 10_000, 'From the end of the turn until a reflex may start.'),
  PREEMPT_THRESHOLD_MS: knob(0, 10_000, 'A reflex is armed only if the answer is expected later than this.'),
  EXPECTED_FIRST_AUDIO_MS: knob(0, 60_000, 'Seed of that expectation; unset: expected late.'),
  MAX_REFLEX_DURATION_MS: knob(100, 10_000, 'A reflex is stopped after this.'),
  TRANSITION_GAP_MS: knob(0, 500, "Fade-out of the reflex before the answer's first sample."),
  INTERRUPT_DECISION_MS: knob(
    50,
    5_000,
    'Longest pause for an undecided onset; still speaking then is an interruption.',
  ),
  TURN_DECISION_MS: knob(50, 10_000, 'Longest time an open end-of-turn decision may prolong that pause.'),
  INTERRUPT_MIN_SPEECH_MS: knob(0, 2_000, 'Shorter speech is noise.'),
  BACKCHANNEL_BOUNDARY_MS: knob(0, 10_000, 'Within this after a question, "mm-hm" is an answer.'),
  RESUME_REWIND_MS: knob(0, 1_000, 'A resumed answer starts this much earlier.'),
  RESUMES_PER_RESPONSE: knob(0, 100, 'How often one answer may be paused and resumed.'),
  ECHO_LEVEL_DB: knob(-120, 0, 'Quieter onsets (dBFS) are taken for echo while the agent starts to speak.'),
  ECHO_GUARD_MS: knob(0, 60_000, 'For how long after the agent starts.'),
  POLICY_BUDGET_MS: knob(0, 10_000, 'Strict policy: how long a verdict may take.'),
  IDLE_PROMPT_MS: knob(0, 3_600_000, 'Silence after which the agent asks whether anyone is there; 0 is never.'),
  CREATE_TIMEOUT_MS: knob(100, 120_000, 'An answer that was asked for and never began.'),
  FIRST_AUDIO_TIMEOUT_MS: knob(100, 120_000, 'An answer that began and made no sound.'),
  STALL_MS: knob(100, 120_000, 'An answer that stopped in the middle.'),
  DONE_TIMEOUT_MS: knob(100, 120_000, 'An answer that never said that it was done.'),
  TOOL_TIMEOUT_MS: knob(100, 600_000, 'A function of the page that never came back.'),
  MAX_USER_TURN_MS: knob(1_000, 600_000, 'A user turn without end.'),
  DRAIN_SLACK_MS: knob(0, 60_000, 'Sound that was sent and never reported as played.'),
  WIDGET_GRACE_MS: knob(0, 600_000, 'A widget that went away.'),
} satisfies Partial<Record<keyof ArbiterConfig, ReturnType<typeof knob>>>;

function knobVariables(): { [K in keyof typeof KNOB_RANGES]: Variable<number> } {
  const variables = Object.entries(KNOB_RANGES).map(([name, { min, max, means }]) => {
    const standard = (DEFAULT_CONFIG as unknown as Record<string, number | undefined>)[name];
    const absent = standard === undefined ? {} : { absent: String(standard) };
    return [name, whole(min, max, { group: 'Who may be heard, and when', means, ...absent })] as const;
  });
  return Object.fromEntries(variables) as { [K in keyof typeof KNOB_RANGES]: Variable<number> };
}

const RELAY = 'The relay';
const MODEL = 'The model';
const STORES = 'What it remembers';
const GUARDS = 'Who may come in';
const WATCH = 'How it is watched';
const FLOOR = 'Who may be heard, and when';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

export const VARIABLES = {
  NODE_ENV: oneOf(['development', 'test', 'production'], {
    group: RELAY,
    means: 'production asks for MASTER_KEY and makes no demo tenant.',
    absent: 'development',
  }),
  PORT: whole(0, 65_535, { group: RELAY, means: 'Port of HTTP and WebSocket; 0 takes any free one.', absent: '3000' }),
  HOST: pattern(/^[A-Za-z0-9.:-]{1,253}$/, 'a host name or an address', {
    group: RELAY,
    means: 'Address to listen on; unset: all of this machine.',
  }),
  PUBLIC_URL: url(['https', 'http'], {
    group: RELAY,
    means: 'Where browsers reach this relay, for example https://relay.example.com.',
  }),
  INSTANCE_URL: origin(['http', 'https'], {
    group: RELAY,
    means:
      'Where other instances reach this one, for example http://10.0.0.5:3000; unset: HOST, or the first address of this machine, and PORT.',
  }),
  LOG_LEVEL: oneOf(LOG_LEVELS, { group: RELAY, means: 'The least that is logged.', absent: 'info' }),
  HEALTH_CHECK_PATH: pattern(/^\/[A-Za-z0-9._~-]+(\/[A-Za-z0-9._~-]+)*$/, 'a path such as /health', {
    group: RELAY,
    means: 'Liveness; readiness is the same path followed by /ready.',
    absent: '/health',
  }),
  TRUSTED_PROXIES: list(
    {
      group: RELAY,
      means: 'Proxies whose X-Forwarded-For is believed.',
      absent: '',
    },
    'addresses or networks such as 10.0.0.0/8',
    readNetwork,
  ),
  DRAIN_TIMEOUT_MS: whole(0, 3_600_000, {
    group: RELAY,
    means: 'How long conversations may go on after SIGTERM, in milliseconds.',
    absent: '60000',
  }),
  DRAIN_DELAY_MS: whole(0, 600_000, {
    group: RELAY,
    means:
      'How long a stopping relay says that it is not ready before it sends conversations away: what a load balancer needs to see it.',
    absent: '0',
  }),

  OPENAI_API_KEY: secret(8, { group: MODEL, means: "OpenAI's key; unset: the relay talks to its own emulator." }),
  OPENAI_BASE_URL: url(['https', 'http'], {
    group: MODEL,
    means: 'Where OpenAI, or what speaks like it, is reached.',
    absent: 'https://api.openai.com/v1',
  }),
  OPENAI_FALLBACK_BASE_URL: url(['https', 'http'], {
    group: MODEL,
    means: 'The same model at a second address, for while the first does not answer. It is given the same keys.',
  }),
  OPENAI_MODEL: pattern(/^[A-Za-z0-9._:/-]{1,100}$/, "a model's name", {
    group: MODEL,
    means: 'The model that assistants speak with unless they name another.',
    absent: 'gpt-realtime-2.1',
  }),

  DATA_DIR: pattern(/^[^\0]{1,1000}$/, 'a folder', {
    group: STORES,
    means: 'Where the embedded database and the master key lie.',
    absent: './data',
  }),
  DATABASE_URL: variable(
    { group: STORES, means: 'A Postgres database, or another file than DATA_DIR/vjj.db.', isSecret: true },
    'postgres://USER:PASSWORD@HOST/DATABASE, file:PATH or sqlite:PATH',
    (text): { file: string } | { url: string } => {
      if (/^postgres(ql)?:/.test(text)) {
        if (!URL.canParse(text)) throw new BadValue('is not a URL');
        if (new URL(text).pathname.length < 2) throw new BadValue('names no database');
        return { url: text };
      }
      const file = /^(?:sqlite|file):(?:\/\/(?=\/))?(.+)$/s.exec(text)?.[1];
      if (file === undefined || file.startsWith('//')) throw new BadValue('names no file and no database');
      return { file };
    },
  ),
  REDIS_URL: variable(
    {
      group: STORES,
      means:
        'Redis or Valkey, through which several relays share limits, leases and conversations. Unset: one relay, in memory.',
      isSecret: true,
    },
    'redis://USER:PASSWORD@HOST:PORT/NUMBER, or rediss:// for TLS',
    (text): string => {
      if (!/^rediss?:\/\//.test(text) || !URL.canParse(text)) throw new BadValue('is not a URL of Redis');
      return text;
    },
  ),
  MASTER_KEY: variable(
    {
      ...{ group: STORES, isSecret: true },
      means:
        'Encrypts secrets in the database. Unset: made once in DATA_DIR. Make one: openssl rand -base64 32. While one ' +
        'follows another: both, the new one first.',
    },
    '32 characters or more, without spaces; several separated by commas',
    (text) => {
      if (/\s/.test(text)) throw new BadValue('holds a space');
      if (text.split(',').some((key) => key.length < 32)) throw new BadValue('is too short');
      return text;
    },
  ),
  SESSION_LOG_RETENTION_DAYS: whole(1, 3_650, {
    group: STORES,
    means: 'Days that records of conversations (DATA_DIR/audit) are kept.',
    absent: '7',
  }),

  ALLOWED_ORIGINS: list(
    { group: GUARDS, means: 'Pages that may use the first tenant, besides those stored with it.', absent: '' },
    'origins such as https://www.example.com or https://*.example.com',
    readOrigin,
  ),
  ADMIN_TOKEN: secret(8, {
    group: GUARDS,
    means: "The operator's bearer token for /api/admin; unset: nobody may. In production 24 characters or more.",
  }),
  PRICES_FILE: variable(
    {
      group: GUARDS,
      means: 'A JSON file with prices of models that replace the table in the relay; see docs/cost.md.',
    },
    'a JSON file of prices',
    (path): PriceTable => {
      try {
        return readPrices(readFileSync(path, 'utf8'));
      } catch (error) {
        if (error instanceof RangeError) throw new BadValue(`names a file whose ${error.message}`);
        throw new BadValue(error instanceof SyntaxError ? 'names a file that is no JSON' : 'cannot be read');
      }
    },
  ),
  RELAY_WEBHOOK_ALLOW_CIDR: list(
    {
      group: GUARDS,
      means:
        "Private networks in which tenants' key sets and webhooks may lie; there also by http and on any port. Unset: none.",
      absent: '',
    },
    'networks such as 10.1.0.0/16',
    readNetwork,
  ),
  RATE_LIMIT_WINDOW_MS: whole(1_000, 3_600_000, {
    group: GUARDS,
    means: 'Window of the request limit, in milliseconds.',
    absent: '60000',
  }),
  RATE_LIMIT_MAX_REQUESTS: whole(1, 1_000_000, {
    group: GUARDS,
    means: 'Requests to /api per address and window; ten times as many of callers who have signed in or bring a key.',
    absent: '100',
  }),
  WS_HEARTBEAT_INTERVAL: whole(1_000, 600_000, {
    group: GUARDS,
    means: 'Milliseconds between two pings on a socket.',
    absent: '30000',
  }),
  WS_MAX_PAYLOAD: whole(1_024, 16_777_216, {
    group: GUARDS,
    means: 'Longest text message on a socket, in bytes; binary frames are at most 64 KiB.',
    absent: '1048576',
  }),

  METRICS_TOKEN: secret(8, {
    group: WATCH,
    means: 'Bearer token for GET /metrics on the public port. Unset, and METRICS_PORT unset: there are no metrics.',
  }),
  METRICS_PORT: whole(0, 65_535, {
    group: WATCH,
    means: 'Port of its own for GET /metrics, without a token: for collectors inside the network only. 0 takes any.',
  }),
  METRICS_HOST: pattern(/^[\w.:-]+$/, 'an address or a name', {
    group: WATCH,
    means: 'Address that METRICS_PORT listens on.',
    absent: '127.0.0.1',
  }),
  METRICS_PER_TENANT: flag({
    group: WATCH,
    means: 'Whether sessions, turns and cost are also counted by tenant: 200 tenants at a time, others together.',
    absent: 'true',
  }),
  EMF_METRICS: flag({
    group: WATCH,
    means: "Whether a line in CloudWatch's embedded metric format is written once a minute, in the log stream.",
    absent: 'false',
  }),
  OTEL_EXPORTER_OTLP_ENDPOINT: url(['https', 'http'], {
    group: WATCH,
    means:
      'Where traces are sent; needs @opentelemetry/sdk-node, which reads this and all other standard OTEL_ variables by itself.',
  }),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: url(['https', 'http'], {
    group: WATCH,
    means: 'The same for traces alone, with its path.',
  }),
  OTEL_TRACES_EXPORTER: pattern(/^[\w,-]+$/, 'names of exporters, separated by commas', {
    group: WATCH,
    means: 'Which exporters take traces: otlp, console, zipkin; none switches traces off.',
  }),
  OTEL_SERVICE_NAME: pattern(/^[^\s]{1,128}$/, 'a name without spaces', {
    group: WATCH,
    means: 'Name of this service in traces.',
    absent: 'voice-jib-jab',
  }),
  OTEL_SDK_DISABLED: flag({ group: WATCH, means: 'Switches traces off, whatever else is set.', absent: 'false' }),
  SENTRY_DSN: {
    ...url(['https', 'http'], {
      group: WATCH,
      means: 'Where Sentry takes reports of errors that nobody expected; needs the package @sentry/node.',
    }),
    isSecret: true,
  },
  SENTRY_ENVIRONMENT: pattern(/^[^\s/]{1,64}$/, 'a name without spaces', {
    group: WATCH,
    means: 'Name of this deployment in error reports.',
  }),
  SENTRY_TRACES_SAMPLE_RATE: share({
    group: WATCH,
    means: 'Share of conversations whose spans Sentry gets, too; none while an OTEL_ variable sends them elsewhere.',
    absent: '0.1',
  }),

  LANE_A_ENABLED: flag({
    group: FLOOR,
    means: 'Whether a short reflex ("mm-hm") may fill the wait for an answer.',
    absent: String(DEFAULT_CONFIG.LANE_A_ENABLED),
  }),
  POLICY_MODE: oneOf(['strict', 'lenient'], {
    group: FLOOR,
    means: 'strict: nothing is heard before policy cleared it.',
    absent: DEFAULT_CONFIG.POLICY_MODE,
  }),
  POLICY_ON_TIMEOUT: oneOf(['closed', 'open'], {
    group: FLOOR,
    means: 'What a verdict that does not come means: blocked (closed) or cleared (open).',
    absent: DEFAULT_CONFIG.POLICY_ON_TIMEOUT,
  }),
  REFUSAL_UNINTERRUPTIBLE: flag({
    group: FLOOR,
    means: 'Whether a refusal is spoken to its end.',
    absent: String(DEFAULT_CONFIG.REFUSAL_UNINTERRUPTIBLE),
  }),
  ON_PROVIDER_LOSS: oneOf(['drain', 'stop'], {
    group: FLOOR,
    means: 'Whether sound that arrived before the model was lost is still played.',
    absent: DEFAULT_CONFIG.ON_PROVIDER_LOSS,
  }),
  ...knobVariables(),
};

export type VariableName = keyof typeof VARIABLES;
export type Values = { [K in VariableName]: ValueOf<K> };
// What is unset stays undefined; a variable with a text for its absence always has a value, and
// the reader of the table sees to that at the one place where the two meet.
type ValueOf<K extends VariableName> = ReturnType<(typeof VARIABLES)[K]['read']> | undefined;

/** The text of `.env.example`: every variable with meaning, default and what is allowed. */
export function envExample(): string {
  const groups = new Map<string, string[]>();
  for (const [name, spec] of Object.entries(VARIABLES) as [string, Variable<unknown>][]) {
    const lines = groups.get(spec.group) ?? [];
    lines.push(
      `# ${spec.means}`,
      `# Allowed: ${spec.allowed}.${spec.isSecret ? ` A secret: ${name}_FILE may name a file that holds it.` : ''}`,
      `${spec.absent === undefined || spec.absent === '' ? '# ' : ''}${name}=${spec.absent ?? ''}`,
      '',
    );
    groups.set(spec.group, lines);
  }
  const head = [
    '# Settings of the relay. Every line may be left out; what is shown is what then holds.',
    '# The environment wins over this file when it is copied to .env in the working directory.',
    '# `npx vjj check-config` reads the result back and reports every mistake at once.',
    '',
  ];
  return [...head, ...[...groups].flatMap(([group, lines]) => [`# --- ${group} ---`, '', ...lines])].join('\n');
}
