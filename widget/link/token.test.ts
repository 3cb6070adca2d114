import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { CallError } from '../errors.ts';
import { fetchToken, type TokenSource } from './token.ts';

let server: Server | undefined;
afterEach(() => server?.close());

async function relay(answer: (request: IncomingMessage, response: ServerResponse, body: string) => void) {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => answer(request, response, body));
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
const { signal } = new AbortController();
const source = (more: Partial<TokenSource>): TokenSource => ({ src: 'http://127.0.0.1:1', tenant: 'pk_demo', ...more });

describe('a token', () => {
  it('comes from the relay for the publishable key', async () => {
    const asked: unknown[] = [];
    const src = await relay((request, response, body) => {
      asked.push(request.method, request.url, JSON.parse(body));
      response.end('{"token":"jwt","expiresIn":600}');
    });
    expect(await fetchToken(source({ src, assistant: 'a1' }), signal)).toBe('jwt');
    expect(asked).toEqual(['POST', '/api/token', { tenant: 'pk_demo', assistant: 'a1' }]);
  });

  it('comes from the page’s own address before the relay', async () => {
    const own = await relay((request, response) => response.end(JSON.stringify({ token: request.url })));
    expect(await fetchToken(source({ tokenSrc: `${own}/my-token` }), signal)).toBe('/my-token');
  });

  it('comes from the page’s function before everything', async () => {
    const getToken = () => Promise.resolve('mine');
    expect(await fetchToken(source({ tokenSrc: 'http://127.0.0.1:1', getToken }), signal)).toBe('mine');
  });

  it.each([
    [401, 'TOKEN_EXPIRED'],
    [403, 'ORIGIN_DENIED'],
    [429, 'QUOTA'],
    [503, 'QUOTA'],
    [500, 'NETWORK'],
    [404, 'PROTOCOL'],
  ])('that is refused with %i says %s', async (status, code) => {
    const src = await relay((_request, response) => response.writeHead(status).end());
    await expect(fetchToken(source({ src }), signal)).rejects.toMatchObject({ code });
  });

  it.each(['', '{}', '{"token":""}', '[]'])('is not in an answer like %j', async (body) => {
    const src = await relay((_request, response) => response.end(body));
    await expect(fetchToken(source({ src }), signal)).rejects.toMatchObject({ code: 'PROTOCOL' });
  });

  it('cannot be had from nobody', async () => {
    await expect(fetchToken(source({}), signal)).rejects.toMatchObject({ code: 'NETWORK' });
  });

  it('that the page’s function fails to get has run out, unless the function says what happened', async () => {
    const failing = (error: Error) => source({ getToken: () => Promise.reject(error) });
    await expect(fetchToken(failing(new Error('x')), signal)).rejects.toMatchObject({ code: 'TOKEN_EXPIRED' });
    await expect(fetchToken(failing(new CallError('QUOTA', 'x')), signal)).rejects.toMatchObject({ code: 'QUOTA' });
  });
});
