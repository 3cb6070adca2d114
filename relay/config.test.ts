import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DEFAULT_CONFIG } from '#arbiter';
import { blockList, envExample, VARIABLES } from './config-variables.ts';
import { ConfigError, readConfig } from './config.ts';

const KEY = 'k'.repeat(44);
function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('readConfig', () => {
  it('starts on an empty environment with what design.md promises', () => {
    const config = readConfig({});
    expect(config).toMatchObject({
      isProduction: false,
      port: 3000,
      healthPath: '/health',
      openai: { apiKey: undefined, model: 'gpt-realtime-2.1', baseUrl: 'https://api.openai.com/v1' },
      rateLimit: { windowMs: 60_000, maxRequests: 100 },
      socket: { heartbeatMs: 30_000, maxMessageBytes: 1_048_576 },
      sentry: { tracesSampleRate: 0.1 },
      sessionLogRetentionDays: 7,
      drainTimeoutMs: 60_000,
      drainDelayMs: 0,
      instanceUrl: undefined,
      allowedOrigins: [],
      arbiter: DEFAULT_CONFIG,
      changedKnobs: [],
      warnings: [],
    });
    expect(config.database).toEqual({ file: expect.stringMatching(/data\/vjj\.db$/) });
  });

  it('has a variable for every knob of the arbiter, with the same default', () => {
    const { arbiter } = readConfig({});
    expect(arbiter).toEqual(DEFAULT_CONFIG);
    for (const name of Object.keys(DEFAULT_CONFIG)) expect(VARIABLES).toHaveProperty(name);
  });

  it('reads every kind of value', () => {
    const config = readConfig({
      PORT: ' 8080 ',
      HOST: '127.0.0.1',
      PUBLIC_URL: 'https://relay.example.com/',
      OPENAI_API_KEY: 'sk-test-1234',
      OPENAI_BASE_URL: 'http://127.0.0.1:9/v1/',
      ALLOWED_ORIGINS: 'https://A.example, https://*.b.example ,',
      TRUSTED_PROXIES: '10.0.0.0/8,127.0.0.1,::1',
      SENTRY_TRACES_SAMPLE_RATE: '.25',
      DATABASE_URL: 'sqlite:/var/lib/vjj/x.db',
      LANE_A_ENABLED: 'off',
      REFUSAL_UNINTERRUPTIBLE: 'yes',
      POLICY_MODE: 'lenient',
      EXPECTED_FIRST_AUDIO_MS: '250',
      ECHO_LEVEL_DB: '-50',
    });
    expect(config).toMatchObject({
      port: 8080,
      publicUrl: 'https://relay.example.com',
      openai: { apiKey: 'sk-test-1234', baseUrl: 'http://127.0.0.1:9/v1' },
      allowedOrigins: ['https://a.example', 'https://*.b.example'],
      trustedProxies: ['10.0.0.0/8', '127.0.0.1/32', '::1/128'],
      sentry: { tracesSampleRate: 0.25 },
      database: { file: '/var/lib/vjj/x.db' },
      arbiter: { LANE_A_ENABLED: false, POLICY_MODE: 'lenient', EXPECTED_FIRST_AUDIO_MS: 250, ECHO_LEVEL_DB: -50 },
    });
    expect(config.changedKnobs).toContain('LANE_A_ENABLED=false');
    expect(config.changedKnobs).toHaveLength(5);
    const blocks = blockList(config.trustedProxies);
    expect(blocks.check('10.1.2.3')).toBe(true);
    expect(blocks.check('::1', 'ipv6')).toBe(true);
    expect(blocks.check('192.0.2.1')).toBe(false);
  });

  it('measures nothing that anybody could ask for, unless it is told to', () => {
    expect(readConfig({}).metrics).toEqual({
      ...{ token: undefined, port: undefined, host: '127.0.0.1', isPerTenant: true, hasEmf: false },
    });
    const on = readConfig({
      ...{ METRICS_TOKEN: 'token-of-metrics', METRICS_PORT: '9464', METRICS_HOST: '0.0.0.0' },
      ...{ METRICS_PER_TENANT: 'false', EMF_METRICS: 'true' },
    });
    expect(on.metrics).toEqual({
      ...{ token: 'token-of-metrics', port: 9464, host: '0.0.0.0', isPerTenant: false, hasEmf: true },
    });
    expect(on.warnings.join()).not.toMatch(/METRICS/);
    expect(problemsOf({ METRICS_PORT: '70000', METRICS_TOKEN: 'a b' })).toHaveLength(2);
  });

  it('traces where the standard variables say so', () => {
    const traced = (env: Record<string, string>) => readConfig(env).tracing;
    expect(traced({})).toEqual({ isOn: false, serviceName: 'voice-jib-jab' });
    expect(traced({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' }).isOn).toBe(true);
    expect(traced({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:4318/v1/traces' }).isOn).toBe(true);
    expect(traced({ OTEL_TRACES_EXPORTER: 'console', OTEL_SERVICE_NAME: 'mine' })).toEqual({
      ...{ isOn: true, serviceName: 'mine' },
    });
    const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' };
    expect(traced({ ...endpoint, OTEL_TRACES_EXPORTER: 'none' }).isOn).toBe(false);
    expect(traced({ ...endpoint, OTEL_SDK_DISABLED: 'true' }).isOn).toBe(false);
    expect(readConfig({ ...endpoint, OTEL_EXPORTER_OTLP_HEADERS: 'x=y', OTEL_LOGS_EXPORTER: 'none' }).warnings).toEqual(
      [],
    );
  });

  it.each(['file:rel.db', 'file:///abs/x.db', 'sqlite:///abs/x.db', 'sqlite:rel.db'])('takes %s for a file', (text) => {
    expect(readConfig({ DATABASE_URL: text }).database).toEqual({ file: expect.stringMatching(/^\/.*\.db$/) });
  });

  it('takes a Postgres URL as it is, and several master keys', () => {
    const url = 'postgres://u:p%40ss@db.example:5433/vjj?sslmode=require';
    expect(readConfig({ DATABASE_URL: url }).database).toEqual({ url });
    const keys = `${'n'.repeat(32)},${'o'.repeat(44)}`;
    expect(readConfig({ MASTER_KEY: keys }).masterKey).toBe(keys);
    expect(problemsOf({ MASTER_KEY: `${'n'.repeat(32)},short` })[0]).toMatch(/too short/);
    expect(problemsOf({ MASTER_KEY: `${'n'.repeat(32)}, ${'o'.repeat(44)}` })[0]).toMatch(/holds a space/);
  });

  it('takes prices from a file, and says what is wrong with them', () => {
    const dir = mkdtempSync(join(tmpdir(), 'vjj-prices-'));
    const file = join(dir, 'prices.json');
    const prices = (text: string) => {
      writeFileSync(file, text);
      return readConfig({ PRICES_FILE: file }).prices;
    };
    const whisper = { by: 'minute', minute: 0.02 };
    expect(prices(JSON.stringify({ asOf: '2026-11-23', models: { 'whisper-1': whisper } }))).toMatchObject({
      asOf: '2026-11-23',
      models: { 'whisper-1': whisper },
    });
    writeFileSync(file, '{');
    expect(problemsOf({ PRICES_FILE: file })).toEqual([expect.stringMatching(/^PRICES_FILE.*no JSON/)]);
    writeFileSync(file, '{"asOf": 3}');
    expect(problemsOf({ PRICES_FILE: file })).toEqual([expect.stringMatching(/^PRICES_FILE.*asOf/)]);
    expect(problemsOf({ PRICES_FILE: join(dir, 'none') })).toEqual([expect.stringMatching(/^PRICES_FILE.*read/)]);
    rmSync(dir, { recursive: true });
  });

  it('takes an empty value for an unset one', () => {
    expect(readConfig({ PORT: '', OPENAI_API_KEY: '  ' })).toMatchObject({ port: 3000, openai: { apiKey: undefined } });
  });

  it('reports all mistakes at once, each with its name, what is wrong and what is allowed', () => {
    const problems = problemsOf({
      PORT: 'banana',
      RATE_LIMIT_MAX_REQUESTS: '0',
      LOG_LEVEL: 'loud',
      ALLOWED_ORIGINS: 'https://ok.example,https://*.com,ftp://x.example',
      SENTRY_TRACES_SAMPLE_RATE: '7',
      LANE_A_ENABLED: 'perhaps',
      PUBLIC_URL: 'not a url',
      OPENAI_BASE_URL: 'ws://x',
      TRUSTED_PROXIES: '10.0.0.0/99',
      HEALTH_CHECK_PATH: 'health',
    });
    expect(problems).toHaveLength(10);
    expect(problems[0]).toBe('PORT "banana" is not a whole number. Allowed: a whole number from 0 to 65535.');
    expect(problems.find((line) => line.startsWith('ALLOWED_ORIGINS'))).toMatch(/\*\.com.*ftp:\/\/x\.example/);
    for (const line of problems) expect(line).toMatch(/^[A-Z_]+ .*Allowed: .+\.$/);
  });

  it('never repeats a secret', () => {
    const problems = problemsOf({ ADMIN_TOKEN: 'sesame!', MASTER_KEY: 'tooshort', OPENAI_API_KEY: 'a b c d e f g' });
    expect(problems).toHaveLength(3);
    expect(problems.join()).not.toMatch(/sesame|tooshort|a b c/);
  });

  it('refuses what it does not speak yet, and says so', () => {
    expect(problemsOf({ DATABASE_URL: 'postgres://u:secret@h' })[0]).toMatch(/names no database.*Allowed: postgres:/);
    expect(problemsOf({ DATABASE_URL: 'postgres://u:secret@h' })[0]).not.toContain('secret');
    expect(problemsOf({ DATABASE_URL: 'postgres://u:secret@h:x/db' })[0]).toMatch(/is not a URL/);
    expect(problemsOf({ DATABASE_URL: 'nonsense' })[0]).toMatch(/names no file/);
    expect(problemsOf({ REDIS_URL: 'http://localhost' })[0]).toMatch(/Redis/);
  });

  it('asks for more in production', () => {
    const problems = problemsOf({
      NODE_ENV: 'production',
      ADMIN_TOKEN: 'x'.repeat(12),
      PUBLIC_URL: 'http://relay.example',
    });
    expect(problems.map((line) => line.split(' ')[0])).toEqual(['MASTER_KEY', 'ADMIN_TOKEN', 'PUBLIC_URL']);
    expect(problemsOf({ NODE_ENV: 'production', MASTER_KEY: KEY, PUBLIC_URL: 'http://localhost:3000' })).toEqual([]);
  });

  it('reads secrets from files', () => {
    const files: Record<string, string> = { '/run/key': ` ${KEY}\n`, '/run/empty': '\n' };
    const read = (path: string) => {
      const text = files[path];
      if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
      return text;
    };
    expect(readConfig({ MASTER_KEY_FILE: '/run/key' }, read).masterKey).toBe(KEY);
    const refused = () =>
      readConfig(
        { MASTER_KEY: KEY, MASTER_KEY_FILE: '/run/key', ADMIN_TOKEN_FILE: '/run/empty', OPENAI_API_KEY_FILE: '/no' },
        read,
      );
    expect(refused).toThrow(ConfigError);
    try {
      refused();
    } catch (error) {
      const { problems } = error as ConfigError;
      expect(problems).toHaveLength(3);
      expect(problems.join('\n')).toMatch(/both set[^]*empty file|empty file[^]*both set/);
      expect(problems.join('\n')).toContain('ENOENT');
    }
    expect(problemsOf({ OPENAI_API_KEY_FILE: '/does/not/exist' })[0]).toContain('cannot be read');
  });

  it('warns of names that resemble ours', () => {
    const { warnings } = readConfig({
      ALLOWED_ORIGIN: 'https://a.example',
      OPENAI_KEY: 'x',
      OPENAI_APIKEY: 'x',
      MASTERKEY: 'x',
      RATE_LIMIT_WINDWO_MS: '1',
      HOME: '/root',
      PATH: '/bin',
      EMPTY_PORT: '',
    });
    expect(warnings).toHaveLength(5);
    expect(warnings[0]).toContain('ALLOWED_ORIGINS was meant');
    expect(warnings.find((line) => line.startsWith('OPENAI_KEY'))).toContain('OPENAI_API_KEY');
  });

  it('takes for the address of an instance a URL without a path', () => {
    expect(readConfig({ INSTANCE_URL: 'http://10.0.0.5:3000/' }).instanceUrl).toBe('http://10.0.0.5:3000');
    expect(readConfig({ INSTANCE_URL: 'https://[fd00::1]:8443' }).instanceUrl).toBe('https://[fd00::1]:8443');
    for (const wrong of ['10.0.0.5:3000', 'ftp://x', 'http://x/path', 'http://u:p@x', 'http://x?y'])
      expect(() => readConfig({ INSTANCE_URL: wrong }), wrong).toThrow();
  });

  it('warns of settings that do nothing', () => {
    const { warnings } = readConfig({ OPENAI_BASE_URL: 'https://x.example', SENTRY_DSN: 'https://k@s.example/1' });
    expect(warnings).toEqual([expect.stringMatching(/emulator/)]);
    const production = readConfig({ NODE_ENV: 'production', MASTER_KEY: KEY });
    expect(production.warnings.join()).toMatch(/in production, too, the emulator answers/);
  });

  it('has a .env.example that lists every variable as the table does', () => {
    const file = readFileSync(new URL('../.env.example', import.meta.url), 'utf8');
    expect(file).toBe(envExample());
    for (const name of Object.keys(VARIABLES)) expect(file).toMatch(new RegExp(`^(# )?${name}=`, 'm'));
    const asSet = Object.fromEntries([...file.matchAll(/^([A-Z_]+)=(.+)$/gm)].map(([, name, value]) => [name, value]));
    expect(readConfig(asSet).changedKnobs).toEqual([]);
  });
});
