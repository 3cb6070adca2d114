/**
 * A page as the relay sees it: a real socket that speaks the protocol, remembers everything, and
 * lets a test wait for what it expects. It plays nothing; a test says what was heard.
 */
import { WebSocket, type ClientOptions, type RawData } from 'ws';
import {
  RelayMessage,
  decodeAudioFrame,
  encodeAudioFrame,
  readMessage,
  type AudioFrame,
  type WidgetMessage,
} from '#wire';

type Of<T extends RelayMessage['type']> = Extract<RelayMessage, { type: T }>;

export interface PageClient {
  readonly socket: WebSocket;
  readonly messages: RelayMessage[];
  /** Sound of live epochs; clips are in {@link clips}. */
  readonly frames: AudioFrame[];
  /** Samples of each clip, by id. */
  readonly clips: Map<string, number>;
  readonly closed: Promise<{ code: number; reason: string }>;
  /** The relay's counted messages and binary frames that came. */
  readonly came: { messages: number; frames: number };
  /** How to come back as a page that was here before, or as one loaded anew. */
  offer(as: 'same' | 'new', epoch?: number): string;
  send(message: WidgetMessage): void;
  sendRaw(data: string | Uint8Array): void;
  /** Sound of the microphone, in one frame. */
  speak(samples: Int16Array): void;
  all<T extends RelayMessage['type']>(type: T): Of<T>[];
  /** The first message of that type, from now or before, that fits. */
  received<T extends RelayMessage['type']>(type: T, fits?: (message: Of<T>) => boolean): Promise<Of<T>>;
  /** Called with each message and each frame of a live epoch, before anybody who waits for it. */
  onEach(listener: (message: RelayMessage | null, frame: AudioFrame | null) => void): void;
  /** Resolves when `condition` holds; asked after each message and frame. */
  until(condition: () => boolean): Promise<void>;
  /** Everything sent so far has been answered. */
  settled(): Promise<void>;
}

/** Neither counted nor kept. */
const UNCOUNTED: ReadonlySet<RelayMessage['type']> = new Set([
  ...(['pong', 'ack', 'auth.accepted', 'session.created', 'session.resumed', 'relay.draining'] as const),
]);

/** What a page brings from its connection before. */
export interface Return {
  offer: string;
  /** What it had got over connections before. */
  came?: { messages: number; frames: number };
  /** Its next frame's number. */
  seq?: number;
}

/** @param token - sent as subprotocol; without it the test sends `auth`. */
export async function openPage(
  url: string,
  token?: string,
  options: ClientOptions = {},
  back?: Return,
): Promise<PageClient> {
  const protocols = ['vjj.1', ...(token === undefined ? [] : [`token.${token}`]), ...(back ? [back.offer] : [])];
  const socket = new WebSocket(url, protocols, { perMessageDeflate: false, ...options });
  const page = pageOn(socket, back);
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  return page;
}

function pageOn(socket: WebSocket, back?: Return): PageClient {
  const messages: RelayMessage[] = [];
  const frames: AudioFrame[] = [];
  const clips = new Map<string, number>();
  const waiting = new Set<() => void>();
  const listeners: ((message: RelayMessage | null, frame: AudioFrame | null) => void)[] = [];
  let pongs = 0;
  let clip: string | null = null;
  let seq = back?.seq ?? 0;
  const came = { messages: back?.came?.messages ?? 0, frames: back?.came?.frames ?? 0 };
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.once('close', (code, reason) => {
      resolve({ code, reason: reason.toString() });
      look();
    });
  });
  const look = () => {
    for (const check of [...waiting]) check();
  };
  socket.on('error', () => undefined);
  socket.on('message', (data: RawData, isBinary: boolean) => {
    const bytes = data as Buffer;
    if (isBinary) {
      const decoded = decodeAudioFrame(Uint8Array.from(bytes));
      if (!decoded.ok) throw new Error(`the relay sent a frame that is ${decoded.fault}`);
      const { frame } = decoded;
      came.frames += 1;
      if (frame.epoch === 0 && clip !== null) clips.set(clip, (clips.get(clip) ?? 0) + frame.samples.length);
      else {
        frames.push(frame);
        for (const listener of listeners) listener(null, frame);
      }
    } else {
      const read = readMessage(RelayMessage, bytes.toString());
      if (!read.ok) throw new Error(`the relay sent a message that is wrong at ${read.at}`);
      messages.push(read.message);
      if (!UNCOUNTED.has(read.message.type)) came.messages += 1;
      for (const listener of listeners) listener(read.message, null);
      if (read.message.type === 'clip.added') clip = read.message.clip;
      if (read.message.type === 'pong') pongs += 1;
    }
    look();
  });

  const page: PageClient = {
    socket,
    messages,
    frames,
    clips,
    closed,
    came,
    offer(as, epoch = 1) {
      const hello = messages.findLast((one) => one.type === 'session.resumed' || one.type === 'session.created');
      if (!hello?.resume) throw new Error('nobody said how to come back');
      const counts = as === 'new' ? [] : [came.messages, came.frames, epoch];
      return ['resume', hello.session, hello.resume.secret, ...counts].join('.');
    },
    send: (message) => socket.send(JSON.stringify(message)),
    sendRaw: (data) => socket.send(data),
    speak(samples) {
      socket.send(encodeAudioFrame({ epoch: 0, seq, lane: 'mic', flags: 0, samples }));
      seq = (seq + 1) & 0xffff;
    },
    all: <T extends RelayMessage['type']>(type: T) => messages.filter((one): one is Of<T> => one.type === type),
    onEach: (listener) => void listeners.push(listener),
    async received(type, fits = () => true) {
      const find = () => page.all(type).find(fits);
      await page.until(() => find() !== undefined || socket.readyState === WebSocket.CLOSED);
      const found = find();
      if (!found) throw new Error(`the socket closed before ${type}`);
      return found;
    },
    until(condition) {
      return new Promise((resolve) => {
        const check = () => {
          if (!condition()) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      });
    },
    async settled() {
      const before = pongs;
      page.send({ type: 'ping' });
      await page.until(() => pongs > before || socket.readyState === WebSocket.CLOSED);
    },
  };
  return page;
}
