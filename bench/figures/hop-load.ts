/**
 * Pages that talk without a pause, in a process of their own: 20 ms frames up, stamped, and what comes down is read, played by an ear and
 * acknowledged as the widget does. To a bare proxy they are sockets with the same frames. Told over IPC what to do; see {@link LoadOrder}.
 */
import { WebSocket } from 'ws';
import { FLAG_SPEECH, type AudioFrame } from '#wire';
import { createEar } from '../load/ear.ts';
import { createPageLink } from '../load/page-link.ts';
import { fetchToken } from '../load/tokens.ts';
import { wrap } from './base64-leg.mjs';
import { FRAME_BYTES, nowUs, readStamp, tone, writeStamp } from './stamp.ts';
import { createTicker } from './ticker.ts';

export interface Target {
  name: string;
  /** `base64`: a relay whose browser leg is JSON. */
  kind: 'relay' | 'base64' | 'plain';
  /** ws URL. */
  url: string;
  /** Of a relay, for its tokens. */
  origin: string;
}
export type LoadOrder =
  | { do: 'connect'; target: Target; sessions: number; isStarted?: boolean }
  /** `overMs`: those who begin do so evenly over this time; at once when absent. */
  | { do: 'talk'; name: string; isTalking: boolean; overMs?: number }
  | { do: 'leave'; name: string }
  | { do: 'take' };

/** What was seen since the last time, in microseconds where the name says so. */
export interface Seen {
  /** From a frame's leaving the provider, or the next one's where the relay kept it back for that, to its arrival. */
  downUs: number[];
  /** From a frame's own leaving, with what the relay kept it back on purpose. */
  wholeUs: number[];
  /** The relay's own share of a first byte. */
  shareUs: number[];
  framesUp: number;
  framesDown: number;
  bytesDown: number;
  closed: number;
  lateMs: number[];
}

const HEADER_BYTES = 8;
/** Handshakes of a ramp are this far apart. */
const RAMP_MS = 15;

interface Talker {
  isTalking(): boolean;
  talk(isTalking: boolean): void;
  leave(): void;
}

const ticker = createTicker();
const groups = new Map<string, Talker[]>();
let seen: Seen = empty();

function empty(): Seen {
  const figures = { downUs: [], wholeUs: [], shareUs: [], lateMs: [] };
  return { ...figures, framesUp: 0, framesDown: 0, bytesDown: 0, closed: 0 };
}

function microphone(put: (frame: Buffer) => void): Pick<Talker, 'talk' | 'isTalking'> {
  const frame = Buffer.concat([Buffer.alloc(HEADER_BYTES), tone()]);
  frame[7] = FLAG_SPEECH;
  let stop: (() => void) | null = null;
  return {
    isTalking: () => stop !== null,
    talk(isTalking) {
      if (isTalking === (stop !== null)) return;
      stop?.();
      stop = null;
      if (!isTalking) return;
      stop = ticker.add(() => {
        writeStamp(frame, HEADER_BYTES);
        put(frame);
        seen.framesUp += 1;
      });
    },
  };
}

async function plainTalker({ url }: Target): Promise<Talker> {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  socket.on('error', () => undefined);
  socket.on('close', () => (seen.closed += 1));
  socket.on('message', (data: Buffer) => {
    const stamp = readStamp(data, HEADER_BYTES);
    if (stamp) {
      const tookUs = nowUs() - stamp.sentUs;
      seen.downUs.push(tookUs);
      seen.wholeUs.push(tookUs);
    }
    seen.framesDown += 1;
    seen.bytesDown += data.length;
  });
  // `ws` copies what it masks.
  const sender = microphone((frame) => socket.send(frame));
  return {
    ...sender,
    leave() {
      sender.talk(false);
      socket.terminate();
    },
  };
}

