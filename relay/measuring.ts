/**
 * What one relay measures of itself, as its parts are told to tell it: metrics, CloudWatch's lines,
 * traces, and the port for collectors. Joins `telemetry` to configuration and log.
 */
import type { Clock } from './clock.ts';
import type { Config } from './config.ts';
import { METRICS_PATH, openMetricsPort, type Exposition, type MetricsPort, type OnAnswer } from './http/metrics.ts';
import type { Log } from './log.ts';
import type { SessionObserver } from './telemetry/observer.ts';
import { createTelemetry, type Gauges } from './telemetry/telemetry.ts';
import { SDK_ADVICE, startTracing, type Sdk } from './telemetry/tracing.ts';
import { VERSION } from './version.ts';

export interface Measuring {
  /** For the door and its conversations. */
  atTheDoor: { observe: SessionObserver; onAdmission: (result: string) => void };
  /** For the books. */
  inTheBooks: {
    onBilled: (tenant: string, cost: number) => void;
    onDelivery: (result: 'delivered' | 'retry' | 'dead') => void;
  };
  onRotation: (result: 'switched' | 'missed') => void;
  onPassed: () => void;
  onShed: () => void;
  /** For the HTTP side. */
  overHttp: { metricsToken: string | undefined; exposition: Exposition; onAnswer: OnAnswer };
  /**
   * Opens the port for collectors, where there is to be one; gauges can be asked from now on.
   *
   * @throws when it is taken.
   */
  listen(): Promise<void>;
  stop(): Promise<void>;
}

export interface MeasuringOptions {
  config: Pick<Config, 'metrics' | 'tracing'>;
  clock: Clock;
  log: Log;
  /** Asked at each look, and not before the relay listens. */
  gauges: () => Gauges;
  /** Takes lines of the log stream that are no log lines; standard output by default. */
  writeLine?: (line: string) => void;
  /** In place of the SDK that is installed. */
  loadSdk?: (serviceName: string) => Promise<Sdk>;
}

export async function startMeasuring(options: MeasuringOptions): Promise<Measuring> {
  const { config, clock, log, gauges, writeLine = toStandardOutput, loadSdk } = options;
  const { token, port, host, isPerTenant, hasEmf } = config.metrics;
  const tracing = config.tracing.isOn
    ? await startTracing({
        ...{ clock, version: VERSION, serviceName: config.tracing.serviceName },
        ...(loadSdk && { load: loadSdk }),
        onProblem: (isMissing, error) =>
          log.error(isMissing ? `traces are asked for, and the SDK is missing: ${SDK_ADVICE}` : 'traces fail', {
            ...(!isMissing && { error }),
          }),
      })
    : null;
  const telemetry = createTelemetry({
    ...{ clock, version: VERSION, isPerTenant, gauges },
    hasProcess: token !== undefined || port !== undefined,
    ...(hasEmf && { writeEmf: writeLine }),
    ...(tracing && { traces: tracing.observer }),
  });
  let opened: MetricsPort | null = null;
  const { count, time } = telemetry;
  return {
    atTheDoor: {
      observe: telemetry.observer,
      onAdmission: (result) => count('vjj_admissions_total', { result }),
    },
    inTheBooks: {
      onBilled: (tenant, cost) => telemetry.billed(tenant, cost),
      onDelivery: (result) => count('vjj_webhook_deliveries_total', { result }),
    },
    onRotation: (result) => count('vjj_provider_rotations_total', { result }),
    onPassed: () => count('vjj_passed_on_total', {}),
    onShed: () => count('vjj_shed_sessions_total', {}),
    overHttp: {
      metricsToken: token,
      exposition: telemetry,
      onAnswer(method, route, status, seconds) {
        count('vjj_http_requests_total', { method, route, status: String(status) });
        time('vjj_http_request_seconds', seconds, { route });
      },
    },
    async listen() {
      if (port === undefined) return;
      opened = await openMetricsPort({
        ...{ host, port, exposition: telemetry },
        onProblem: (error) => log.error('metrics cannot be told', { error }),
      });
      log.info('metrics are told', { port: opened.port, path: METRICS_PATH });
    },
    async stop() {
      await opened?.close();
      telemetry.stop();
      await tracing?.stop();
    },
  };
}

const toStandardOutput = (line: string) => void process.stdout.write(`${line}\n`);
