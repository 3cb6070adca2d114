/** Spans of a conversation, sent by the real SDK to a real receiver of OTLP over HTTP. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { trace } from '@opentelemetry/api';
import { tracing as sdk } from '@opentelemetry/sdk-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GOOD_TOKEN } from '../session/testing/relay-under-test.ts';
import * as talk from '../session/testing/conversation.ts';
import { openPage } from '../session/testing/page-client.ts';
import { readTraceparent } from './traceparent.ts';
import { startTracing, type Tracing, type TracingOptions } from './tracing.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';

interface Sent {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: { key: string; value: { stringValue?: string; intValue?: number; doubleValue?: number } }[];
}
interface Batch {
  resourceSpans: {
    resource: { attributes: { key: string; value: { stringValue?: string } }[] };
    scopeSpans: { spans: Sent[] }[];
  }[];
}

let receiver: Server;
let bodies: { path: string; text: string }[] = [];
let problems: boolean[] = [];
let tracing: Tracing | null = null;
const before = { ...process.env };

beforeEach(async () => {
  bodies = [];
  problems = [];
  receiver = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (piece: string) => (text += piece));
    request.on('end', () => {
      bodies.push({ path: request.url ?? '', text });
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const { port } = receiver.address() as AddressInfo;
  process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = `http://127.0.0.1:${port}`;
  process.env['OTEL_EXPORTER_OTLP_PROTOCOL'] = 'http/json';
  process.env['OTEL_RESOURCE_ATTRIBUTES'] = 'deployment.environment.name=test';
});
afterEach(async () => {
  await tracing?.stop();
  tracing = null;
  trace.disable();
  for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) delete process.env[name];
  Object.assign(process.env, before);
  receiver.closeAllConnections();
  await new Promise((resolve) => receiver.close(resolve));
});

const begin = async (more: Partial<TracingOptions> = {}) => {
  const late = { now: () => talk.clock.now(), wallNow: () => talk.clock.wallNow(), wakeAt: () => () => undefined };
  tracing = await startTracing({
    ...{ clock: late, version: '1.2.3', serviceName: 'voice-jib-jab' },
    onProblem: (isMissing) => void problems.push(isMissing),
    ...more,
  });
  return tracing;
};

/** A turn that is answered, in a session that a backend's request opened. */
async function converse(traceparent?: string): Promise<void> {
  await talk.admit({ deps: { ...(tracing && { observe: tracing.observer }) } });
  const page = await openPage(
    talk.relay.url,
    GOOD_TOKEN,
    traceparent === undefined ? {} : { headers: { traceparent } },
  );
  await page.received('session.created');
  page.send({ type: 'session.start', turn: 'auto' });
  await page.settled();
  const { bridge } = talk.provider;
  bridge.emit({ type: 'provider.up', generation: 1 });
  page.send({ type: 'user.text', text: 'Walrus words that nobody may see.' });
  await page.settled();
  talk.clock.advance(120);
  const item = 'item_1';
  bridge.emit({ type: 'response.created', response: 'r1', turn: 'turn_1' });
  bridge.emit({ type: 'response.text', response: 'r1', item, delta: 'Walrus answer. ' });
  bridge.emit({ type: 'response.audio', response: 'r1', item, samples: talk.loud(400) });
  bridge.emit({ type: 'response.generated', response: 'r1', text: 'Walrus answer.' });
  bridge.emit({ type: 'response.done', response: 'r1', status: 'completed' });
  await page.settled();
  page.send({ type: 'playout.drained', epoch: page.all('gate.open').at(-1)?.epoch ?? 1, item });
  page.send({ type: 'session.end' });
  await page.closed;
  await talk.relay.stop();
}

