/** What a session is made of: everything it needs from the process comes in here, as values. */
import type { ArbiterConfig } from '#arbiter';
import type { BridgeUsage, OpenBridge } from '../bridge/bridge.ts';
import type { Clock } from '../clock.ts';
import type { Checkpoint, Continuity } from '../continuity/continuity.ts';
import type { Log } from '../log.ts';
import type { Moderator } from '../policy/moderation.ts';
import type { ClipLibrary } from '../reflex/library.ts';
import type { SessionObserver } from '../telemetry/observer.ts';
import type { Admission } from '../tenants/tenant.ts';
import type { Meter } from '../usage/meter.ts';
import type { Escalation } from './lane-c.ts';
import type { ConversationSink } from './recording.ts';
import type { ByteBudget } from './byte-budget.ts';
import type { ResumeOffer } from './resume-offer.ts';

/** What every session of a process shares. */
export interface SessionDeps {
  clock: Clock;
  log: Log;
  /** The relay's knobs; an assistant's `lanes` override them. */
  config: ArbiterConfig;
  openBridge: OpenBridge;
  clips: ClipLibrary;
  /** Folder of `<session>.jsonl` audit files; null writes none. */
  auditDir: string | null;
  limits: SessionLimits;
  /** Told what the provider bills, as it comes. */
  onUsage?: (admission: Admission, usage: BridgeUsage) => void;
  /** Prices what the provider bills and holds budgets; nothing is counted without it. */
  meter?: Meter;
  /** Takes what is kept of conversations; nothing is without it. */
  conversations?: ConversationSink;
  /** Where conversations are kept that must outlive this process; without it they end with it. */
  continuity?: Continuity;
  /** What all conversations of the process may hold together; without it each has its own bounds only. */
  budget?: ByteBudget;
  /** The relay's own name, in the record. */
  instance?: string;
  /** Judges words by category where an assistant's policy names any; without it none is. */
  moderator?: Moderator;
  /** Told when policy asks for a person. */
  onEscalation?: (escalation: SessionEscalation) => void;
  /** In [0, 1). */
  random?: () => number;
  /** Sees every conversation, for metrics and traces. It changes nothing, and may fail. */
  observe?: SessionObserver;
  /** Told what the arbiter measures, in the unit its name ends in. */
  onMetric?: (name: string, value: number) => void;
}

/** An escalation, with whose it is; what a webhook will carry. */
export interface SessionEscalation extends Escalation {
  session: string;
  tenant: string;
  assistant: { id: string; version: number };
  /** The end user. */
  subject: string;
  /** Wall-clock milliseconds. */
  at: number;
}

export interface SessionLimits {
  /** Between two pings; a ping unanswered until the next ends the connection. */
  heartbeatMs: number;
  /** Largest JSON message, in bytes. */
  maxMessageBytes: number;
  /** How long a conversation waits for its page to come back; {@link RESUME_WINDOW_MS} by default. */
  resumeWindowMs?: number;
  /** Pages that a drain sends away come back within this, spread evenly; {@link COME_BACK_MS} by default. */
  comeBackMs?: number;
}

export const RESUME_WINDOW_MS = 60_000;
export const COME_BACK_MS = 2_000;

/** What makes one session of them. */
export interface SessionSeed {
  id: string;
  admission: Admission;
  /** The conversation began at a relay that is gone; it goes on from here. */
  restored?: Checkpoint;
  /** What its page showed to come back to it. */
  offer?: ResumeOffer;
  /** Id of the request that opened it, for the log. */
  request?: string;
  /** The W3C header of that request, as it came. */
  traceparent?: string;
  /**
   * Checks a newer token of the same tenant and subject.
   *
   * @returns wall-clock milliseconds at which it ends.
   * @throws {RelayError} when it is refused; the session goes on with the old one.
   */
  renew(token: string): Promise<number>;
}
