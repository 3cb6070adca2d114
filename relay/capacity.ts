/**
 * How much this process may hold, from what the system gives it: sockets below its limit of open
 * files, bytes of conversations below a share of its memory. Arithmetic, and two readings; it opens
 * and closes nothing.
 */
import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { MOST_KEPT_OPEN } from './audit/open-files.ts';

/** Files that are no sockets of pages: store, logs, Redis, the listening socket, modules being read; and audit files. */
const OWN_FILES = 256 + MOST_KEPT_OPEN;
/** A conversation: the page's socket, the provider's, and its audit file while that is opened for a write, or the provider's next socket. */
const FILES_OF_A_SESSION = 3;
/** One that is passed on: the page's socket and the other instance's. */
const FILES_OF_A_PASSING = 2;
/** Of all open files, as a divisor: handshakes, passed-on connections and plain requests get at least so much each. */
const SHARE = 16;
/** Of the memory, for what waits on its way: the rest is for code, conversations' state and the system. */
const MEMORY_SHARE = 1 / 4;
const FEWEST_BYTES = 64 * 1024 * 1024;

export interface Capacity {
  /** Conversations at once. */
  sessions: number;
  /** Handshakes under way at once. */
  pending: number;
  /** Connections to conversations that live elsewhere. */
  passed: number;
  /** Connections of the server, whatever is spoken on them; one more is closed unread. */
  connections: number;
  /** Sound and messages that wait on their way, of all conversations, in bytes. */
  heldBytes: number;
}

/**
 * @param wanted - What a process with all it wants would take.
 * @param files - How many it may have open; null where that is not known: then nothing is lowered.
 * @param memoryBytes - What the process may use.
 */
export function capacityFor(
  wanted: Pick<Capacity, 'sessions' | 'pending' | 'passed'>,
  files: number | null,
  memoryBytes: number,
): Capacity {
  const heldBytes = Math.max(FEWEST_BYTES, Math.floor(memoryBytes * MEMORY_SHARE));
  if (files === null) return { ...wanted, connections: Infinity, heldBytes };
  const own = Math.min(OWN_FILES, Math.floor(files / 4));
  const share = Math.floor(files / SHARE);
  const pending = Math.max(1, Math.min(wanted.pending, share));
  const passed = Math.max(1, Math.min(wanted.passed, share));
  // Pages that fetch the script and tokens keep their connections for a while.
  const left = files - own - pending - FILES_OF_A_PASSING * passed - share;
  const sessions = Math.max(1, Math.min(wanted.sessions, Math.floor(left / FILES_OF_A_SESSION)));
  const ofOthers = own + (FILES_OF_A_SESSION - 1) * sessions + (FILES_OF_A_PASSING - 1) * passed;
  return { sessions, pending, passed, connections: Math.max(1, files - ofOthers), heldBytes };
}

/** The same for this process. @returns besides, how many files it may have open where that lowers anything. */
export function capacityHere(wanted: Parameters<typeof capacityFor>[0]): Capacity & { tooFewFiles: number | null } {
  const files = openFilesLimit();
  const capacity = capacityFor(wanted, files, memoryLimit());
  return { ...capacity, tooFewFiles: capacity.sessions < wanted.sessions ? files : null };
}

/** The soft limit of open files, as `ulimit -n` says it; null where the system does not tell, or sets none. */
export function openFilesLimit(read: () => string = () => readFileSync('/proc/self/limits', 'utf8')): number | null {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(read())?.[1];
    return soft === undefined ? null : Number(soft);
  } catch {
    return null;
  }
}

/** Bytes that the process may use: its container's limit where there is one, else the machine's memory. */
export function memoryLimit(constrained = process.constrainedMemory(), machine = totalmem()): number {
  return constrained > 0 && constrained < machine ? constrained : machine;
}
