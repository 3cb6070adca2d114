/**
 * A page's connection, as lean as a hundred of them in one process must be: it counts what goes
 * both ways, acknowledges, keeps what was not acknowledged, and comes back to its session when it
 * was cut. Knows the protocol of connections; what is said on them is its user's business.
 */
import { WebSocket } from 'ws';
import { FLAG_OPUS, RelayMessage, decodeAudioFrame, readMessage, type AudioFrame, type WidgetMessage } from '#wire';
import { SEQ_AT } from './speech-frames.ts';

/** Messages of either side that are not counted. */
const UNCOUNTED: ReadonlySet<string> = new Set([
  ...['ping', 'pong', 'auth', 'auth.accepted', 'ack', 'session.created', 'session.resumed', 'relay.draining'],
]);
/** After something came, at the latest. */
const ACK_WITHIN_MS = 900;
/** A page keeps the newest five seconds: frames of 20 ms. */
const MOST_KEPT_FRAMES = 250;
const HANDSHAKE_MS = 15_000;

export type Opened = 'created' | 'all' | 'unplayed' | 'memory';

export interface LinkEnd {
  code: number;
  /** This side wanted it: it cut the connection, or asked for the end. */
  isOurs: boolean;
}

export interface PageLinkOptions {
  /** ws(s) URL of the relay's door; asked at each connection where it may be another. */
  url: string | (() => string);
  origin: string;
  onMessage: (message: RelayMessage) => void;
  /** Sound of live epochs; clips that are sent ahead are counted and dropped. */
  onFrame: (frame: AudioFrame) => void;
  /** The connection is gone. */
  onEnd: (end: LinkEnd) => void;
  /** What is put around each socket. */
  dress?: (socket: WebSocket) => void;
}

export interface PageLink {
  /**
   * Connects, and comes back to the session where there was one that can be resumed.
   *
   * @param epoch - Of the page's gate.
   * @returns how it was received; rejects when the relay closed or refused, with the code or status in words.
   */
  open(token: string, epoch: number): Promise<Opened>;
  send(message: WidgetMessage): void;
  /** @param frame - A whole binary message, in which its number is put here. */
  frame(frame: Buffer): void;
  /** Whether the session can be resumed. */
  readonly mayResume: boolean;
  readonly isOpen: boolean;
  readonly session: string | undefined;
  /** Pulls the plug, without a close frame. */
  cut(): void;
  /** Ends the conversation, as a user does. */
  end(): void;
}

interface Counts {
  messages: number;
  frames: number;
}

export class LinkRefused extends Error {
  override readonly name = 'LinkRefused';
  /** Close code, or HTTP status. */
  readonly code: number;
  constructor(code: number) {
    super(`refused with ${code}`);
    this.code = code;
  }
}

