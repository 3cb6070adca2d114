/**
 * One connection to the provider: dialling, liveness, and what to do when it does not read.
 * It says opened, message, trouble and closed, each closed exactly once, and knows no session.
 * All its time is the clock's, except for the closing handshake, which `ws` bounds itself.
 */
import net from 'node:net';
import tls from 'node:tls';
import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import type { ClientOptions } from 'ws';
import type { Clock } from '../../clock.ts';
import { beforeSend, gatherWrites } from '../../one-write.ts';
import { FATAL_CODES, retryAfterMs } from './faults.ts';

/** From dialling to the open socket. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;
export const PING_EVERY_MS = 15_000;
/** A provider that was not heard of for this long, pongs included, is gone: noticed within 45 s at the latest. */
export const PONG_TIMEOUT_MS = 30_000;
/** Somebody waits for its answer: then silence for this long is enough. Less than the arbiter waits for a response. */
export const PROBE_TIMEOUT_MS = 4_000;
/** Of a refused upgrade, no more is read. */
const MAX_REFUSAL_BYTES = 8 * 1024;
/** More than this unsent (about 4 s of sound): hold sound back. */
export const HOLD_BACK_BYTES = 256 * 1024;
/**
 * More than this unsent, or still more than {@link HOLD_BACK_BYTES} after {@link STALL_MS}: the connection is given
 * up. Half a minute of speech, told to a new connection as one item, is 1.9 MB and must fit.
 */
export const GIVE_UP_BYTES = 3 * 1024 * 1024;
export const STALL_MS = 10_000;
/** How long the provider may take to answer our close frame. */
const CLOSE_TIMEOUT_MS = 1_000;
/** Largest message that the provider may send: retrieved items and oversize deltas pass, a flood does not. */
const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;

let secureContext: tls.SecureContext | undefined;

/** Clients of the library by key and address, the newest last: one holds a whole tree of what it could be asked. */
const clients = new Map<string, OpenAI>();
const MOST_CLIENTS = 64;

function clientFor(apiKey: string, baseURL: string): OpenAI {
  const name = `${apiKey} ${baseURL}`;
  const client = clients.get(name) ?? new OpenAI({ apiKey, baseURL });
  clients.delete(name);
  clients.set(name, client);
  const oldest = clients.size > MOST_CLIENTS ? clients.keys().next().value : undefined;
  if (oldest !== undefined) clients.delete(oldest);
  return client;
}

/** `http:` and `ws:` base URLs are dialled in plain, all others by TLS: the client library knows `wss:` only. */
export function wsOptionsFor(baseUrl: string): ClientOptions {
  const url = new URL(baseUrl);
  const limits = { perMessageDeflate: false, maxPayload: MAX_MESSAGE_BYTES, closeTimeout: CLOSE_TIMEOUT_MS };
  // The published types of `ws` lag behind it: `closeTimeout` is an option since 8.19.
  const options: ClientOptions = limits;
  if (url.protocol !== 'http:' && url.protocol !== 'ws:') {
    // One for all connections: each of their own would take as much memory as a whole session.
    secureContext ??= tls.createSecureContext();
    // Of TLS's own options, that `ws` passes along.
    const trusted = { ...options, secureContext };
    return trusted;
  }
  // Host and port only: `ws` passes a `path` along, which `net` would take for a local socket's.
  const address = { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 80) };
  return {
    ...options,
    createConnection: () => net.connect(address),
  };
}

/**
 * The library hands each event to listeners looked up by the event's own type on a plain object,
 * where a type such as `constructor` would find something that is no list and throw inside the
 * socket. Only the two channels that are listened to may get through.
 */
class Dialled extends OpenAIRealtimeWS {
  protected override _emit(channel: never, ...args: never): void {
    if (channel === 'event' || channel === 'error') super._emit(channel, ...args);
  }
}

export interface UpstreamListener {
  opened(): void;
  /** One parsed frame; it may be anything that JSON can say. */
  message(raw: unknown): void;
  /** A frame that was no JSON; the connection goes on. */
  unreadable(): void;
  /**
   * Once, whatever the end was. `error` is a short code of the transport's failure, where there was one;
   * `retryMs` how long a refused upgrade asked to wait, in milliseconds.
   */
  closed(code: number, reason: string, error: string | null, retryMs?: number): void;
}

export interface UpstreamOptions {
  apiKey: string;
  baseUrl: string;
  model: string;
  clock: Clock;
  /** From dialling to the open socket; {@link HANDSHAKE_TIMEOUT_MS} by default. */
  handshakeMs?: number;
}

export interface Upstream {
  /** @returns false when the socket is not open; nothing is kept. */
  send(text: string): boolean;
  /** So much is unsent that sound should wait at the caller. */
  readonly isBackedUp: boolean;
  /** Unsent bytes. */
  readonly waitingBytes: number;
  /** An answer is waited for: `closed` follows when there is no sign of life within {@link PROBE_TIMEOUT_MS}. */
  probe(): void;
  /** Ends it politely; nothing is said any more. */
  close(): void;
  /** Cuts it; `closed` follows with this error, later. */
  abort(error: string): void;
}

