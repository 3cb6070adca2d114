/**
 * The door: `GET /ws` from the first byte to an admitted socket. It is our own `upgrade` listener
 * because no timeout of the HTTP server applies after that event: every socket here has a
 * deadline, an error listener and exactly one owner until it is closed.
 *
 * What is wrong before anybody is known (path, header, flood, deadline) is refused over HTTP;
 * what is wrong with the caller (token, tenant, origin, quota) completes the upgrade and closes
 * with its own code, because a page can read a close code and not an HTTP status.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type RawData, type WebSocket } from 'ws';
import { CLOSE, MAX_FRAME_BYTES, WidgetMessage, closeName, readMessage } from '#wire';
import { FAULTS, RelayError, type FaultCode } from '../errors.ts';
import type { Checkpoint } from '../continuity/continuity.ts';
import { newId, requestId } from '../ids.ts';
import { gatherWrites } from '../one-write.ts';
import type { Admission } from '../tenants/tenant.ts';
import { createAddressLimit, type AddressLimitOptions } from './address-limit.ts';
import { refuseOverHttp } from './refusal.ts';
import { createSessionRegistry, type SessionRegistry } from './registry.ts';
import { readOffer, type ResumeOffer } from './resume-offer.ts';
import type { SessionDeps } from './session-deps.ts';
import { createSession, type Session } from './session.ts';
import { createRestoring } from './restoring.ts';
import { createTokenWatch, type TokenWatch } from './token-watch.ts';

/** The one subprotocol that is ever selected. */
export const SUBPROTOCOL = 'vjj.1';
const TOKEN_PREFIX = 'token.';
const LONGEST_TOKEN = 4_096;
/** Messages an unknown caller may send before a token is accepted; more is a flood. */
const MOST_EARLY_MESSAGES = 16;
/** Suggested to callers who found the door full. */
const BUSY_RETRY_S = 2;
const DRAIN_RETRY_S = 5;
/** Larger than any message that is answered, so that too large ones get our own close code. */
const OVERSIZE_MARGIN_BYTES = 64 * 1024;

/** A conversation that lives here. */
interface Living {
  session: Session;
  tokens: TokenWatch;
}

/** Where an admitted caller goes. */
type Entrance =
  | { is: 'new'; admission: Admission; restored: Checkpoint | null }
  | { is: 'back'; living: Living; offer: ResumeOffer; tokenEndsAt: number };

/** Everything the door knows of who knocks. */
export interface AdmitRequest {
  /** Compact JWS, not yet verified. */
  token: string;
  origin: string | undefined;
  address: string;
  /** Aborts when the caller has gone or the deadline has passed. */
  signal: AbortSignal;
  /** A newer token for a session that is in already: it takes no second place and is no new connection. */
  isRenewal?: boolean;
}

/**
 * Brings a caller to the instance that has their conversation; from then on the socket is the hook's,
 * with everything that comes over it. The request goes on as it came: its token is checked there.
 *
 * @param signal - Aborts when the caller has gone or the deadline has passed.
 * @returns false when that instance did not answer: nothing was written to the socket, and the door goes on.
 */
export type PassOn = (
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  owner: { instance: string; url: string },
  signal: AbortSignal,
) => Promise<boolean>;

export interface UpgradeDeps extends SessionDeps {
  /** @throws {RelayError} whose close code says why the caller is refused. */
  admit(request: AdmitRequest): Promise<Admission>;
  /** Without it nobody is brought elsewhere. */
  passOn?: PassOn;
  /** Whether another instance brought the caller here: they are not brought on again. */
  isPassedOn?: (request: IncomingMessage) => boolean;
  /** What came of a caller. */
  onAdmission?: (result: 'ok' | FaultCode) => void;
  /** The caller's address behind trusted proxies; the socket's own when absent. */
  addressOf?: (request: IncomingMessage) => string;
  door: DoorLimits;
}

export interface DoorLimits {
  /** Path that is upgraded. */
  path: string;
  /** From the upgrade request to an accepted token. */
  deadlineMs: number;
  /** Handshakes under way at once. */
  maxPending: number;
  /** Sessions of this process at once. */
  maxSessions: number;
  /** Handshakes per address. */
  perAddress: AddressLimitOptions;
  /**
   * Whoever is refused for what may be guessed hears so after 0 to this many milliseconds: a storm
   * slows down, and what the refusal cost to find cannot be told from when it comes.
   */
  refusalPauseMs: number;
  /** A closing handshake that takes longer is cut off. */
  closeTimeoutMs: number;
}

export const DOOR_DEFAULTS: DoorLimits = {
  path: '/ws',
  deadlineMs: 5_000,
  maxPending: 500,
  maxSessions: 5_000,
  perAddress: { max: 100, windowMs: 60_000 },
  refusalPauseMs: 0,
  closeTimeoutMs: 5_000,
};

