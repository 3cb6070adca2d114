/** From what the page kept to the trace of the conversation. Pure. */
import { RATE_HZ } from '#wire';
import type { AuditRecord } from '../../relay/audit/audit.ts';
import { QUANTUM, QUANTUM_MS } from './audio-thread.ts';
import type { Happened, Page } from './page.ts';
import type { Read, SampleRecord } from './sample-record.ts';
import type { Plan } from './scenario.ts';
import { DEVICE_HZ } from './sounds.ts';
import type { Decision, Pause, PlacedEvent, Span, Trace, Truncation } from './trace.ts';

const PER_MS = RATE_HZ / 1000;
/** The shortest fade that the gate makes. */
const LEAST_RAMP_MS = 3;

const msOf = (frame: number) => (frame * 1000) / DEVICE_HZ;

/** Reads of the same sound in neighbouring quanta, joined. */
export function spansOf(reads: readonly Read[]): Span[] {
  const spans: Span[] = [];
  for (const { frame, lane, epoch } of reads) {
    const fromMs = msOf(frame);
    const toMs = msOf(frame + QUANTUM);
    const last = spans.at(-1);
    if (last?.lane === lane && last.epoch === epoch && fromMs <= last.toMs + QUANTUM_MS / 2) last.toMs = toMs;
    else spans.push({ fromMs, toMs, lane, epoch });
  }
  return spans;
}

/** How long the gate was held each time begins here; its end is a decision's. */
export function pausesOf(happened: readonly Happened[]): Pause[] {
  const pauses: Pause[] = [];
  let isPaused = false;
  for (const one of happened) {
    if (one.is === 'onset' && one.paused) {
      isPaused = true;
      pauses.push({ atMs: one.atMs, by: 'widget', epoch: one.epoch, level: one.level });
    } else if (one.is === 'delivered') {
      const { message } = one;
      if (message.type === 'gate.pause' && !isPaused) {
        isPaused = true;
        pauses.push({ atMs: one.atMs, by: 'relay', epoch: message.epoch, level: null });
      } else if (['gate.resume', 'gate.close', 'gate.open', 'clip.play'].includes(message.type)) {
        isPaused = false;
      }
    }
  }
  return pauses;
}

export function decisionsOf(happened: readonly Happened[]): Decision[] {
  const decisions: Decision[] = [];
  happened.forEach((one, index) => {
    if (one.is !== 'said') return;
    const { message, atMs } = one;
    if (message.type === 'gate.resume') {
      const cause = message.rewindMs === 0 ? 'let go' : 'resume';
      decisions.push({ atMs, is: 'resume', epoch: message.epoch, cause });
    } else if (message.type === 'gate.close') {
      // The change of owner that belongs to it follows in the same step.
      const change = happened
        .slice(index, index + 12)
        .find((later) => later.is === 'said' && later.message.type === 'lane.owner_changed');
      const cause =
        change?.is === 'said' && change.message.type === 'lane.owner_changed' && change.atMs === atMs
          ? change.message.cause
          : 'none heard';
      decisions.push({ atMs, is: 'kill', epoch: message.epoch, cause });
    }
  });
  return decisions;
}

/** A page that ends the session says no last word, and the memory ends with it: those do not count. */
function truncationsOf(
  happened: readonly Happened[],
  record: SampleRecord,
  decisions: readonly Decision[],
): Truncation[] {
  const endedAt = decisions.find(({ cause }) => cause === 'ended')?.atMs ?? Infinity;
  return happened.flatMap((one) => {
    if (one.is !== 'said' || one.atMs >= endedAt) return [];
    const { message, atMs } = one;
    const heardMs = 'item' in message ? record.endOf(message.item) : 0;
    const cause = decisions.findLast((decision) => decision.is === 'kill' && decision.atMs <= atMs)?.cause ?? 'none';
    if (message.type === 'item.truncated') return [{ atMs, cause, toldMs: message.heardMs, heardMs }];
    // A user's item has no sound here.
    return message.type === 'item.deleted' && heardMs > 0 ? [{ atMs, cause, toldMs: 0, heardMs }] : [];
  });
}

/** What left the gate after its close had come and faded, and what left the relay after its own word. */
function afterKill(happened: readonly Happened[], reads: readonly Read[]): number {
  let samples = 0;
  let closed = 0;
  for (const one of happened) {
    if (one.is === 'frame' && one.epoch < closed) samples += one.samples;
    if (!('message' in one) || one.message.type !== 'gate.close') continue;
    const { epoch, rampMs } = one.message;
    if (one.is === 'said') closed = Math.max(closed, epoch);
    else {
      const overMs = one.atMs + Math.max(LEAST_RAMP_MS, rampMs) + QUANTUM_MS;
      for (const read of reads) if (read.epoch < epoch && msOf(read.frame) >= overMs) samples += read.to - read.from;
    }
  }
  return samples;
}

/** Sound of lane B that was read before policy had cleared it, in milliseconds. */
export function unclearedMs(reads: readonly Read[], audit: readonly AuditRecord[]): number {
  const clearings = new Map<string, { atMs: number; upTo: number }[]>();
  for (const { event } of audit) {
    if (event.type !== 'policy.cleared') continue;
    const list = clearings.get(event.response) ?? [];
    clearings.set(event.response, list);
    list.push({ atMs: event.t, upTo: event.upToMs * PER_MS });
  }
  let samples = 0;
  for (const { response, frame, from, to, base } of reads) {
    if (response === null) continue;
    const atMs = msOf(frame);
    const upTo = clearings.get(response)?.findLast((one) => one.atMs <= atMs)?.upTo ?? 0;
    samples += Math.min(to - from, Math.max(0, Math.ceil(base + to - from - upTo)));
  }
  return samples / PER_MS;
}

function handoversOf(spans: readonly Span[]): number[] {
  return spans.flatMap((span, index) => {
    const before = spans[index - 1];
    return span.lane === 'B' && before?.lane === 'A' && before.epoch === span.epoch ? [span.fromMs - before.toMs] : [];
  });
}

/** @param page - null when there was none; `failure` then says why. */
export function traceOf(
  plan: Plan,
  page: Page | null,
  events: PlacedEvent[],
  audit: readonly AuditRecord[],
  failure: string | null = null,
): Trace {
  const happened = page?.happened ?? [];
  const reads = page?.record.reads ?? [];
  const spans = spansOf(reads);
  const decisions = decisionsOf(happened);
  return {
    plan,
    failure,
    events,
    spans,
    pauses: pausesOf(happened),
    decisions,
    truncations: page ? truncationsOf(happened, page.record, decisions) : [],
    overlapSamples: page?.record.overlapSamples ?? 0,
    afterKillSamples: afterKill(happened, reads),
    unclearedMs: unclearedMs(reads, audit),
    refused: page?.said('turn.ended').filter(({ outcome }) => outcome === 'refused').length ?? 0,
    handovers: handoversOf(spans),
  };
}
