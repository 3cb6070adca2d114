/**
 * Passes a raw upgrade request on to the instance that has its conversation, and then bytes both
 * ways: nothing of what is said is read here. Both sockets always have an error listener and exactly
 * one end. Until the other instance answers, the caller's socket is untouched, so that whoever asked
 * can still do something else with it.
 */
import type { IncomingMessage } from 'node:http';
import { connect, isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, TLSSocket } from 'node:tls';
import type { Clock } from '../clock.ts';
import type { Owner } from '../shared-state/ownership.ts';
import { FELLOW_HEADER, type FellowHeader } from './fellow-header.ts';

/** Of a machine that vanished without a word, the system learns by asking; in milliseconds. */
const KEEP_ALIVE_MS = 10_000;

export interface PassOnLimits {
  /** Until the other instance's socket is open. */
  connectMs: number;
  /** From then to its first byte; together shorter than the caller's own handshake may take, so that there is time for something else. */
  firstByteMs: number;
  /** Connections that are passed on at once. */
  most: number;
  /** Bytes that may wait in each direction of each of them before its sender is held up. */
  bufferBytes: number;
  /** A connection on which nothing moves is cut. Longer than two heartbeats. */
  idleMs: number;
  /** When one side has ended, the other has this long. */
  lastWordsMs: number;
}

export const PASS_ON_DEFAULTS: PassOnLimits = {
  connectMs: 1_000,
  firstByteMs: 3_500,
  most: 2_000,
  bufferBytes: 64 * 1024,
  idleMs: 90_000,
  lastWordsMs: 10_000,
};

export interface Passing {
  owner: Owner;
  /** The conversation that is asked for. */
  session: string;
  request: Pick<IncomingMessage, 'method' | 'url' | 'httpVersion' | 'rawHeaders' | 'headers'>;
  socket: Duplex;
  head: Buffer;
  /** The caller's, as this instance knows it. */
  address: string;
  /** Ends the waiting for an answer. */
  signal?: AbortSignal;
}

export type Passed =
  /** The owner answered: the socket is nobody else's business any more. */
  | 'passed'
  /** It did not answer; the socket is as it was. */
  | 'dead'
  /** Too many are passed on already; the socket is as it was. */
  | 'full'
  /** The caller went away. */
  | 'gone';

export interface PassOn {
  pass(passing: Passing): Promise<Passed>;
  /** Connections passed on now, those still waiting for their answer included. */
  readonly live: number;
  /** Of those that are answered: cuts all, each at a moment of its own within `spreadMs`. @returns when none is left. */
  cut(spreadMs: number): Promise<void>;
}

