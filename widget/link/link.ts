/**
 * One socket to the relay: text frames are messages, binary frames are sound. It reads and writes
 * the wire and says how it ended; what messages mean and whether to dial again is decided elsewhere.
 */
import {
  CLOSE,
  CLOSE_NORMAL,
  decodeAudioFrame,
  FLAG_SPEECH,
  layOutAudioFrame,
  mayReconnect,
  type AudioFrame,
  type RelayMessage,
  type WidgetMessage,
} from '#wire';
import { CallError, type ErrorCode } from '../errors.ts';
import { readRelayMessage } from './read-relay.ts';

/** How often the round trip is measured, in milliseconds. */
const PING_EVERY_MS = 2_500;
/** A socket that says nothing for this many pings is dead, whatever the operating system thinks. */
const SILENT_PINGS = 2;
/** What a page closes with that is not over: it, or the next of its tab, comes back over another connection. */
const GIVEN_UP = 4000;
/** Opening takes longer: names, certificates, a network that wakes up. */
const OPENING_PINGS = 4;

export interface LinkClosed {
  code: number;
  /** Dialling again may help. */
  retryable: boolean;
  /** The relay is full. */
  busy: boolean;
  /** Null when the conversation simply ended. */
  error: CallError | null;
}

export interface LinkOptions {
  /** `ws:` or `wss:`. */
  url: string;
  token: string;
  /** The offer to come back to a session. */
  resume?: string | null;
  /** Closes the socket; nothing is called afterwards. */
  signal: AbortSignal;
  onOpen(): void;
  onMessage(message: Exclude<RelayMessage, { type: 'pong' }>): void;
  onSound(frame: AudioFrame): void;
  /** Once, unless `signal` ended it. */
  onClosed(closed: LinkClosed): void;
  onRoundTrip?(ms: number): void;
  pingEveryMs?: number;
  /** For runtimes whose socket is not global. */
  socketClass?: typeof WebSocket;
}

export interface Link {
  send(message: WidgetMessage): void;
  /** @param opus - the body of a frame that is Opus, instead of samples. */
  sendSound(samples: Int16Array, speaking: boolean, epoch: number, opus?: Uint8Array): void;
  /** Says goodbye and closes. @param isLeft - without a goodbye: somebody comes back. */
  end(isLeft?: boolean): void;
}

/** One socket. */
export interface Socket extends Link {
  /** Number of the next frame of sound. */
  nextFrame: number;
}

/** The address of the socket of a relay's origin. */
export function socketUrl(src: string): string {
  const url = new URL('/ws', src);
  url.protocol = url.protocol === 'http:' ? 'ws:' : 'wss:';
  return url.href;
}

/** Dials. Failures come as `onClosed`. */
export function openLink(options: LinkOptions): Socket {
  const { signal, resume, pingEveryMs = PING_EVERY_MS, socketClass = WebSocket } = options;
  const socket = new socketClass(options.url, ['vjj.1', `token.${options.token}`, ...(resume ? [resume] : [])]);
  socket.binaryType = 'arraybuffer';
  let pingedAt = 0;
  let silentPings = 0;
  let isOver = false;

  const finish = (closed: LinkClosed | null, code: number = CLOSE_NORMAL) => {
    if (isOver) return;
    isOver = true;
    clearInterval(pinging);
    signal.removeEventListener('abort', onAbort);
    if (socket.readyState < 2) socket.close(code);
    if (closed) options.onClosed(closed);
  };
  const onAbort = () => finish(null);
  const send = (data: string | Uint8Array<ArrayBuffer>) => {
    if (socket.readyState === 1) socket.send(data);
  };
  const sendMessage = (message: WidgetMessage) => send(JSON.stringify(message));
  const pinging = setInterval(() => {
    const isOpen = socket.readyState === 1;
    if (silentPings >= (isOpen ? SILENT_PINGS : OPENING_PINGS)) {
      finish(readClose(1006), GIVEN_UP);
      return;
    }
    silentPings += 1;
    if (!isOpen) return;
    pingedAt = performance.now();
    sendMessage({ type: 'ping' });
  }, pingEveryMs);

  socket.addEventListener('open', () => {
    silentPings = 0;
    if (!isOver) options.onOpen();
  });
  socket.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
    silentPings = 0;
    if (isOver) return;
    if (data instanceof ArrayBuffer) {
      const decoded = decodeAudioFrame(new Uint8Array(data));
      if (decoded.ok) options.onSound(decoded.frame);
      return;
    }
    const message = readRelayMessage(String(data));
    if (message === null) return;
    if (message.type === 'pong') options.onRoundTrip?.(performance.now() - pingedAt);
    else options.onMessage(message);
  });
  socket.addEventListener('close', ({ code }) => finish(readClose(code)));
  // A close always follows and says more.
  socket.addEventListener('error', () => undefined);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();

  return {
    nextFrame: 0,
    send: sendMessage,
    sendSound(samples, speaking, epoch, opus) {
      const flags = speaking ? FLAG_SPEECH : 0;
      // Its low 16 bits go out.
      const seq = this.nextFrame++;
      send(layOutAudioFrame({ epoch, seq, lane: 'mic', flags, samples, ...(opus && { opus }) }));
    },
    end(isLeft = false) {
      if (isLeft) {
        finish(null, GIVEN_UP);
        return;
      }
      sendMessage({ type: 'session.end' });
      finish(null);
    },
  };
}

/** What a close code means for the person on the page. */
export function readClose(code: number): LinkClosed {
  const errorCode = ERROR_OF.get(code) ?? 'NETWORK';
  const isEnd = code === CLOSE_NORMAL || code === CLOSE['longest-session'];
  return {
    code,
    retryable: mayReconnect(code),
    busy: code === CLOSE.busy,
    error: isEnd ? null : new CallError(errorCode, `the relay closed the socket with ${code}`),
  };
}

const ERROR_OF = new Map<number, ErrorCode>([
  [CLOSE['token-expired'], 'TOKEN_EXPIRED'],
  [CLOSE.busy, 'QUOTA'],
  [CLOSE.unauthorized, 'TOKEN_EXPIRED'],
  [CLOSE.origin, 'ORIGIN_DENIED'],
  [CLOSE.quota, 'QUOTA'],
  [CLOSE.revoked, 'TOKEN_EXPIRED'],
  [CLOSE.protocol, 'PROTOCOL'],
]);