/** A short code for the log and for the reason of a loss: no address and no message of the system's. */
function codeOf(error: Error & { cause?: unknown; code?: unknown }): string {
  const status = /Unexpected server response: (\d+)/.exec(error.message)?.[1];
  if (status !== undefined) return `http-${status}`;
  const cause = error.cause instanceof Error ? (error.cause as Error & { code?: unknown }) : error;
  return typeof cause.code === 'string' ? cause.code : 'transport';
}

/** The provider's own code in the body of a refused upgrade, where it is one that ends everything. */
function fatalCodeIn(body: string): string | undefined {
  const code = /"code"\s*:\s*"(\w{1,64})"/.exec(body)?.[1];
  return code !== undefined && FATAL_CODES.has(code) ? code : undefined;
}

/** Dials. Every listener call comes later, never from inside this function. */
export function dialUpstream(options: UpstreamOptions, listener: UpstreamListener): Upstream {
  const { clock } = options;
  const client = clientFor(options.apiKey || 'none', options.baseUrl);
  const realtime = new Dialled({ model: options.model, options: wsOptionsFor(options.baseUrl) }, client);
  const { socket } = realtime;
  let isOver = false;
  let error: string | null = null;
  let heardAt = clock.now();
  let stopStall: (() => void) | null = null;
  let stopProbe: (() => void) | null = null;
  let retryMs: number | undefined;

  const end = (code: number, reason: string) => {
    if (isOver) return;
    isOver = true;
    stopAll();
    if (retryMs === undefined) listener.closed(code, reason, error);
    else listener.closed(code, reason, error, retryMs);
  };
  const abort = (why: string) => {
    if (isOver) return;
    error = why;
    // The end is told from the socket's own `close`, which never comes from inside a caller's call.
    socket.terminate();
  };
  const isBackedUp = () => socket.bufferedAmount > HOLD_BACK_BYTES;
  const watchStall = () => {
    if (!isBackedUp() || stopStall !== null) return;
    stopStall = clock.wakeAt(clock.now() + STALL_MS, () => {
      stopStall = null;
      if (isBackedUp()) abort('upstream-stalled');
    });
  };
  let stopWatch = clock.wakeAt(heardAt + (options.handshakeMs ?? HANDSHAKE_TIMEOUT_MS), () =>
    abort('handshake-timeout'),
  );
  const stopAll = () => {
    stopWatch();
    stopStall?.();
    stopProbe?.();
    stopProbe = null;
  };

  const watch = () => {
    stopWatch = clock.wakeAt(clock.now() + PING_EVERY_MS, () => {
      if (clock.now() - heardAt >= PONG_TIMEOUT_MS) {
        abort('pong-timeout');
        return;
      }
      socket.ping();
      watch();
    });
  };
  const heard = () => {
    heardAt = clock.now();
    stopProbe?.();
    stopProbe = null;
  };

  socket.once('upgrade', (response) => gatherWrites(socket, response.socket));
  socket.on('open', () => {
    if (isOver) return;
    stopWatch();
    heard();
    watch();
    listener.opened();
  });
  // A listener here takes the refusal over from `ws`, which would throw away what it says.
  socket.on('unexpected-response', (_request, response) => {
    error ??= `http-${response.statusCode ?? 0}`;
    retryMs = retryAfterMs(response.headers['retry-after'], clock.wallNow());
    let body = '';
    const finish = () => {
      error = fatalCodeIn(body) ?? error;
      socket.terminate();
    };
    response.setEncoding('utf8');
    response.on('data', (part: string) => {
      body += part;
      if (body.length > MAX_REFUSAL_BYTES) finish();
    });
    response.once('end', finish);
    response.once('error', finish);
  });
  socket.on('pong', heard);
  socket.on('ping', heard);
  realtime.on('event', (raw) => {
    if (isOver) return;
    heard();
    listener.message(raw);
  });
  realtime.on('error', (problem) => {
    // A server's own `error` event comes by `event` as well; this is for the transport.
    if (isOver || problem.error !== undefined) return;
    if (problem.cause instanceof SyntaxError) {
      listener.unreadable();
      return;
    }
    error ??= codeOf(problem);
  });
  socket.on('close', (code, reason) => end(code, reason.toString('utf8')));

  return {
    send(text) {
      if (isOver || socket.readyState !== socket.OPEN) return false;
      beforeSend(socket);
      socket.send(text);
      if (socket.bufferedAmount > GIVE_UP_BYTES) abort('upstream-stalled');
      watchStall();
      return true;
    },
    get isBackedUp() {
      return isBackedUp();
    },
    get waitingBytes() {
      return isOver ? 0 : socket.bufferedAmount;
    },
    probe() {
      if (isOver || stopProbe !== null || socket.readyState !== socket.OPEN) return;
      socket.ping();
      stopProbe = clock.wakeAt(clock.now() + PROBE_TIMEOUT_MS, () => abort('pong-timeout'));
    },
    close() {
      if (isOver) return;
      isOver = true;
      stopAll();
      if (socket.readyState === socket.OPEN) socket.close(1000);
      else socket.terminate();
    },
    abort,
  };
}