describe('traces', () => {
  it('are sent by the SDK where its standard variables say, each span with its own time and parent', async () => {
    await begin();
    await converse(`00-${TRACE}-${PARENT}-01`);
    await tracing?.stop();
    tracing = null;
    expect(new Set(bodies.map(({ path }) => path))).toEqual(new Set(['/v1/traces']));
    const batches = bodies.map(({ text }) => JSON.parse(text) as Batch).flatMap(({ resourceSpans }) => resourceSpans);
    const resource = Object.fromEntries(
      batches.flatMap(({ resource: { attributes } }) => attributes).map(({ key, value }) => [key, value.stringValue]),
    );
    expect(resource).toMatchObject({ 'service.name': 'voice-jib-jab', 'deployment.environment.name': 'test' });
    const all = batches.flatMap(({ scopeSpans }) => scopeSpans).flatMap(({ spans }) => spans);
    const ours = all.filter(({ traceId }) => traceId === TRACE);
    const named = (name: string) => ours.find((one) => one.name === name);
    const [session, turn, lane] = [named('session'), named('turn'), named('lane.b')];
    expect(session?.parentSpanId).toBe(PARENT);
    expect(turn?.parentSpanId).toBe(session?.spanId);
    expect(lane?.parentSpanId).toBe(turn?.spanId);
    const ms = (one?: Sent) => (Number(one?.endTimeUnixNano) - Number(one?.startTimeUnixNano)) / 1e6;
    expect(Math.round(ms(lane))).toBe(120);
    expect(Number(session?.startTimeUnixNano) / 1e6).toBeCloseTo(1_790_000_000_000, -2);
    const attributes = Object.fromEntries(
      ours.flatMap(({ attributes: own }) => own).map(({ key, value }) => [key, value]),
    );
    expect(attributes).toMatchObject({
      'vjj.tenant': { stringValue: 'ten_1' },
      'vjj.turn': { stringValue: 'turn_1' },
      'vjj.outcome': { stringValue: 'answered' },
      'vjj.first_audible_ms': { intValue: 120 },
    });
    // The page that was admitted first said nothing of a trace: its session is the root of its own.
    expect(all.find(({ traceId, name }) => traceId !== TRACE && name === 'session')?.parentSpanId ?? '').toBe('');
    expect(bodies.map(({ text }) => text).join()).not.toMatch(/walrus|good/i);
    expect(problems).toEqual([]);
  });

  it('go to an SDK that was preloaded, and none is loaded beside it', async () => {
    const exporter = new sdk.InMemorySpanExporter();
    const provider = new sdk.BasicTracerProvider({ spanProcessors: [new sdk.SimpleSpanProcessor(exporter)] });
    trace.setGlobalTracerProvider(provider);
    await begin({ load: () => Promise.reject(new Error('asked for')) });
    await converse('not a traceparent');
    const names = exporter.getFinishedSpans().map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['session', 'turn', 'lane.b']));
    await tracing?.stop();
    expect(trace.getTracer('x').startSpan('still there').isRecording()).toBe(true);
    expect(problems).toEqual([]);
  });

  it('are none where the SDK is not installed or does not start, which is told', async () => {
    const missing = Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
    expect(await begin({ load: () => Promise.reject(missing) })).toBeNull();
    const broken = { start: () => expect.unreachable(), shutdown: () => Promise.resolve() };
    broken.start = () => {
      throw new Error('no');
    };
    expect(await begin({ load: () => Promise.resolve(broken) })).toBeNull();
    expect(problems).toEqual([true, false]);
  });

  it('do not keep a relay from stopping when the last of them cannot be sent', async () => {
    const stopped = { start: () => undefined, shutdown: () => Promise.reject(new Error('nobody there')) };
    const begun = await begin({ load: () => Promise.resolve(stopped) });
    await expect(begun?.stop()).resolves.toBeUndefined();
  });
});

describe('a traceparent', () => {
  it('is taken as the standard has it', () => {
    expect(readTraceparent(`00-${TRACE}-${PARENT}-01`)).toEqual({ traceId: TRACE, spanId: PARENT, traceFlags: 1 });
    expect(readTraceparent(`00-${TRACE}-${PARENT}-02`)?.traceFlags).toBe(0);
    expect(readTraceparent(`cc-${TRACE}-${PARENT}-01-what-comes-later`)?.spanId).toBe(PARENT);
  });

  it.each([
    undefined,
    '',
    'x',
    `00-${TRACE}-${PARENT}`,
    `00-${TRACE}-${PARENT}-01-more`,
    `ff-${TRACE}-${PARENT}-01`,
    `00-${'0'.repeat(32)}-${PARENT}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${PARENT}-01`,
    `00-${TRACE}-${PARENT}-01\r\nx: y`,
  ])('is none as %j', (header) => {
    expect(readTraceparent(header)).toBeUndefined();
  });
});
