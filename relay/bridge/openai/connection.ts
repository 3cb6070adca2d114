/**
 * Keeps a set-up session with the provider: dials, sets up, tells it the conversation so far,
 * and does so again when it is lost. One incident is one loss with all dialling that follows;
 * each has its own budget. Says up and down once each per generation and passes every event
 * on; knows nothing of what the events mean beyond the set-up.
 */
import type { RealtimeClientEvent } from 'openai/resources/realtime/realtime';
import type { Clock } from '../../clock.ts';
import { backoffMs } from './backoff.ts';
import { type ServerEvent, readServerEvent } from './events.ts';
import { type Ending, EXPIRED_CODE, FATAL_CODES, endingOf, redact } from './faults.ts';
import { type Upstream, dialUpstream } from './socket.ts';

/** From the open socket to the accepted set-up, and again to the last replayed item. */
export const SETUP_TIMEOUT_MS = 10_000;
/** How long one incident may take before the bridge gives up. */
export const INCIDENT_BUDGET_MS = 60_000;
/** A connection that was up for less belongs to the incident before it. */
export const STABLE_MS = 10_000;

export interface ConnectionOptions {
  /** Or what tells it, at every dialling. */
  apiKey: string | (() => Promise<string>);
  baseUrl: string;
  model: string;
  clock: Clock;
  /** In [0, 1). */
  random(): number;
  setup(eventId: string): RealtimeClientEvent;
  /** The conversation so far; asked for once per connection, after the set-up was accepted. */
  replay(): RealtimeClientEvent[];
  up(generation: number): void;
  down(generation: number, reason: string, fatal: boolean): void;
  event(event: ServerEvent): void;
  problem(code: string, detail: string): void;
}

type Phase =
  | { is: 'idle' }
  | { is: 'dialling' | 'settingUp' | 'up'; upstream: Upstream }
  /** `open`: items whose end has not been reported yet, by item id. */
  | { is: 'replaying'; upstream: Upstream; open: Set<string>; eventIds: Map<string, string> }
  | { is: 'waiting' }
  | { is: 'over' };

