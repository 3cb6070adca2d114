/**
 * When a credential is left alone: one circuit per key and address, closed while it works, open
 * while dialling with it is of no use, half open for one trial after that. Pure: state and time
 * come in, state goes out, so that sessions of one credential agree and those of others never notice.
 */

/** So many failed diallings in a row, none of them more than {@link WINDOW_MS} after the one before, open it. */
export const FAILURES_TO_OPEN = 5;
export const WINDOW_MS = 30_000;
/** Unreachable: no longer than the longest wait between two attempts, so that a recovery is found as soon as ever. */
export const UNREACHABLE_MS = 5_000;
/** Refused (key, account or money): the first pause, which doubles with each trial that is refused too. */
export const REFUSED_MS = 30_000;
export const LONGEST_REFUSED_MS = 600_000;
/** The provider's own `Retry-After` is honoured up to here. */
export const LONGEST_RETRY_AFTER_MS = 300_000;
/** A trial of which nothing was heard for this long is nobody's any more. */
export const TRIAL_MS = 25_000;

export type Why = 'unreachable' | 'refused' | 'throttled';

export type Circuit =
  | { readonly is: 'closed'; readonly since: number; readonly failures: number; readonly failedAt: number }
  | {
      readonly is: 'open' | 'half-open';
      readonly since: number;
      readonly why: Why;
      /** The provider's code, or the transport's. */
      readonly reason: string;
      /** `open`: when the trial may begin; `half-open`: when it counts as lost. */
      readonly until: number;
      /** How long the pause was, for the next. */
      readonly pauseMs: number;
    };

/** What may be done with a credential now. */
export type Leave =
  | { is: 'go' }
  | { is: 'wait'; untilMs: number; reason: string }
  /** Waiting is of no use within a conversation. */
  | { is: 'refused'; reason: string };

export function closedCircuit(now: number): Circuit {
  return { is: 'closed', since: now, failures: 0, failedAt: -Infinity };
}

/** What {@link take} would say, without taking the trial. */
export function leaveOf(circuit: Circuit, now: number): Leave {
  if (circuit.is === 'closed' || now >= circuit.until) return { is: 'go' };
  if (circuit.why === 'refused') return { is: 'refused', reason: circuit.reason };
  // How a trial goes is known in a moment: the caller looks again in its own time.
  return { is: 'wait', untilMs: circuit.is === 'open' ? circuit.until : now, reason: circuit.reason };
}

/** Somebody wants to dial. Who is let go while it is not closed has the one trial. */
export function take(circuit: Circuit, now: number): { circuit: Circuit; leave: Leave } {
  const leave = leaveOf(circuit, now);
  if (circuit.is === 'closed' || leave.is !== 'go') return { circuit, leave };
  return { circuit: { ...circuit, is: 'half-open', until: now + TRIAL_MS }, leave };
}

/** The provider took the credential. */
export function succeeded(circuit: Circuit, now: number): Circuit {
  return circuit.is === 'closed' ? { ...circuit, failures: 0, failedAt: -Infinity } : closedCircuit(now);
}

/** A dialling came to nothing, for a reason that may pass. */
export function failed(circuit: Circuit, reason: string, now: number): Circuit {
  if (circuit.is === 'closed') {
    const failures = now - circuit.failedAt > WINDOW_MS ? 1 : circuit.failures + 1;
    if (failures < FAILURES_TO_OPEN) return { ...circuit, failures, failedAt: now };
    return opened('unreachable', reason, now, UNREACHABLE_MS);
  }
  // Whoever dialled before it opened says nothing new.
  if (circuit.is === 'open') return circuit;
  return { ...opened('unreachable', reason, now, UNREACHABLE_MS), since: circuit.since };
}

/** Key, account or money are refused. */
export function refused(circuit: Circuit, reason: string, now: number): Circuit {
  if (circuit.is === 'closed') return opened('refused', reason, now, REFUSED_MS);
  if (circuit.is === 'open' && circuit.why === 'refused') return circuit;
  const doubled = circuit.why === 'refused' ? Math.min(LONGEST_REFUSED_MS, circuit.pauseMs * 2) : REFUSED_MS;
  return { ...opened('refused', reason, now, doubled), since: circuit.since };
}

/** The provider said when to come back. */
export function throttled(circuit: Circuit, reason: string, afterMs: number, now: number): Circuit {
  const pauseMs = Math.min(LONGEST_RETRY_AFTER_MS, Math.max(0, afterMs));
  if (circuit.is === 'open' && (circuit.why === 'refused' || circuit.until >= now + pauseMs)) return circuit;
  return { ...opened('throttled', reason, now, pauseMs), since: circuit.is === 'closed' ? now : circuit.since };
}

/** Who had the trial went away before it ended: the next may have it. */
export function abandoned(circuit: Circuit, now: number): Circuit {
  return circuit.is === 'half-open' ? { ...circuit, is: 'open', until: now } : circuit;
}

function opened(
  why: Why,
  reason: string,
  now: number,
  pauseMs: number,
): Extract<Circuit, { is: 'open' | 'half-open' }> {
  return { is: 'open', since: now, why, reason, until: now + pauseMs, pauseMs };
}
