/**
 * Which response is which: every request is matched to what the provider creates for it, every
 * response is known by its id until it is done, and ids that are over are remembered for a
 * while so that what comes late is recognised. Sends nothing.
 */
import type { Response } from './events.ts';
import { type PcmReader, pcmReader } from './pcm.ts';

/** Ids that are over and still recognised; older ones are as good as never seen. */
const REMEMBERED = 256;

export type Purpose =
  | { is: 'answer'; turn: string }
  /** Speech rendered outside the conversation. */
  | { is: 'speech' };

export interface OpenResponse {
  readonly id: string;
  /** `uninvited`: nobody asked for it. */
  readonly purpose: Purpose | { is: 'uninvited' };
  readonly rid: string | null;
  /** Cancelled, or never wanted: nothing of it is passed on any more but its end. */
  isDead: boolean;
  /** Items in the order in which they came, with their text. */
  readonly texts: Map<string, string>;
  readonly readers: Map<string, PcmReader>;
}

/** A set that forgets its oldest. */
export class Ring {
  readonly #ids = new Set<string>();
  readonly #limit: number;

  constructor(limit = REMEMBERED) {
    this.#limit = limit;
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /** @returns false when it was there already. */
  add(id: string): boolean {
    if (this.#ids.has(id)) return false;
    this.#ids.add(id);
    if (this.#ids.size > this.#limit) for (const oldest of this.#ids) return this.#ids.delete(oldest);
    return true;
  }
}

export class ResponseBook {
  readonly #requested = new Map<string, Purpose>();
  readonly #open = new Map<string, OpenResponse>();
  readonly #over = new Ring();

  /** A request is on its way. `rid` is its event id and comes back in its metadata. */
  requested(rid: string, purpose: Purpose): void {
    this.#requested.set(rid, purpose);
  }

  /**
   * A request came to nothing.
   *
   * @param rid - as the error names it; null when it names none, which is clear enough while
   *   exactly one request for an answer is waiting.
   */
  refused(rid: string | null): { rid: string; purpose: Purpose } | undefined {
    const found = rid ?? this.#onlyAnswer();
    const purpose = found === undefined ? undefined : this.#requested.get(found);
    if (found === undefined || purpose === undefined) return undefined;
    this.#requested.delete(found);
    return { rid: found, purpose };
  }

  /** @returns undefined for an id that is known or over already. */
  created(response: Response): OpenResponse | undefined {
    if (this.#open.has(response.id) || this.#over.has(response.id)) return undefined;
    const rid = response.metadata?.rid ?? (response.metadata === null ? this.#unnamed(response) : undefined);
    const purpose = rid === undefined ? undefined : this.#requested.get(rid);
    if (rid !== undefined) this.#requested.delete(rid);
    const open: OpenResponse = {
      id: response.id,
      purpose: purpose ?? { is: 'uninvited' },
      rid: purpose === undefined ? null : (rid ?? null),
      isDead: purpose === undefined,
      texts: new Map(),
      readers: new Map(),
    };
    this.#open.set(open.id, open);
    return open;
  }

  get(id: string): OpenResponse | undefined {
    return this.#open.get(id);
  }

  isOver(id: string): boolean {
    return this.#over.has(id);
  }

  /** @returns the response that has ended, once. */
  done(id: string): OpenResponse | undefined {
    const open = this.#open.get(id);
    this.#open.delete(id);
    this.#over.add(id);
    return open;
  }

  /** The sound that one chunk of an item holds; a sample cut between chunks is put together. */
  decode(open: OpenResponse, item: string, base64: string): Int16Array {
    let reader = open.readers.get(item);
    if (reader === undefined) open.readers.set(item, (reader = pcmReader()));
    return reader.read(base64);
  }

  /** The connection is gone and every response with it. */
  clear(): void {
    this.#requested.clear();
    for (const id of this.#open.keys()) this.#over.add(id);
    this.#open.clear();
  }

  /** The request that a response without metadata must belong to: some servers echo none. */
  #unnamed(response: Response): string | undefined {
    return response.conversation_id === null ? this.#only('speech') : this.#onlyAnswer();
  }

  #onlyAnswer(): string | undefined {
    return this.#only('answer');
  }

  #only(is: Purpose['is']): string | undefined {
    const rids = [...this.#requested].filter(([, purpose]) => purpose.is === is).map(([rid]) => rid);
    return rids.length === 1 ? rids[0] : undefined;
  }
}
