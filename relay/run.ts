/**
 * The relay as a process: environment in, exit code out. A start that is refused says why in a few
 * readable lines; a stop lets conversations end, and a second signal does not wait for them.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';
import { systemClock } from './clock.ts';
import { ConfigError, readConfig, type Config } from './config.ts';
import { openErrorTracking } from './error-tracking/error-tracking.ts';
import { createLog, type Log } from './log.ts';
import { SharedStateError } from './shared-state/redis-link.ts';
import { startRelay } from './start.ts';
import { SealError } from './store/sealing.ts';
import { StoreError } from './store/store.ts';

/** The process as it is seen here. */
export interface RunIo {
  env: Record<string, string | undefined>;
  /** A line for people. */
  print: (line: string) => void;
  /** A line about what went wrong. */
  complain: (line: string) => void;
  isTerminal: boolean;
  /** Calls back at each signal to stop; returns what ends that. */
  onSignal: (stop: () => void) => () => void;
  /** Calls back with what nobody caught; returns what ends that. */
  onCrash: (crash: (error: unknown) => void) => () => void;
  /** Ends the process without waiting. */
  exit: (code: number) => void;
  /** Called when the doors are open. */
  onStarted?: (relay: { port: number; url: string }) => void;
  /** The folder that the build wrote. */
  staticRoot: string;
}

export const processIo: RunIo = {
  env: process.env,
  print: (line) => void process.stdout.write(`${line}\n`),
  complain: (line) => void process.stderr.write(`${line}\n`),
  isTerminal: process.stdout.isTTY,
  onSignal(stop) {
    process.on('SIGTERM', stop).on('SIGINT', stop);
    return () => void process.off('SIGTERM', stop).off('SIGINT', stop);
  },
  onCrash(crash) {
    process.on('uncaughtException', crash).on('unhandledRejection', crash);
    return () => void process.off('uncaughtException', crash).off('unhandledRejection', crash);
  },
  exit: (code) => process.exit(code),
  // Built, this file lies in dist/relay.
  staticRoot: fileURLToPath(new URL('..', import.meta.url)),
};

/** The environment, and below it what `.env` in the working directory says. */
export function environment(env: RunIo['env'], file = '.env'): RunIo['env'] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return env;
    throw error;
  }
  return { ...parseEnv(text), ...env };
}

/**
 * Reads the configuration, or says what is wrong with it.
 *
 * @returns undefined when it was refused and the mistakes were printed.
 */
export function configOrComplaint(io: Pick<RunIo, 'env' | 'complain'>): Config | undefined {
  try {
    return readConfig(environment(io.env));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    io.complain(`The relay was not started. ${error.message}`);
    for (const problem of error.problems) io.complain(`  - ${problem}`);
    io.complain('All settings with their meaning are in .env.example.');
    return undefined;
  }
}

/** Runs a relay until it is told to stop. @returns the exit code. */
export async function run(io: RunIo): Promise<number> {
  const config = configOrComplaint(io);
  if (config === undefined) return 1;
  // The SDK for traces reads its variables by itself, and knows no `.env`.
  for (const [name, value] of Object.entries(environment(io.env))) if (name.startsWith('OTEL_')) io.env[name] ??= value;
  const lines = createLog({ level: config.logLevel, readable: io.isTerminal && !config.isProduction });
  // Listened for from the first moment: a stop during the start is not lost.
  const signals = stopSignals(io, lines);
  const reports = await openErrorTracking({
    ...{ ...config.sentry, hasOwnSpans: config.tracing.isOn, log: lines, clock: systemClock },
  });
  const log = reports.watched(lines);
  for (const warning of config.warnings) log.warn('configuration', { reason: warning });
  const offCrash = io.onCrash((error) => {
    log.error('relay crashed', { error });
    if (reports.close === undefined) io.exit(1);
    else void reports.close().finally(() => io.exit(1));
  });
  try {
    const isTraced = config.tracing.isOn || reports.takesSpans;
    const traced = { ...config, tracing: { ...config.tracing, isOn: isTraced } };
    const relay = await startRelay(traced, { log, staticRoot: io.staticRoot, onStopAsked: signals.ask });
    if (!config.isProduction) for (const line of relay.greeting) io.print(line);
    // Where the log is for collectors, the link goes beside it: for whoever sees the first start.
    else for (const line of relay.setup) io.complain(line.trim());
    io.onStarted?.(relay);
    await signals.first;
    await relay.stop(config.drainTimeoutMs);
    log.info('relay stopped');
    return 0;
  } catch (error) {
    const reason = refusedStart(error, config);
    if (reason === undefined) log.error('relay failed', { error });
    else io.complain(`The relay was not started. ${reason}`);
    return 1;
  } finally {
    signals.off();
    offCrash();
    await reports.close?.();
  }
}

/** The first signal resolves; the second one ends the process. */
function stopSignals(io: RunIo, log: Log): { first: Promise<void>; ask: () => void; off: () => void } {
  let off = () => undefined as void;
  let ask = () => undefined as void;
  const first = new Promise<void>((resolve) => {
    let signals = 0;
    ask = () => {
      log.info('relay stopping', { reason: 'an operator asked for it' });
      resolve();
    };
    off = io.onSignal(() => {
      signals += 1;
      if (signals > 1) {
        io.exit(1);
        return;
      }
      log.info('relay stopping');
      resolve();
    });
  });
  return { first, ask: () => ask(), off: () => off() };
}

/** Why the start was refused, where it is something that an operator can put right. */
function refusedStart(error: unknown, { port, host, dataDir }: Config): string | undefined {
  if (error instanceof StoreError || error instanceof SealError || error instanceof SharedStateError)
    return error.message;
  const { code, syscall } = error as { code?: string; syscall?: string };
  if (code === 'EADDRINUSE') return `Port ${port} is in use. Stop what uses it, or set PORT to another.`;
  if (syscall === 'listen' || syscall === 'getaddrinfo')
    return `It cannot listen on ${host ?? 'any address'}, port ${port} (${code ?? 'unknown reason'}).`;
  if (code === 'EACCES' || code === 'EROFS' || code === 'ENOTDIR')
    return `DATA_DIR ${dataDir} cannot be written (${code}).`;
  return undefined;
}
