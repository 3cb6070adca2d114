/**
 * What the page has said and may have to say again. It counts what went out as the contract does, keeps what the relay
 * has not acknowledged, what waits for a connection, and the last seconds of microphone, and knows what of it is to be
 * sent when a connection is there (again). Speech goes out whole or not at all: an utterance of which something could
 * not be kept is told as lost instead. Arithmetic on a list; knows no socket and no clock.
 */
import { samplesToMs, type WidgetMessage } from '#wire';

/** Sound that is kept, in milliseconds. */
export const KEPT_MS = 5_000;

export interface SentSound {
  samples: Int16Array;
  speaking: boolean;
  epoch: number;
  /** The same, packed: what goes over the wire as long as it is the same session. */
  opus?: Uint8Array;
}
export type Parcel = { message: WidgetMessage } | SentSound;

/** Text and binary frames, each counted from 0. */
export interface Counts {
  messages: number;
  frames: number;
}

/** Somebody speaks: from the onset, or the button, to the end. */
interface Utterance {
  id: string;
  /** When it ended; infinite as long as it goes on. */
  endedAtMs: number;
  /** Number of the newest of its frames that is kept no more; -1 for none, infinite for one that was never sent. */
  missing: number;
  /** Nothing of it goes out any more; its end says so. */
  isLost: boolean;
}

interface Entry {
  parcel: Parcel;
  ms: number;
  utterance: Utterance | null;
  /** -1: not sent yet. */
  number: number;
  /** The relay has it. */
  isDone: boolean;
}

/** Of these only the newest counts, and a relay that knows nothing of it must be told. */
const STATES = new Set(['device.changed', 'mic.changed']);
/** What a relay that knows nothing of the page's past can still take. */
const LASTING = new Set(['user.text', 'context.update', 'assistant.say', 'speech.lost']);

export class SentLog {
  /** Whether what was sent is kept until it is acknowledged: only for a relay that resumes. */
  isKeeping = false;
  #next: Counts = { messages: 0, frames: 0 };
  #entries: Entry[] = [];
  #keptMs = 0;
  /** Utterances that no turn has taken up. */
  #open: Utterance[] = [];
  #current: Utterance | null = null;
  readonly #states = new Map<string, WidgetMessage>();

