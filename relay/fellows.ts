/**
 * This instance among others: what it keeps of its conversations, how it is reached, and what it does
 * with a page whose conversation lives elsewhere. Joins continuity to the store, to what instances
 * share and to the door. Knows nothing of what is said.
 */
import type { IncomingMessage } from 'node:http';
import { networkInterfaces } from 'node:os';
import type { Clock } from './clock.ts';
import { createFellowAsk, type FellowAsk } from './continuity/fellow-ask.ts';
import { createFellowHeader, FELLOW_HEADER, isPassedOn } from './continuity/fellow-header.ts';
import { createInstanceBeat } from './continuity/instance-beat.ts';
import { createContinuity, type ContinuityKeeper } from './continuity/keeper.ts';
import { createPassOn, type PassOnLimits } from './continuity/pass-on.ts';
import type { Log } from './log.ts';
import { refuseOverHttp } from './session/refusal.ts';
import { readOffer } from './session/resume-offer.ts';
import type { PassOn } from './session/upgrade.ts';
import type { Owner, Ownership } from './shared-state/ownership.ts';
import type { Store } from './store/store.ts';
import { VERSION } from './version.ts';

/** Suggested to a page that came back while too many others are passed on. */
const BUSY_RETRY_S = 2;

export interface Fellows {
  readonly continuity: ContinuityKeeper;
  /** What the door asks of it. */
  readonly atTheDoor: {
    continuity: ContinuityKeeper;
    passOn: PassOn;
    isPassedOn(request: IncomingMessage): boolean;
    /** The caller's: by the word of a fellow instance where it passed the request on. */
    addressOf(request: IncomingMessage): string;
  };
  /** Questions of one instance to another. */
  readonly questions: FellowAsk;
  /** Connections that are passed on. */
  passed(): number;
  /** From now on others know of this instance; its address is known by now. */
  start(): Promise<void>;
  /** It stops: others are told. */
  draining(): Promise<void>;
  /** Cuts what is passed on, each page at a moment of its own: it comes back and loses nothing. */
  cut(spreadMs: number): Promise<void>;
  stop(): Promise<void>;
}

export interface FellowsOptions {
  store: Pick<Store, 'checkpoints' | 'instances' | 'kind'>;
  ownership: Ownership;
  clock: Clock;
  log: Log;
  /** Its address may be filled in until {@link Fellows.start}. */
  self: Owner;
  masterKey: string;
  /** Conversations that live here. */
  sessions: () => number;
  /** Behind trusted proxies, of a request that came by itself. */
  addressOf: (request: IncomingMessage) => string;
  limits?: Partial<PassOnLimits>;
  /** A page was brought to the instance that has its conversation. */
  onPassed?: () => void;
  /** The process holds as much as it may: nobody more is passed on. */
  isFull?: () => boolean;
}

export function createFellows(options: FellowsOptions): Fellows {
  const { store, ownership, clock, log, self } = options;
  const startedAt = clock.wallNow();
  let isDraining = false;
  const header = createFellowHeader(options.masterKey, () => clock.wallNow());
  const passing = createPassOn({
    ...{ clock, header },
    ...(options.limits && { limits: options.limits }),
    onProblem: ({ owner, code }) => log.warn('an instance does not answer', { instance: owner.instance, code }),
  });
  const questions = createFellowAsk({
    ...{ self, header, clock },
    onProblem: ({ owner, code }) => log.warn('an instance does not answer', { instance: owner.instance, code }),
  });
  const continuity = createContinuity({
    ...{ checkpoints: store.checkpoints, ownership, clock, self },
    // One file has one relay.
    isAlone: store.kind === 'sqlite',
    onProblem: ({ code, error }) => log.warn('conversations are not kept as they should be', { code, error }),
  });
  const beat = createInstanceBeat({
    ...{ instances: store.instances, clock },
    self: () => ({
      ...{ id: self.instance, url: self.url, version: VERSION, startedAt },
      ...{ state: isDraining ? 'draining' : 'active', sessions: options.sessions() },
    }),
    sweep: () => continuity.sweep(),
    onProblem: (error) => log.warn('this instance cannot say that it lives', { error }),
  });
  const sessionOf = (request: IncomingMessage) => readOffer(request.headers['sec-websocket-protocol'])?.session ?? '';

  function addressOf(request: IncomingMessage): string {
    const word = request.headers[FELLOW_HEADER];
    if (typeof word === 'string') {
      const key = request.headers['sec-websocket-key'] ?? '';
      const address = header.read(word, { session: sessionOf(request), to: self.instance, key });
      if (address !== undefined) return address;
      log.warn('somebody says that he is an instance, and is none');
    }
    return options.addressOf(request);
  }

  const passOn: PassOn = async (request, socket, head, owner, signal) => {
    const session = sessionOf(request);
    if (options.isFull?.() === true) {
      refuseOverHttp(socket, 'busy', { retryAfterS: BUSY_RETRY_S });
      return true;
    }
    const address = options.addressOf(request);
    const passed = await passing.pass({ owner, session, request, socket, head, address, signal });
    log.info('a page came back to another instance', { session, instance: owner.instance, code: passed });
    if (passed === 'passed') options.onPassed?.();
    if (passed === 'full') refuseOverHttp(socket, 'busy', { retryAfterS: BUSY_RETRY_S });
    return passed !== 'dead';
  };

  return {
    continuity,
    atTheDoor: { continuity, passOn, isPassedOn, addressOf },
    questions,
    passed: () => passing.live,
    start: () => beat.start(),
    draining() {
      isDraining = true;
      return beat.beat();
    },
    cut: (spreadMs) => passing.cut(spreadMs),
    async stop() {
      await passing.cut(0);
      await continuity.stop();
      await beat.stop();
    },
  };
}

/** Where others reach an instance that listens there: its host, or the first address of this machine that is not its own loop. */
export function instanceUrl(host: string | undefined, port: number): string {
  const isAny = host === undefined || host === '0.0.0.0' || host === '::';
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const own = all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';
  const at = isAny ? own : host;
  return `http://${at.includes(':') ? `[${at}]` : at}:${port}`;
}
