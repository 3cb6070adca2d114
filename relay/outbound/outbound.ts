/**
 * Requests to addresses that somebody else chose: key sets and webhooks of tenants. Every name is
 * resolved here, every address it has is judged, and only a judged address is dialled, so that no
 * name can lead into the relay's own network, also not one that changes its mind between two
 * look-ups. No redirects, one deadline for everything, and a bound on what is read. Knows nothing
 * of what is asked.
 */
import { lookup as systemLookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { Agent, buildConnector, errors, request as send } from 'undici';
import { createAddressGuard } from './address-guard.ts';

const HTTPS_PORT = 443;
/** Most of one answer's header lines. */
const MAX_HEADER_BYTES = 16 * 1024;
/** An idle connection is kept this long for the next request. */
const KEEP_ALIVE_MS = 4_000;
const CONNECTIONS_PER_ORIGIN = 8;

export type OutboundFault =
  /** Not dialled: scheme, port, user name, or no URL at all. */
  | 'url-refused'
  /** Not dialled: the name leads, or may lead, to an address that is not public. */
  | 'address-refused'
  | 'name-unknown'
  | 'unreachable'
  | 'timeout'
  | 'too-large';

/** `message` names neither the URL nor an address: both may hold what is not ours to repeat. */
export class OutboundError extends Error {
  override readonly name = 'OutboundError';
  readonly code: OutboundFault;
  constructor(code: OutboundFault, options?: { cause?: unknown }) {
    super(`outbound request failed: ${code}`, options);
    this.code = code;
  }
}

export interface OutboundRequest {
  method?: 'GET' | 'POST';
  headers?: Record<string, string>;
  body?: string;
  /** A longer answer is given up. */
  maxBytes: number;
  /** For all of it: look-up, connection, answer. */
  timeoutMs: number;
}

export interface OutboundAnswer {
  /** Also 3xx: redirects are answers here and lead nowhere. */
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}

export interface Outbound {
  /** @throws {OutboundError} for everything but an answer. */
  request(url: string, request: OutboundRequest): Promise<OutboundAnswer>;
  /** Whether {@link request} would try at all, before any look-up. */
  accepts(url: string): boolean;
  close(): Promise<void>;
}

export interface OutboundOptions {
  /** Networks as `address/bits` that may be dialled although they are not public; there any port is open. */
  allowCidrs?: readonly string[];
  /** Lets `http:` in, but only to networks of {@link allowCidrs}. */
  allowHttp?: boolean;
  /** All addresses of a name; the system's resolver by default. */
  lookup?: (name: string) => Promise<readonly string[]>;
  /** Certificate authority to trust instead of the system's. */
  ca?: string;
}

interface Judged {
  addresses: string[];
  isOpened: boolean;
}

export function createOutbound(options: OutboundOptions = {}): Outbound {
  const { allowCidrs = [], allowHttp = false, lookup = resolveBySystem, ca } = options;
  const guard = createAddressGuard(allowCidrs);
  const agent = new Agent({
    connect: (to, done) => {
      connect(to, done).catch((error: unknown) => done(error as Error, null));
    },
    connections: CONNECTIONS_PER_ORIGIN,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
  });

  /** Every address of the host, when all of them may be dialled. */
  async function judge(host: string): Promise<Judged> {
    const addresses = isIP(host) === 0 ? [...(await lookup(host))] : [host];
    const verdicts = addresses.map(guard);
    if (addresses.length === 0) throw new OutboundError('name-unknown');
    // One refused address refuses the name: which of them is dialled is not the name's to choose.
    if (verdicts.includes('refused')) throw new OutboundError('address-refused');
    return { addresses, isOpened: verdicts.every((verdict) => verdict === 'opened') };
  }

  async function connect(to: buildConnector.Options, done: buildConnector.Callback): Promise<void> {
    const { addresses, isOpened } = await judge(to.hostname);
    const isHttps = to.protocol === 'https:';
    if (!isOpened && (!isHttps || Number(to.port || HTTPS_PORT) !== HTTPS_PORT)) throw new OutboundError('url-refused');
    buildConnector({ lookup: onlyThese(addresses), ...(ca !== undefined && { ca }) })(to, done);
  }

  /** What can be told without asking anybody. */
  function read(text: string): URL | undefined {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined || url.username !== '' || url.password !== '') return undefined;
    if (url.protocol !== 'https:' && !(url.protocol === 'http:' && allowHttp)) return undefined;
    const isStandard = url.protocol === 'https:' && url.port === '';
    return isStandard || allowCidrs.length > 0 ? url : undefined;
  }

  return {
    accepts(text) {
      const url = read(text);
      const host = url?.hostname.replace(/^\[|\]$/g, '') ?? '';
      return url !== undefined && (isIP(host) === 0 || guard(host) !== 'refused');
    },
    async request(text, { method = 'GET', headers = {}, body, maxBytes, timeoutMs }) {
      const url = read(text);
      if (url === undefined) throw new OutboundError('url-refused');
      const deadline = AbortSignal.timeout(timeoutMs);
      try {
        // Judged before anything is dialled: an open connection to this host is no reason to use it
        // when the name has come to mean another place.
        await within(deadline, judge(url.hostname.replace(/^\[|\]$/g, '')));
        const answer = await send(url, {
          dispatcher: agent,
          method,
          headers: { 'accept-encoding': 'identity', ...headers },
          ...(body !== undefined && { body }),
          signal: deadline,
        });
        return { status: answer.statusCode, headers: answer.headers, body: await readAll(answer.body, maxBytes) };
      } catch (error) {
        throw faultOf(error, deadline);
      }
    },
    close: () => agent.destroy(),
  };
}

async function readAll(body: AsyncIterable<unknown> & { destroy(): unknown }, maxBytes: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of body as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > maxBytes) {
      body.destroy();
      throw new OutboundError('too-large');
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** The one look-up that a connection gets: what was judged, whatever is asked. */
function onlyThese(addresses: readonly string[]): LookupFunction {
  const all = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_name, { all: isAll }, done) => {
    const first = all[0];
    if (isAll === true) done(null, all);
    else done(null, first?.address ?? '', first?.family);
  };
}

async function resolveBySystem(name: string): Promise<string[]> {
  const found = await systemLookup(name, { all: true, verbatim: true });
  return found.map(({ address }) => address);
}

async function within<T>(deadline: AbortSignal, work: Promise<T>): Promise<T> {
  let stop: () => void = () => undefined;
  const late = new Promise<never>((_, reject) => {
    stop = () => reject(new OutboundError('timeout'));
    deadline.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    deadline.removeEventListener('abort', stop);
  }
}

const NO_SUCH_NAME = new Set(['ENOTFOUND', 'EAI_AGAIN', 'ENODATA', 'EAI_NODATA']);

function faultOf(error: unknown, deadline: AbortSignal): OutboundError {
  if (error instanceof OutboundError) return error;
  if (deadline.aborted) return new OutboundError('timeout', { cause: error });
  if (error instanceof errors.ConnectTimeoutError) return new OutboundError('timeout', { cause: error });
  const { code } = error as { code?: string };
  return new OutboundError(code !== undefined && NO_SUCH_NAME.has(code) ? 'name-unknown' : 'unreachable', {
    cause: error,
  });
}
