/**
 * A provider that says what a test tells it to say, over real sockets: for races that no well
 * behaved server can be brought to. It sets sessions up on its own unless told not to.
 */
import { once } from 'node:events';
import { type IncomingMessage, type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

export interface ClientEvent {
  type: string;
  event_id?: string;
  audio?: string;
  item_id?: string;
  item?: { id: string; type: string; content?: { text?: string }[]; [field: string]: unknown };
  response?: { metadata: Record<string, string>; [field: string]: unknown };
  [field: string]: unknown;
}

export class Peer {
  readonly socket: WebSocket;
  readonly request: IncomingMessage;
  readonly received: ClientEvent[] = [];
  closed: { code: number; reason: string } | null = null;
  #read = 0;
  #waiting: (() => void)[] = [];
  #ids = 0;

  constructor(socket: WebSocket, request: IncomingMessage, isPolite: () => boolean) {
    this.socket = socket;
    this.request = request;
    socket.on('error', () => undefined);
    socket.on('message', (data: Buffer) => {
      const event = JSON.parse(data.toString('utf8')) as ClientEvent;
      this.received.push(event);
      if (event.type === 'session.update' && isPolite()) this.say('session.updated', { session: event.session });
      if (event.type === 'conversation.item.create' && isPolite()) {
        this.say('conversation.item.added', { previous_item_id: null, item: event.item });
        this.say('conversation.item.done', { previous_item_id: null, item: event.item });
      }
      this.#wake();
    });
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString('utf8') };
      this.#wake();
    });
  }

  say(type: string, fields: Record<string, unknown> = {}): void {
    this.socket.send(JSON.stringify({ type, event_id: `event_${++this.#ids}`, ...fields }));
  }

  /** The next event of that type that was not asked for yet; those before it are passed over. */
  async expect(type: string): Promise<ClientEvent> {
    for (;;) {
      while (this.#read < this.received.length) {
        const event = this.received[this.#read++];
        if (event?.type === type) return event;
      }
      if (this.closed !== null) throw new Error(`closed while waiting for ${type}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async untilClosed(): Promise<{ code: number; reason: string }> {
    while (this.closed === null) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.closed;
  }

  /** Begins a response to the newest `response.create`, as the provider would. */
  begin(id: string, metadata: unknown, conversationId: string | null = 'conv_1'): void {
    const response = { id, object: 'realtime.response', status: 'in_progress', output: [], metadata };
    this.say('response.created', { response: { ...response, conversation_id: conversationId } });
  }

  /** An assistant's item appears in a response and in the conversation. */
  addItem(responseId: string, itemId: string): void {
    const item = { id: itemId, type: 'message', role: 'assistant', status: 'in_progress', content: [] };
    this.say('response.output_item.added', { response_id: responseId, output_index: 0, item });
    this.say('conversation.item.added', { previous_item_id: null, item });
  }

  sound(responseId: string, itemId: string, samples: number, value = 1): void {
    const delta = Buffer.from(new Int16Array(samples).fill(value).buffer).toString('base64');
    const at = { response_id: responseId, item_id: itemId, output_index: 0, content_index: 0 };
    this.say('response.output_audio.delta', { ...at, delta });
  }

  words(responseId: string, itemId: string, delta: string): void {
    const at = { response_id: responseId, item_id: itemId, output_index: 0, content_index: 0 };
    this.say('response.output_audio_transcript.delta', { ...at, delta });
  }

  end(id: string, status: string, fields: Record<string, unknown> = {}): void {
    this.say('response.done', { response: { id, status, metadata: null, usage: null, ...fields } });
  }

  refuse(code: string, fields: Record<string, unknown> = {}): void {
    this.say('error', { error: { type: 'invalid_request_error', code, message: code, param: null, ...fields } });
  }

  count(type: string): number {
    return this.received.filter((event) => event.type === type).length;
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

export interface ScriptedProvider {
  baseUrl: string;
  /** Whether new connections are set up without the test's doing. */
  isPolite: boolean;
  peers: Peer[];
  /** Upgrades that were refused so far. */
  refused: number;
  /** The next connection that was not asked for yet. */
  next(): Promise<Peer>;
  /** Stops listening and cuts what is open; the port stays known, see {@link startScriptedProvider}. */
  stop(): Promise<void>;
}

/** @param options - `answer` refuses upgrades with this HTTP status, `headers` and `body`. */
export async function startScriptedProvider(
  options: { port?: number; answer?: number; headers?: Record<string, string>; body?: string } = {},
): Promise<ScriptedProvider> {
  const server: Server = createServer((_request, response) => response.writeHead(404).end());
  const sockets = new WebSocketServer({ noServer: true, maxPayload: 32 * 1024 * 1024 });
  const waiting: ((peer: Peer) => void)[] = [];
  let asked = 0;
  server.on('upgrade', (request, socket, head) => {
    if (options.answer !== undefined) {
      provider.refused += 1;
      const headers = Object.entries({ Connection: 'close', ...options.headers });
      const head = [`HTTP/1.1 ${options.answer} No`, ...headers.map(([name, value]) => `${name}: ${value}`)];
      socket.end(`${head.join('\r\n')}\r\n\r\n${options.body ?? ''}`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (ws) => {
      const peer = new Peer(ws, request, () => provider.isPolite);
      provider.peers.push(peer);
      if (provider.isPolite) peer.say('session.created', { session: { type: 'realtime', id: 'sess_1' } });
      waiting.shift()?.(peer);
    });
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const provider: ScriptedProvider = {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    isPolite: true,
    peers: [],
    refused: 0,
    async next() {
      const peer = provider.peers[asked++];
      return peer ?? (await new Promise<Peer>((resolve) => waiting.push(resolve)));
    },
    async stop() {
      for (const client of sockets.clients) client.terminate();
      sockets.close();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return provider;
}
