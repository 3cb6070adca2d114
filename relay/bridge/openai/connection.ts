/**
 * Keeps a session with the provider that knows the conversation: dials again when it is lost, at
 * one of two addresses, and has a second connection take the place of one that will soon have
 * lasted its time. One incident is one loss with all dialling that follows; each has its own
 * budget. Says up and down once each per generation; knows nothing of what events mean.
 */
import type { RealtimeClientEvent } from 'openai/resources/realtime/realtime';
import type { Clock } from '../../clock.ts';
import type { Moment } from '../bridge.ts';
import { backoffMs } from './backoff.ts';
import type { Circuits } from './circuits.ts';
import type { ServerEvent } from './events.ts';
import { type Ending, isAboutCredential } from './faults.ts';
import { Link } from './link.ts';
import {
  FAILED_PAUSE_MS,
  LOOK_EVERY_MS,
  MISSED_PAUSE_MS,
  RETURN_AFTER_MS,
  type RotationTimes,
  moveAt,
} from './rotation.ts';
import { Route, type Way } from './route.ts';

export { SETUP_TIMEOUT_MS } from './link.ts';
/** How long one incident may take before the bridge gives up. */
export const INCIDENT_BUDGET_MS = 60_000;
/** A connection that was up for less belongs to the incident before it. */
export const STABLE_MS = 10_000;

export interface ConnectionOptions {
  /** Or what tells it, at every dialling. */
  apiKey: string | (() => Promise<string>);
  baseUrl: string;
  /** Where to go while the first cannot be had; it gets the same key. */
  fallbackBaseUrl?: string | undefined;
  circuits: Circuits;
  rotation: RotationTimes;
  model: string;
  clock: Clock;
  /** In [0, 1). */
  random: () => number;
  setup: (eventId: string) => RealtimeClientEvent;
  /** What a connection would be told now; asking changes nothing. */
  script: () => RealtimeClientEvent[];
  /** A new connection takes over: from here on it is the one that was told {@link script}. */
  begin(): void;
  /** What is going on, for a switch that nobody is to notice. */
  moment: () => Moment;
  up(generation: number): void;
  down(generation: number, reason: string, fatal: boolean): void;
  /** The next connection took the place of the last one, between two frames. */
  switched(): void;
  event(event: ServerEvent): void;
  problem(code: string, detail: string): void;
}

type Phase =
  /** `asking`: for the key. */
  { is: 'idle' | 'asking' | 'waiting' | 'over' } | { is: 'linked'; link: Link; way: Way; apiKey: string };

