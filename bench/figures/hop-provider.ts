/**
 * The other end of the hop, in a process of its own: speaks just enough of the realtime protocol for the relay to hold a session, stamps
 * every frame that it sends and reads the stamps of those that come. Sound goes both ways at real-time pace as long as sound comes in.
 * To a bare proxy it speaks in binary frames, as the page would. Below `/ahead/` it sends as models do: a quarter of a second of sound a
 * message, twice as fast as it is heard. Told over IPC: `take` gives what was seen since.
 *
 *     … hop-provider [KEY.pem CERTIFICATE.pem]
 */
import { readFileSync } from 'node:fs';
import http, { type RequestListener } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import { FRAME_BYTES, STAMP_BYTES, STAMP_CHARS, nowUs, readStamp, tone, writeStamp } from './stamp.ts';
import { FRAME_MS, createTicker } from './ticker.ts';

const HEADER_BYTES = 8;
const APPEND = '{"type":"input_audio_buffer.append","audio":"';
/** Without sound from below for this long there is none from above either. */
const QUIET_MS = 300;
/** One answer; then the next turn is committed. */
const ANSWER_MS = 25_000;
const AFTER_ANSWER_MS = 800;
/** As models send: so many frames a message, so much faster than it is heard; and shorter, so that there are many. */
const AHEAD_FRAMES = 12;
const AHEAD_PACE = 2;
const AHEAD_ANSWER_MS = 4_000;
/** An answer's words come about as fast as they are said. */
const WORD_EVERY_FRAMES = 16;
const WORDS = ['This is what ', 'the stopwatch says ', 'to every question ', 'that it is asked. '];

const ticker = createTicker();
const soundTail = tone().subarray(STAMP_BYTES).toString('base64');
const FRAME_CHARS = (FRAME_BYTES / 3) * 4;
const silentFrames = tone().toString('base64').repeat(AHEAD_FRAMES);
const stampBytes = Buffer.alloc(STAMP_BYTES);
let upUs: number[] = [];
let framesUp = 0;
let framesDown = 0;
let sessions = 0;
let ids = 0;

function stamped(note: number): string {
  stampBytes.fill(0);
  writeStamp(stampBytes, 0, note);
  return stampBytes.toString('base64') + soundTail;
}

/** Frames that nobody packs: what a proxy passes on. */
function plainFrames(socket: WebSocket): (data: Buffer) => void {
  const frame = Buffer.concat([Buffer.alloc(HEADER_BYTES), tone()]);
  let heardAt = 0;
  let stop: (() => void) | null = null;
  socket.on('close', () => stop?.());
  return (data) => {
    const stamp = readStamp(data, HEADER_BYTES);
    if (stamp) upUs.push(nowUs() - stamp.sentUs);
    framesUp += 1;
    heardAt = performance.now();
    stop ??= ticker.add(() => {
      if (performance.now() - heardAt > QUIET_MS) {
        stop?.();
        stop = null;
        return;
      }
      framesDown += 1;
      writeStamp(frame, HEADER_BYTES);
      socket.send(frame);
    });
  };
}