export class Connection {
  readonly #options: ConnectionOptions;
  #phase: Phase = { is: 'idle' };
  #generation = 1;
  /** Whether `down` was said for this generation's incident: the next word is `up` or the last `down`. */
  #isDown = false;
  #attempts = 0;
  #incidentSince: number | null = null;
  #upSince = 0;
  #lastError: string | null = null;
  #stopWait: (() => void) | null = null;
  #eventIds = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  get isUp(): boolean {
    return this.#phase.is === 'up';
  }

  get isBackedUp(): boolean {
    return this.#phase.is === 'up' && this.#phase.upstream.isBackedUp;
  }

  connect(): void {
    if (this.#phase.is === 'idle') this.#dial();
  }

  /** An id for a client event, unique for this bridge. */
  nextId(prefix: string): string {
    return `${prefix}_${++this.#eventIds}`;
  }

  /** Sends to a session that knows the conversation. @returns false when there is none. */
  send(event: RealtimeClientEvent): boolean {
    return this.sendText(JSON.stringify(event));
  }

  sendText(text: string): boolean {
    const phase = this.#phase;
    return (phase.is === 'up' || phase.is === 'replaying') && phase.upstream.send(text);
  }

  /** Ends it all; nothing is said any more. */
  close(): void {
    this.#leave({ is: 'over' })?.close();
  }

  /** An error of the provider's that ends everything although the socket is still open. */
  fail(reason: string): void {
    this.#lose({ reason, fatal: true, planned: false });
  }

  /** Goes to a phase without an upstream. @returns the one that was left. */
  #leave(next: Phase): Upstream | undefined {
    const left = 'upstream' in this.#phase ? this.#phase.upstream : undefined;
    this.#stopWait?.();
    this.#stopWait = null;
    this.#phase = next;
    return left;
  }

  #dial(): void {
    this.#lastError = null;
    const { apiKey } = this.#options;
    if (typeof apiKey === 'string') {
      this.#dialWith(apiKey);
      return;
    }
    const asking: Phase = { is: 'waiting' };
    this.#phase = asking;
    apiKey().then(
      (key) => {
        if (this.#phase === asking) this.#dialWith(key);
      },
      () => {
        if (this.#phase === asking) this.#lose({ reason: 'key-unavailable', fatal: false, planned: false });
      },
    );
  }

  #dialWith(apiKey: string): void {
    const { baseUrl, model, clock } = this.#options;
    const upstream: Upstream = dialUpstream(
      { apiKey, baseUrl, model, clock },
      {
        opened: () => this.#opened(upstream),
        message: (raw) => {
          if (this.#holds(upstream)) this.#read(raw, upstream);
        },
        unreadable: () => this.#options.problem('unreadable-frame', 'the provider sent a frame that is no JSON'),
        closed: (code, reason, error) => {
          if (this.#holds(upstream)) this.#lose(endingOf(code, reason, this.#lastError ?? error));
        },
      },
    );
    this.#phase = { is: 'dialling', upstream };
  }

  #holds(upstream: Upstream): boolean {
    return 'upstream' in this.#phase && this.#phase.upstream === upstream;
  }

  #opened(upstream: Upstream): void {
    if (!this.#holds(upstream)) return;
    this.#phase = { is: 'settingUp', upstream };
    this.#deadline('setup-timeout', upstream);
    upstream.send(JSON.stringify(this.#options.setup(`setup_${this.#generation}`)));
  }

  #deadline(reason: string, upstream: Upstream): void {
    const { clock } = this.#options;
    this.#stopWait?.();
    this.#stopWait = clock.wakeAt(clock.now() + SETUP_TIMEOUT_MS, () => upstream.abort(reason));
  }

  #read(raw: unknown, upstream: Upstream): void {
    const reading = readServerEvent(raw);
    if (reading.is === 'ignored') return;
    if (reading.is === 'malformed') {
      this.#options.problem('malformed-event', `${reading.of} at ${reading.at}`);
      return;
    }
    const { event } = reading;
    if (event.type === 'error' && this.#failed(event)) return;
    this.#options.event(event);
    if (!this.#holds(upstream)) return;
    if (event.type === 'session.updated' && this.#phase.is === 'settingUp') this.#setUp(upstream);
    else if (event.type === 'conversation.item.done') this.#replayed(event.item.id);
  }

  /** @returns whether the error was about the connection itself. */
  #failed({ error }: Extract<ServerEvent, { type: 'error' }>): boolean {
    const code = error.code ?? error.type ?? 'unknown';
    if (FATAL_CODES.has(code)) {
      this.#options.problem(code, redact(error.message));
      this.#lose({ reason: code, fatal: true, planned: false });
      return true;
    }
    if (code === EXPIRED_CODE) {
      this.#lose({ reason: EXPIRED_CODE, fatal: false, planned: true });
      return true;
    }
    if (this.#phase.is === 'settingUp' && error.event_id === `setup_${this.#generation}`) {
      this.#options.problem('setup-refused', `${code} ${redact(error.message)}`);
      this.#lose({ reason: `setup-refused:${code}`, fatal: true, planned: false });
      return true;
    }
    const item = this.#phase.is === 'replaying' ? this.#phase.eventIds.get(error.event_id ?? '') : undefined;
    if (item === undefined) return false;
    this.#options.problem('replay-refused', `${code} ${redact(error.message)}`);
    this.#replayed(item);
    return true;
  }

  #setUp(upstream: Upstream): void {
    const events = this.#options.replay();
    const open = new Set<string>();
    const eventIds = new Map<string, string>();
    this.#phase = { is: 'replaying', upstream, open, eventIds };
    this.#deadline('replay-timeout', upstream);
    for (const event of events) {
      const item = event.type === 'conversation.item.create' ? event.item.id : undefined;
      const eventId = this.nextId('replay');
      if (item !== undefined) {
        open.add(item);
        eventIds.set(eventId, item);
      }
      this.send({ ...event, event_id: eventId });
    }
    this.#upIfReplayed();
  }

  #replayed(item: string): void {
    if (this.#phase.is !== 'replaying') return;
    this.#phase.open.delete(item);
    this.#upIfReplayed();
  }

  #upIfReplayed(): void {
    if (this.#phase.is !== 'replaying' || this.#phase.open.size > 0) return;
    const { upstream } = this.#phase;
    this.#stopWait?.();
    this.#stopWait = null;
    this.#phase = { is: 'up', upstream };
    this.#upSince = this.#options.clock.now();
    this.#isDown = false;
    this.#options.up(this.#generation);
  }

  #lose(ending: Ending): void {
    if (this.#phase.is === 'over') return;
    const { clock } = this.#options;
    const now = clock.now();
    if (this.#phase.is === 'up' && now - this.#upSince >= STABLE_MS) {
      this.#attempts = 0;
      this.#incidentSince = null;
    }
    this.#incidentSince ??= now;
    const waitMs = ending.planned && this.#attempts === 0 ? 0 : backoffMs(this.#attempts, this.#options.random());
    const isLast = ending.fatal || now + waitMs - this.#incidentSince > INCIDENT_BUDGET_MS;
    this.#attempts += 1;
    this.#leave({ is: isLast ? 'over' : 'waiting' })?.close();
    if (!isLast) this.#stopWait = clock.wakeAt(now + waitMs, () => this.#dial());
    if (this.#isDown && !isLast) return;
    const generation = this.#generation;
    if (!isLast) this.#generation += 1;
    this.#isDown = true;
    this.#options.down(generation, ending.reason, isLast);
  }
}
