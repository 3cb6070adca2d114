/**
 * A page that comes back: it speaks PROTOCOL.md over real sockets to whichever address a test names,
 * numbers what it sends and receives, plays what the gate admits, faster than people listen, and says
 * what it heard. It is no widget; it keeps the widget's promises.
 */
import { WebSocket, type RawData } from 'ws';
import {
  FLAG_LAST,
  FLAG_SPEECH,
  FRAME_SAMPLES,
  RelayMessage,
  decodeAudioFrame,
  encodeAudioFrame,
  readMessage,
  samplesToMs,
  type WidgetMessage,
} from '#wire';

const UNCOUNTED: ReadonlySet<string> = new Set([
  ...['ping', 'pong', 'auth', 'auth.accepted', 'ack', 'session.created', 'session.resumed', 'relay.draining'],
]);
const TICK_MS = 20;
/** A relay takes sixty messages a second: positions go with every second tick, acknowledgements with every tenth. */
const PLAYOUT_TICKS = 2;
const ACK_TICKS = 10;
/** The listener's time: tests have less of it than people. */
const SPEED = 6;
/** Microphone that a page keeps for a relay that has not had it: five seconds of frames. */
const MOST_KEPT_FRAMES = 250;
/** Of silence behind what was said. */
const PAUSE_FRAMES = 60;

type Of<T extends RelayMessage['type']> = Extract<RelayMessage, { type: T }>;

interface Sounding {
  item: string;
  response: string;
  epoch: number;
  samples: Int16Array[];
  receivedMs: number;
  playedMs: number;
  isLast: boolean;
  isDrained: boolean;
}

export interface ReturningPage {
  readonly messages: RelayMessage[];
  /** As the newest hello said. */
  readonly session: string;
  readonly secret: string;
  readonly epoch: number;
  /** Samples of answers that came, in order, whichever connection they came over. */
  readonly heard: Int16Array[];
  readonly closes: { code: number; atMs: number }[];
  readonly isOpen: boolean;
  /** The newest one. */
  readonly socket: WebSocket | null;
  /** Opens a connection there; `anew` or what it has received, where it comes back. */
  connect(
    url: string,
    options?: { back?: 'with-counts' | 'anew' | 'no'; headers?: Record<string, string> },
  ): Promise<void>;
  start(): void;
  send(message: WidgetMessage): void;
  /** Says it, as fast as people speak; what follows is silence, long enough to be an end. */
  say(samples: Int16Array): Promise<void>;
  /** Asks in text and waits for the answer's words, to its end. */
  ask(text: string): Promise<string>;
  all<T extends RelayMessage['type']>(type: T): Of<T>[];
  received<T extends RelayMessage['type']>(
    type: T,
    fits?: (message: Of<T>) => boolean,
    withinMs?: number,
  ): Promise<Of<T>>;
  until(condition: () => boolean, withinMs?: number): Promise<void>;
  /** The connection breaks without a word. */
  cut(): void;
  token(): Promise<string>;
  leave(): void;
}

