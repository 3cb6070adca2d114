/**
 * Whether a deployment works, asked from outside as a page would: health, status, socket, token, one whole spoken turn.
 * Each check is a line with what it took, or with what is wrong and what to do. It changes nothing but one conversation.
 */
import { WebSocket } from 'ws';
import { spokenTurn } from './spoken-turn.ts';

/** How soon `/api/status` must answer, in milliseconds. */
export const STATUS_WITHIN_MS = 500;
const ANSWER_WITHIN_MS = 10_000;
const TURN_WITHIN_MS = 60_000;

export interface SmokeOptions {
  /** http(s) origin, without a slash at the end. */
  url: string;
  /** Publishable key. */
  tenant: string;
  /** Of the page that is pretended. */
  origin: string;
  healthPath: string;
  print: (line: string) => void;
}

interface Check {
  name: string;
  /** @returns what was seen, for the line. */
  run: () => Promise<string>;
  remedy: string;
}

/** @returns whether all is well. A check that fails ends it: those after it lean on it. */
export async function smoke(options: SmokeOptions): Promise<boolean> {
  const { url, print } = options;
  let token = '';
  const checks: Check[] = [
    {
      name: 'ready',
      run: async () => `${(await answer(`${url}${options.healthPath}`)).status}`,
      remedy: 'is the relay running, and does the load balancer lead to it? Its log says why it is not ready',
    },
    {
      name: 'status',
      async run() {
        // The first request pays for name, connection and TLS.
        await answer(`${url}/api/status`);
        const from = performance.now();
        const status = (await (await answer(`${url}/api/status`)).json()) as { version?: string; provider?: string };
        const tookMs = performance.now() - from;
        if (tookMs > STATUS_WITHIN_MS) throw new Error(`${Math.round(tookMs)} ms, more than ${STATUS_WITHIN_MS}`);
        return `version ${status.version ?? '?'}, provider ${status.provider ?? '?'}`;
      },
      remedy: 'look at the processor and at the event loop: docs/operations/capacity.md',
    },
    {
      name: 'socket',
      run: () => pong(socketUrl(url)),
      remedy: 'does whatever stands before the relay pass on WebSockets (Upgrade and Connection headers)?',
    },
    {
      name: 'token',
      async run() {
        const response = await answer(`${url}/api/token`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', origin: options.origin },
          body: JSON.stringify({ tenant: options.tenant }),
        });
        const made = (await response.json()) as { token: string; expiresIn: number };
        token = made.token;
        return `for ${made.expiresIn} s`;
      },
      remedy: `give a publishable key with --tenant and one of its allowed origins with --origin (was ${options.origin})`,
    },
    {
      name: 'spoken turn',
      async run() {
        const signal = AbortSignal.timeout(TURN_WITHIN_MS);
        const turn = await spokenTurn({ url: socketUrl(url), token, origin: options.origin, signal });
        return `first sound after ${Math.round(turn.firstSoundMs)} ms, ${(turn.answerMs / 1000).toFixed(1)} s: ${turn.text}`;
      },
      remedy: "the provider's key, its account and its status page; the relay's log names the provider's code",
    },
  ];
  for (const { name, run, remedy } of checks) {
    const from = performance.now();
    try {
      const seen = await run();
      print(`  ok  ${name.padEnd(12)} ${String(Math.round(performance.now() - from)).padStart(6)} ms  ${seen}`);
    } catch (error) {
      print(`FAIL  ${name.padEnd(12)} ${(error as Error).message}`);
      print(`      ${remedy}`);
      return false;
    }
  }
  print('All is well.');
  return true;
}

const socketUrl = (url: string) => `${url.replace(/^http/, 'ws')}/ws`;

async function answer(url: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { ...init, redirect: 'error', signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
  } catch (error) {
    const { cause, name } = error as { cause?: { code?: string }; name?: string };
    throw new Error(name === 'TimeoutError' ? 'no answer in time' : `no answer (${cause?.code ?? 'no connection'})`, {
      cause: error,
    });
  }
  if (response.ok) return response;
  const problem = (await response.json().catch(() => ({}))) as { code?: string; detail?: string };
  throw new Error([`HTTP ${response.status}`, problem.code, problem.detail].filter(Boolean).join(', '));
}

/** A socket before any token: it may be asked whether it is there. */
function pong(url: string): Promise<string> {
  const socket = new WebSocket(url, ['vjj.1'], { perMessageDeflate: false, handshakeTimeout: ANSWER_WITHIN_MS });
  return new Promise<string>((resolve, reject) => {
    socket.once('open', () => socket.send('{"type":"ping"}'));
    socket.once('message', (data: Buffer) => {
      if (data.toString() === '{"type":"pong"}') resolve('pong');
      else reject(new Error('something else than a pong came back'));
    });
    socket.once('unexpected-response', (_request, { statusCode }) => reject(new Error(`HTTP ${statusCode ?? '?'}`)));
    socket.once('close', (code) => reject(new Error(`closed with ${code}`)));
    socket.once('error', (error) => reject(error));
  }).finally(() => socket.terminate());
}
