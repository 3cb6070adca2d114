/** A relay's end of a real socket, on a free port, for tests in Node: it says what a test tells it to. */
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import type { RelayMessage } from '#wire';

export class RelaySocket {
  readonly #server: WebSocketServer;
  readonly #sockets: WebSocket[] = [];
  readonly #arrivals: (() => void)[] = [];
  /** Everything that came: messages as they are, sound as bytes. */
  readonly received: (Record<string, unknown> | Uint8Array)[] = [];
  /** What each socket offered as its protocols. */
  readonly offered: string[] = [];
  /** With which codes sockets were closed. */
  readonly codes: number[] = [];
  /** Breaks every new connection before anything is said. */
  refuses = false;
  refused = 0;
  /** Says this to every socket that starts a session. */
  greeting: RelayMessage | null = null;

  private constructor(server: WebSocketServer) {
    this.#server = server;
    server.on('connection', (socket, request) => {
      if (this.refuses) {
        this.refused += 1;
        socket.terminate();
        this.#arrived();
        return;
      }
      this.#sockets.push(socket);
      this.offered.push(request.headers['sec-websocket-protocol'] ?? '');
      socket.on('message', (data: Buffer, isBinary) => {
        if (isBinary) this.received.push(new Uint8Array(data));
        else this.#take(JSON.parse(data.toString()) as Record<string, unknown>);
        this.#arrived();
      });
      socket.on('close', (code) => {
        this.codes.push(code);
        this.#arrived();
      });
      this.#arrived();
    });
  }

  static async listen(): Promise<RelaySocket> {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'vjj.1' });
    await new Promise((resolve) => server.once('listening', resolve));
    return new RelaySocket(server);
  }

  get src(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }
  get openSockets(): number {
    return this.#sockets.filter((socket) => socket.readyState < WebSocket.CLOSING).length;
  }
  /** Messages of these types, in order. */
  messages(...types: string[]): Record<string, unknown>[] {
    return this.received.filter(
      (one): one is Record<string, unknown> => !(one instanceof Uint8Array) && types.includes(String(one['type'])),
    );
  }
  get frames(): Uint8Array[] {
    return this.received.filter((one) => one instanceof Uint8Array);
  }

  says(...list: (RelayMessage | Uint8Array | string)[]): void {
    for (const one of list) {
      this.#newest.send(one instanceof Uint8Array || typeof one === 'string' ? one : JSON.stringify(one));
    }
  }
  /** Closes the newest socket. */
  closes(code: number): void {
    this.#newest.close(code);
  }
  /** The connection is gone without a goodbye. */
  breaks(): void {
    this.#newest.terminate();
  }

  /** Resolves as soon as `isSo` holds, looked at whenever something arrives. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => this.#arrivals.push(resolve));
  }

  close(): void {
    for (const socket of this.#sockets) socket.terminate();
    this.#server.close();
  }

  get #newest(): WebSocket {
    const socket = this.#sockets.at(-1);
    if (!socket) throw new Error('nobody has connected');
    return socket;
  }
  #take(message: Record<string, unknown>): void {
    this.received.push(message);
    if (message['type'] === 'session.start' && this.greeting) this.says(this.greeting);
  }
  #arrived(): void {
    for (const wake of this.#arrivals.splice(0)) wake();
  }
}

export const socketClass = WebSocket as unknown as typeof globalThis.WebSocket;
