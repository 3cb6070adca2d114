/** The parts of the bench, in the order in which they are run and reported. */
import type { Part } from './part.ts';

export interface PartEntry {
  name: string;
  title: string;
  /** Minutes, about: on two cores with nothing else running. */
  minutes: number;
  /** It is ended after so many. */
  mostMinutes: number;
  /** Run when it is asked for by name, and not with the others. */
  isExtra?: boolean;
  load: () => Promise<Part>;
}

export const PARTS: readonly PartEntry[] = [
  {
    ...{ name: 'hop', title: 'The relay as a hop', minutes: 6, mostMinutes: 9 },
    load: async () => (await import('./hop.ts')).hop,
  },
  {
    ...{ name: 'first-byte', title: 'First byte', minutes: 6, mostMinutes: 8 },
    load: async () => (await import('./first-byte.ts')).firstByte,
  },
  {
    ...{ name: 'browser', title: 'Barge-in, in Chromium', minutes: 4.5, mostMinutes: 9 },
    load: async () => (await import('./barge-in.ts')).bargeIn,
  },
  {
    ...{ name: 'start', title: 'Loading and starting', minutes: 5, mostMinutes: 9 },
    load: async () => (await import('./starting.ts')).starting,
  },
  {
    ...{ name: 'arbiter', title: 'The arbiter', minutes: 0.5, mostMinutes: 2 },
    load: async () => (await import('./arbiter.ts')).arbiter,
  },
  {
    ...{ name: 'bytes', title: 'Bytes', minutes: 1.5, mostMinutes: 4 },
    load: async () => (await import('./bytes.ts')).bytes,
  },
  {
    ...{ name: 'growth', title: 'Growth', minutes: 2.5, mostMinutes: 6 },
    load: async () => (await import('./growth.ts')).growth,
  },
  {
    ...{ name: 'tokens', title: 'Tokens and limits', minutes: 1, mostMinutes: 3 },
    load: async () => (await import('./tokens.ts')).tokens,
  },
  {
    ...{ name: 'policy', title: 'What policy adds to the wait', minutes: 3, mostMinutes: 8, isExtra: true },
    load: async () => (await import('./policy-part.ts')).policyPart,
  },
];
