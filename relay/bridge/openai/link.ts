/**
 * One connection on its way to being of use: dials, sets up, tells the conversation so far, and is
 * ready once; then passes everything on until it is lost, once. Knows of no other connection, so
 * two can live side by side while one takes the other's place.
 */
import type { RealtimeClientEvent } from 'openai/resources/realtime/realtime';
import type { Clock } from '../../clock.ts';
import { type ServerEvent, readServerEvent } from './events.ts';
import { type Ending, EXPIRED_CODE, FATAL_CODES, endingOf, nameable, redact } from './faults.ts';
import { HANDSHAKE_TIMEOUT_MS, type Upstream, dialUpstream } from './socket.ts';

/** From the open socket to the accepted set-up, and again to the last replayed item. */
export const SETUP_TIMEOUT_MS = 10_000;

export interface LinkOptions {
  apiKey: string;
  baseUrl: string;
  model: string;
  clock: Clock;
  /** How long handshake and set-up may take, each; no more than their own bounds. */
  patienceMs?: number;
  /** Its number, in event ids. */
  generation: number;
  /** An id for a client event, unique for this bridge. */
  nextId(prefix: string): string;
  setup(eventId: string): RealtimeClientEvent;
  /** The conversation so far; asked for once, after the set-up was accepted. */
  replay(): RealtimeClientEvent[];
}

export interface LinkListener {
  /** It knows the conversation. */
  ready(): void;
  event(event: ServerEvent): void;
  /** Once; nothing is said afterwards. */
  lost(ending: Ending): void;
  problem: (code: string, detail: string) => void;
}

type Phase =
  | { is: 'dialling' | 'settingUp' | 'ready' | 'over' }
  /** `open`: items whose end has not been reported yet, by item id. */
  | { is: 'replaying'; open: Set<string>; eventIds: Map<string, string> };

export class Link {
  readonly #options: LinkOptions;
  readonly #listener: LinkListener;
  readonly #upstream: Upstream;
  #phase: Phase = { is: 'dialling' };
  #lastError: string | null = null;
  #stopDeadline: (() => void) | null = null;

  constructor(options: LinkOptions, listener: LinkListener) {
    this.#options = options;
    this.#listener = listener;
    const { apiKey, baseUrl, model, clock, patienceMs } = options;
    const handshakeMs = Math.min(HANDSHAKE_TIMEOUT_MS, patienceMs ?? Infinity);
    this.#upstream = dialUpstream(
      { apiKey, baseUrl, model, clock, handshakeMs },
      {
        opened: () => this.#opened(),
        message: (raw) => this.#read(raw),
        unreadable: () => listener.problem('unreadable-frame', 'the provider sent a frame that is no JSON'),
        closed: (code, reason, error, retryAfterMs) => {
          const ending = endingOf(code, reason, this.#lastError ?? error);
          this.#lose(retryAfterMs === undefined ? ending : { ...ending, retryAfterMs });
        },
      },
    );
  }

  get isReady(): boolean {
    return this.#phase.is === 'ready';
  }

  /** Neither ready nor over. */
  get isPending(): boolean {
    return !this.isReady && this.#phase.is !== 'over';
  }

  get isBackedUp(): boolean {
    return this.isReady && this.#upstream.isBackedUp;
  }

  /** Unsent bytes. */
  get waitingBytes(): number {
    return this.#upstream.waitingBytes;
  }

  /** Sends to a session that is set up. @returns false when it is not. */
  send(text: string): boolean {
    return (this.#phase.is === 'ready' || this.#phase.is === 'replaying') && this.#upstream.send(text);
  }

  /** Its answer is waited for: it must show a sign of life soon. */
  probe(): void {
    this.#upstream.probe();
  }

  /** Ends it; nothing is said any more. */
  close(): void {
    if (this.#phase.is === 'over') return;
    this.#end();
    this.#upstream.close();
  }

  #end(): void {
    this.#stopDeadline?.();
    this.#stopDeadline = null;
    this.#phase = { is: 'over' };
  }

  #lose(ending: Ending): void {
    if (this.#phase.is === 'over') return;
    this.#end();
    this.#upstream.close();
    this.#listener.lost(ending);
  }

  #deadline(reason: string): void {
    const { clock, patienceMs } = this.#options;
    this.#stopDeadline?.();
    const afterMs = Math.min(SETUP_TIMEOUT_MS, patienceMs ?? Infinity);
    this.#stopDeadline = clock.wakeAt(clock.now() + afterMs, () => this.#upstream.abort(reason));
  }

  #opened(): void {
    if (this.#phase.is !== 'dialling') return;
    this.#phase = { is: 'settingUp' };
    this.#deadline('setup-timeout');
    this.#upstream.send(JSON.stringify(this.#options.setup(this.#setupId)));
  }

  get #setupId(): string {
    return `setup_${this.#options.generation}`;
  }

  #read(raw: unknown): void {
    if (this.#phase.is === 'over') return;
    const reading = readServerEvent(raw);
    if (reading.is === 'ignored') return;
    if (reading.is === 'malformed') {
      this.#listener.problem('malformed-event', `${reading.of} at ${reading.at}`);
      return;
    }
    const { event } = reading;
    if (event.type === 'error' && this.#failed(event)) return;
    this.#listener.event(event);
    if (event.type === 'session.updated' && this.#phase.is === 'settingUp') this.#setUp();
    else if (event.type === 'conversation.item.done') this.#replayed(event.item.id);
  }

  /** @returns whether the error was about the connection itself. */
  #failed({ error }: Extract<ServerEvent, { type: 'error' }>): boolean {
    const { problem } = this.#listener;
    const code = nameable(error.code ?? error.type ?? 'unknown');
    if (FATAL_CODES.has(code)) {
      problem(code, redact(error.message));
      this.#lose({ reason: code, fatal: true, planned: false });
      return true;
    }
    if (code === EXPIRED_CODE) {
      this.#lose({ reason: EXPIRED_CODE, fatal: false, planned: true });
      return true;
    }
    if (this.#phase.is === 'settingUp' && error.event_id === this.#setupId) {
      problem('setup-refused', `${code} ${redact(error.message)}`);
      this.#lose({ reason: `setup-refused:${code}`, fatal: true, planned: false });
      return true;
    }
    const item = this.#phase.is === 'replaying' ? this.#phase.eventIds.get(error.event_id ?? '') : undefined;
    if (item === undefined) return false;
    problem('replay-refused', `${code} ${redact(error.message)}`);
    this.#replayed(item);
    return true;
  }

  #setUp(): void {
    const events = this.#options.replay();
    const open = new Set<string>();
    const eventIds = new Map<string, string>();
    this.#phase = { is: 'replaying', open, eventIds };
    this.#deadline('replay-timeout');
    for (const event of events) {
      const item = event.type === 'conversation.item.create' ? event.item.id : undefined;
      const eventId = this.#options.nextId('replay');
      if (item !== undefined) {
        open.add(item);
        eventIds.set(eventId, item);
      }
      this.send(JSON.stringify({ ...event, event_id: eventId }));
    }
    this.#readyIfReplayed();
  }

  #replayed(item: string): void {
    if (this.#phase.is !== 'replaying') return;
    this.#phase.open.delete(item);
    this.#readyIfReplayed();
  }

  #readyIfReplayed(): void {
    if (this.#phase.is !== 'replaying' || this.#phase.open.size > 0) return;
    this.#stopDeadline?.();
    this.#stopDeadline = null;
    this.#phase = { is: 'ready' };
    this.#listener.ready();
  }
}
