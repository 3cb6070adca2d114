/**
 * An OpenAI Realtime server (GA dialect) of our own: stricter than the real one, without a key and
 * without a network. This file owns the listener and the sockets; each socket gets a session.
 */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { systemClock, type Clock } from '../clock.ts';
import { createEar } from './ear/ear.ts';
import { FaultKnobs } from './faults.ts';
import { answerHttp, targetOf } from './http-routes.ts';
import { FATAL, ProtocolError, errorEvent, isKnownModel, newId } from './protocol.ts';
import { RealtimeSession, type SessionReport } from './realtime-session.ts';
import { OWN_RULES, readRules } from './rules.ts';
import { Secrets } from './secrets.ts';
import type { VadDefaults } from './session-config.ts';
import type { Ear, Voice } from './speech.ts';
import { createVoice } from './voice/voice.ts';

const PING_MS = 20_000;
/** Pings that may go unanswered before the socket is cut. */
const MISSED_PINGS = 3;
/** An append of 15 MiB in base64, and its envelope. */
const MAX_MESSAGE_BYTES = 24 * 1024 * 1024;
/** Ended sessions that can still be looked at. */
const KEPT_SESSIONS = 20;
/** Of these, the newest that keep their sound: a few megabytes each. */
const KEPT_SOUNDS = 4;
/** Open sessions of which all sound is kept that is promised, the newest; a hundred of them would take a gigabyte. */
const WHOLE_SESSIONS = 8;
const DEFAULT_PACE = 6;

export interface EmulatorOptions {
  /** 0, the default, takes any free port. */
  port?: number;
  /** The address to listen on; 127.0.0.1 unless given. */
  host?: string;
  /** Path of a rule file; the emulator's own unless given. */
  rules?: string | URL;
  /** Knobs as they stand in the README's table. */
  faults?: Record<string, unknown>;
  vad?: VadDefaults;
  /** How much faster than it plays sound is sent; 6 unless given. */
  pace?: number;
  /** The only key to be accepted; without it any key is, and none. */
  requireKey?: string;
  clock?: Clock;
  /** For tests, and for those who have a better voice or ear. */
  voice?: Voice;
  ear?: Ear;
}

export interface Emulator {
  /** What clients take as base URL: `http://127.0.0.1:PORT/v1`. */
  url: string;
  port: number;
  faults: FaultKnobs;
  /** What every session received and remembers; those that ended stay for a while. */
  sessions: () => SessionReport[];
  /** Closes every socket and the listener. */
  close: () => Promise<void>;
}

/** @throws {Error} when the rule file or a fault is wrong, or the port is taken. */
export async function startEmulator(options: EmulatorOptions = {}): Promise<Emulator> {
  const { port = 0, host = '127.0.0.1', clock = systemClock, vad = {}, pace = DEFAULT_PACE, requireKey } = options;
  const faults = new FaultKnobs();
  faults.set(options.faults ?? {});
  const [rules, voice, ear] = await Promise.all([
    readRules(options.rules ?? OWN_RULES),
    options.voice ?? createVoice(),
    options.ear ?? createEar(),
  ]);
  const secrets = new Secrets(requireKey, clock, vad);
  const sessions: RealtimeSession[] = [];
  const http = createServer((request, response) => {
    void answerHttp(request, response, { clock, faults, rules, secrets, sessions: () => sessions });
  });
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has('realtime') ? 'realtime' : false),
  });

  function refuse(socket: WebSocket, code: keyof typeof FATAL): void {
    const { close, message } = FATAL[code];
    socket.send(JSON.stringify({ event_id: newId('event'), ...errorEvent(new ProtocolError(code, message), null) }));
    socket.close(close, `invalid_request_error.${code}`);
  }

  function accept(socket: WebSocket, request: IncomingMessage): void {
    socket.on('error', () => socket.terminate());
    const key = keyOf(request);
    const secret = secrets.sessionOf(key)?.['model'];
    const model = targetOf(request).searchParams.get('model') ?? secret;
    if (!secrets.isAccepted(key)) {
      refuse(socket, 'invalid_api_key');
      return;
    }
    if (isBeta(request)) {
      refuse(socket, 'beta_api_shape_disabled');
      return;
    }
    if (typeof model !== 'string' || model === '') {
      refuse(socket, 'missing_model');
      return;
    }
    if (!isKnownModel(model)) {
      refuse(socket, 'model_not_found');
      return;
    }
    const session = new RealtimeSession(
      {
        send: (text) => socket.send(text),
        close: (code, reason) => socket.close(code, reason),
        cut: () => socket.terminate(),
      },
      model,
      { clock, voice, ear, rules, faults, vad, pace },
      secrets.sessionOf(key),
    );
    sessions.push(session);
    for (const old of sessions.filter(({ isOver }) => !isOver).slice(0, -WHOLE_SESSIONS)) old.keepLittle();
    const stopPings = keepAlive(socket, clock);
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      if (isBinary) session.receiveBinary();
      else session.receive(data.toString('utf8'));
    });
    socket.on('close', (code, reason) => {
      stopPings();
      session.end(code, reason.toString('utf8'));
      const ended = sessions.filter(({ isOver }) => isOver);
      for (const old of ended.slice(0, -KEPT_SOUNDS)) old.forgetSound();
      for (const old of ended.slice(0, -KEPT_SESSIONS)) sessions.splice(sessions.indexOf(old), 1);
    });
  }

  http.on('upgrade', (request, stream: Duplex, head) => {
    stream.on('error', () => stream.destroy());
    if (targetOf(request).pathname !== '/v1/realtime') {
      stream.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, stream, head, (socket) => accept(socket, request));
  });

  await new Promise<void>((listening, failed) => {
    http.once('error', failed);
    http.listen(port, host, () => {
      http.off('error', failed);
      listening();
    });
  });
  const { port: boundPort } = http.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${boundPort}/v1`,
    port: boundPort,
    faults,
    sessions: () => sessions.map((session) => session.report()),
    close: async () => {
      for (const socket of sockets.clients) socket.terminate();
      const closed = new Promise<void>((done) => http.close(() => done()));
      http.closeAllConnections();
      await closed;
      for (const session of sessions) session.end(1006, '');
    },
  };
}

/** The key from `Authorization`, or from the subprotocol that browsers use instead. */
function keyOf(request: IncomingMessage): string | null {
  const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
  const prefix = 'openai-insecure-api-key.';
  return (
    bearer ??
    protocolsOf(request)
      .find((name) => name.startsWith(prefix))
      ?.slice(prefix.length) ??
    null
  );
}

function isBeta(request: IncomingMessage): boolean {
  const header = request.headers['openai-beta'];
  return (
    String(header ?? '').includes('realtime=') || protocolsOf(request).some((name) => name.startsWith('openai-beta.'))
  );
}

function protocolsOf(request: IncomingMessage): string[] {
  return (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
}

/** Pings, and cuts a peer that has stopped to answer. @returns what stops it. */
function keepAlive(socket: WebSocket, clock: Clock): () => void {
  let missed = 0;
  let stop = (): void => undefined;
  const ping = (): void => {
    missed += 1;
    if (missed > MISSED_PINGS) socket.terminate();
    else {
      socket.ping();
      stop = clock.wakeAt(clock.now() + PING_MS, ping);
    }
  };
  stop = clock.wakeAt(clock.now() + PING_MS, ping);
  socket.on('pong', () => (missed = 0));
  return () => stop();
}
