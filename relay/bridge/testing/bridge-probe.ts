/** Opens a bridge and keeps what it says, so that a test can wait for it. */
import { type VirtualClock, virtualClock } from '../../testing/virtual-clock.ts';
import type { Clock } from '../../clock.ts';
import type { BridgeEvent, BridgeSetup, Moment, RealtimeBridge } from '../bridge.ts';
import type { BridgeProblem } from '../openai/bridge.ts';
import type { Circuits } from '../openai/circuits.ts';
import { createOpenAIBridgeFactory } from '../openai/open-bridge.ts';
import type { RotationTimes } from '../openai/rotation.ts';

export const SETUP: BridgeSetup = {
  model: 'gpt-realtime-2.1',
  voice: 'marin',
  instructions: 'Be brief.',
  turn: 'auto',
  locale: 'en-GB',
  tools: [],
};

type EventOf<T extends BridgeEvent['type']> = Extract<BridgeEvent, { type: T }>;

export interface Probe {
  bridge: RealtimeBridge;
  events: BridgeEvent[];
  problems: BridgeProblem[];
  /** How often one connection took the place of another, unnoticed. */
  readonly switched: number;
  /** The next event of that type that was not asked for yet; those before it are passed over. */
  next<T extends BridgeEvent['type']>(type: T): Promise<EventOf<T>>;
  nextProblem(code: string): Promise<BridgeProblem>;
  /** The types of all events so far, in order. */
  types(): string[];
  of<T extends BridgeEvent['type']>(type: T): EventOf<T>[];
}

export interface ProbeOptions {
  setup?: Partial<BridgeSetup>;
  clock?: Clock;
  apiKey?: string;
  fallbackBaseUrl?: string;
  circuits?: Circuits;
  rotation?: RotationTimes;
  /** What the session says of the conversation. */
  moment?: () => Moment;
  transcriptionModel?: string;
  onEvent?: (event: BridgeEvent, bridge: RealtimeBridge) => void;
}

export function openProbe(baseUrl: string, options: ProbeOptions = {}): Probe {
  const events: BridgeEvent[] = [];
  const problems: BridgeProblem[] = [];
  let switched = 0;
  let read = 0;
  let problemsRead = 0;
  let waiting: (() => void)[] = [];
  const wake = () => {
    const all = waiting;
    waiting = [];
    for (const resolve of all) resolve();
  };
  const open = createOpenAIBridgeFactory({
    apiKey: options.apiKey ?? 'test-key',
    baseUrl,
    onSwitched: () => void (switched += 1),
    clock: options.clock ?? virtualClock(),
    random: () => 0,
    onProblem: (problem) => {
      problems.push(problem);
      wake();
    },
    ...(options.fallbackBaseUrl === undefined ? {} : { fallbackBaseUrl: options.fallbackBaseUrl }),
    ...(options.circuits === undefined ? {} : { circuits: options.circuits }),
    ...(options.rotation === undefined ? {} : { rotation: options.rotation }),
    ...(options.transcriptionModel === undefined ? {} : { transcriptionModel: options.transcriptionModel }),
  });
  const heard = (event: BridgeEvent) => {
    events.push(event);
    options.onEvent?.(event, bridge);
    wake();
  };
  const bridge = open({ ...SETUP, ...options.setup }, heard, options.moment);
  const changed = () => new Promise<void>((resolve) => waiting.push(resolve));
  return {
    bridge,
    events,
    problems,
    get switched() {
      return switched;
    },
    async next(type) {
      for (;;) {
        while (read < events.length) {
          const event = events[read++];
          if (event?.type === type) return event as EventOf<typeof type>;
        }
        await changed();
      }
    },
    async nextProblem(code) {
      for (;;) {
        while (problemsRead < problems.length) {
          const problem = problems[problemsRead++];
          if (problem?.code === code) return problem;
        }
        await changed();
      }
    },
    types: () => events.map(({ type }) => type),
    of: (type) => events.filter((event): event is EventOf<typeof type> => event.type === type),
  };
}

export type { VirtualClock };