/** Refusals that tell a guesser whether a guess was right. */
const GUESSED: ReadonlySet<FaultCode> = new Set(['token-invalid', 'token-revoked', 'origin-refused']);

export interface UpgradeHandler {
  /** For `server.on('upgrade', …)`. Never throws. */
  handle: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Lets nobody new in any more; who comes back to a conversation that lives here still is. */
  refuse: () => void;
  /**
   * Lets nobody in any more and ends all sessions with 4001: idle ones at once, talking ones at
   * the end of their turn, the rest after `timeoutMs`.
   */
  drain: (timeoutMs: number) => Promise<void>;
  /** Ends everything now. */
  close: () => Promise<void>;
  /** The sessions that live, for whoever ends some of them. */
  readonly sessions: Pick<SessionRegistry, 'tenants' | 'newest' | 'endRevoked' | 'end'>;
  /** Sessions that live. */
  readonly live: number;
  /** Handshakes under way. */
  readonly pending: number;
}

/** One caller between the upgrade request and the session. */
interface Knock {
  origin: string | undefined;
  address: string;
  /** The request's id, and of which trace it says to be part. */
  request: string;
  traceparent: string | undefined;
  /** The conversation that they want to come back to. */
  offer: ResumeOffer | null;
  /** What is left of it where its relay is gone. */
  left: Checkpoint | null;
  signal: AbortSignal;
  /** Answers the caller when the waiting ends for a reason of ours. */
  onEnd: (code: FaultCode) => void;
  /** Resolves when a refusal may be told; never when the waiting ends before. */
  pause(code: FaultCode): Promise<void>;
  /** Ends the waiting: the deadline and the place among the pending are given back. */
  settle(): void;
}

