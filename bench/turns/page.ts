/**
 * The page of one conversation: a real socket to the relay on one side, the widget's worklet in its
 * stand-in audio thread and the room on the other, and the way between them as long as the plan says.
 * It passes on what the widget's main thread passes on, one render quantum at a time, and keeps what
 * happened. All time is the virtual clock, which goes on only when the network is quiet.
 */
import { WebSocket, type RawData } from 'ws';
import {
  CLIP_EPOCH,
  FLAG_LAST,
  FLAG_SPEECH,
  RelayMessage,
  decodeAudioFrame,
  encodeAudioFrame,
  readMessage,
  type AudioFrame,
  type WidgetMessage,
} from '#wire';
import { ClipIntake } from '../../widget/audio/clip-intake.ts';
import type { FromCapture, FromPlayback } from '../../widget/audio/worklet-messages.ts';
import type { VirtualClock } from '../../relay/testing/virtual-clock.ts';
import { QUANTUM, QUANTUM_MS, startAudioThread } from './audio-thread.ts';
import { networkQuiet } from './quiet-network.ts';
import { createRoom, type Room } from './room.ts';
import { SampleRecord, keepIn } from './sample-record.ts';
import type { Plan } from './scenario.ts';

/** From the gate to the ear, as a browser tells it. */
const OUTPUT_LATENCY_MS = 20;
/** Samples of the wire's rate in one quantum. */
const RENDERED = QUANTUM / 2;

/** Something that happened, in the conversation's milliseconds. */
export type Happened =
  | { atMs: number; is: 'said'; message: RelayMessage }
  | { atMs: number; is: 'delivered'; message: RelayMessage }
  | { atMs: number; is: 'frame'; epoch: number; samples: number }
  | { atMs: number; is: 'onset'; epoch: number; paused: boolean; level: number };

export interface Page {
  readonly room: Room;
  readonly record: SampleRecord;
  readonly happened: readonly Happened[];
  readonly nowMs: number;
  /** The relay's messages of a type, so far. */
  said<T extends RelayMessage['type']>(type: T): Extract<RelayMessage, { type: T }>[];
  send(message: WidgetMessage): void;
  /** One render quantum passes. */
  quantum(): Promise<void>;
  /** Time passes until `condition` holds, at most `longestMs`. @returns whether it does. */
  until(condition: () => boolean, longestMs: number): Promise<boolean>;
  pass(ms: number): Promise<void>;
  close(): Promise<void>;
}