async function relayTalker({ kind, url, origin }: Target, isStarted: boolean): Promise<Talker> {
  /** Of the same item. */
  let before: { arrivedUs: number } | null = null;
  const sound = ({ samples }: AudioFrame) => {
    const arrivedUs = nowUs();
    const bytes = Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength);
    seen.framesDown += bytes.length / FRAME_BYTES;
    seen.bytesDown += bytes.length;
    for (let at = 0; at + FRAME_BYTES <= bytes.length; at += FRAME_BYTES) {
      const stamp = readStamp(bytes, at);
      if (stamp === null) continue;
      seen.wholeUs.push(arrivedUs - stamp.sentUs);
      // This one's leaving was what let the one before go.
      if (before !== null) seen.downUs.push(Math.max(0, before.arrivedUs - stamp.sentUs));
      else seen.shareUs.push(arrivedUs - stamp.sentUs + stamp.note);
      before = { arrivedUs };
    }
  };
  let onUp = () => undefined as void;
  const up = new Promise<void>((resolve) => (onUp = resolve));
  const ear = createEar({
    now: () => performance.now(),
    later(ms, call) {
      const timer = setTimeout(call, ms);
      return () => clearTimeout(timer);
    },
    send: (message) => link.send(message),
    onFirst: () => undefined,
    onClip: () => undefined,
    onUnderrun: () => undefined,
  });
  const link = createPageLink({
    ...{ url, origin },
    ...(kind === 'base64' && { dress: (socket: WebSocket) => wrap(socket) }),
    onMessage(message) {
      ear.message(message);
      if (message.type === 'item.started') before = null;
      if (message.type === 'provider.changed' && message.up) onUp();
    },
    onFrame(frame) {
      sound(frame);
      ear.frame(frame);
    },
    onEnd() {
      seen.closed += 1;
      sender.talk(false);
      ear.stop();
    },
  });
  const sender = microphone((frame) => link.frame(Buffer.from(frame)));
  const token = await fetchToken(origin, { tenant: 'pk_demo', origin });
  await link.open(token, ear.epoch);
  if (isStarted) {
    link.send({ type: 'session.start', turn: 'auto', locale: 'en-GB' });
    await up;
  }
  return {
    ...sender,
    leave() {
      sender.talk(false);
      link.end();
    },
  };
}

async function connect({ target, sessions, isStarted = true }: Extract<LoadOrder, { do: 'connect' }>): Promise<void> {
  const group = groups.get(target.name) ?? [];
  groups.set(target.name, group);
  const arriving: Promise<unknown>[] = [];
  for (let count = group.length; count < sessions; count++) {
    const one = target.kind === 'plain' ? plainTalker(target) : relayTalker(target, isStarted);
    arriving.push(one.then((talker) => group.push(talker)));
    await new Promise((resolve) => setTimeout(resolve, RAMP_MS));
  }
  await Promise.all(arriving);
}

/** Who talks already goes on. */
async function talk({ name, isTalking, overMs = 0 }: Extract<LoadOrder, { do: 'talk' }>): Promise<void> {
  const changing = (groups.get(name) ?? []).filter((talker) => talker.isTalking() !== isTalking);
  for (const talker of changing) {
    talker.talk(isTalking);
    if (overMs > 0) await new Promise((resolve) => setTimeout(resolve, overMs / changing.length));
  }
}

async function obey(order: LoadOrder): Promise<unknown> {
  switch (order.do) {
    case 'connect':
      await connect(order);
      return {};
    case 'talk':
      await talk(order);
      return {};
    case 'leave':
      for (const talker of groups.get(order.name) ?? []) talker.leave();
      groups.delete(order.name);
      return {};
    case 'take': {
      const taken = { ...seen, lateMs: ticker.takeLateness() };
      seen = empty();
      return taken;
    }
    default:
      return order satisfies never;
  }
}

process.on('message', (order: LoadOrder) => {
  obey(order).then(
    (answer) => process.send?.({ answer }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
process.send?.({});
