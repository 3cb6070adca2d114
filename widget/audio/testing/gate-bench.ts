/**
 * A gate on a bench: sound and commands in, every sample that is heard kept. One at a time; `fresh`
 * puts a new one there.
 */
import { PlayoutGate } from '../playout-gate.ts';
import type { PlayoutEvent } from '../playout-reports.ts';
import { toInt16 } from './sounds.ts';

const RATE = 24_000;
/** One render quantum of 128 at 48 kHz. */
export const QUANTUM = 64;

export let gate: PlayoutGate;
export let events: PlayoutEvent[];
export let heard: number[];

/** A new gate of epoch 1 with a transition gap of 10 ms. */
export function fresh(): void {
  const told: PlayoutEvent[] = [];
  events = told;
  heard = [];
  gate = new PlayoutGate(RATE, (event) => told.push(event));
  gate.configure(1, 10);
}

/** Samples as milliseconds. */
export const ms = (samples: number) => samples / 24;

/** Lets `length` milliseconds go by. @returns what was heard in them. */
export function run(length: number): Float32Array {
  const start = heard.length;
  const block = new Float32Array(QUANTUM);
  for (let left = Math.round(length * 24); left > 0; left -= QUANTUM) {
    const count = Math.min(QUANTUM, left);
    gate.render(block, count);
    heard.push(...block.subarray(0, count));
  }
  return Float32Array.from(heard.slice(start));
}

/** All that was heard so far. */
export const output = () => Float32Array.from(heard);

export const of = <T extends PlayoutEvent['type']>(type: T) =>
  events.filter((event): event is Extract<PlayoutEvent, { type: T }> => event.type === type);

type Lane = 'A' | 'B' | 'C';

export function announce(
  item: string,
  {
    response = 'r1',
    epoch = 1,
    fromMs = 0,
    lane = 'B',
  }: { response?: string; epoch?: number; fromMs?: number; lane?: Lane } = {},
): void {
  gate.command({ type: 'item.started', item, response, turn: 't1', epoch, lane, fromMs });
}

/** Sends sound in frames, the last one flagged unless it is not the `last`. */
export function send(
  samples: Float32Array,
  {
    epoch = 1,
    last = true,
    frame = 480,
    lane = 'B',
  }: { epoch?: number; last?: boolean; frame?: number; lane?: Lane } = {},
): void {
  const pcm = toInt16(samples);
  for (let at = 0; at < pcm.length; at += frame) {
    gate.push(epoch, lane, pcm.slice(at, at + frame), last && at + frame >= pcm.length);
  }
}

/** Opens for lane B and admits the response, as the relay does. */
export function open(epoch = 1, upToMs?: number, response = 'r1'): void {
  gate.command({ type: 'gate.open', epoch, lane: 'B' });
  gate.command({ type: 'lane.admit', epoch, response, ...(upToMs === undefined ? {} : { upToMs }) });
}

/** A ramp tells every sample from every other: its value is its place. */
export const ramp = (length: number) =>
  Float32Array.from({ length: length * 24 }, (_, i) => (i % 24_000) / 32_000 + 0.1);

/** The millisecond of a ramp that a sample comes from. */
export const placeOf = (sample: number) => Math.round(((sample - 0.1) * 32_000) / 24);