export function createPageLink({ url, origin, onMessage, onFrame, onEnd, dress }: PageLinkOptions): PageLink {
  let socket: WebSocket | undefined;
  let session: string | undefined;
  let secret: string | undefined;
  let got: Counts = { messages: 0, frames: 0 };
  let sent: Counts = { messages: 0, frames: 0 };
  let keptMessages: { n: number; text: string }[] = [];
  let keptFrames: { n: number; frame: Buffer }[] = [];
  /** The relay keeps the session for a while, and so does this side what it sent. */
  let isKept = false;
  /** The newest connection has said where both sides stand: before that nothing counted may leave. */
  let isGreeted = false;
  let isEnding = false;
  let ackTimer: NodeJS.Timeout | undefined;

  function acknowledge(): void {
    ackTimer = undefined;
    raw({ type: 'ack', ...got });
  }
  function came(): void {
    if (isKept) ackTimer ??= setTimeout(acknowledge, ACK_WITHIN_MS);
  }
  function raw(message: WidgetMessage): void {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  }
  /** The number is written just before: `ws` copies what it masks. */
  function put(n: number, frame: Buffer): void {
    if (!isGreeted || socket?.readyState !== WebSocket.OPEN) return;
    frame.writeUInt16BE(n & 0xffff, SEQ_AT);
    socket.send(frame);
  }
  function acknowledged({ messages, frames }: Counts): void {
    keptMessages = keptMessages.filter(({ n }) => n >= messages);
    keptFrames = keptFrames.filter(({ n }) => n >= frames);
  }
  function startAgain(): void {
    [got, sent, keptMessages, keptFrames] = [{ messages: 0, frames: 0 }, { messages: 0, frames: 0 }, [], []];
  }

  /** Takes the relay's greeting. @returns how this page was received. */
  function greeted(message: RelayMessage): Opened | undefined {
    if (message.type === 'session.created') {
      isGreeted = true;
      session = message.session;
      secret = message.resume?.secret;
      isKept = secret !== undefined;
      startAgain();
      return 'created';
    }
    if (message.type !== 'session.resumed') return undefined;
    isGreeted = true;
    secret = message.resume?.secret;
    if (message.kept === 'memory') startAgain();
    else {
      acknowledged(message.received);
      for (const { text } of keptMessages) socket?.send(text);
      for (const { n, frame } of keptFrames) put(n, frame);
    }
    return message.kept;
  }

  function read(data: Buffer, isBinary: boolean, opened: (how: Opened) => void): void {
    if (isBinary) {
      got.frames += 1;
      came();
      const decoded = decodeAudioFrame(data);
      if (!decoded.ok || (decoded.frame.flags & FLAG_OPUS) !== 0) throw new Error('a frame that nobody can play');
      if (decoded.frame.epoch > 0) onFrame(decoded.frame);
      return;
    }
    const read = readMessage(RelayMessage, data.toString());
    if (!read.ok) throw new Error(`the relay sent a message that is wrong at ${read.at}`);
    const { message } = read;
    if (!UNCOUNTED.has(message.type)) {
      got.messages += 1;
      came();
    }
    if (message.type === 'ack') acknowledged(message);
    const how = greeted(message);
    if (how !== undefined) opened(how);
    onMessage(message);
  }

  return {
    open(token, epoch) {
      const resume =
        session !== undefined && secret !== undefined
          ? [`resume.${session}.${secret}.${got.messages}.${got.frames}.${epoch}`]
          : [];
      // It works once.
      secret = undefined;
      const mine = new WebSocket(typeof url === 'string' ? url : url(), ['vjj.1', `token.${token}`, ...resume], {
        ...{ perMessageDeflate: false, origin, handshakeTimeout: HANDSHAKE_MS },
      });
      dress?.(mine);
      socket = mine;
      isGreeted = false;
      return new Promise<Opened>((resolve, reject) => {
        let isIn = false;
        mine.on('message', (data: Buffer, isBinary: boolean) => {
          if (socket !== mine) return;
          read(data, isBinary, (how) => {
            isIn = true;
            resolve(how);
          });
        });
        mine.on('unexpected-response', (_request, response) => {
          response.resume();
          reject(new LinkRefused(response.statusCode ?? 0));
          mine.terminate();
        });
        mine.on('error', () => undefined);
        mine.on('close', (code) => {
          reject(new LinkRefused(code));
          if (socket !== mine) return;
          clearTimeout(ackTimer);
          ackTimer = undefined;
          socket = undefined;
          if (isIn) onEnd({ code, isOurs: isEnding });
        });
      });
    },
    send(message) {
      if (UNCOUNTED.has(message.type)) {
        raw(message);
        return;
      }
      const text = JSON.stringify(message);
      if (isGreeted && socket?.readyState === WebSocket.OPEN) socket.send(text);
      if (isKept) keptMessages.push({ n: sent.messages, text });
      sent.messages += 1;
    },
    frame(frame) {
      const n = sent.frames;
      sent.frames += 1;
      put(n, frame);
      if (isKept) keptFrames.push({ n, frame });
      if (keptFrames.length > MOST_KEPT_FRAMES) keptFrames.shift();
    },
    get mayResume() {
      return secret !== undefined;
    },
    get isOpen() {
      return socket?.readyState === WebSocket.OPEN;
    },
    get session() {
      return session;
    },
    cut() {
      const mine = socket;
      if (mine === undefined) return;
      socket = undefined;
      clearTimeout(ackTimer);
      ackTimer = undefined;
      mine.terminate();
    },
    end() {
      isEnding = true;
      isKept = false;
      raw({ type: 'session.end' });
      secret = undefined;
    },
  };
}
