/**
 * What was sent and what came over a connection that may break: counted, and what was sent kept until
 * the other side says that it came. Arithmetic only; it knows no socket and no time.
 */
import { unwrapSequence } from '#wire';

/** Counted messages and binary frames of one direction, since the session was created. */
export interface Counts {
  messages: number;
  frames: number;
}

export type Sent = string | Uint8Array;

/** Numbers and keeps what is sent. */
export interface SentLog {
  readonly sent: Counts;
  /** Kept bytes. */
  readonly bytes: number;
  /** Whether the other side has ever said that something came. */
  readonly isAcknowledged: boolean;
  message(data: string): void;
  /** @param encode - Lays the frame out with this sequence number. @returns the frame. */
  frame(encode: (seq: number) => Uint8Array): Uint8Array;
  /**
   * Lets go of what came.
   *
   * @returns false when more came than was sent.
   */
  acknowledge(came: Counts): boolean;
  /** Whether everything after `came` is kept. */
  has(came: Counts): boolean;
  /** What was sent after `came`, in order. */
  after(came: Counts): Sent[];
  /** Lets go of the oldest until no more than `bytes` are kept. */
  shrink(bytes: number): void;
  /** As if nothing had been sent. */
  restart(): void;
}

interface Entry {
  data: Sent;
  /** Its number among its kind. */
  number: number;
  bytes: number;
}

const SPENT: Entry = { data: '', number: -1, bytes: 0 };
/** Let-go entries at the head of the queue before it is copied. */
const MOST_SPENT = 256;

const isFrame = ({ data }: Entry) => typeof data !== 'string';

const isIn = (entry: Entry, came: Counts) => entry.number < (isFrame(entry) ? came.frames : came.messages);

class KeptLog implements SentLog {
  #queue: Entry[] = [];
  #head = 0;
  #bytes = 0;
  #sent: Counts = { messages: 0, frames: 0 };
  /** Everything up to here may have been let go of. */
  #base: Counts = { messages: 0, frames: 0 };
  #isAcknowledged = false;

  #keep(data: Sent, number: number): void {
    // Text is counted as what it is on the wire, near enough.
    this.#queue.push({ data, number, bytes: data.length });
    this.#bytes += data.length;
  }

  #drop(entry: Entry): void {
    // Its place stays until the queue is copied; what it holds does not.
    this.#queue[this.#head] = SPENT;
    this.#head += 1;
    this.#bytes -= entry.bytes;
    const kind = isFrame(entry) ? 'frames' : 'messages';
    this.#base = { ...this.#base, [kind]: Math.max(this.#base[kind], entry.number + 1) };
    if (this.#head < MOST_SPENT) return;
    this.#queue = this.#queue.slice(this.#head);
    this.#head = 0;
  }

  get sent(): Counts {
    return this.#sent;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isAcknowledged(): boolean {
    return this.#isAcknowledged;
  }

  message(data: string): void {
    this.#keep(data, this.#sent.messages);
    this.#sent = { ...this.#sent, messages: this.#sent.messages + 1 };
  }

  frame(encode: (seq: number) => Uint8Array): Uint8Array {
    const data = encode(this.#sent.frames & 0xffff);
    this.#keep(data, this.#sent.frames);
    this.#sent = { ...this.#sent, frames: this.#sent.frames + 1 };
    return data;
  }

  acknowledge(came: Counts): boolean {
    if (came.messages > this.#sent.messages || came.frames > this.#sent.frames) return false;
    this.#isAcknowledged = true;
    for (let entry = this.#queue[this.#head]; entry && isIn(entry, came); entry = this.#queue[this.#head])
      this.#drop(entry);
    return true;
  }

  has({ messages, frames }: Counts): boolean {
    return (
      messages >= this.#base.messages &&
      frames >= this.#base.frames &&
      messages <= this.#sent.messages &&
      frames <= this.#sent.frames
    );
  }

  after(came: Counts): Sent[] {
    return this.#queue
      .slice(this.#head)
      .filter((entry) => !isIn(entry, came))
      .map(({ data }) => data);
  }

  shrink(most: number): void {
    for (let entry = this.#queue[this.#head]; entry && this.#bytes > most; entry = this.#queue[this.#head])
      this.#drop(entry);
  }

  restart(): void {
    this.#queue = [];
    this.#head = this.#bytes = 0;
    this.#sent = { messages: 0, frames: 0 };
    this.#base = { messages: 0, frames: 0 };
    this.#isAcknowledged = false;
  }
}

export function createSentLog(): SentLog {
  return new KeptLog();
}

/** Counts what comes. */
export interface Received {
  readonly counts: Counts;
  message(): void;
  /**
   * A gap is sound that the page dropped.
   *
   * @returns false for a repeat or a step back: a broken page.
   */
  frame(seq: number): boolean;
  restart(): void;
}

class CountedReceived implements Received {
  #messages = 0;
  #frames = 0;

  get counts(): Counts {
    return { messages: this.#messages, frames: this.#frames };
  }

  message(): void {
    this.#messages += 1;
  }

  frame(seq: number): boolean {
    const number = unwrapSequence(this.#frames, seq);
    if (number < this.#frames) return false;
    this.#frames = number + 1;
    return true;
  }

  restart(): void {
    this.#messages = this.#frames = 0;
  }
}

export function createReceived(): Received {
  return new CountedReceived();
}
