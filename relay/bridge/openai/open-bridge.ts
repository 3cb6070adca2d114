/** Makes bridges to one provider account: what is the same for every session is given once. */
import type { Clock } from '../../clock.ts';
import type { OpenBridge } from '../bridge.ts';
import { type BridgeProblem, OpenAIBridge } from './bridge.ts';
import { type Circuits, createCircuits } from './circuits.ts';
import { ROTATION, type RotationTimes } from './rotation.ts';
import { DEFAULT_TRANSCRIPTION_MODEL } from './setup.ts';

export interface OpenAIBridgeFactoryOptions {
  /** The relay's own. Stays in memory here; it is in no event, problem or error. */
  apiKey: string;
  /**
   * A tenant's own key, asked for at every dialling and kept nowhere; undefined: the relay's is used.
   * While it cannot be told, nothing is dialled: a tenant with an account of its own never talks
   * at the relay's expense.
   */
  keyOf?: (tenant: string) => Promise<string | undefined>;
  /** `https://api.openai.com/v1`, or the emulator's address; `http:` is dialled in plain. */
  baseUrl: string;
  /** The same model elsewhere, for while the first address cannot be had. It gets the same keys. */
  fallbackBaseUrl?: string | undefined;
  /** Shared with whoever shows their state; those of this factory alone by default. */
  circuits?: Circuits;
  /** When connections give way to the next; {@link ROTATION} by default. */
  rotation?: RotationTimes;
  clock: Clock;
  /** Which model writes down what the user says; {@link DEFAULT_TRANSCRIPTION_MODEL} by default. */
  transcriptionModel?: string;
  /** In [0, 1), for the jitter between attempts to dial again; `Math.random` by default. */
  random?: () => number;
  /** What went wrong without ending anything: for log and metrics. */
  onProblem?: (problem: BridgeProblem) => void;
  /** The next connection took the place of one that had lasted its time, and nobody noticed. */
  onSwitched?: () => void;
}

/** @returns what opens one bridge per session. Nothing is dialled before a bridge's `connect`. */
export function createOpenAIBridgeFactory(options: OpenAIBridgeFactoryOptions): OpenBridge {
  const shared = {
    baseUrl: options.baseUrl,
    fallbackBaseUrl: options.fallbackBaseUrl,
    circuits: options.circuits ?? createCircuits(options.clock),
    rotation: options.rotation ?? ROTATION,
    clock: options.clock,
    transcriptionModel: options.transcriptionModel ?? DEFAULT_TRANSCRIPTION_MODEL,
    random: options.random ?? Math.random,
    onProblem: options.onProblem ?? (() => undefined),
    onSwitched: options.onSwitched,
  };
  const { apiKey, keyOf } = options;
  return (setup, onEvent, moment) => {
    const { tenant } = setup;
    const own = keyOf && tenant !== undefined ? async () => (await keyOf(tenant)) ?? apiKey : apiKey;
    return new OpenAIBridge(setup, onEvent, { apiKey: own, moment, ...shared });
  };
}
