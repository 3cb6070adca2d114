/** Questions between instances, over real sockets, with everything that can come in between. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { virtualClock } from '../testing/virtual-clock.ts';
import { createFellowAsk } from './fellow-ask.ts';
import { createFellowHeader } from './fellow-header.ts';

const KEY = 'm'.repeat(44);
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

const clock = virtualClock();
const at = (instance: string, key = KEY) => {
  const problems: string[] = [];
  const header = createFellowHeader(key, () => clock.wallNow());
  const asking = createFellowAsk({
    ...{ self: { instance }, header, clock, onProblem: ({ code }: { code: string }) => void problems.push(code) },
  });
  return { ...asking, problems };
};

/** An instance that answers what it was asked, or `otherwise`. */
async function listening(instance: string, otherwise?: (respond: (status: number, body: string) => void) => void) {
  const own = at(instance);
  const asked: { headers: Record<string, string>; body: string }[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => void parts.push(part));
    request.on('end', () => {
      const body = Buffer.concat(parts).toString();
      const headers = request.headers as Record<string, string>;
      asked.push({ headers, body });
      const respond = (status: number, text: string) => void response.writeHead(status).end(text);
      if (otherwise !== undefined) otherwise(respond);
      else if (own.isAsked((name) => headers[name], body))
        respond(200, JSON.stringify({ answer: { echo: JSON.parse(body) as unknown } }));
      else respond(404, '{}');
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { owner: { instance, url }, asked, isAsked: own.isAsked };
}

describe('an instance that asks another', () => {
  it('is answered, and each question is believed at its own instance alone, for that body alone, for half a minute', async () => {
    const b = await listening('ins_b');
    expect(await at('ins_a').ask(b.owner, { ask: 'glance' })).toEqual({ echo: { ask: 'glance' } });
    const [{ headers, body } = { headers: {}, body: '' }] = b.asked;
    const of =
      (more: Record<string, string> = {}) =>
      (name: string) =>
        ({ ...headers, ...more })[name];
    expect(b.isAsked(of(), body)).toBe(true);
    expect(b.isAsked(of(), '{"ask":"drain"}')).toBe(false);
    expect(b.isAsked(of({ 'x-vjj-nonce': 'other' }), body)).toBe(false);
    expect(b.isAsked(() => undefined, body)).toBe(false);
    expect(at('ins_c').isAsked(of(), body)).toBe(false);
    clock.advance(30_001);
    expect(b.isAsked(of(), body)).toBe(false);
  });

  it('of another deployment is nobody', async () => {
    const b = await listening('ins_b');
    const stranger = at('ins_a', 'n'.repeat(44));
    expect(await stranger.ask(b.owner, { ask: 'drain' })).toBeUndefined();
    expect(stranger.problems).toEqual(['not-reached']);
  });

  it('gets no answer from one that is away, says nonsense, sends it elsewhere, or says too much', async () => {
    const a = at('ins_a');
    const odd = [
      await listening('ins_b', (respond) => respond(200, 'no JSON')),
      await listening('ins_c', (respond) => respond(500, '{"answer":1}')),
      await listening('ins_d', (respond) => respond(200, 'x'.repeat(16 * 1024 * 1024 + 1))),
    ];
    for (const { owner } of odd) expect(await a.ask(owner, {})).toBeUndefined();
    expect(await a.ask({ instance: 'ins_e', url: 'http://127.0.0.1:1' }, {})).toBeUndefined();
    expect(await a.ask({ instance: 'ins_f', url: 'no address' }, {})).toBeUndefined();
    expect(a.problems).toEqual(Array(5).fill('not-reached'));
  });

  it('waits three seconds for one that says nothing', async () => {
    let isAsked: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => (isAsked = resolve));
    const b = await listening('ins_b', () => isAsked());
    const a = at('ins_a');
    const answer = a.ask(b.owner, {});
    await asked;
    clock.advance(3_000);
    expect(await answer).toBeUndefined();
    expect(a.problems).toEqual(['no-answer']);
    expect(clock.pending).toBe(0);
  });
});