export function createPassOn(options: {
  clock: Clock;
  header: FellowHeader;
  limits?: Partial<PassOnLimits>;
  /** In [0, 1). */
  random?: () => number;
  onProblem?: (problem: { owner: Owner; code: string }) => void;
}): PassOn {
  const { clock, header, random = Math.random, onProblem = () => undefined } = options;
  const limits = { ...PASS_ON_DEFAULTS, ...options.limits };
  const live = new Set<() => void>();
  const answered = new Map<() => void, Promise<void>>();

  async function pass({ owner, session, request, socket, head, address, signal }: Passing): Promise<Passed> {
    const target = URL.canParse(owner.url) ? new URL(owner.url) : null;
    if (!target) {
      onProblem({ owner, code: 'bad-url' });
      return 'dead';
    }
    if (live.size >= limits.most) return 'full';
    if (socket.destroyed || signal?.aborted === true) return 'gone';
    const upstream = open(target, limits.bufferBytes);
    const abandon = () => void upstream.destroy();
    live.add(abandon);
    upstream.once('close', () => live.delete(abandon));
    const outcome = await firstByte(upstream, socket, signal, () => {
      const key = request.headers['sec-websocket-key'] ?? '';
      const signed = header.sign({ session, to: owner.instance, key }, address);
      // As the parser read it: a header may hold any byte.
      upstream.write(headOf(request, signed), 'latin1');
      if (head.length > 0) upstream.write(head);
    });
    if (outcome !== 'passed') {
      upstream.destroy();
      if (outcome === 'dead') onProblem({ owner, code: 'no-answer' });
      return outcome;
    }
    join(upstream, socket);
    return 'passed';
  }

  /** Waits for the answer without taking a byte of it. */
  function firstByte(
    upstream: Socket,
    socket: Duplex,
    signal: AbortSignal | undefined,
    onOpen: () => void,
  ): Promise<Exclude<Passed, 'full'>> {
    return new Promise((resolve) => {
      let cancel = clock.wakeAt(clock.now() + limits.connectMs, () => end('dead'));
      const end = (outcome: Exclude<Passed, 'full'>) => {
        cancel();
        upstream.off('readable', readable).off('close', dead);
        socket.off('close', gone);
        signal?.removeEventListener('abort', gone);
        resolve(outcome);
      };
      const readable = () => {
        // The end is readable, too.
        if (upstream.readableLength > 0) end('passed');
      };
      const dead = () => end('dead');
      const gone = () => end('gone');
      upstream.on('error', () => upstream.destroy());
      upstream.once('close', dead);
      socket.once('close', gone);
      signal?.addEventListener('abort', gone);
      upstream.once(upstream instanceof TLSSocket ? 'secureConnect' : 'connect', () => {
        cancel();
        cancel = clock.wakeAt(clock.now() + limits.firstByteMs, () => end('dead'));
        upstream.on('readable', readable);
        upstream.once('end', dead);
        onOpen();
      });
    });
  }

  function join(upstream: Socket, socket: Duplex): void {
    let cancelLast = () => undefined as void;
    const cut = () => {
      upstream.destroy();
      socket.destroy();
    };
    const last = () => {
      cancelLast();
      cancelLast = clock.wakeAt(clock.now() + limits.lastWordsMs, cut);
    };
    const closed = Promise.all(
      [upstream, socket].map(
        (side) =>
          new Promise<void>((resolve) => {
            side.on('error', cut);
            side.once('end', last);
            side.once('close', () => {
              cut();
              resolve();
            });
          }),
      ),
    ).then(() => {
      cancelLast();
      answered.delete(cut);
    });
    answered.set(cut, closed);
    if (upstream.destroyed || socket.destroyed) {
      cut();
      return;
    }
    upstream.setTimeout(limits.idleMs, cut);
    // Each holds up the other: no more than one buffer waits on either side.
    upstream.pipe(socket);
    socket.pipe(upstream);
  }

  return {
    pass,
    get live() {
      return live.size;
    },
    async cut(spreadMs) {
      const all = [...answered];
      const cancels = all.map(([cut]) => clock.wakeAt(clock.now() + random() * spreadMs, cut));
      await Promise.all(all.map(([, closed]) => closed));
      for (const cancel of cancels) cancel();
    },
  };
}

function open(target: URL, highWaterMark: number): Socket {
  const host = target.hostname.replace(/^\[|\]$/g, '');
  const isTls = target.protocol === 'https:';
  const port = Number(target.port || (isTls ? 443 : 80));
  const at = { host, port, allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS };
  const buffered = { ...at, highWaterMark };
  return isTls
    ? connectTls({ ...buffered, ...(isIP(host) === 0 && { servername: host }), ALPNProtocols: ['http/1.1'] })
    : connect(buffered);
}

/** The request as it came, with what a stranger may have written of fellows taken out. */
function headOf({ method, url, httpVersion, rawHeaders }: Passing['request'], signed: string): string {
  const lines = [`${method ?? 'GET'} ${url ?? '/'} HTTP/${httpVersion}`];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    if (name.toLowerCase() !== FELLOW_HEADER) lines.push(`${name}: ${rawHeaders[i + 1] ?? ''}`);
  }
  lines.push(`${FELLOW_HEADER}: ${signed}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}