  /**
   * Takes one in.
   *
   * @param isSent - it goes out now; otherwise with the next connection.
   * @returns what is to go out in its place; null for nothing.
   */
  add(parcel: Parcel, isSent: boolean, nowMs: number): Parcel | null {
    const { entry, isEnd } = this.#classify(parcel, nowMs);
    if (entry.utterance?.isLost) {
      if (!isEnd) return null;
      entry.parcel = lost(entry.utterance);
      entry.utterance = null;
    }
    this.#open = this.#open.filter((one) => nowMs - one.endedAtMs < KEPT_MS);
    if (isSent) entry.number = this.#count(entry);
    if (isSent && !this.isKeeping) return entry.parcel;
    this.#entries.push(entry);
    this.#keptMs += entry.ms;
    while (this.#keptMs > KEPT_MS) this.#dropOne();
    return entry.parcel;
  }

  /** The relay has so much. */
  acknowledge(received: Counts): void {
    for (const entry of this.#entries) {
      if (entry.number >= 0 && entry.number < received[kindOf(entry)]) entry.isDone = true;
    }
    this.#keep((entry) => !entry.isDone || entry.ms > 0 || this.#isOpen(entry.utterance));
  }

  /** A turn began with what was said so far: it is in the conversation's memory. */
  answered(): void {
    this.#open = this.#open.filter((one) => one.endedAtMs === Infinity);
    for (const one of this.#open) one.missing = -1;
    for (const entry of this.#entries) if (entry.ms > 0 && entry.number >= 0) entry.utterance = null;
  }

  /** The same session again, which has so much. @returns what had not come, in order; it is sent now. */
  resume(received: Counts): Parcel[] {
    this.acknowledge(received);
    for (const utterance of new Set(this.#entries.map((entry) => entry.utterance))) {
      if (utterance && utterance.missing >= received.frames) this.#lose(utterance);
    }
    const { messages, frames } = received;
    this.#next = { messages, frames };
    const rest = this.#entries.filter((entry) => !entry.isDone);
    for (const entry of rest) entry.number = this.#count(entry);
    return rest.map(({ parcel }) => parcel);
  }

  /**
   * Another session, or one that knows nothing of what was under way: counts begin at 0 and the log is empty.
   *
   * @returns what it has to be told, in order, for `add`.
   */
  restart(epoch: number): Parcel[] {
    for (const utterance of this.#open) if (utterance.missing >= 0) this.#lose(utterance);
    const parcels: Parcel[] = [...this.#states.values()].map((message) => ({ message }));
    for (const { parcel, utterance, isDone, ms, number } of this.#entries) {
      const isWaiting = ms > 0 ? number < 0 : !isDone;
      if (utterance ? this.#isOpen(utterance) && !utterance.isLost : isWaiting) parcels.push(...anew(parcel, epoch));
    }
    this.#entries = [];
    this.#keptMs = 0;
    this.#next = { messages: 0, frames: 0 };
    // Of what is lost the rest must not come either; all else begins again with its onset.
    this.#open = this.#current?.isLost ? [this.#current] : [];
    this.#current = this.#open[0] ?? null;
    return parcels;
  }

  #classify(parcel: Parcel, nowMs: number): { entry: Entry; isEnd: boolean } {
    const entry: Entry = { parcel, ms: 0, utterance: this.#current, number: -1, isDone: false };
    if (!('message' in parcel)) {
      entry.ms = samplesToMs(parcel.samples.length);
      return { entry, isEnd: false };
    }
    const { message } = parcel;
    const { type } = message;
    if (STATES.has(type)) this.#states.set(type, message);
    const isBegin = type === 'user.onset' || type === 'talk.start';
    const isEnd = type === 'user.offset' || type === 'talk.end';
    if (isBegin && this.#current?.id !== message.utterance) {
      this.#current = { id: message.utterance, endedAtMs: Infinity, missing: -1, isLost: false };
      this.#open.push(this.#current);
      entry.utterance = this.#current;
      // What was sent as speech just before it is its beginning.
      for (let at = this.#entries.length - 1; at >= 0; at -= 1) {
        const before = this.#entries[at];
        if (!before || before.utterance || !('speaking' in before.parcel && before.parcel.speaking)) break;
        before.utterance = this.#current;
      }
    } else if (isEnd && this.#current) {
      this.#current.endedAtMs = nowMs;
      this.#current = null;
    } else if (!isBegin) {
      entry.utterance = null;
    }
    return { entry, isEnd };
  }

  #isOpen(utterance: Utterance | null): boolean {
    return utterance !== null && this.#open.includes(utterance);
  }

  #count(entry: Entry): number {
    return this.#next[kindOf(entry)]++;
  }

  #keep(isKept: (entry: Entry) => boolean): void {
    this.#entries = this.#entries.filter(isKept);
    this.#keptMs = this.#entries.reduce((sum, { ms }) => sum + ms, 0);
  }

  /** The oldest of what is missed least. */
  #dropOne(): void {
    const sounds = this.#entries.filter(({ ms }) => ms > 0);
    const least = Math.min(...sounds.map((entry) => this.#worth(entry)));
    const one = sounds.find((entry) => this.#worth(entry) === least);
    this.#keep((entry) => entry !== one);
    if (!one?.utterance) return;
    one.utterance.missing = one.number < 0 ? Infinity : Math.max(one.utterance.missing, one.number);
  }

  #worth({ utterance, isDone }: Entry): number {
    if (isDone) return this.#isOpen(utterance) ? 2 : 0;
    return utterance === null ? 1 : 3;
  }

  /** Takes out what the relay has not of it, and says so where it ended. */
  #lose(utterance: Utterance): void {
    utterance.isLost = true;
    const at = this.#entries.findLastIndex((entry) => entry.utterance === utterance);
    const last = this.#entries[at];
    if (utterance.endedAtMs < Infinity && last) {
      this.#entries.splice(at + 1, 0, { ...last, parcel: lost(utterance), ms: 0, utterance: null, isDone: false });
    }
    this.#keep((entry) => entry.utterance !== utterance || entry.isDone);
  }
}

const kindOf = ({ ms }: { ms: number }): keyof Counts => (ms > 0 ? 'frames' : 'messages');

const lost = ({ id }: Utterance): Parcel => ({ message: { type: 'speech.lost', utterance: id } });

/** As it is said to a relay that heard nothing before: under the gate's new epoch, and never packed. */
function anew(parcel: Parcel, epoch: number): Parcel[] {
  if (!('message' in parcel)) {
    const { samples, speaking } = parcel;
    return [{ samples, speaking, epoch }];
  }
  const { message } = parcel;
  switch (message.type) {
    case 'user.onset':
    case 'talk.start':
      return [{ message: { ...message, epoch, paused: false } }];
    case 'user.offset':
    case 'talk.end':
      return [parcel];
    default:
      return LASTING.has(message.type) ? [parcel] : [];
  }
}
