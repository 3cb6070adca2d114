/**
 * One Postgres for a whole run of the tests, started by the first file that asks for a database
 * and stopped when the run is over. Runs that need none do not wait for one.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestProject } from 'vitest/node';
import { startPostgres, type TestPostgres } from './postgres.ts';

declare module 'vitest' {
  interface ProvidedContext {
    postgres: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let postgres: Promise<TestPostgres> | undefined;
  const server: Server = createServer((_request, response) => {
    postgres ??= startPostgres();
    postgres
      .then((started) => started.database())
      .then(
        (url) => response.end(url),
        (error: unknown) => response.writeHead(500).end((error as Error).message),
      );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  project.provide('postgres', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return async () => {
    server.closeAllConnections();
    server.close();
    await (await postgres?.catch(() => undefined))?.stop();
  };
}
