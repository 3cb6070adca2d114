/**
 * Where spans go: to the OpenTelemetry SDK, which is not ours and reads its standard variables by
 * itself. One that was preloaded is used; otherwise it is loaded here, where it is installed.
 */
import { trace } from '@opentelemetry/api';
import type { Clock } from '../clock.ts';
import type { SessionObserver } from './observer.ts';
import { createTracingObserver } from './tracing-observer.ts';

const NAME = 'voice-jib-jab';
/** What the operator is told to install: the newest that runs on every Node that we support. */
export const SDK_ADVICE = 'npm install @opentelemetry/sdk-node@0.223';
/** Spans that cannot be sent are not waited for longer. */
const SHUTDOWN_MS = 3_000;

export interface Tracing {
  observer: SessionObserver;
  /** Sends what waits. */
  stop(): Promise<void>;
}

/** What is used of the SDK. */
export interface Sdk {
  start(): void;
  shutdown(): Promise<void>;
}

export interface TracingOptions {
  clock: Clock;
  version: string;
  serviceName: string;
  /** @returns the SDK, not started. Rejects where it is not installed. */
  load?: (serviceName: string) => Promise<Sdk>;
  /** The SDK cannot be had. @param isMissing - It is not installed. */
  onProblem: (isMissing: boolean, error: unknown) => void;
}

/** @returns null where spans go nowhere; the reason was told. */
export async function startTracing(options: TracingOptions): Promise<Tracing | null> {
  const { clock, version, serviceName, load = loadSdk } = options;
  let sdk: Sdk | null = null;
  if (!isRegistered()) {
    try {
      sdk = await load(serviceName);
      sdk.start();
    } catch (error) {
      options.onProblem((error as { code?: unknown }).code === 'ERR_MODULE_NOT_FOUND', error);
      return null;
    }
  }
  return {
    observer: createTracingObserver({ clock, tracer: trace.getTracer(NAME, version) }),
    async stop() {
      if (sdk === null) return;
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, SHUTDOWN_MS)));
      await Promise.race([sdk.shutdown().catch(() => undefined), late]);
      clearTimeout(timer);
      trace.disable();
    },
  };
}

/** Whether somebody has brought an SDK already, as by `node --import`. */
function isRegistered(): boolean {
  // Without one, spans have no identity. This one is never ended, so nobody is sent it.
  return trace.isSpanContextValid(trace.getTracer(NAME).startSpan('is anybody there').spanContext());
}

async function loadSdk(serviceName: string): Promise<Sdk> {
  const { NodeSDK } = await import('@opentelemetry/sdk-node');
  // Traces only: figures go to Prometheus, lines to the log, and nothing of others' is patched.
  return new NodeSDK({ serviceName, instrumentations: [], metricReaders: [], logRecordProcessors: [] });
}
