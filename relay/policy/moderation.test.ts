import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { virtualClock, type VirtualClock } from '../testing/virtual-clock.ts';
import { MODERATION_MODEL, MOST_CHECKS, createModerator, shareOf, type Moderator } from './moderation.ts';

let server: Server;
let clock: VirtualClock;
let moderator: Moderator;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let asked: { path: string; key: string; body: { model: string; input: string } }[];
let problems: { code: string; detail: string }[];
let arrived: () => void;

const flagged =
  (...categories: string[]) =>
  (_: IncomingMessage, response: ServerResponse) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(
      JSON.stringify({
        id: 'modr_1',
        model: MODERATION_MODEL,
        results: [
          { flagged: true, categories: { hate: false, ...Object.fromEntries(categories.map((one) => [one, true])) } },
        ],
      }),
    );
const status = (code: number) => (_: IncomingMessage, response: ServerResponse) => response.writeHead(code).end('{}');

beforeEach(async () => {
  clock = virtualClock();
  asked = [];
  problems = [];
  arrived = () => undefined;
  answer = flagged();
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      asked.push({ path: request.url ?? '', key: request.headers.authorization ?? '', body: JSON.parse(body) });
      answer(request, response);
      arrived();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  moderator = createModerator({
    apiKey: 'sk-secret',
    baseUrl: `http://127.0.0.1:${port}/v1`,
    clock,
    onProblem: (problem) => problems.push(problem),
  });
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
const check = (text = 'some words', signal?: AbortSignal) =>
  moderator.check(text, { timeoutMs: 400, ...(signal && { signal }) });
/** Resolves when the next question has reached the endpoint. */
const nextArrival = () => new Promise<void>((resolve) => (arrived = resolve));

describe('moderation', () => {
  it('asks the provider and gives the categories that are flagged', async () => {
    answer = flagged('violence', 'self-harm');
    expect(await check()).toEqual({ ok: true, flagged: ['violence', 'self-harm'] });
    expect(asked).toEqual([
      { path: '/v1/moderations', key: 'Bearer sk-secret', body: { model: MODERATION_MODEL, input: 'some words' } },
    ]);
    expect(clock.pending).toBe(0);
  });

  it('has no answer where there is none in time', async () => {
    answer = () => undefined;
    const arrival = nextArrival();
    const late = check();
    await arrival;
    clock.advance(399);
    clock.advance(1);
    expect(await late).toEqual({ ok: false });
  });

  it('leaves an endpoint alone that failed three times, and tries it again after a while with one question', async () => {
    answer = status(500);
    for (let count = 0; count < 3; count++) expect(await check()).toEqual({ ok: false });
    expect(moderator.isResting).toBe(true);
    expect(await check()).toEqual({ ok: false });
    expect(asked).toHaveLength(3);
    expect(problems).toEqual([{ code: 'moderation-resting', detail: 'http-500' }]);

    clock.advance(10_000);
    expect(moderator.isResting).toBe(false);
    const [trial, other] = [check(), check()];
    expect(await other).toEqual({ ok: false });
    expect(await trial).toEqual({ ok: false });
    expect(asked).toHaveLength(4);
    expect(moderator.isResting).toBe(true);

    clock.advance(10_000);
    answer = flagged('hate');
    expect(await check()).toEqual({ ok: true, flagged: ['hate'] });
    answer = status(429);
    await check();
    expect(moderator.isResting).toBe(false);
    expect(problems).toHaveLength(1);
  });

  it('takes no verdict that is far too long, or comes as anything but an answer', async () => {
    const long = JSON.stringify({ results: [], padding: 'x'.repeat(70_000) });
    answer = (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end(long);
    expect(await check()).toEqual({ ok: false });
    answer = (_, response) => response.writeHead(204).end();
    expect(await check()).toEqual({ ok: false });
    answer = flagged('hate');
    expect(await check()).toEqual({ ok: true, flagged: ['hate'] });
  });

  it('does not count questions that nobody waits for any more', async () => {
    answer = () => undefined;
    for (let count = 0; count < 4; count++) {
      const arrival = nextArrival();
      const abort = new AbortController();
      const left = check('words', abort.signal);
      await arrival;
      abort.abort();
      expect(await left).toEqual({ ok: false });
    }
    expect(await check('words', AbortSignal.abort())).toEqual({ ok: false });
    expect(moderator.isResting).toBe(false);
  });

  it('tells of an endpoint that cannot be reached or makes no sense, and never of what was asked', async () => {
    answer = (_, response) => response.socket?.destroy();
    for (let count = 0; count < 3; count++) await check('my secret words');
    expect(problems).toEqual([{ code: 'moderation-resting', detail: 'connection' }]);
    clock.advance(10_000);
    answer = (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{"my":"secret"}');
    expect(await check('my secret words')).toEqual({ ok: false });
    expect(JSON.stringify(problems)).not.toMatch(/secret/);
  });
});

describe('one conversation’s share of it', () => {
  it('lets so many questions through at once, without an answer for more, and goes on when one is answered', async () => {
    const waiting: (() => void)[] = [];
    const shared: Moderator = {
      check: () => new Promise((resolve) => waiting.push(() => resolve({ ok: true, flagged: [] }))),
      isResting: false,
    };
    const share = shareOf(shared, new AbortController().signal);
    const ask = () => share.check('words', { timeoutMs: 400 });
    const first = Array.from({ length: MOST_CHECKS }, ask);
    expect(await ask()).toEqual({ ok: false });
    expect(waiting).toHaveLength(MOST_CHECKS);
    waiting[0]?.();
    expect(await first[0]).toEqual({ ok: true, flagged: [] });
    const next = ask();
    expect(waiting).toHaveLength(MOST_CHECKS + 1);
    for (const answer of waiting) answer();
    expect(await next).toEqual({ ok: true, flagged: [] });
    expect(share.isResting).toBe(false);
  });
});
