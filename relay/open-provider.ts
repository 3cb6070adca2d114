/**
 * The model that a relay talks to: OpenAI's by its address, or that of an emulator of our own which is
 * started here. Knows no session.
 */
import type { OpenBridge } from './bridge/bridge.ts';
import { type Circuits, createCircuits } from './bridge/openai/circuits.ts';
import { createOpenAIBridgeFactory } from './bridge/openai/open-bridge.ts';
import { systemClock } from './clock.ts';
import type { Config } from './config.ts';
import { startEmulator } from './emulator/emulator.ts';
import type { Status } from './http/health.ts';
import type { Log } from './log.ts';

/** The emulator takes any key. */
const EMULATOR_KEY = 'emulator';

export interface Provider {
  kind: Status['provider'];
  describes: string;
  openBridge: OpenBridge;
  /** Which of its credentials are left alone, since when and why. */
  circuits: Circuits;
  /** Where everything but Realtime is asked, and with what. */
  baseUrl: string;
  apiKey: string;
  close: () => Promise<void>;
}

/** What is told of connections that give way to the next. */
export type OnRotation = (result: 'switched' | 'missed') => void;

/** The model by URL: OpenAI's, or that of an emulator of our own. There is no other way to one. */
export async function openProvider(
  config: Config,
  log: Log,
  keyOf: (tenant: string) => Promise<string | undefined>,
  onRotation: OnRotation,
): Promise<Provider> {
  const { apiKey, baseUrl, fallbackBaseUrl, model } = config.openai;
  const circuits = createCircuits(systemClock);
  const bridges = (at: string, key: string, fallback?: string) =>
    createOpenAIBridgeFactory({
      ...{ baseUrl: at, fallbackBaseUrl: fallback, circuits, apiKey: key, keyOf, clock: systemClock },
      onSwitched: () => onRotation('switched'),
      onProblem({ code, detail }) {
        if (code === 'rotation-missed') onRotation('missed');
        log.warn('provider problem', { code, reason: detail });
      },
    });
  if (apiKey !== undefined) {
    const describes = `${model} at ${baseUrl}${fallbackBaseUrl === undefined ? '' : `, else at ${fallbackBaseUrl}`}`;
    return {
      ...{ kind: 'openai' as const, describes, baseUrl, apiKey, circuits },
      openBridge: bridges(baseUrl, apiKey, fallbackBaseUrl),
      close: () => Promise.resolve(),
    };
  }
  const emulator = await startEmulator();
  return {
    kind: 'emulator',
    describes: `the emulator inside this relay, at ${emulator.url} (set OPENAI_API_KEY for OpenAI)`,
    ...{ openBridge: bridges(emulator.url, EMULATOR_KEY), baseUrl: emulator.url, apiKey: EMULATOR_KEY, circuits },
    close: () => emulator.close(),
  };
}
