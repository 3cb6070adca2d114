/**
 * The circuits of all credentials of this process, by a digest of key and address: the key itself
 * is never kept. Shared by every bridge that is to know of the others' failures.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../../clock.ts';
import * as rules from './circuit.ts';

/** Credentials remembered; beyond that the one that was longest not asked about is forgotten. */
export const MOST_CIRCUITS = 4_096;

/** One credential at one provider. */
export interface CircuitView {
  /** The address without path: no key is part of it. */
  provider: string;
  /** Digest of key and address, 16 hexadecimal digits: the same key has the same at each start. */
  credential: string;
  is: rules.Circuit['is'];
  /** Wall-clock milliseconds since which it is not closed, or closed again. */
  since: number;
  why?: rules.Why;
  /** The provider's or the transport's code. */
  reason?: string;
}

/** What one bridge may do with one credential. */
export interface CredentialCircuit {
  /** What {@link take} would say, without any right to act on it. */
  look(): rules.Leave;
  /** Asks to dial. `go` is to be answered by one of the others. */
  take(): rules.Leave;
  succeeded(): void;
  failed(reason: string): void;
  refused(reason: string): void;
  throttled(reason: string, afterMs: number): void;
  abandoned(): void;
}

export interface Circuits {
  of(apiKey: string, baseUrl: string): CredentialCircuit;
  /** Every credential in use, for operators. */
  view(): CircuitView[];
}

interface Entry {
  provider: string;
  circuit: rules.Circuit;
}

export function createCircuits(clock: Clock): Circuits {
  const entries = new Map<string, Entry>();

  function entryOf(id: string, baseUrl: string): Entry {
    const entry = entries.get(id) ?? { provider: new URL(baseUrl).origin, circuit: rules.closedCircuit(clock.now()) };
    // Newest last: what nobody asks about is forgotten first.
    entries.delete(id);
    entries.set(id, entry);
    const [oldest] = entries.keys();
    if (entries.size > MOST_CIRCUITS && oldest !== undefined) entries.delete(oldest);
    return entry;
  }

  return {
    of(apiKey, baseUrl) {
      const id = createHash('sha256').update(`${apiKey}\n${baseUrl}`).digest('hex').slice(0, 16);
      const change = (next: (circuit: rules.Circuit, now: number) => rules.Circuit) => {
        const entry = entryOf(id, baseUrl);
        entry.circuit = next(entry.circuit, clock.now());
      };
      return {
        look: () => rules.leaveOf(entryOf(id, baseUrl).circuit, clock.now()),
        take() {
          const entry = entryOf(id, baseUrl);
          const { circuit, leave } = rules.take(entry.circuit, clock.now());
          entry.circuit = circuit;
          return leave;
        },
        succeeded: () => change(rules.succeeded),
        failed: (reason) => change((circuit, now) => rules.failed(circuit, reason, now)),
        refused: (reason) => change((circuit, now) => rules.refused(circuit, reason, now)),
        throttled: (reason, afterMs) => change((circuit, now) => rules.throttled(circuit, reason, afterMs, now)),
        abandoned: () => change(rules.abandoned),
      };
    },
    view() {
      const offset = clock.wallNow() - clock.now();
      return [...entries].map(([credential, { provider, circuit }]) => ({
        ...{ provider, credential, is: circuit.is, since: Math.round(circuit.since + offset) },
        ...(circuit.is === 'closed' ? {} : { why: circuit.why, reason: circuit.reason }),
      }));
    },
  };
}
