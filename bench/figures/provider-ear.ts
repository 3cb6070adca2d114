/** Between relay and provider: passes everything on, and notes when the provider is told that an answer is over. */
import { createServer, request as ask } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';

export interface ProviderEar {
  /** What the relay takes as base URL. */
  url: string;
  /** Milliseconds since 1970 of each `response.cancel` and `conversation.item.truncate`. */
  readonly at: readonly number[];
  close(): Promise<void>;
}

const OVER = /^\{[^{]*"type":"(response\.cancel|conversation\.item\.truncate)"/;

export async function listenToProvider(providerUrl: string): Promise<ProviderEar> {
  const http = createServer((asked, answer) => {
    const { method = 'GET', headers } = asked;
    const onward = ask(new URL(asked.url ?? '/', providerUrl), { method, headers }, (answered) => {
      answer.writeHead(answered.statusCode ?? 502, answered.headers);
      answered.pipe(answer);
    });
    onward.on('error', () => answer.destroy());
    asked.pipe(onward);
  });
  const server = new WebSocketServer({ server: http, perMessageDeflate: false });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const at: number[] = [];
  server.on('connection', (relay, request) => {
    const target = new URL(request.url ?? '/', providerUrl);
    target.protocol = 'ws:';
    const { authorization = '' } = request.headers;
    const provider = new WebSocket(target, { headers: { authorization }, perMessageDeflate: false });
    const early: string[] = [];
    provider.on('open', () => {
      for (const text of early.splice(0)) provider.send(text);
    });
    relay.on('message', (data: Buffer) => {
      const text = data.toString();
      if (OVER.test(text)) at.push(performance.timeOrigin + performance.now());
      if (provider.readyState === WebSocket.OPEN) provider.send(text);
      else early.push(text);
    });
    provider.on('message', (data: Buffer) => relay.send(data.toString()));
    for (const [one, other] of [[relay, provider] as const, [provider, relay] as const]) {
      one.on('error', () => undefined);
      one.on('close', () => other.terminate());
    }
  });
  const { port } = http.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}${new URL(providerUrl).pathname}`,
    at,
    close() {
      for (const client of server.clients) client.terminate();
      http.closeAllConnections();
      return new Promise((resolve) => http.close(() => resolve()));
    },
  };
}
