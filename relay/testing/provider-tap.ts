/** A listener on the wire between relay and provider: passes everything on, and keeps the sound that went either way. */
import { createServer, request as ask } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';

/** What went over one connection. */
export interface Tapped {
  /** The user's sound, as the relay sent it, in order. */
  readonly heard: Int16Array[];
  /** The model's sound by item, as it came, in order. */
  readonly spoken: Map<string, Int16Array[]>;
}

export interface ProviderTap {
  /** What the relay takes as base URL. */
  url: string;
  /** Of all connections, in the order in which they were made. */
  readonly connections: Tapped[];
  close(): Promise<void>;
}

interface ProviderEvent {
  type: string;
  audio?: string;
  delta?: string;
  item_id?: string;
}

/** @param providerUrl - base URL of the provider, such as an emulator's. */
export async function tapProvider(providerUrl: string): Promise<ProviderTap> {
  // What is no WebSocket goes on as it came.
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
  const connections: Tapped[] = [];
  server.on('connection', (relay, request) => {
    const tapped: Tapped = { heard: [], spoken: new Map() };
    connections.push(tapped);
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
      const event = JSON.parse(text) as ProviderEvent;
      if (event.type === 'input_audio_buffer.append') tapped.heard.push(pcm(event.audio));
      if (provider.readyState === WebSocket.OPEN) provider.send(text);
      else early.push(text);
    });
    provider.on('message', (data: Buffer) => {
      const text = data.toString();
      const event = JSON.parse(text) as ProviderEvent;
      if (event.type === 'response.output_audio.delta' && event.item_id !== undefined) {
        const item = tapped.spoken.get(event.item_id) ?? [];
        item.push(pcm(event.delta));
        tapped.spoken.set(event.item_id, item);
      }
      relay.send(text);
    });
    for (const [one, other] of [
      [relay, provider],
      [provider, relay],
    ] as const) {
      one.on('error', () => undefined);
      one.on('close', () => other.close());
    }
  });
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/v1`,
    connections,
    async close() {
      for (const socket of server.clients) socket.terminate();
      server.close();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

function pcm(base64 = ''): Int16Array {
  const bytes = Buffer.from(base64, 'base64');
  return new Int16Array(new Uint8Array(bytes).buffer);
}

/** One after another. */
export function joined(parts: readonly Int16Array[]): Int16Array {
  const whole = new Int16Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
