/**
 * A whole relay for attacks: its own configuration, store, emulator and sockets, on a free port,
 * with two tenants that were made through its own API. What is measured is measured from outside:
 * answers, the server's connections, the process's sockets, and every line it wrote.
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { readConfig } from '../../config.ts';
import { createLog } from '../../log.ts';
import { startRelay, type Relay, type StartOptions } from '../../start.ts';
import { claimsFor, hs256, jws } from './forge.ts';

export const ADMIN = 'operator-canary-0123456789abcdef';

/** What a request got. */
export interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  text: string;
  /** As rows of the table show it: `403 origin-refused`. */
  outcome: string;
}

/** One tenant with everything an attacker would like to have. */
export interface Victim {
  id: string;
  slug: string;
  origin: string;
  publishableKey: string;
  /** API key of an admin. */
  apiKey: string;
  /** Of the key that is called `backend`. */
  secret: Buffer;
  /** Private halves of `backend-rs`, `backend-es` and `backend-ed`. */
  keys: Record<'rs' | 'es' | 'ed', { privateKey: KeyObject; publicKey: KeyObject }>;
  /** A token that is good once, for its own page. */
  token(over?: Record<string, unknown>): string;
}

export interface Target {
  relay: Relay;
  port: number;
  dir: string;
  /** Lines of the log. */
  logged: string[];
  acme: Victim;
  globex: Victim;
  /** @param as - Bearer token. */
  ask(
    method: string,
    path: string,
    request?: { as?: string | undefined; body?: unknown; headers?: http.OutgoingHttpHeaders },
  ): Promise<Answer>;
  /** The JSON of an answer of the API to the operator. */
  manage<T = Record<string, string>>(method: string, path: string, body?: unknown): Promise<T>;
  /** Sockets and conversations beyond those that were there before the first attack. */
  left(): Promise<{ sockets: number; sessions: number }>;
  end(): Promise<void>;
}

/** RSA keys take long to make: both tenants have the same, which tells their other keys apart all the more. */
const RSA = generateKeyPairSync('rsa', { modulusLength: 2048 });

