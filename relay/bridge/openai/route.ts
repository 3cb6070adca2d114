/**
 * Which of the two addresses of a provider is dialled next. The first is preferred; the second is
 * for when the first is not reached within {@link FALLBACK_AFTER_MS} of an incident, or its circuit
 * is open. Knows no connection and keeps no key.
 */
import type { Circuits, CredentialCircuit } from './circuits.ts';
import type { Leave } from './circuit.ts';

/** Of an incident's minute, so much is the first address's alone; no attempt at it takes longer either. */
export const FALLBACK_AFTER_MS = 5_000;

/** One address with its circuit, for one attempt. */
export interface Way {
  baseUrl: string;
  isSecond: boolean;
  circuit: CredentialCircuit;
  /** How long handshake and set-up may take, each, where there is another way. */
  patienceMs?: number;
}

export type Choice = { is: 'go'; way: Way } | Exclude<Leave, { is: 'go' }>;

export class Route {
  readonly #circuits: Circuits;
  readonly #baseUrls: readonly string[];

  constructor(circuits: Circuits, baseUrl: string, fallbackBaseUrl: string | undefined) {
    this.#circuits = circuits;
    this.#baseUrls = fallbackBaseUrl === undefined ? [baseUrl] : [baseUrl, fallbackBaseUrl];
  }

  get hasSecond(): boolean {
    return this.#baseUrls.length > 1;
  }

  /**
   * Takes the way that may be gone now; who gets it answers to its circuit.
   *
   * @param incidentMs - how long nothing has been up; 0 at the start.
   * @param wasSecond - which the last attempt of the incident took.
   */
  take(apiKey: string, incidentMs: number, wasSecond: boolean): Choice {
    const ways = this.#ways(apiKey);
    if (incidentMs >= FALLBACK_AFTER_MS && !wasSecond) ways.reverse();
    for (const way of ways) if (way.circuit.take().is === 'go') return { is: 'go', way };
    return soonest(ways.map(({ circuit }) => circuit.look()));
  }

  /** The first address alone, for a conversation that has one already. */
  takeFirst(apiKey: string): Choice {
    const [first] = this.#ways(apiKey);
    const leave: Leave = first?.circuit.take() ?? { is: 'refused', reason: 'no-address' };
    return leave.is === 'go' && first ? { is: 'go', way: first } : soonest([leave]);
  }

  /** What {@link take} would come to. */
  look(apiKey: string): Leave {
    const leaves = this.#ways(apiKey).map(({ circuit }) => circuit.look());
    return leaves.find(({ is }) => is === 'go') ?? soonest(leaves);
  }

  #ways(apiKey: string): Way[] {
    return this.#baseUrls.map((baseUrl, at) => ({
      ...{ baseUrl, isSecond: at > 0, circuit: this.#circuits.of(apiKey, baseUrl) },
      ...(this.hasSecond && at === 0 ? { patienceMs: FALLBACK_AFTER_MS } : {}),
    }));
  }
}

/** Of ways that are all closed: the one that opens first, or the refusal of the first. */
function soonest(leaves: Leave[]): Exclude<Leave, { is: 'go' }> {
  const waits = leaves.filter((leave) => leave.is === 'wait');
  const first = waits.toSorted((a, b) => a.untilMs - b.untilMs)[0];
  return first ?? leaves.find((leave) => leave.is === 'refused') ?? { is: 'refused', reason: 'no-address' };
}
