/** What a soak writes down, a line of JSON each: how it began, what was seen every ten seconds, how it ended. */
import type { Window } from '../load/tally.ts';
import type { Inside, Outside } from './probe.ts';

export interface StartLine {
  type: 'start';
  /** ISO date and time. */
  at: string;
  machine: string;
  node: string;
  commit: string;
  minutes: number;
  sessions: number;
  staying: number;
  pauseMs: readonly [number, number];
  stayMs: readonly [number, number];
  /** Settings of the relay that are not those it ships with. */
  env: Record<string, string>;
  /** Of the emulator, besides an own latency of 0. */
  faults: Record<string, string>;
  seed: number;
  /** What else is worth knowing, in a sentence. */
  note: string;
  /** With nobody there, after a few had been there; all garbage collected. */
  baseline: Relay;
}

export type Relay = Outside & Inside;

export interface SampleLine {
  type: 'sample';
  /** Seconds since the first talker came. */
  t: number;
  live: number;
  stayed: number;
  /** Processor share of the last interval, 1 is a whole core. */
  cpu: { relay: number; emulator: number; driver: number };
  relay: Relay;
  emulatorRssBytes: number;
  driverRssBytes: number;
  /** Lag of the driver's own event loop: what its figures cannot be better than. */
  driverLagP99Ms: number;
  /** The machine's load average of a minute: who else was there. */
  load: number;
  counts: Record<string, number>;
  figures: Window;
}

export interface EndLine {
  type: 'end';
  t: number;
  /** The run was ended before its time. */
  isCutShort: boolean;
  counts: Record<string, number>;
  /** With nobody there again; all garbage collected. */
  after: Relay;
  /** How long it took until everything was back, in seconds. */
  settledAfterS: number;
  relayExit: number | null;
  /** Lines that the relay logged, warnings and worse. */
  warnings: number;
  dataBytes: number;
}

export type Line = StartLine | SampleLine | EndLine;

export interface SoakRecord {
  start: StartLine;
  samples: SampleLine[];
  /** Undefined while it runs, or when it broke off. */
  end: EndLine | undefined;
}

/** @throws when it does not begin as a soak's record does. */
export function readRecord(text: string): SoakRecord {
  const lines = text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as Line);
  const [start] = lines;
  if (start?.type !== 'start') throw new Error('this is not the record of a soak');
  return {
    start,
    samples: lines.filter((line) => line.type === 'sample'),
    end: lines.find((line) => line.type === 'end'),
  };
}