export async function relayUnderAttack(
  options: { env?: Record<string, string>; start?: Partial<StartOptions>; tenants?: boolean } = {},
): Promise<Target> {
  const dir = mkdtempSync(join(tmpdir(), 'vjj-attack-'));
  const staticRoot = join(dir, 'dist');
  mkdirSync(join(staticRoot, 'demo'), { recursive: true });
  writeFileSync(join(staticRoot, 'demo', 'index.html'), '<!doctype html><title>Demo</title>');
  writeFileSync(join(staticRoot, 'voice-jib-jab.js'), 'export {};');
  const config = readConfig({
    ...{ PORT: '0', HOST: '127.0.0.1', DATA_DIR: join(dir, 'data'), LOG_LEVEL: 'debug', ADMIN_TOKEN: ADMIN },
    ...{ RATE_LIMIT_MAX_REQUESTS: '1000000' },
    ...options.env,
  });
  const logged: string[] = [];
  const log = createLog({ level: 'debug', destination: { write: (line: string) => void logged.push(line) } });
  const relay = await startRelay(config, { log, staticRoot, ...options.start });
  const { port } = relay;

  const ask: Target['ask'] = (method, path, { as, body, headers = {} } = {}) =>
    new Promise((resolve) => {
      const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
      const sent = {
        ...(as !== undefined && { authorization: `Bearer ${as}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(text !== undefined && !('transfer-encoding' in headers) && { 'content-length': Buffer.byteLength(text) }),
        ...headers,
      };
      const asked = http.request({ host: '127.0.0.1', port, method, path, headers: sent, agent: false }, (answer) => {
        let got = '';
        answer.setEncoding('utf8').on('data', (piece: string) => (got += piece));
        answer.on('end', () => {
          const code = /"code":"([\w-]+)"/.exec(got)?.[1];
          const status = answer.statusCode ?? 0;
          resolve({ status, headers: answer.headers, text: got, outcome: [status, code].join(' ').trim() });
        });
      });
      // Where a relay answers before it has read everything, the answer may be lost with the connection.
      asked.on('error', () => resolve({ status: 0, headers: {}, text: '', outcome: 'cut' }));
      asked.end(text);
    });
  async function manage<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await ask(method, `/api/admin${path}`, { as: ADMIN, body });
    if (answer.status === 0 || answer.status >= 300)
      throw new Error(`${method} ${path}: ${answer.outcome} ${answer.text}`);
    return (answer.text === '' ? undefined : JSON.parse(answer.text)) as T;
  }

  async function victim(slug: string): Promise<Victim> {
    const origin = `https://${slug}.example`;
    const origins = [origin, `https://*.wild.${slug}.example`, `https://${slug}.example:8443`];
    const made = await manage<{ id: string; publishableKey: string }>('POST', '/tenants', {
      name: slug,
      slug,
      origins,
    });
    const at = `/tenants/${made.id}`;
    await manage('PUT', `${at}/limits`, {
      ...{ connectsPerMinute: 100_000, requestsPerMinute: 100_000, concurrentSessions: 1_000 },
    });
    const secret = Buffer.from(`${slug} backend secret canary `.padEnd(40, '.'));
    const keys = {
      rs: RSA,
      es: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
      ed: generateKeyPairSync('ed25519'),
    };
    await manage('POST', `${at}/signing-keys`, {
      ...{ kind: 'secret', name: 'Backend', kid: 'backend', secret: secret.toString('base64url') },
    });
    for (const kind of ['rs', 'es', 'ed'] as const)
      await manage('POST', `${at}/signing-keys`, {
        ...{ kind: 'jwk', name: kind, kid: `backend-${kind}`, jwk: keys[kind].publicKey.export({ format: 'jwk' }) },
      });
    const apiKey = await manage<{ secret: string }>('POST', `${at}/api-keys`, { name: 'Attacker', role: 'admin' });
    return {
      ...{ id: made.id, slug, origin, publishableKey: made.publishableKey, apiKey: apiKey.secret, secret, keys },
      token: (over) => jws({ alg: 'HS256', kid: 'backend' }, { ...claimsFor(made.id, origin), ...over }, hs256(secret)),
    };
  }
  const none = {} as Victim;
  const isFilled = options.tenants !== false;
  const [acme, globex] = isFilled ? [await victim('acme'), await victim('globex')] : [none, none];

  const handles = () => process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;
  const before = handles();
  return {
    ...{ relay, port, dir, logged, acme, globex, ask, manage },
    async left() {
      const sockets = Math.max(await relay.connections(), handles() - before);
      return { sockets, sessions: relay.sessions() };
    },
    async end() {
      await relay.stop(0);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

export interface Knock {
  token?: string | undefined;
  origin?: string | undefined;
  path?: string;
  headers?: Record<string, string>;
  /** `none`: the token is not sent at all. */
  via?: 'subprotocol' | 'message' | 'none';
}

/**
 * Knocks at the door as a page would.
 *
 * @returns `in`, a close code, or `http` and a status. Who was let in has left when it resolves.
 */
export function knock({ port }: Pick<Target, 'port'>, request: Knock): Promise<string> {
  const { token = '', origin, path = '/ws', headers = {}, via = 'subprotocol' } = request;
  const offered = ['vjj.1', ...(via === 'subprotocol' ? [`token.${token}`] : [])];
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, offered, {
    headers: { ...(origin !== undefined && { origin: Buffer.from(origin).toString('latin1') }), ...headers },
    perMessageDeflate: false,
  });
  return new Promise((resolve) => {
    let outcome = '';
    socket.on('unexpected-response', (_request, response) => {
      outcome = `http ${response.statusCode ?? 0}`;
      response.resume();
      socket.terminate();
    });
    socket.on('error', () => undefined);
    socket.on('open', () => {
      if (via === 'message') socket.send(JSON.stringify({ type: 'auth', token }));
    });
    socket.on('message', (data: Buffer) => {
      if (!data.toString().includes('"session.created"')) return;
      outcome = 'in';
      socket.send('{"type":"session.end"}');
    });
    socket.on('close', (code) => resolve(outcome === '' ? String(code) : outcome));
  });
}

/** A token that the relay signed itself, as any page of that tenant gets one. */
export async function ownToken(target: Target, { publishableKey, origin }: Victim): Promise<string> {
  const answer = await target.ask('POST', '/api/token', { body: { tenant: publishableKey }, headers: { origin } });
  return (JSON.parse(answer.text) as { token: string }).token;
}
