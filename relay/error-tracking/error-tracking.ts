/**
 * Errors that nobody expected, reported to Sentry (or what takes its envelopes) where `SENTRY_DSN`
 * names one. `@sentry/node` is not among the relay's dependencies: it is loaded when it is there
 * and wanted. It watches the log, so that no part of the relay knows of it; nothing is patched,
 * listened to or read besides, and only what `scrub.ts` lists is sent.
 */
import type { NodeOptions } from '@sentry/node';
import type { Clock } from '../clock.ts';
import { RelayError } from '../errors.ts';
import type { Log, LogFields } from '../log.ts';
import { VERSION } from '../version.ts';
import { scrubEvent, scrubSpan, TAGS } from './scrub.ts';

/** What a version from 11 on has; other packages may speak the same. */
type Sentry = typeof import('@sentry/node');

/** How long what was reported last may take on its way when the process ends, in milliseconds. */
const LAST_REPORTS_MS = 2_000;
/** Reports in a minute: one broken part must not use up the account. */
export const MOST_A_MINUTE = 30;
const MINUTE_MS = 60_000;

const DSN = /^https?:\/\/[^:@/]+(?::[^@/]*)?@[^/]+\/(?:.*\/)?[^/]+$/;

export interface ErrorTracking {
  /** The same log, which reports errors that nobody expected. */
  watched(log: Log): Log;
  /** Whether spans that the relay makes go there. */
  takesSpans: boolean;
  /** Sends what is on its way, for at most two seconds. Undefined where there is nothing to wait for. */
  close: (() => Promise<void>) | undefined;
}

const NONE: ErrorTracking = { watched: (log) => log, takesSpans: false, close: undefined };

export interface ErrorTrackingOptions {
  /** Where to; undefined: nothing is loaded. */
  dsn: string | undefined;
  environment: string | undefined;
  /** Share of conversations whose spans are sent, too. */
  tracesSampleRate: number;
  /** Whether somebody else exports the spans; then none are sent here. */
  hasOwnSpans: boolean;
  log: Log;
  clock: Clock;
  /** The package; tests leave it out. */
  load?: () => Promise<Sentry>;
}

/** Never throws: a relay without reports is better than none. */
export async function openErrorTracking(options: ErrorTrackingOptions): Promise<ErrorTracking> {
  const { dsn, log, clock, load = () => import('@sentry/node') } = options;
  if (dsn === undefined) return NONE;
  let sentry: Sentry;
  try {
    sentry = await load();
  } catch (error) {
    const isMissing = ['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'].includes((error as { code?: string }).code ?? '');
    const remedy = 'SENTRY_DSN is set and @sentry/node is not installed: npm install @sentry/node@11';
    log.warn('errors are not reported', isMissing ? { reason: remedy } : { reason: 'it cannot be loaded', error });
    return NONE;
  }
  if (!DSN.test(dsn)) {
    log.warn('errors are not reported', {
      reason: 'SENTRY_DSN is none: https://KEY@HOST/PROJECT is what Sentry gives',
    });
    return NONE;
  }
  const client = sentry.initWithoutDefaultIntegrations(settings(sentry, dsn, options));
  const isWithin = perMinute(clock, (count) => log.warn('errors were not reported: too many in a minute', { count }));
  const report = (event: string, { error, ...fields }: LogFields) => {
    if (!isWithin()) return;
    sentry.withScope((scope) => {
      scope.setTag('event', event);
      for (const name of TAGS) {
        const value = (fields as Record<string, unknown>)[name];
        if (typeof value === 'string' || typeof value === 'number') scope.setTag(name, value);
      }
      sentry.captureException(error instanceof Error ? error : new Error(`${typeof error} was thrown`));
    });
  };
  log.info('errors are reported', { url: client?.getDsn()?.host ?? '' });
  return {
    watched: (watched) => watch(watched, report, () => ({})),
    takesSpans: sendsSpans(options),
    async close() {
      await sentry.close(LAST_REPORTS_MS);
    },
  };
}

const sendsSpans = ({ tracesSampleRate, hasOwnSpans }: ErrorTrackingOptions) => tracesSampleRate > 0 && !hasOwnSpans;

function settings(sentry: Sentry, dsn: string, options: ErrorTrackingOptions): NodeOptions {
  return {
    dsn,
    release: `voice-jib-jab@${VERSION}`,
    ...(options.environment !== undefined && { environment: options.environment }),
    // Causes, and nothing that patches, listens or reads: no console, no HTTP, no handlers of the process.
    integrations: [sentry.linkedErrorsIntegration()],
    enableRuntimeChannelInjection: false,
    enableOpenTelemetrySetup: sendsSpans(options),
    tracesSampleRate: sendsSpans(options) ? options.tracesSampleRate : 0,
    traceLifecycle: 'stream',
    // Set in words: the package would read them from the environment.
    ...{ debug: false, spotlight: false },
    maxBreadcrumbs: 0,
    sendClientReports: false,
    includeLocalVariables: false,
    beforeBreadcrumb: () => null,
    beforeSend: scrubEvent,
    beforeSendSpan: scrubSpan,
  };
}

/** Refusals and outages have names of ours; what has none was not thought of. */
const isUnexpected = (error: unknown) =>
  error !== undefined && (!(error instanceof RelayError) || error.code === 'internal');

function watch(log: Log, report: (event: string, fields: LogFields) => void, bound: () => LogFields): Log {
  return {
    debug: (event, fields) => log.debug(event, fields),
    info: (event, fields) => log.info(event, fields),
    warn: (event, fields) => log.warn(event, fields),
    error(event, fields) {
      log.error(event, fields);
      if (isUnexpected(fields?.error)) report(event, { ...bound(), ...fields });
    },
    child: (fields) =>
      watch(log.child(fields), report, () => ({ ...bound(), ...(typeof fields === 'function' ? fields() : fields) })),
  };
}

/** @returns whether one more is within the limit; told once a minute how many were not. */
function perMinute(clock: Clock, tooMany: (count: number) => void): () => boolean {
  let since = -Infinity;
  let count = 0;
  return () => {
    const now = clock.now();
    if (now - since >= MINUTE_MS) {
      if (count > MOST_A_MINUTE) tooMany(count - MOST_A_MINUTE);
      [since, count] = [now, 0];
    }
    count += 1;
    return count <= MOST_A_MINUTE;
  };
}