export async function openPage(url: string, token: string, plan: Plan, clock: VirtualClock): Promise<Page> {
  const thread = await startAudioThread();
  const room = createRoom(plan);
  const record = new SampleRecord();
  keepIn(record);
  const happened: Happened[] = [];
  const startedAt = clock.now();
  const now = () => clock.now() - startedAt;
  const down: { dueMs: number; message: RelayMessage | null; frame: AudioFrame | null }[] = [];
  const up: { dueMs: number; data: string | Uint8Array }[] = [];
  let played: Float32Array = new Float32Array(QUANTUM);
  let epoch = 0;
  let seq = 0;
  const clips = new ClipIntake((clip, samples) => thread.toPlayback({ type: 'clip', clip, samples }));

  const socket = new WebSocket(url, ['vjj.1', `token.${token}`], { perMessageDeflate: false });
  socket.on('error', () => undefined);
  socket.on('message', (data: RawData, isBinary: boolean) => {
    const bytes = data as Buffer;
    const dueMs = now() + plan.latencyMs;
    if (isBinary) {
      const decoded = decodeAudioFrame(Uint8Array.from(bytes));
      if (!decoded.ok) throw new Error(`the relay sent a frame that is ${decoded.fault}`);
      const { frame } = decoded;
      if (frame.epoch !== CLIP_EPOCH) {
        happened.push({ atMs: now(), is: 'frame', epoch: frame.epoch, samples: frame.samples.length });
      }
      down.push({ dueMs, message: null, frame });
      return;
    }
    const read = readMessage(RelayMessage, bytes.toString());
    if (!read.ok) throw new Error(`the relay sent a message that is wrong at ${read.at}`);
    happened.push({ atMs: now(), is: 'said', message: read.message });
    down.push({ dueMs, message: read.message, frame: null });
  });
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });

  const send = (message: WidgetMessage): void => {
    up.push({ dueMs: now() + plan.latencyMs, data: JSON.stringify(message) });
  };

  function deliver(message: RelayMessage): void {
    happened.push({ atMs: now(), is: 'delivered', message });
    switch (message.type) {
      case 'session.created': {
        const { echoLevelDb, echoGuardMs, transitionGapMs } = message.knobs;
        ({ epoch } = message);
        thread.toCapture({ type: 'knobs', echoLevelDb, echoGuardMs });
        thread.toPlayback({ type: 'knobs', epoch, transitionGapMs });
        thread.toPlayback({ type: 'latency', latencyMs: OUTPUT_LATENCY_MS });
        break;
      }
      case 'item.started':
        record.announced(message.item, message.response, message.epoch, message.fromMs);
        thread.toPlayback(message);
        break;
      case 'clip.play':
        record.clipPlayed(message.lane);
        thread.toPlayback(message);
        break;
      case 'gate.open':
      case 'gate.close':
        ({ epoch } = message);
        thread.toPlayback(message);
        break;
      case 'gate.pause':
      case 'gate.resume':
      case 'lane.admit':
        thread.toPlayback(message);
        break;
      case 'clip.added':
        clips.announce(message.clip);
        break;
      default:
    }
  }

  function arrived({ epoch: of, lane, flags, samples }: AudioFrame): void {
    const isLast = (flags & FLAG_LAST) !== 0;
    if (of === CLIP_EPOCH) clips.push(samples, isLast);
    else thread.toPlayback({ type: 'frame', epoch: of, lane, isLast, samples });
  }

  function heard(message: FromCapture | FromPlayback): void {
    switch (message.type) {
      case 'frame': {
        const { buffer, length, speaking } = message;
        const flags = speaking ? FLAG_SPEECH : 0;
        const data = encodeAudioFrame({ epoch, seq, lane: 'mic', flags, samples: buffer.slice(0, length) });
        seq = (seq + 1) & 0xffff;
        up.push({ dueMs: now() + plan.latencyMs, data });
        thread.toCapture({ type: 'recycle', buffer });
        break;
      }
      case 'onset': {
        const { utterance, epoch: of, level, paused } = message;
        happened.push({ atMs: now(), is: 'onset', epoch: of, paused, level });
        send({ type: 'user.onset', utterance, epoch: of, level, paused });
        break;
      }
      case 'louder': {
        const { utterance, epoch: of, level } = message;
        send({ type: 'user.onset', utterance, epoch: of, level, paused: false });
        break;
      }
      case 'offset':
        send({ type: 'user.offset', utterance: message.utterance, ms: message.ms });
        break;
      case 'playout':
        send(message);
        break;
      case 'drained':
        send({ type: 'playout.drained', epoch: message.epoch, item: message.item });
        break;
      case 'clip.ended':
        send({ type: 'clip.ended', epoch: message.epoch, clip: message.clip });
        break;
      case 'pausable':
      case 'silent':
        break;
      default:
        message satisfies never;
    }
  }

  const page: Page = {
    room,
    record,
    happened,
    get nowMs() {
      return now();
    },
    said: <T extends RelayMessage['type']>(type: T) =>
      happened
        .filter((one): one is Extract<Happened, { is: 'said' }> => one.is === 'said')
        .map(({ message }) => message)
        .filter((message): message is Extract<RelayMessage, { type: T }> => message.type === type),
    send,
    async quantum() {
      for (let next = down[0]; next !== undefined && next.dueMs <= now(); next = down[0]) {
        down.shift();
        if (next.message !== null) deliver(next.message);
        if (next.frame !== null) arrived(next.frame);
      }
      record.begin(thread.frame);
      played = thread.run(room.hear(played));
      record.end(RENDERED);
      clock.advance(QUANTUM_MS);
      for (const message of thread.said()) heard(message);
      for (let next = up[0]; next !== undefined && next.dueMs <= now(); next = up[0]) {
        up.shift();
        socket.send(next.data);
      }
      await networkQuiet();
    },
    async until(condition, longestMs) {
      const end = now() + longestMs;
      while (!condition() && now() < end && socket.readyState === WebSocket.OPEN) await page.quantum();
      return condition();
    },
    async pass(ms) {
      await page.until(() => false, ms);
    },
    async close() {
      socket.send(JSON.stringify({ type: 'session.end' } satisfies WidgetMessage));
      await closed;
    },
  };
  return page;
}
