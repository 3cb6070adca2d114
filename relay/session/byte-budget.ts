/**
 * What all conversations of the process may hold together of sound and messages that wait on their
 * way. Above it the newest conversations are ended first: who has talked for long is not the one to
 * pay for a crowd. Sums and order only; what a conversation holds and how it ends is told to it.
 */

/** From this share of the whole on nobody new is let in. */
const FULL_SHARE = 0.9;

export interface ByteAccount {
  /** The conversation holds so many bytes now. May call what sheds it, or others, before it returns. */
  hold(bytes: number): void;
  /** It holds nothing any more. */
  close(): void;
}

export interface ByteBudget {
  /** @param shed - Ends the conversation; called once at most, and its bytes count no more from then on. */
  open(shed: () => void): ByteAccount;
  readonly mostBytes: number;
  /** Of all together. */
  readonly heldBytes: number;
  /** Nobody new should come. */
  readonly isFull: boolean;
  /** Conversations that were ended for it since the start. */
  readonly shed: number;
}

export interface ByteBudgetOptions {
  mostBytes: number;
  /** Bytes that wait elsewhere in the process and cannot be shed here. */
  elsewhere?: () => number;
  /** One was ended. @param bytes - What it held. */
  onShed?: (bytes: number) => void;
}

interface Entry {
  bytes: number;
  shed: () => void;
}

export function createByteBudget({ mostBytes, elsewhere = () => 0, onShed }: ByteBudgetOptions): ByteBudget {
  /** In order of their beginning. */
  const entries = new Set<Entry>();
  let sum = 0;
  let shed = 0;
  const heldBytes = () => sum + elsewhere();

  function drop(entry: Entry): void {
    if (!entries.delete(entry)) return;
    sum -= entry.bytes;
  }

  /** The newest of those that hold half of their even share or more: ending one that holds next to nothing would help nobody. */
  function newest(): Entry | undefined {
    const even = Math.max(0, mostBytes - elsewhere()) / entries.size;
    return [...entries].findLast(({ bytes }) => bytes >= even / 2);
  }

  function relieve(): void {
    while (heldBytes() > mostBytes) {
      const entry = newest();
      if (entry === undefined || entry.bytes === 0) return;
      const { bytes } = entry;
      drop(entry);
      shed += 1;
      entry.shed();
      onShed?.(bytes);
    }
  }

  return {
    mostBytes,
    open(end) {
      const entry: Entry = { bytes: 0, shed: end };
      entries.add(entry);
      return {
        hold(bytes) {
          if (!entries.has(entry) || bytes === entry.bytes) return;
          const hasGrown = bytes > entry.bytes;
          sum += bytes - entry.bytes;
          entry.bytes = bytes;
          if (hasGrown) relieve();
        },
        close: () => drop(entry),
      };
    },
    get heldBytes() {
      return heldBytes();
    },
    get isFull() {
      return heldBytes() > mostBytes * FULL_SHARE;
    },
    get shed() {
      return shed;
    },
  };
}