export function createUpgradeHandler(deps: UpgradeDeps): UpgradeHandler {
  const { clock, door, log, random = Math.random } = deps;
  const registry = createSessionRegistry(clock);
  const addresses = createAddressLimit(clock, door.perAddress);
  const pending = new Set<(code: FaultCode) => void>();
  const living = new Map<string, Living>();
  const restoring = createRestoring({ ...deps, hasHere: (session) => living.has(session) });
  const stopTaken = deps.continuity?.onTaken((session) => living.get(session)?.session.taken());
  let isDraining = false;

  const options = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: Math.max(deps.limits.maxMessageBytes, MAX_FRAME_BYTES) + OVERSIZE_MARGIN_BYTES,
    maxFragments: 64,
    maxBufferedChunks: 1024,
    closeTimeout: door.closeTimeoutMs,
    // Without this, `ws` selects the first offer and so sends the token back.
    handleProtocols: (offered: Set<string>): string | false => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
  };
  const server = new WebSocketServer(options);

  /** Completes the upgrade; gives the caller up when `ws` finds the request malformed. */
  function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, then: (ws: WebSocket) => void): void {
    server.handleUpgrade(request, socket, head, (ws) => {
      // `ws` closes by itself on a broken frame; the error needs a listener, not an answer.
      ws.on('error', ignore);
      gatherWrites(ws, socket);
      then(ws);
    });
  }

  /** Every refusal over HTTP of somebody who knocked. */
  function refuseFor(socket: Duplex, code: FaultCode, how?: Parameters<typeof refuseOverHttp>[2]): void {
    deps.onAdmission?.(code);
    refuseOverHttp(socket, code, how);
  }

  function closeFor(ws: WebSocket, code: FaultCode): void {
    deps.onAdmission?.(code);
    const fault = FAULTS[code];
    const close = 'close' in fault ? fault.close : CLOSE.unauthorized;
    ws.removeAllListeners('message');
    ws.close(close, closeName(close));
  }

  function begin(ws: WebSocket, admission: Admission, knock: Knock, left: Checkpoint | null): void {
    // Somebody was first with it.
    const restored = left === null || living.has(left.session) ? null : left;
    if (restored) restoring.done(restored.session);
    const id = restored?.session ?? newId('ses', clock.wallNow());
    const tokens = createTokenWatch({
      onEnd: (code) => session.end(code),
      onRenewed: (token) => registry.renewed(id, token),
      ...{ clock, admission },
    });
    const { origin, address, offer, request, traceparent } = knock;
    const session = createSession(deps, ws, {
      ...(traceparent !== undefined && { traceparent }),
      ...(restored && offer && { restored, offer }),
      renew: async (token) => {
        const signal = AbortSignal.timeout(door.deadlineMs);
        const fresh = await deps.admit({ origin, address, token, signal, isRenewal: true });
        fresh.release();
        return tokens.renew(fresh);
      },
      ...{ id, admission, request },
    });
    registry.add(session, admission.grant);
    living.set(id, { session, tokens });
    void session.ended.then(() => {
      living.delete(id);
      tokens.stop();
    });
  }

  function enter(ws: WebSocket, entrance: Entrance, knock: Knock): void {
    if (entrance.is === 'new') begin(ws, entrance.admission, knock, entrance.restored);
    // It ended in the very moment; the next connection will be a new session.
    else if (!entrance.living.session.resume(ws, entrance.offer, entrance.tokenEndsAt)) {
      closeFor(ws, 'busy');
      return;
    }
    deps.onAdmission?.('ok');
  }

  const giveBack = (entrance: Entrance | undefined) => {
    if (entrance?.is === 'new') entrance.admission.release();
  };

  /** @throws {RelayError} whose close code says why the caller is refused. */
  async function letIn(token: string, { offer, left, origin, address, signal }: Knock): Promise<Entrance> {
    const wanted = offer === null ? undefined : living.get(offer.session);
    if (offer !== null && wanted?.session.isOpenedBy(offer.digest)) {
      // It has its place already; who comes is looked at as closely as anybody.
      const fresh = await deps.admit({ token, origin, address, signal, isRenewal: true });
      fresh.release();
      const tokenEndsAt = wanted.session.isOpenedBy(offer.digest) ? renewed(wanted, fresh) : null;
      if (tokenEndsAt !== null) return { is: 'back', living: wanted, offer, tokenEndsAt };
    }
    if (isDraining) throw new RelayError('draining', 'nobody new is let in any more');
    const admission = await deps.admit({ token, origin, address, signal });
    return { is: 'new', admission, restored: left !== null && isOf(left, admission) ? left : null };
  }

  /** @returns when the newer token ends; null where it is for somebody or something else. */
  function renewed({ tokens }: Living, fresh: Admission): number | null {
    try {
      return tokens.renew(fresh);
    } catch {
      return null;
    }
  }

  /** A thrown thing as one of our codes; the log has the rest. */
  function codeOf(error: unknown, request: string): FaultCode {
    if (error instanceof RelayError) return error.code;
    log.error('admission failed', { request, error });
    return 'internal';
  }

  /** The token came with the request: decide first, then upgrade. */
  async function admitBefore(
    token: string,
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    knock: Knock,
  ): Promise<void> {
    let entrance: Entrance | undefined;
    let refusal: FaultCode | undefined;
    try {
      entrance = await letIn(token, knock);
    } catch (error) {
      if (!knock.signal.aborted) {
        refusal = codeOf(error, knock.request);
        await knock.pause(refusal);
      }
    }
    if (knock.signal.aborted) {
      // The caller has been answered already, or has gone.
      giveBack(entrance);
      return;
    }
    knock.settle();
    const outcome = { isOpen: false };
    upgrade(request, socket, head, (ws) => {
      outcome.isOpen = true;
      if (entrance) enter(ws, entrance, knock);
      else closeFor(ws, refusal ?? 'internal');
    });
    // A malformed request was refused by `ws` itself.
    if (!outcome.isOpen) giveBack(entrance);
  }

  /** No token yet: it must be the first message. Until then only `ping` is answered. */
  function admitAfter(ws: WebSocket, knock: Knock): void {
    let early = 0;
    let isChecking = false;
    const refuse = (code: FaultCode) => {
      knock.settle();
      closeFor(ws, code);
    };
    const check = async (token: string) => {
      let entrance: Entrance;
      try {
        entrance = await letIn(token, knock);
      } catch (error) {
        if (knock.signal.aborted) return;
        const code = codeOf(error, knock.request);
        await knock.pause(code);
        refuse(code);
        return;
      }
      if (knock.signal.aborted || ws.readyState !== ws.OPEN) {
        giveBack(entrance);
        return;
      }
      knock.settle();
      ws.removeAllListeners('message');
      enter(ws, entrance, knock);
    };
    ws.on('message', (data: RawData, isBinary: boolean) => {
      early += 1;
      const read =
        isBinary || early > MOST_EARLY_MESSAGES ? undefined : readMessage(WidgetMessage, (data as Buffer).toString());
      if (read?.ok && read.message.type === 'ping') ws.send('{"type":"pong"}');
      else if (read?.ok && read.message.type === 'auth' && !isChecking) {
        isChecking = true;
        void check(read.message.token);
      } else refuse('protocol');
    });
    knock.onEnd = (code) => closeFor(ws, code === 'handshake-slow' && !isChecking ? 'token-missing' : code);
  }

  /** Deadline, abort signal and a place among the pending; all three end together. */
  function wait(socket: Duplex, who: Omit<Knock, 'signal' | 'onEnd' | 'pause' | 'settle'>): Knock {
    const abort = new AbortController();
    const end = (code: FaultCode) => {
      knock.settle();
      abort.abort();
      knock.onEnd(code);
    };
    const gone = () => {
      knock.settle();
      abort.abort();
    };
    let cancelPause = () => undefined as void;
    const cancelDeadline = clock.wakeAt(clock.now() + door.deadlineMs, () => end('handshake-slow'));
    const knock: Knock = {
      ...who,
      signal: abort.signal,
      onEnd: (code) => refuseFor(socket, code, { retryAfterS: code === 'draining' ? DRAIN_RETRY_S : 1 }),
      pause(code) {
        const ms = GUESSED.has(code) ? random() * door.refusalPauseMs : 0;
        if (ms <= 0) return Promise.resolve();
        return new Promise((resolve) => (cancelPause = clock.wakeAt(clock.now() + ms, resolve)));
      },
      settle: () => {
        cancelDeadline();
        cancelPause();
        socket.off('close', gone);
        pending.delete(end);
      },
    };
    socket.once('close', gone);
    pending.add(end);
    return knock;
  }

  function refuse(): void {
    isDraining = true;
    for (const end of [...pending]) end('draining');
  }

  async function drain(timeoutMs: number): Promise<void> {
    refuse();
    await registry.drain(timeoutMs);
  }

  return {
    handle(request, socket, head) {
      // First of all: a reset during anything below must not take the process down.
      socket.on('error', destroy);
      const path = (request.url ?? '').split('?')[0];
      if (path !== door.path) {
        refuseFor(socket, 'not-found');
        return;
      }
      if (request.headers.upgrade?.toLowerCase() !== 'websocket') {
        refuseFor(socket, 'bad-request', { status: 426 });
        return;
      }
      const protocols = request.headers['sec-websocket-protocol'];
      const offer = readOffer(protocols);
      // Who comes back has a place already.
      const isBack = offer !== null && living.has(offer.session);
      if (isDraining && !isBack) {
        refuseFor(socket, 'draining', { retryAfterS: DRAIN_RETRY_S });
        return;
      }
      const isFull = (registry.live >= door.maxSessions || deps.budget?.isFull === true) && !isBack;
      if (pending.size >= door.maxPending || isFull) {
        refuseFor(socket, 'busy', { retryAfterS: BUSY_RETRY_S });
        return;
      }
      const address = deps.addressOf?.(request) ?? request.socket.remoteAddress ?? '';
      const waitMs = addresses.take(address);
      if (waitMs > 0) {
        refuseFor(socket, 'rate-limited', { retryAfterS: waitMs / 1000 });
        return;
      }

      const { origin, traceparent } = request.headers;
      const id = requestId(request.headers['x-request-id'], clock.wallNow());
      const trace = typeof traceparent === 'string' ? traceparent : undefined;
      const knock = wait(socket, { origin, address, request: id, traceparent: trace, offer, left: null });
      const token = offeredToken(protocols);
      const letPass = () => {
        if (token !== undefined) void admitBefore(token, request, socket, head, knock);
        else upgrade(request, socket, head, (ws) => admitAfter(ws, knock));
      };
      if (offer === null || !deps.continuity || living.has(offer.session)) {
        letPass();
        return;
      }
      void restoring.find({ offer, request, socket, head, signal: knock.signal }).then((found) => {
        if (found.is === 'elsewhere') knock.settle();
        if (found.is === 'elsewhere' || knock.signal.aborted) return;
        knock.left = found.checkpoint;
        letPass();
      });
    },
    refuse,
    drain,
    async close() {
      await drain(0);
      stopTaken?.();
      await restoring.stop();
      server.close();
    },
    sessions: registry,
    get live() {
      return registry.live;
    },
    get pending() {
      return pending.size;
    },
  };
}

// Listeners that stay for a socket's life hold nothing of the request that brought it, and so no token.
function ignore(): void {}
function destroy(this: Duplex): void {
  this.destroy();
}

/** The token among the offered subprotocols, if one is. */
function offeredToken(header: string | undefined): string | undefined {
  const offer = header
    ?.split(',')
    .map((part) => part.trim())
    .find((part) => part.startsWith(TOKEN_PREFIX));
  const token = offer?.slice(TOKEN_PREFIX.length);
  return token === undefined || token === '' || token.length > LONGEST_TOKEN ? undefined : token;
}

/** Whether what is left is the conversation of whoever was let in. */
function isOf(left: Checkpoint, { tenant, subject, origin, grant, assistant }: Admission): boolean {
  const isTheirs = left.tenant === tenant.id && left.subject === subject && left.origin === (origin ?? null);
  return isTheirs && (grant.assistant === undefined || left.assistant.id === assistant.id);
}