/** The connection that is to follow. */
interface Standby {
  link: Link | null;
  way: Way | null;
  told: string;
  cancel(): void;
}

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #route: Route;
  #phase: Phase = { is: 'idle' };
  #generation = 1;
  /** Whether `down` was said for this generation's incident: the next word is `up` or the last `down`. */
  #isDown = false;
  #attempts = 0;
  #incidentSince: number | null = null;
  #wasSecond = false;
  #upSince = 0;
  #stopWait: (() => void) | null = null;
  #stopLook: (() => void) | null = null;
  #standby: Standby | null = null;
  /** No second connection is dialled before. */
  #standbyFrom = 0;
  #eventIds = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#route = new Route(options.circuits, options.baseUrl, options.fallbackBaseUrl);
  }

  get isUp(): boolean {
    return this.#phase.is === 'linked' && this.#phase.link.isReady;
  }

  get isBackedUp(): boolean {
    return this.#phase.is === 'linked' && this.#phase.link.isBackedUp;
  }

  /** Unsent bytes. */
  get waitingBytes(): number {
    return this.#phase.is === 'linked' ? this.#phase.link.waitingBytes : 0;
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
    return this.#phase.is === 'linked' && this.#phase.link.send(text);
  }

  /** An answer is waited for: a connection that is only half open must be found out soon. */
  probe(): void {
    if (this.#phase.is === 'linked') this.#phase.link.probe();
  }

  /** Ends it all; nothing is said any more. */
  close(): void {
    this.#leave('over');
  }

  /** An error of the provider's that ends everything although the socket is still open. */
  fail(reason: string): void {
    const ending: Ending = { reason, fatal: true, planned: false };
    if (this.#phase.is === 'linked') this.#lost(this.#phase.way, this.#phase.apiKey, ending, true);
  }

  /** Goes to a phase without a link, and lets go of what there was. */
  #leave(next: 'waiting' | 'over'): void {
    this.#dropStandby();
    this.#stopWait?.();
    this.#stopWait = null;
    this.#stopLook?.();
    this.#stopLook = null;
    const left = this.#phase;
    this.#phase = { is: next };
    if (left.is !== 'linked') return;
    // A trial that nobody finishes is the next one's.
    if (left.link.isPending) left.way.circuit.abandoned();
    left.link.close();
  }

  /** Asks for the key; `then` is called at once where it is known. */
  #withKey(then: (apiKey: string) => void, fail: () => void): void {
    const { apiKey } = this.#options;
    if (typeof apiKey === 'string') then(apiKey);
    else apiKey().then(then, fail);
  }

  #dial(): void {
    const asking: Phase = { is: 'asking' };
    this.#phase = asking;
    this.#withKey(
      (key) => {
        if (this.#phase === asking) this.#dialWith(key);
      },
      () => {
        if (this.#phase === asking) this.#lose({ reason: 'key-unavailable', fatal: false, planned: false });
      },
    );
  }

  #dialWith(apiKey: string): void {
    const { clock } = this.#options;
    const incidentMs = this.#incidentSince === null ? 0 : clock.now() - this.#incidentSince;
    const choice = this.#route.take(apiKey, incidentMs, this.#wasSecond);
    if (choice.is !== 'go') {
      // Others have found out already what a dialling would come to.
      this.#lose({ reason: choice.reason, fatal: choice.is === 'refused', planned: false }, { apiKey });
      return;
    }
    const { way } = choice;
    this.#wasSecond = way.isSecond;
    const link: Link = this.#link(apiKey, way, () => this.#replay(), {
      ready: () => this.#ready(way),
      lost: (ending, wasReady) => {
        if (this.#holds(link)) this.#lost(way, apiKey, ending, wasReady);
      },
    });
    this.#phase = { is: 'linked', link, way, apiKey };
  }

  #link(
    apiKey: string,
    { baseUrl, patienceMs }: Way,
    replay: () => RealtimeClientEvent[],
    listener: { ready(): void; lost(ending: Ending, wasReady: boolean): void },
  ): Link {
    const { model, clock, setup } = this.#options;
    let wasReady = false;
    const link: Link = new Link(
      {
        ...(patienceMs === undefined ? {} : { patienceMs }),
        setup: (eventId) => setup(eventId),
        nextId: (prefix) => this.nextId(prefix),
        ...{ apiKey, baseUrl, model, clock, replay, generation: this.#generation },
      },
      {
        ready: () => {
          wasReady = true;
          listener.ready();
        },
        event: (event) => {
          // What a second connection says on its way is about items that are known.
          if (this.#holds(link)) this.#options.event(event);
        },
        lost: (ending) => listener.lost(ending, wasReady),
        problem: (code, detail) => this.#options.problem(code, detail),
      },
    );
    return link;
  }

  #holds(link: Link): boolean {
    return this.#phase.is === 'linked' && this.#phase.link === link;
  }

  #replay(): RealtimeClientEvent[] {
    this.#options.begin();
    return this.#options.script();
  }

  #ready({ circuit }: Way): void {
    circuit.succeeded();
    this.#isDown = false;
    this.#settle();
    this.#options.up(this.#generation);
  }

  /** A connection has just become the one; when to look for the next. */
  #settle(): void {
    const { clock, random, rotation } = this.#options;
    this.#upSince = clock.now();
    const { fromMs, toMs } = rotation;
    const dueMs = fromMs + (toMs - fromMs) * random();
    this.#standbyFrom = this.#upSince + (this.#wasSecond ? Math.min(RETURN_AFTER_MS, dueMs) : dueMs);
    this.#lookAt(this.#standbyFrom);
  }

  #lookAt(at: number): void {
    this.#stopLook?.();
    this.#stopLook = this.#options.clock.wakeAt(at, () => this.#look());
  }

  /** Somebody should take this connection's place; is it the moment? */
  #look(): void {
    const { clock, moment, rotation } = this.#options;
    const now = clock.now();
    const ageMs = now - this.#upSince;
    const move = now >= this.#standbyFrom ? moveAt(moment(), ageMs, rotation) : 'stay';
    if (move === 'break') {
      this.#lose({ reason: 'rotation', fatal: false, planned: true }, { wasReady: true });
      return;
    }
    if (move === 'switch' && this.#standby === null) this.#dialStandby();
    this.#lookAt(Math.max(now + LOOK_EVERY_MS, this.#standbyFrom));
  }

  #dialStandby(): void {
    const { rotation, clock } = this.#options;
    // Only the way back is the first address's alone.
    const isReturn = this.#wasSecond && clock.now() - this.#upSince < rotation.fromMs;
    const standby: Standby = { link: null, way: null, told: '', cancel: () => undefined };
    this.#standby = standby;
    const missed = (reason: string, pauseMs: number) => {
      if (this.#standby !== standby) return;
      this.#standby = null;
      const now = clock.now();
      const latest = this.#upSince + rotation.latestMs;
      // The last chance is not slept through.
      this.#standbyFrom = now < latest ? Math.min(now + pauseMs, latest) : now + pauseMs;
      this.#lookAt(this.#standbyFrom);
      this.#options.problem('rotation-missed', reason);
    };
    this.#withKey(
      (apiKey) => {
        if (this.#standby !== standby) return;
        const choice = isReturn ? this.#route.takeFirst(apiKey) : this.#route.take(apiKey, 0, false);
        if (choice.is !== 'go') {
          missed(choice.reason, isReturn ? RETURN_AFTER_MS : FAILED_PAUSE_MS);
          return;
        }
        const { way } = choice;
        const script = () => {
          const events = this.#options.script();
          standby.told = JSON.stringify(events);
          return events;
        };
        const link = this.#link(apiKey, way, script, {
          ready: () => {
            way.circuit.succeeded();
            if (this.#standby !== standby) return;
            if (this.#takeOver(standby, link, way, apiKey)) return;
            link.close();
            missed('not the moment', MISSED_PAUSE_MS);
          },
          lost: (ending, wasReady) => {
            if (this.#holds(link)) {
              this.#lost(way, apiKey, ending, wasReady);
              return;
            }
            answer(way, ending, wasReady);
            missed(ending.reason, isReturn ? RETURN_AFTER_MS : FAILED_PAUSE_MS);
          },
        });
        standby.cancel = () => {
          if (link.isPending) way.circuit.abandoned();
          link.close();
        };
      },
      () => missed('key-unavailable', FAILED_PAUSE_MS),
    );
  }

  /** The second connection becomes the one, if it knows everything and nobody is in the middle of anything. */
  #takeOver(standby: Standby, link: Link, way: Way, apiKey: string): boolean {
    const { clock, rotation, moment, script } = this.#options;
    if (this.#phase.is !== 'linked') return false;
    const isMoment = moveAt(moment(), clock.now() - this.#upSince, rotation) === 'switch';
    if (!isMoment || JSON.stringify(script()) !== standby.told) return false;
    const old = this.#phase.link;
    this.#standby = null;
    this.#generation += 1;
    this.#phase = { is: 'linked', link, way, apiKey };
    this.#wasSecond = way.isSecond;
    this.#options.begin();
    this.#settle();
    this.#options.switched();
    old.close();
    return true;
  }

  #dropStandby(): void {
    this.#standby?.cancel();
    this.#standby = null;
  }

  #lost(way: Way, apiKey: string, ending: Ending, wasReady: boolean): void {
    answer(way, ending, wasReady);
    // Only what is about the credential, or about the second address alone, leaves the other way open.
    const hasOther = this.#route.hasSecond && (way.isSecond || isAboutCredential(ending.reason));
    const isFatal = ending.fatal && !(hasOther && this.#route.look(apiKey).is !== 'refused');
    this.#lose({ ...ending, fatal: isFatal }, { apiKey, wasReady, isClosed: way.circuit.look().is !== 'go' });
  }

  /** @param how - `isClosed`: the address that was tried is of no use now, so another one need not wait. */
  #lose(ending: Ending, how: { apiKey?: string; wasReady?: boolean; isClosed?: boolean } = {}): void {
    if (this.#phase.is === 'over') return;
    const { clock, random } = this.#options;
    const now = clock.now();
    if (how.wasReady === true && now - this.#upSince >= STABLE_MS) {
      this.#attempts = 0;
      this.#incidentSince = null;
      this.#wasSecond = false;
    }
    this.#incidentSince ??= now;
    const leave = how.apiKey === undefined ? null : this.#route.look(how.apiKey);
    const hasOther = this.#route.hasSecond && how.isClosed === true && leave?.is === 'go';
    const isPlanned = ending.planned && this.#attempts === 0;
    const ownMs = hasOther || isPlanned ? 0 : backoffMs(this.#attempts, random());
    const waitMs = leave?.is === 'wait' ? Math.max(ownMs, leave.untilMs - now) : ownMs;
    const isLast = ending.fatal || now + waitMs - this.#incidentSince > INCIDENT_BUDGET_MS;
    this.#attempts += 1;
    this.#leave(isLast ? 'over' : 'waiting');
    if (!isLast) this.#stopWait = clock.wakeAt(now + waitMs, () => this.#dial());
    if (this.#isDown && !isLast) return;
    const generation = this.#generation;
    if (!isLast) this.#generation += 1;
    this.#isDown = true;
    this.#options.down(generation, ending.reason, isLast);
  }
}

/** Tells the circuit what came of a way. A connection that was up and is lost says nothing about the credential. */
function answer({ circuit, isSecond }: Way, ending: Ending, wasReady: boolean): void {
  const { reason, fatal, planned, retryAfterMs } = ending;
  if (fatal && (isSecond || isAboutCredential(reason))) circuit.refused(reason);
  else if (wasReady) return;
  else if (fatal || planned) circuit.abandoned();
  else if (retryAfterMs !== undefined) circuit.throttled(reason, retryAfterMs);
  else circuit.failed(reason);
}
