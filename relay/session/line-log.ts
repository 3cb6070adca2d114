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

export function createSentLog(): SentLog {
  let queue: Entry[] = [];
  let head = 0;
  let bytes = 0;
  let sent: Counts = { messages: 0, frames: 0 };
  /** Everything up to here may have been let go of. */
  let base: Counts = { messages: 0, frames: 0 };
  let isAcknowledged = false;

  const isFrame = ({ data }: Entry) => typeof data !== 'string';
  const isIn = (entry: Entry, came: Counts) => entry.number < (isFrame(entry) ? came.frames : came.messages);

  function keep(data: Sent, number: number): void {
    // Text is counted as what it is on the wire, near enough.
    queue.push({ data, number, bytes: data.length });
    bytes += data.length;
  }

  function drop(entry: Entry): void {
    // Its place stays until the queue is copied; what it holds does not.
    queue[head] = SPENT;
    head += 1;
    bytes -= entry.bytes;
    const kind = isFrame(entry) ? 'frames' : 'messages';
    base = { ...base, [kind]: Math.max(base[kind], entry.number + 1) };
    if (head < MOST_SPENT) return;
    queue = queue.slice(head);
    head = 0;
  }

  return {
    get sent() {
      return sent;
    },
    get bytes() {
      return bytes;
    },
    get isAcknowledged() {
      return isAcknowledged;
    },
    message(data) {
      keep(data, sent.messages);
      sent = { ...sent, messages: sent.messages + 1 };
    },
    frame(encode) {
      const data = encode(sent.frames & 0xffff);
      keep(data, sent.frames);
      sent = { ...sent, frames: sent.frames + 1 };
      return data;
    },
    acknowledge(came) {
      if (came.messages > sent.messages || came.frames > sent.frames) return false;
      isAcknowledged = true;
      for (let entry = queue[head]; entry && isIn(entry, came); entry = queue[head]) drop(entry);
      return true;
    },
    has: ({ messages, frames }) =>
      messages >= base.messages && frames >= base.frames && messages <= sent.messages && frames <= sent.frames,
    after: (came) =>
      queue
        .slice(head)
        .filter((entry) => !isIn(entry, came))
        .map(({ data }) => data),
    shrink(most) {
      for (let entry = queue[head]; entry && bytes > most; entry = queue[head]) drop(entry);
    },
    restart() {
      queue = [];
      head = bytes = 0;
      sent = { messages: 0, frames: 0 };
      base = { messages: 0, frames: 0 };
      isAcknowledged = false;
    },
  };
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

export function createReceived(): Received {
  let counts: Counts = { messages: 0, frames: 0 };
  return {
    get counts() {
      return counts;
    },
    message() {
      counts = { ...counts, messages: counts.messages + 1 };
    },
    frame(seq) {
      const number = unwrapSequence(counts.frames, seq);
      if (number < counts.frames) return false;
      counts = { ...counts, frames: number + 1 };
      return true;
    },
    restart() {
      counts = { messages: 0, frames: 0 };
    },
  };
}
