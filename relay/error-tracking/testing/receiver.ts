/** What takes error reports over HTTP on loopback, as Sentry's servers do, and keeps what came, to the byte. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';

/** One item of an envelope: what it says it is, and what it is. */
export interface Item {
  type: string;
  body: Record<string, unknown>;
}

export interface Receiver {
  /** Takes the place of what Sentry gives. */
  dsn: string;
  /** Everything that was sent, headers of requests included. */
  readonly text: string;
  readonly items: readonly Item[];
  /** Waits for the next `count` items of a type since the start. */
  arrived(type: string, count?: number): Promise<Item[]>;
  close(): Promise<void>;
}

export async function startReceiver(): Promise<Receiver> {
  const items: Item[] = [];
  const waiting = new Set<() => void>();
  let text = '';
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const sent = Buffer.concat(parts);
      const body = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent).toString('utf8');
      text += `${request.url ?? ''}\n${JSON.stringify(request.headers)}\n${body}\n`;
      // A header of the envelope, then a header and a body for each item.
      const lines = body.split('\n').filter((line) => line !== '');
      for (let at = 1; at + 1 < lines.length; at += 2) {
        const { type } = JSON.parse(lines[at] ?? '{}') as { type: string };
        items.push({ type, body: JSON.parse(lines[at + 1] ?? '{}') as Item['body'] });
      }
      response.end('{}');
      for (const look of [...waiting]) look();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    dsn: `http://a0b1c2d3@127.0.0.1:${(server.address() as AddressInfo).port}/42`,
    get text() {
      return text;
    },
    items,
    arrived(type, count = 1) {
      return new Promise((resolve) => {
        const look = () => {
          const found = items.filter((item) => item.type === type);
          if (found.length < count) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      });
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => void server.close(() => resolve()));
    },
  };
}
