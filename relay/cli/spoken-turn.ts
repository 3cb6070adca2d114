/**
 * One spoken turn as a page has it, from a recorded question to the last sample of the answer, for whoever wants to know
 * whether a relay works. It plays nothing: an ear that keeps time says what would have been heard.
 */
import { WebSocket } from 'ws';
import {
  FLAG_LAST,
  FLAG_SPEECH,
  FRAME_MS,
  FRAME_SAMPLES,
  RATE_HZ,
  RelayMessage,
  decodeAudioFrame,
  encodeAudioFrame,
  readMessage,
  samplesToMs,
  type WidgetMessage,
} from '#wire';
import { loadBank } from '../emulator/voice/bank.ts';
import { resample } from '../emulator/voice/resample.ts';

const QUESTION = 'What are your opening hours?';
/** Said before and after the question, so that its beginning and its end can be heard. */
const SILENCE_MS = 400;
const REPORT_EVERY_MS = 100;

export interface SpokenTurn {
  /** From the end of the question to the first sound of the answer, in milliseconds. */
  firstSoundMs: number;
  /** How long the answer was. */
  answerMs: number;
  /** Words of the answer; empty where the provider gave none. */
  text: string;
}

async function recordedQuestion(): Promise<Int16Array> {
  const bank = await loadBank();
  const recording = bank.find('user', QUESTION);
  if (recording === undefined) throw new Error('the recorded question is not in the phrase bank');
  return resample(bank.samplesOf(recording), bank.rateHz, RATE_HZ);
}

/** @throws {Error} with what went wrong in words; the socket is closed in any case. */
export async function spokenTurn(where: {
  /** ws(s) URL of the door. */
  url: string;
  token: string;
  origin: string;
  signal: AbortSignal;
}): Promise<SpokenTurn> {
  const question = await recordedQuestion();
  const socket = new WebSocket(where.url, ['vjj.1', `token.${where.token}`], {
    ...{ origin: where.origin, perMessageDeflate: false },
  });
  const timers = new Set<NodeJS.Timeout>();
  try {
    return await new Promise<SpokenTurn>((resolve, reject) => {
      converse(socket, question, timers, resolve, reject);
      where.signal.addEventListener('abort', () => reject(new Error('no answer in time')), { once: true });
    });
  } finally {
    for (const timer of timers) clearInterval(timer);
    if (socket.readyState === WebSocket.OPEN) socket.send('{"type":"session.end"}');
    socket.close();
  }
}

function converse(
  socket: WebSocket,
  question: Int16Array,
  timers: Set<NodeJS.Timeout>,
  resolve: (turn: SpokenTurn) => void,
  reject: (error: Error) => void,
): void {
  const tell = (message: WidgetMessage) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  };
  let askedAt = 0;
  let heardAt: number | null = null;
  let item: { id: string; epoch: number } | null = null;
  let receivedMs = 0;
  let isWhole = false;
  let text = '';
  let seq = 0;

  function every(ms: number, work: (stop: () => void) => void): void {
    const timer = setInterval(() => work(() => clearInterval(timer)), ms);
    timers.add(timer);
  }

  /** Frame after frame in their own time, with quiet before and after. */
  function ask(): void {
    const quiet = (SILENCE_MS * RATE_HZ) / 1000;
    const all = new Int16Array(quiet + question.length + quiet * 4);
    all.set(question, quiet);
    let at = 0;
    let isSpeaking = false;
    every(FRAME_MS, (stop) => {
      const speaks = at >= quiet && at < quiet + question.length;
      if (speaks && !isSpeaking) tell({ type: 'user.onset', utterance: 'smoke', epoch: 1, level: -20, paused: false });
      if (!speaks && isSpeaking) {
        askedAt = performance.now();
        tell({ type: 'user.offset', utterance: 'smoke', ms: samplesToMs(question.length) });
      }
      isSpeaking = speaks;
      const samples = new Int16Array(FRAME_SAMPLES);
      samples.set(all.subarray(at, at + FRAME_SAMPLES));
      const flags = speaks ? FLAG_SPEECH : 0;
      if (socket.readyState === WebSocket.OPEN)
        socket.send(encodeAudioFrame({ epoch: 0, seq: seq++ & 0xffff, lane: 'mic', flags, samples }));
      at += FRAME_SAMPLES;
      if (at >= all.length) stop();
    });
  }

  /** An ear that hears as fast as sound goes. */
  function listen(): void {
    every(REPORT_EVERY_MS, (stop) => {
      if (item === null || heardAt === null) return;
      const playedMs = Math.min(receivedMs, performance.now() - heardAt);
      tell({ type: 'playout', epoch: item.epoch, item: item.id, playedMs });
      if (!isWhole || playedMs < receivedMs) return;
      tell({ type: 'playout.drained', epoch: item.epoch, item: item.id });
      stop();
    });
  }

  socket.on('message', (data: Buffer, isBinary: boolean) => {
    if (isBinary) {
      const decoded = decodeAudioFrame(data);
      if (!decoded.ok || decoded.frame.epoch === 0 || decoded.frame.lane !== 'B') return;
      if (heardAt === null) {
        heardAt = performance.now();
        listen();
      }
      receivedMs += samplesToMs(decoded.frame.samples.length);
      isWhole ||= (decoded.frame.flags & FLAG_LAST) !== 0;
      return;
    }
    const read = readMessage(RelayMessage, data.toString());
    if (!read.ok) return;
    const { message } = read;
    switch (message.type) {
      case 'session.created':
        tell({ type: 'session.start', turn: 'auto' });
        return;
      case 'provider.changed':
        if (message.up && seq === 0) ask();
        return;
      case 'item.started':
        item ??= { id: message.item, epoch: message.epoch };
        return;
      case 'transcript.done':
        if (message.role === 'agent') text = message.text;
        return;
      case 'clip.play':
        tell({ type: 'clip.ended', epoch: message.epoch, clip: message.clip });
        return;
      case 'turn.ended':
        if (message.outcome !== 'answered' || heardAt === null)
          reject(new Error(`the question was ${message.outcome}, with ${Math.round(receivedMs)} ms of an answer`));
        else resolve({ firstSoundMs: heardAt - askedAt, answerMs: receivedMs, text });
        return;
      case 'error':
        reject(new Error(`${message.code}: ${message.message}`));
        return;
      default:
    }
  });
  socket.once('error', (error) => reject(new Error(`the socket failed: ${error.message}`)));
  socket.once('close', (code, reason) => reject(new Error(`closed with ${code} ${reason.toString()}`.trim())));
}
