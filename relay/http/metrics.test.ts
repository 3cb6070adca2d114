/** A whole relay, scraped: after conversations with its emulator, with and without a token, and on a port of its own. */
import { request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { knock, relayUnderAttack, type Target, type Victim } from '../security/testing/under-attack.ts';
import { openPage } from '../session/testing/page-client.ts';
import { openMetricsPort } from './metrics.ts';
import { SDK_ADVICE } from '../telemetry/tracing.ts';
import { lintExposition, readExposition } from '../telemetry/testing/exposition.ts';

const TOKEN = 'metrics-token-canary-0123456789';
const WORDS = 'What are your opening hours, walrus?';

let target: Target | undefined;
afterEach(async () => {
  await target?.end();
  target = undefined;
});
const relay = async (env: Record<string, string>, start = {}) => (target = await relayUnderAttack({ env, start }));
const alone = async (env: Record<string, string>) => (target = await relayUnderAttack({ env, tenants: false }));

/** The page asks something in writing, hears the answer and hangs up. @returns what it was sent. */
async function conversation({ port }: Target, who: Victim, requestId?: string) {
  const headers = { origin: who.origin, ...(requestId !== undefined && { 'x-request-id': requestId }) };
  const page = await openPage(`ws://127.0.0.1:${port}/ws`, who.token(), { headers });
  await page.received('session.created');
  page.send({ type: 'session.start', turn: 'auto' });
  await page.received('provider.changed', ({ up }) => up);
  page.send({ type: 'user.text', text: WORDS });
  const { item, epoch } = await page.received('item.started', ({ lane }) => lane === 'B');
  await page.received('transcript.done', (one) => one.item === item);
  page.send({ type: 'playout', epoch, item, playedMs: 20 });
  page.send({ type: 'playout', epoch, item, playedMs: 60_000 });
  page.send({ type: 'playout.drained', epoch, item });
  await page.received('turn.ended');
  page.send({ type: 'session.end' });
  await page.closed;
  return page.messages;
}

/** An answer of the port for collectors. */
function onPort(port: number, path: string, method = 'GET'): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, method, agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (piece: string) => (text += piece));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    asked.on('error', reject).end();
  });
}
const linesOf = ({ logged }: Target) => logged.map((line) => JSON.parse(line) as Record<string, unknown>);

