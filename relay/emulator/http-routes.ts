/**
 * The emulator over plain HTTP: OpenAI's three routes that clients of Realtime use, and its own
 * routes to look inside and to make things go wrong. Knows sockets only by their reports.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../clock.ts';
import { FAULTS, isFaultName, type FaultKnobs } from './faults.ts';
import { soundOf } from './items.ts';
import { moderate } from './moderation.ts';
import { pcmBytes } from './pcm.ts';
import { MODELS, ProtocolError, isKnownModel, isObject, type Fields } from './protocol.ts';
import type { RealtimeSession } from './realtime-session.ts';
import type { Rules } from './rules.ts';
import type { Secrets } from './secrets.ts';

const MAX_BODY_BYTES = 1024 * 1024;

export interface RouteDeps {
  clock: Clock;
  faults: FaultKnobs;
  rules: Rules;
  secrets: Secrets;
  /** Newest last; those that ended stay for a while. */
  sessions: () => readonly RealtimeSession[];
}

class HttpError extends Error {
  readonly status: number;
  readonly body: Fields;

  constructor(status: number, code: string, message: string, param: string | null = null) {
    super(message);
    this.status = status;
    this.body = { error: { message, type: 'invalid_request_error', param, code } };
  }
}

/** What a request asks for; a target that is no URL is taken for nothing that is here. */
export function targetOf({ url = '/' }: IncomingMessage): URL {
  const target = `http://emulator${url}`;
  return new URL(URL.canParse(target) ? target : 'http://emulator/none');
}

/** Answers one request. Never rejects. */
export async function answerHttp(request: IncomingMessage, response: ServerResponse, deps: RouteDeps): Promise<void> {
  try {
    const { pathname } = targetOf(request);
    const answer = await route(`${request.method ?? 'GET'} ${pathname}`, request, deps);
    if (answer instanceof Buffer) {
      response
        .writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': answer.length })
        .end(answer);
    } else sendJson(response, 200, answer);
  } catch (error) {
    if (error instanceof HttpError) sendJson(response, error.status, error.body);
    else if (error instanceof ProtocolError || error instanceof RangeError) {
      const { code, param } = error instanceof ProtocolError ? error : { code: 'invalid_value', param: null };
      sendJson(response, 400, new HttpError(400, code, error.message, param).body);
    } else sendJson(response, 500, new HttpError(500, 'server_error', 'The emulator failed.').body);
  }
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function route(call: string, request: IncomingMessage, deps: RouteDeps): Promise<unknown> {
  const { secrets, faults, sessions } = deps;
  const parts = call.split('/');
  const isOpenAi = parts[1] === 'v1';
  if (isOpenAi && !secrets.isAccepted(bearer(request))) {
    throw new HttpError(401, 'invalid_api_key', 'Incorrect API key provided.');
  }
  switch (call) {
    case 'GET /v1/models':
      return { object: 'list', data: MODELS.map((id) => model(id, deps.clock)) };
    case 'POST /v1/realtime/client_secrets':
      return secrets.create(await bodyOf(request));
    case 'POST /v1/moderations':
      return moderate(await bodyOf(request), deps.rules);
    case 'GET /emulator/state':
      return { sessions: sessions().map((session) => session.report()) };
    case 'GET /emulator/faults':
      return described(faults);
    case 'POST /emulator/faults':
      faults.set(await bodyOf(request));
      return described(faults);
    case 'DELETE /emulator/faults':
      faults.clear();
      return described(faults);
    case 'GET /':
    case 'GET /health':
      return { status: 'ok', realtime: '/v1/realtime', state: '/emulator/state', faults: '/emulator/faults' };
  }
  const [, , resource, id = '', what, itemId] = parts;
  if (call.startsWith('GET /v1/models/') && isKnownModel(id)) return model(id, deps.clock);
  if (call.startsWith('DELETE /emulator/faults/') && isFaultName(id)) {
    faults.clear(id);
    return described(faults);
  }
  if (call.startsWith('GET /emulator/sessions/') && resource === 'sessions') return sound(sessions(), id, what, itemId);
  throw new HttpError(404, 'not_found', `There is nothing at ${call}.`);
}

/** `sessions/ID/audio` is what the client said, `sessions/ID/items/ITEM` what one item holds; `latest` is an ID. */
function sound(all: readonly RealtimeSession[], id: string, what?: string, itemId?: string): Buffer {
  const session = id === 'latest' ? all.at(-1) : all.find((candidate) => candidate.id === id);
  if (session === undefined) throw new HttpError(404, 'not_found', `There is no session '${id}'.`);
  if (what === 'audio') return pcmBytes(session.recentAudio());
  const item = what === 'items' && itemId !== undefined ? session.item(itemId) : undefined;
  if (item === undefined) throw new HttpError(404, 'not_found', 'A session has "audio" and "items/ID".');
  return pcmBytes(soundOf(item));
}

function bearer(request: IncomingMessage): string | null {
  return /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? null;
}

async function bodyOf(request: IncomingMessage): Promise<Fields> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new HttpError(413, 'too_large', 'The body is too large.');
    chunks.push(chunk);
  }
  let body: unknown;
  try {
    body = chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw new HttpError(400, 'invalid_json', 'We could not parse the JSON body of your request.');
  }
  if (!isObject(body)) throw new HttpError(400, 'invalid_type', 'The body is not a JSON object.');
  return body;
}

function model(id: string, clock: Clock): Fields {
  return { id, object: 'model', created: Math.floor(clock.wallNow() / 1000), owned_by: 'voice-jib-jab-emulator' };
}

function described(faults: FaultKnobs): Fields {
  const knobs = Object.entries(FAULTS).map(([name, { takes, does }]) => [name, { takes, does }] as const);
  return { faults: faults.current, knobs: Object.fromEntries(knobs) };
}