/** A session of the realtime protocol. */
function modelSession(socket: WebSocket, isAhead: boolean): (text: string) => void {
  const send = (event: object) => socket.send(JSON.stringify({ event_id: `event_${ids++}`, ...event }));
  let heardAt = 0;
  let restUntil = 0;
  let stop: (() => void) | null = null;
  let isAnswering = false;
  let committedUs = 0;
  send({ type: 'session.created', session: { id: 'sess_bench', object: 'realtime.session', type: 'realtime' } });
  socket.on('close', () => stop?.());

  function commit(): void {
    isAnswering = true;
    const id = `item_${ids++}`;
    const content = [{ type: 'input_audio', transcript: null }];
    const item = { id, object: 'realtime.item', type: 'message', role: 'user', status: 'completed', content };
    send({ type: 'input_audio_buffer.speech_started', audio_start_ms: 0, item_id: id });
    send({ type: 'input_audio_buffer.speech_stopped', audio_end_ms: 330, item_id: id });
    send({ type: 'conversation.item.added', previous_item_id: null, item });
    send({ type: 'conversation.item.done', previous_item_id: null, item });
    committedUs = nowUs();
    send({ type: 'input_audio_buffer.committed', previous_item_id: null, item_id: id });
    const at = { item_id: id, content_index: 0 };
    const usage = { type: 'duration', seconds: 1 };
    send({
      type: 'conversation.item.input_audio_transcription.completed',
      ...at,
      transcript: 'What does the stopwatch say?',
      usage,
    });
  }

  function answer(isOutOfBand: boolean, metadata: unknown): void {
    const shareUs = nowUs() - committedUs;
    const response = {
      ...{ id: `resp_${ids++}`, object: 'realtime.response', status: 'in_progress', output: [] as unknown[] },
      ...{ metadata: metadata ?? null, usage: null as unknown },
    };
    const item = {
      ...{ id: `item_${ids++}`, object: 'realtime.item', type: 'message', role: 'assistant', status: 'in_progress' },
      content: [] as unknown[],
    };
    const at = { response_id: response.id, item_id: item.id, output_index: 0, content_index: 0 };
    const head = `{"type":"response.output_audio.delta","response_id":"${response.id}","item_id":"${item.id}","output_index":0,"content_index":0,"event_id":"event_`;
    let said = '';
    let frames = 0;
    send({ type: 'response.created', response });
    send({ type: 'response.output_item.added', response_id: response.id, output_index: 0, item });
    if (!isOutOfBand) send({ type: 'conversation.item.added', previous_item_id: null, item });
    send({ type: 'response.content_part.added', ...at, part: { type: 'audio', transcript: '' } });
    const words = () => {
      const delta = WORDS[(frames / WORD_EVERY_FRAMES) % WORDS.length] ?? '';
      said += delta;
      send({ type: 'response.output_audio_transcript.delta', ...at, delta });
    };
    const sound = (count: number) => {
      for (let i = 0; i < count; i++, frames++) if (frames % WORD_EVERY_FRAMES === 0) words();
      // Frames of a multiple of three bytes: base64 of one after the other is base64 of all.
      socket.send(`${head}${ids++}","delta":"${stamped(shareUs)}${silentFrames.slice(0, (count - 1) * FRAME_CHARS)}"}`);
    };
    const finish = () => {
      send({ type: 'response.output_audio.done', ...at });
      send({ type: 'response.output_audio_transcript.done', ...at, transcript: said });
      const done = { ...item, status: 'completed', content: [{ type: 'output_audio', transcript: said }] };
      if (!isOutOfBand) send({ type: 'conversation.item.done', previous_item_id: null, item: done });
      send({ type: 'response.output_item.done', response_id: response.id, output_index: 0, item: done });
      const usage = { total_tokens: 30, input_tokens: 10, output_tokens: 20 };
      send({ type: 'response.done', response: { ...response, status: 'completed', output: [done], usage } });
    };
    if (isOutOfBand) {
      sound(AHEAD_FRAMES);
      sound(AHEAD_FRAMES);
      finish();
      return;
    }
    // The first two at once: the relay keeps the newest 20 ms of an answer that is still coming.
    const most = isAhead ? AHEAD_ANSWER_MS : ANSWER_MS;
    const beganAt = performance.now();
    if (isAhead) sound(AHEAD_FRAMES);
    else {
      sound(1);
      sound(1);
    }
    framesDown += frames;
    stop = ticker.add(() => {
      const isHeard = performance.now() - heardAt <= QUIET_MS;
      if (isHeard && frames * FRAME_MS < most) {
        const dueMs = isAhead ? (performance.now() - beganAt) * AHEAD_PACE : Infinity;
        if (frames * FRAME_MS > dueMs) return;
        const count = isAhead ? AHEAD_FRAMES : 1;
        framesDown += count;
        sound(count);
        return;
      }
      stop?.();
      stop = null;
      finish();
      const unheardMs = Math.max(0, frames * FRAME_MS - (performance.now() - beganAt));
      restUntil = performance.now() + (isAhead ? unheardMs : 0) + AFTER_ANSWER_MS;
      isAnswering = false;
    });
  }

  return (text) => {
    if (text.startsWith(APPEND)) {
      const stamp = readStamp(Buffer.from(text.slice(APPEND.length, APPEND.length + STAMP_CHARS), 'base64'), 0);
      if (stamp) upUs.push(nowUs() - stamp.sentUs);
      framesUp += 1;
      heardAt = performance.now();
      if (!isAnswering && heardAt > restUntil) commit();
      return;
    }
    const event = JSON.parse(text) as {
      type: string;
      session?: object;
      response?: { conversation?: string; metadata?: unknown };
    };
    if (event.type === 'session.update') {
      const session = { id: 'sess_bench', object: 'realtime.session', ...event.session };
      send({ type: 'session.updated', session });
    } else if (event.type === 'response.create') {
      answer(event.response?.conversation === 'none', event.response?.metadata);
    }
  };
}

/** Beside the socket only what policy asks: nothing that is said here is forbidden. */
const clean: RequestListener = (request, response) => {
  request.resume().on('end', () => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const results = [{ flagged: false, categories: {}, category_scores: {} }];
    response.end(JSON.stringify({ id: 'modr', model: 'none', results }));
  });
};

async function serve(server: http.Server | https.Server): Promise<number> {
  // As a provider does: whoever asks about policy every second keeps its connections.
  server.keepAliveTimeout = 60_000;
  const sockets = new WebSocketServer({ server, perMessageDeflate: false, maxPayload: 1 << 20 });
  sockets.on('connection', (socket, request) => {
    sessions += 1;
    socket.on('close', () => (sessions -= 1));
    socket.on('error', () => undefined);
    if (request.url?.includes('realtime') === true) {
      const hear = modelSession(socket, request.url.includes('/ahead/'));
      socket.on('message', (data: Buffer) => hear(data.toString('latin1')));
    } else {
      const hear = plainFrames(socket);
      socket.on('message', (data: Buffer) => hear(data));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

const [key, certificate] = process.argv.slice(2);
const plain = await serve(http.createServer(clean));
const tls =
  key === undefined || certificate === undefined
    ? null
    : await serve(https.createServer({ key: readFileSync(key), cert: readFileSync(certificate) }, clean));

process.on('message', (message) => {
  if (message !== 'take') return;
  process.send?.({ upUs, framesUp, framesDown, sessions, lateMs: ticker.takeLateness() });
  upUs = [];
  framesUp = framesDown = 0;
});
process.on('disconnect', () => process.exit(0));
process.send?.({ plain, tls, frameBytes: FRAME_BYTES });
