/** What a session is made of: everything it needs from the process comes in here, as values. */
import type { ArbiterConfig } from '#arbiter';
import type { BridgeUsage, OpenBridge } from '../bridge/bridge.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { ClipLibrary } from '../reflex/library.ts';
import type { Admission } from '../tenants/tenant.ts';

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
  /** Told what the arbiter measures, in the unit its name ends in. */
  onMetric?: (name: string, value: number) => void;
}

export interface SessionLimits {
  /** Between two pings; a ping unanswered until the next ends the connection. */
  heartbeatMs: number;
  /** Largest JSON message, in bytes. */
  maxMessageBytes: number;
}

/** What makes one session of them. */
export interface SessionSeed {
  id: string;
  admission: Admission;
  /**
   * Checks a newer token of the same tenant and subject.
   *
   * @returns wall-clock milliseconds at which it ends.
   * @throws {RelayError} when it is refused; the session goes on with the old one.
   */
  renew(token: string): Promise<number>;
}
