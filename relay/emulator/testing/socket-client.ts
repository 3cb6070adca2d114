/** A plain WebSocket client for tests: what the server sent, and how it ended. */
import { WebSocket, type ClientOptions } from 'ws';
import type { SeenEvent } from './session-bench.ts';

export interface SocketClient {
  socket: WebSocket;
  events: SeenEvent[];
  send: (event: object) => void;
  /** The first event of this type, now or later. */
  first: (type: string) => Promise<SeenEvent>;
  closed: Promise<{ code: number; reason: string }>;
}

/** Dials `url` (an `http://…/v1` base) with `query` behind `/realtime`. */
export async function dial(
  url: string,
  query = '?model=gpt-realtime-2.1',
  options: ClientOptions & { protocols?: string[] } = {},
): Promise<SocketClient> {
  const { protocols = [], ...rest } = options;
  const socket = new WebSocket(`${url.replace('http', 'ws')}/realtime${query}`, protocols, rest);
  const events: SeenEvent[] = [];
  const waiting = new Set<() => void>();
  socket.on('message', (data: Buffer) => {
    events.push(JSON.parse(data.toString('utf8')));
    for (const look of waiting) look();
  });
  const closed = new Promise<{ code: number; reason: string }>((done) => {
    socket.on('close', (code, reason) => done({ code, reason: reason.toString('utf8') }));
  });
  await new Promise<void>((opened, failed) => socket.once('open', () => opened()).once('error', failed));
  return {
    socket,
    events,
    closed,
    send: (event) => socket.send(JSON.stringify(event)),
    first: (type) =>
      new Promise((found) => {
        const look = (): void => {
          const event = events.find((candidate) => candidate.type === type);
          if (event === undefined) return;
          waiting.delete(look);
          found(event);
        };
        waiting.add(look);
        look();
      }),
  };
}