/** @param token - Asked for each connection. */
export function returningPage(token: () => Promise<string>, origin: string): ReturningPage {
  const messages: RelayMessage[] = [];
  const heard: Int16Array[] = [];
  const closes: { code: number; atMs: number }[] = [];
  const items: Sounding[] = [];
  const waiting = new Set<() => void>();
  const sent: string[] = [];
  let spoken: { n: number; samples: Int16Array; flags: number }[] = [];
  let utterances = 0;
  let typed = 0;
  /** Messages that the relay is known to have. */
  let acknowledged = 0;
  const up = { messages: 0, frames: 0 };
  const down = { messages: 0, frames: 0 };
  let socket: WebSocket | null = null;
  let session = '';
  let secret = '';
  let epoch = 1;
  let isGateOpen = false;
  let isStarted = false;
  let isGreeted = false;
  let tickedAt = performance.now();
  let ticks = 0;
  let acked = -1;
  const look = () => {
    for (const check of [...waiting]) check();
  };

  function transmit(data: string): void {
    // Before the greeting nobody knows what the counts mean.
    if (isGreeted && socket?.readyState === WebSocket.OPEN) socket.send(data);
  }
  function send(message: WidgetMessage): void {
    const text = JSON.stringify(message.type === 'user.text' ? { ...message, n: message.n ?? (typed += 1) } : message);
    if (!UNCOUNTED.has(message.type)) {
      sent.push(text);
      up.messages += 1;
    }
    transmit(text);
  }

  /** The number is its own, whichever connection it goes over. */
  function transmitFrame({ n, samples, flags }: (typeof spoken)[number]): void {
    if (!isGreeted || socket?.readyState !== WebSocket.OPEN) return;
    socket.send(encodeAudioFrame({ epoch: 0, seq: n & 0xffff, lane: 'mic', flags, samples }));
  }
  function frame(samples: Int16Array, flags: number): void {
    const one = { n: up.frames, samples, flags };
    up.frames += 1;
    spoken = [...spoken.slice(1 - MOST_KEPT_FRAMES), one];
    transmitFrame(one);
  }

  function obey(message: RelayMessage): void {
    switch (message.type) {
      case 'ack':
        acknowledged = message.messages;
        break;
      case 'session.created':
      case 'session.resumed':
        isGreeted = true;
        session = message.session;
        secret = message.resume?.secret ?? '';
        if (message.type === 'session.created' || message.kept !== 'all') {
          epoch = message.epoch;
          isGateOpen = false;
          down.messages = down.frames = 0;
          items.length = 0;
          const counts = message.type === 'session.resumed' ? message.received : { messages: 0, frames: 0 };
          Object.assign(up, counts);
          // What was typed and did not arrive is said again to whoever goes on with it.
          const left = sent.splice(0).slice(acknowledged);
          [spoken, acknowledged] = [[], 0];
          if (message.type === 'session.created') break;
          for (const text of left) {
            const one = JSON.parse(text) as WidgetMessage;
            if (one.type === 'user.text') send(one);
          }
        } else {
          // What it has not received goes again.
          const { received } = message;
          acknowledged = Math.max(acknowledged, received.messages);
          for (const text of sent.slice(sent.length - (up.messages - received.messages))) transmit(text);
          for (const one of spoken) if (one.n >= received.frames) transmitFrame(one);
        }
        break;
      case 'item.started':
        items.push({
          ...{ item: message.item, response: message.response, epoch: message.epoch, samples: [] },
          ...{ receivedMs: message.fromMs, playedMs: message.fromMs, isLast: false, isDrained: false },
        });
        break;
      case 'gate.open':
        isGateOpen = true;
        break;
      case 'gate.close':
        epoch = message.epoch;
        isGateOpen = false;
        break;
      case 'clip.play':
        send({ type: 'clip.ended', epoch: message.epoch, clip: message.clip });
        break;
      default:
    }
  }

  function came(data: Buffer, isBinary: boolean): void {
    if (isBinary) {
      const decoded = decodeAudioFrame(Uint8Array.from(data));
      if (!decoded.ok) throw new Error(`a frame that is ${decoded.fault}`);
      const { frame } = decoded;
      if ((down.frames & 0xffff) !== frame.seq) throw new Error(`frame ${down.frames} came as ${frame.seq}`);
      down.frames += 1;
      const item = frame.epoch === 0 ? undefined : items.findLast((one) => one.epoch === frame.epoch);
      if (item && frame.epoch === epoch) {
        item.receivedMs += samplesToMs(frame.samples.length);
        item.isLast ||= (frame.flags & FLAG_LAST) !== 0;
        heard.push(frame.samples);
      }
    } else {
      const read = readMessage(RelayMessage, data.toString());
      if (!read.ok) throw new Error(`a message that is wrong at ${read.at}`);
      if (!UNCOUNTED.has(read.message.type)) down.messages += 1;
      messages.push(read.message);
      obey(read.message);
    }
    look();
  }

  /** What an ear and a sound card do: a tick of time passes. */
  function live(): void {
    const passedMs = performance.now() - tickedAt;
    tickedAt += passedMs;
    if (!isStarted || !isGreeted || socket?.readyState !== WebSocket.OPEN) return;
    ticks += 1;
    let budget = passedMs * SPEED;
    for (const item of items) {
      if (item.epoch !== epoch || item.isDrained || !isGateOpen) continue;
      const part = Math.min(budget, item.receivedMs - item.playedMs);
      item.playedMs += part;
      budget -= part;
      const isTold = ticks % PLAYOUT_TICKS === 0 || item.playedMs >= item.receivedMs;
      if (part > 0 && isTold) send({ type: 'playout', epoch, item: item.item, playedMs: item.playedMs });
      if (!item.isLast || item.playedMs < item.receivedMs) break;
      item.isDrained = true;
      send({ type: 'playout.drained', epoch, item: item.item });
    }
    const got = down.messages + down.frames;
    if (ticks % ACK_TICKS > 0 || got === acked) return;
    acked = got;
    transmit(JSON.stringify({ type: 'ack', ...down }));
  }
  const timer = setInterval(live, TICK_MS);

  const page: ReturningPage = {
    messages,
    heard,
    closes,
    get session() {
      return session;
    },
    get secret() {
      return secret;
    },
    get epoch() {
      return epoch;
    },
    get socket() {
      return socket;
    },
    get isOpen() {
      return socket?.readyState === WebSocket.OPEN;
    },
    async connect(url, { back = 'no', headers } = {}) {
      const counts = back === 'with-counts' ? `.${down.messages}.${down.frames}.${epoch}` : '';
      const offers = back === 'no' ? [] : [`resume.${session}.${secret}${counts}`];
      const fresh = new WebSocket(url, ['vjj.1', `token.${await token()}`, ...offers], {
        ...{ origin, perMessageDeflate: false },
        ...(headers && { headers }),
      });
      socket = fresh;
      isGreeted = false;
      const before = messages.length;
      fresh.on('message', (data: RawData, isBinary: boolean) => {
        if (socket === fresh) came(data as Buffer, isBinary);
      });
      fresh.on('close', (code) => {
        closes.push({ code, atMs: performance.now() });
        look();
      });
      await new Promise<void>((resolve, reject) => {
        fresh.once('open', resolve);
        fresh.once('error', reject);
      });
      fresh.on('error', () => undefined);
      await page.until(
        () =>
          fresh.readyState !== WebSocket.OPEN ||
          messages.slice(before).some(({ type }) => type === 'session.created' || type === 'session.resumed'),
      );
    },
    start() {
      isStarted = true;
      send({ type: 'session.start', turn: 'auto', locale: 'en' });
      // A microphone that is open, and silent.
      frame(new Int16Array(FRAME_SAMPLES), 0);
    },
    async say(samples) {
      const utterance = `u${(utterances += 1)}`;
      send({ type: 'user.onset', utterance, epoch, level: -24, paused: false });
      const began = performance.now();
      const frames = Math.ceil(samples.length / FRAME_SAMPLES);
      for (let at = 0; at < frames + PAUSE_FRAMES; at += 1) {
        const part = new Int16Array(FRAME_SAMPLES);
        part.set(samples.subarray(at * FRAME_SAMPLES, (at + 1) * FRAME_SAMPLES));
        if (at === frames) send({ type: 'user.offset', utterance });
        frame(part, at < frames ? FLAG_SPEECH : 0);
        const aheadMs = (at + 1) * TICK_MS - (performance.now() - began);
        if (aheadMs > 0) await new Promise((resolve) => setTimeout(resolve, aheadMs));
      }
    },
    send,
    async ask(text) {
      const from = messages.length;
      send({ type: 'user.text', text });
      const later = () => messages.slice(from);
      await page.until(() => later().some((one) => one.type === 'turn.ended' && one.outcome === 'answered'), 60_000);
      return later()
        .flatMap((one) => (one.type === 'transcript.done' && one.role === 'agent' ? [one.text] : []))
        .join(' ');
    },
    all: <T extends RelayMessage['type']>(type: T) => messages.filter((one): one is Of<T> => one.type === type),
    async received(type, fits = () => true, withinMs = 30_000) {
      await page.until(() => page.all(type).some(fits), withinMs);
      return page.all(type).find(fits)!;
    },
    until(condition, withinMs = 30_000) {
      return new Promise((resolve, reject) => {
        const late = setTimeout(() => {
          waiting.delete(check);
          const last = messages.slice(-8).map(({ type }) => type);
          reject(
            new Error(
              `nothing came of it in ${withinMs} ms; last: ${last.join(', ')}; closes: ${closes.map(({ code }) => code).join()}`,
            ),
          );
        }, withinMs);
        const check = () => {
          if (!condition()) return;
          clearTimeout(late);
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      });
    },
    token,
    cut: () => socket?.terminate(),
    leave() {
      clearInterval(timer);
      socket?.terminate();
    },
  };
  return page;
}
