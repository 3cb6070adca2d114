/**
 * Two figures for CloudWatch in its embedded metric format: a line of JSON in the log stream, from
 * which the collector makes metrics. No request leaves the relay for it.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
import type { Clock } from '../clock.ts';

export const EMF_NAMESPACE = 'VoiceJibJab';
export const EMF_DIMENSION = { Service: 'relay' } as const;
const EVERY_MS = 60_000;
/** A value may be a list of so many numbers; what is more goes into a line of its own. */
const MOST_VALUES = 100;
/** Turns of one minute that are kept; more than any instance answers. */
const MOST_TURNS = 20_000;

export interface EmfFigures {
  /** Wall-clock milliseconds. */
  timestamp: number;
  sessions: number;
  /** Of each turn's answer, in milliseconds. */
  ttfbMs: readonly number[];
}

/** @returns one line or more, without line ends. */
export function emfLines({ timestamp, sessions, ttfbMs }: EmfFigures): string[] {
  const parts: (readonly number[])[] = [];
  for (let at = 0; at < ttfbMs.length; at += MOST_VALUES) parts.push(ttfbMs.slice(at, at + MOST_VALUES));
  const [first, ...rest] = parts;
  return [
    line(timestamp, { ConcurrentSessions: sessions, ...(first && { TTFB: first }) }),
    ...rest.map((values) => line(timestamp, { TTFB: values })),
  ];
}

const UNITS = { ConcurrentSessions: 'Count', TTFB: 'Milliseconds' } as const;

function line(timestamp: number, values: Partial<Record<keyof typeof UNITS, number | readonly number[]>>): string {
  const names = Object.keys(values) as (keyof typeof UNITS)[];
  const metrics = names.map((name) => ({ Name: name, Unit: UNITS[name] }));
  return JSON.stringify({
    _aws: {
      Timestamp: timestamp,
      CloudWatchMetrics: [{ Namespace: EMF_NAMESPACE, Dimensions: [Object.keys(EMF_DIMENSION)], Metrics: metrics }],
    },
    ...EMF_DIMENSION,
    ...values,
  });
}

export interface Emf {
  /** A turn's answer took so long. */
  firstSound(ms: number): void;
  stop(): void;
}

/** Writes once a minute, and what is left when it stops. */
export function startEmf(options: { clock: Clock; sessions: () => number; write: (line: string) => void }): Emf {
  const { clock } = options;
  let ttfbMs: number[] = [];
  let cancel: () => void;

  function write(): void {
    const figures = { timestamp: Math.floor(clock.wallNow()), sessions: options.sessions(), ttfbMs };
    ttfbMs = [];
    for (const one of emfLines(figures)) options.write(one);
  }
  const next = () => {
    cancel = clock.wakeAt(clock.now() + EVERY_MS, () => {
      write();
      next();
    });
  };
  next();
  return {
    firstSound(ms) {
      if (ttfbMs.length < MOST_TURNS) ttfbMs.push(ms);
    },
    stop() {
      cancel();
      write();
    },
  };
}
