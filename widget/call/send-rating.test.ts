import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { sendRating } from './send-rating.ts';

let close: () => void = () => undefined;
afterEach(() => close());

async function relay(status: number) {
  const got: { path: string | undefined; body: unknown }[] = [];
  const read = async (request: IncomingMessage) => {
    let text = '';
    for await (const piece of request) text += String(piece);
    return JSON.parse(text) as unknown;
  };
  const server = createServer((request, response) => {
    void read(request).then((body) => {
      got.push({ path: request.url, body });
      response.writeHead(request.url === '/api/token' ? 201 : status, { 'content-type': 'application/json' });
      response.end(request.url === '/api/token' ? '{"token":"jwt"}' : undefined);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  close = () => server.close();
  const src = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { src, got, source: { src, tenant: 'pk_1' } };
}
const { signal } = new AbortController();

describe('a rating', () => {
  it('goes to the relay with a token of its own', async () => {
    const { source, got } = await relay(204);
    await sendRating(source, { session: 'ses_1', score: 4, turn: 't1', comment: 'quick' }, signal);
    expect(got).toEqual([
      { path: '/api/token', body: { tenant: 'pk_1' } },
      { path: '/api/rating', body: { token: 'jwt', session: 'ses_1', score: 4, turn: 't1', comment: 'quick' } },
    ]);
  });

  it('of the whole, without a word, says no more than the score', async () => {
    const { source, got } = await relay(204);
    const getToken = () => Promise.resolve('mine');
    await sendRating({ ...source, getToken }, { session: 'ses_1', score: 1, turn: null, comment: '' }, signal);
    expect(got).toEqual([{ path: '/api/rating', body: { token: 'mine', session: 'ses_1', score: 1 } }]);
  });

  it.each([
    ['is refused', 404, 'PROTOCOL'],
    ['does not get through', 0, 'NETWORK'],
  ])('that %s is an error with a code', async (_what, status, code) => {
    const { source } = await relay(status);
    if (status === 0) close();
    const getToken = () => Promise.resolve('mine');
    const rating = { session: 'ses_1', score: 1, turn: null, comment: '' };
    await expect(sendRating({ ...source, getToken }, rating, signal)).rejects.toMatchObject({ code });
  });
});