describe('GET /metrics', () => {
  it('is not there where neither a token nor a port is set', async () => {
    const whole = await alone({});
    const answer = await whole.ask('GET', '/metrics', { as: TOKEN });
    expect(answer.outcome).toBe('404 not-found');
    expect(answer.headers['content-type']).toBe('application/problem+json');
  });

  it('wants its own token and no other', async () => {
    const whole = await relay({ METRICS_TOKEN: TOKEN });
    const { acme } = whole;
    const refused = [undefined, acme.apiKey, `${TOKEN}x`, TOKEN.slice(0, -1), 'operator-canary-0123456789abcdef'];
    for (const as of refused) {
      const answer = await whole.ask('GET', '/metrics', { as });
      expect(answer.outcome).toBe('401 auth-required');
      expect(answer.headers['content-type']).toBe('application/problem+json');
      expect(answer.headers['www-authenticate']).toMatch(/^Bearer/);
    }
    const answer = await whole.ask('GET', '/metrics', { as: TOKEN });
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  it('tells what happened in conversations, and holds no word, name or credential of them', async () => {
    const whole = await relay({ METRICS_TOKEN: TOKEN, LANE_A_ENABLED: 'false' });
    const { acme, globex } = whole;
    const told = [...(await conversation(whole, acme, 'from-the-proxy-7')), ...(await conversation(whole, globex))];
    expect(await knock(whole, { token: 'no.token.at-all', origin: acme.origin })).toBe('4501');
    expect(await knock(whole, { token: acme.token(), origin: 'https://evil.example' })).toBe('4502');
    expect(await knock(whole, { path: '/wss', token: acme.token() })).toBe('http 404');
    await whole.ask('GET', '/nowhere');
    await whole.ask('GET', `/api/admin/tenants/${acme.id}/origins`, { as: acme.apiKey });

    const { text } = await whole.ask('GET', '/metrics', { as: TOKEN });
    expect(lintExposition(text)).toEqual([]);
    const { samples } = readExposition(text);
    const valueOf = (id: string) => samples.find((one) => one.id === id)?.value;
    expect(valueOf('vjj_sessions_started_total')).toBe(2);
    expect(valueOf('vjj_sessions_ended_total{code="1000"}')).toBe(2);
    expect(valueOf('vjj_turns_total{outcome="answered"}')).toBe(2);
    expect(valueOf('vjj_turns_total{outcome="failed"}')).toBe(0);
    expect(valueOf('vjj_admissions_total{result="ok"}')).toBe(2);
    expect(valueOf('vjj_admissions_total{result="token-invalid"}')).toBe(1);
    expect(valueOf('vjj_admissions_total{result="origin-refused"}')).toBe(1);
    expect(valueOf('vjj_admissions_total{result="not-found"}')).toBe(1);
    expect(valueOf('vjj_first_audible_seconds_count{lane="B"}')).toBe(2);
    expect(valueOf('vjj_provider_connect_seconds_count')).toBe(2);
    expect(valueOf('vjj_ear_seconds_count')).toBe(2);
    expect(valueOf(`vjj_tenant_turns_total{tenant="${acme.id}",outcome="answered"}`)).toBe(1);
    expect(valueOf(`vjj_tenant_cost_microdollars_total{tenant="${globex.id}"}`)).toBeGreaterThan(0);
    expect(valueOf('vjj_sessions{state="live"}')).toBe(0);
    expect(valueOf('vjj_store_up')).toBe(1);
    expect(valueOf('vjj_instances')).toBe(1);
    expect(samples.filter(({ name }) => name === 'vjj_provider_circuit')).toHaveLength(3);
    expect(valueOf('vjj_http_requests_total{method="POST",route="/api/admin/tenants",status="201"}')).toBe(2);
    expect(valueOf('vjj_http_requests_total{method="GET",route="other",status="404"}')).toBe(1);
    const routes = readExposition(text).values('vjj_http_requests_total', 'route');
    expect([...routes].find((route) => route.endsWith('/origins'))).toMatch(/^\/api\/admin\/tenants\/:\w+\/origins$/);
    expect(valueOf('process_cpu_seconds_total')).toBeGreaterThan(0);

    const secrets = [TOKEN, acme.apiKey, globex.apiKey, acme.publishableKey, acme.origin, 'walrus', 'eyJ'];
    for (const secret of secrets) expect(text).not.toContain(secret);
    const answers = told.flatMap((message) => (message.type === 'transcript.done' ? [message.text] : []));
    expect(answers.length).toBeGreaterThan(2);
    for (const words of answers) expect(text).not.toContain(words);

    const lines = linesOf(whole);
    const began = lines.find(({ event, tenant }) => event === 'session started' && tenant === acme.id);
    expect(began).toMatchObject({ request: 'from-the-proxy-7', session: expect.stringMatching(/^ses_/) });
    const other = lines.find(({ event, tenant }) => event === 'session started' && tenant === globex.id);
    expect(other?.['request']).toMatch(/^req_/);
    for (const secret of [...secrets.slice(0, 4), ...answers])
      expect(lines.map((one) => JSON.stringify(one)).join()).not.toContain(secret);
  });

  it('leaves tenants out where the operator wants that', async () => {
    const whole = await relay({ METRICS_TOKEN: TOKEN, METRICS_PER_TENANT: 'false' });
    await knock(whole, { token: whole.acme.token(), origin: whole.acme.origin });
    const { text } = await whole.ask('GET', '/metrics', { as: TOKEN });
    expect(text).toContain('vjj_sessions_started_total 1');
    expect(text).not.toMatch(/tenant=|vjj_tenant/);
  });

  it('has a port of its own, where nothing else is and nobody is asked who they are', async () => {
    const whole = await alone({ METRICS_PORT: '0' });
    const told = linesOf(whole).find(({ event }) => event === 'metrics are told');
    const port = Number(told?.['port']);
    const { status, text } = await onPort(port, '/metrics?x=1');
    expect(status).toBe(200);
    expect(lintExposition(text)).toEqual([]);
    expect(await onPort(port, '/metrics', 'HEAD')).toEqual({ status: 200, text: '' });
    expect((await onPort(port, '/metrics', 'POST')).status).toBe(405);
    expect((await onPort(port, '/api/status')).status).toBe(404);
    expect((await whole.ask('GET', '/metrics')).outcome).toBe('404 not-found');
    await whole.relay.stop(0);
    await expect(onPort(port, '/metrics')).rejects.toThrow(/ECONNREFUSED/);
  });

  it('says that it failed where figures cannot be told, and goes on', async () => {
    const problems: unknown[] = [];
    let isBroken = true;
    const exposition = {
      contentType: 'text/plain',
      render: () => (isBroken ? Promise.reject(new Error('no figures')) : Promise.resolve('x 1\n')),
    };
    const onProblem = (error: unknown) => void problems.push(error);
    const opened = await openMetricsPort({ host: '127.0.0.1', port: 0, exposition, onProblem });
    expect(await onPort(opened.port, '/metrics')).toEqual({ status: 500, text: '' });
    isBroken = false;
    expect(await onPort(opened.port, '/metrics')).toEqual({ status: 200, text: 'x 1\n' });
    expect(problems).toHaveLength(1);
    await opened.close();
  });

  it('refuses the start where that port is taken', async () => {
    const { port } = await alone({});
    await expect(relayUnderAttack({ env: { METRICS_PORT: String(port) }, tenants: false })).rejects.toThrow(
      /EADDRINUSE/,
    );
  });
});

describe('a request', () => {
  it('is named by the proxy before the relay, or by the relay, in its answer and in the log', async () => {
    const whole = await relay({});
    const named = await whole.ask('GET', '/api/admin/tenants', { headers: { 'x-request-id': 'edge-42' } });
    expect(named.headers['x-request-id']).toBe('edge-42');
    const strange = await whole.ask('GET', '/api/status', { headers: { 'x-request-id': '"><script>' } });
    expect(strange.headers['x-request-id']).toMatch(/^req_\w+$/);
    const refused = linesOf(whole).find(({ event, request: id }) => event === 'request refused' && id === 'edge-42');
    expect(refused).toMatchObject({ path: '/api/admin/tenants', status: 401 });
    await whole.ask('GET', '/api/admin/tenants/ten_nobody/origins', { as: whole.acme.apiKey });
    const known = linesOf(whole).findLast(({ event }) => event === 'request refused');
    expect(known).toMatchObject({ tenant: whole.acme.id, request: expect.stringMatching(/^req_/) });
  });
});

describe('what else is asked for', () => {
  it("is CloudWatch's line in the log stream, also of the last minute", async () => {
    const lines: string[] = [];
    const whole = await relay(
      { EMF_METRICS: 'true' },
      { measuring: { writeLine: (line: string) => void lines.push(line) } },
    );
    await conversation(whole, whole.acme);
    await whole.relay.stop(0);
    const figures = lines.map(
      (line) => JSON.parse(line) as { Service: string; ConcurrentSessions: number; TTFB: number[] },
    );
    expect(figures).toMatchObject([{ Service: 'relay', ConcurrentSessions: 0, TTFB: [expect.any(Number)] }]);
  });

  it('is no reason not to start: traces without their SDK are a line with the remedy', async () => {
    const missing = Object.assign(new Error('no such package'), { code: 'ERR_MODULE_NOT_FOUND' });
    const whole = await relay(
      { OTEL_TRACES_EXPORTER: 'otlp' },
      { measuring: { loadSdk: () => Promise.reject(missing) } },
    );
    const told = linesOf(whole).filter(({ event }) => String(event).includes(SDK_ADVICE));
    expect(told).toHaveLength(1);
    expect(told[0]).toMatchObject({ level: 'error' });
    expect(await knock(whole, { token: whole.acme.token(), origin: whole.acme.origin })).toBe('in');
  });
});
