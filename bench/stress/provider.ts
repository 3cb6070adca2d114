/**
 * A model provider that does what it is told, also wrong: the emulator, and in front of it a gate
 * that refuses, keeps silent, freezes, cuts, and answers moderation. Connections of moderation are
 * closed after each answer, so that nothing idle is left to be counted.
 */
import { createServer, type IncomingMessage } from 'node:http';
import { connect, Socket, type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { startEmulator, type Emulator } from '../../relay/emulator/emulator.ts';

/** What becomes of the next connections. */
export type Dial = number | 'silent' | 'reset';
export type Moderation = 'good' | 'flags' | 'silent' | number;

export interface Provider {
  /** Base URL for the relay. */
  url: string;
  emulator: Emulator;
  /** The next dials are answered so, one each; a number is an HTTP status. */
  refuse(...dials: Dial[]): void;
  /** All dials from now on; null is the emulator again. */
  refuseAll(dial: Dial | null): void;
  moderation: Moderation;
  /** Connections that are open stop to carry anything, without a word: half open. */
  freeze(): void;
  /** Connections that are open are reset. */
  cut(): void;
  /** Dials that came, refused ones among them. */
  readonly dials: number;
  readonly asked: number;
  /** Connections that are open, those that nobody answers among them. */
  readonly open: number;
  reset(): void;
  stop(): Promise<void>;
}

function reset(stream: Duplex): void {
  if (stream instanceof Socket) stream.resetAndDestroy();
  else stream.destroy();
}

export async function startProvider(): Promise<Provider> {
  const emulator = await startEmulator({ faults: { 'created-ms': 0, 'first-audio-ms': 0, transcript: '20' } });
  const pairs = new Set<{ down: Duplex; up: Socket | undefined }>();
  const hung = new Set<() => void>();
  let next: Dial[] = [];
  let all: Dial | null = null;
  let dials = 0;
  let asked = 0;

  const http = createServer((request, response) => {
    request.resume().on('end', () => {
      asked += 1;
      const { moderation } = provider;
      response.shouldKeepAlive = false;
      if (moderation === 'silent') {
        const end = () => response.destroy();
        hung.add(end);
        response.on('close', () => hung.delete(end));
      } else if (typeof moderation === 'number') response.writeHead(moderation).end('{}');
      else {
        const flagged = moderation === 'flags';
        const result = { flagged, categories: { illicit: flagged }, category_scores: { illicit: Number(flagged) } };
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ id: 'modr', model: 'none', results: [result] }));
      }
    });
  });

  function pass(request: IncomingMessage, down: Duplex, head: Buffer): void {
    const up = connect(emulator.port, '127.0.0.1');
    const pair = { down, up };
    pairs.add(pair);
    const over = () => {
      pairs.delete(pair);
      up.destroy();
      down.destroy();
    };
    for (const side of [up, down]) side.on('close', over).on('error', over);
    const headers = request.rawHeaders.flatMap((name, at, list) =>
      at % 2 === 0 ? [`${name}: ${list[at + 1] ?? ''}`] : [],
    );
    up.write(`GET ${request.url ?? ''} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`);
    if (head.length > 0) up.write(head);
    up.pipe(down);
    down.pipe(up);
  }

  http.on('upgrade', (request, down: Duplex, head) => {
    dials += 1;
    down.on('error', () => down.destroy());
    const dial = next.shift() ?? all;
    if (dial === null) pass(request, down, head);
    else if (dial === 'silent') {
      const pair = { down, up: undefined };
      pairs.add(pair);
      // What a server gets by upgrade stays half open by itself.
      down
        .on('close', () => pairs.delete(pair))
        .on('end', () => down.destroy())
        .resume();
    } else if (dial === 'reset') reset(down);
    else down.end(`HTTP/1.1 ${dial} Refused\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));

  const provider: Provider = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/v1`,
    emulator,
    refuse: (...some) => void next.push(...some),
    refuseAll: (dial) => (all = dial),
    moderation: 'good',
    freeze() {
      for (const { down, up } of pairs) {
        up?.unpipe();
        down.unpipe();
        // What comes is taken and goes nowhere.
        up?.resume();
        down.on('end', () => down.destroy()).resume();
      }
    },
    cut() {
      for (const { down, up } of [...pairs]) {
        reset(down);
        up?.destroy();
      }
    },
    get dials() {
      return dials;
    },
    get asked() {
      return asked;
    },
    get open() {
      return pairs.size;
    },
    reset() {
      [next, all] = [[], null];
      provider.moderation = 'good';
      emulator.faults.clear();
      emulator.faults.set({ 'created-ms': 0, 'first-audio-ms': 0, transcript: '20' });
      for (const end of hung) end();
    },
    async stop() {
      for (const { down } of [...pairs]) down.destroy();
      for (const end of hung) end();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
      await emulator.close();
    },
  };
  return provider;
}
