/** A web site that hosts the built script's files itself, with no relay anywhere. */
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';

const dist = path.resolve(import.meta.dirname, '../../dist');

export interface DistSite {
  origin: string;
  /** The page's HTML from now on. */
  html: string;
  /** What is sent with it, such as a policy. */
  headers: Record<string, string>;
  close(): Promise<void>;
}

export async function startDistSite(): Promise<DistSite> {
  const site = { html: '', headers: {} as Record<string, string> };
  const server = http.createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://site');
    if (!pathname.endsWith('.js')) {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', ...site.headers }).end(site.html);
      return;
    }
    readFile(path.join(dist, path.normalize(pathname))).then(
      (bytes) => response.writeHead(200, { 'content-type': 'text/javascript; charset=utf-8' }).end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(site, {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  });
}
