/**
 * Which response is which: every request is matched to what the provider creates for it, every
 * response is known by its id until it is done, and ids that are over are remembered for a
 * while so that what comes late is recognised. Sends nothing.
 */
import type { Response } from './events.ts';
import { type PcmReader, pcmReader } from './pcm.ts';

/** Ids that are over and still recognised; older ones are as good as never seen. */
const REMEMBERED = 256;

/** Responses that are under way at once, of which a provider has one or two; above it the oldest is given up. */
const MOST_OPEN = 16;

/** What was asked for; `rid` is the request's event id and comes back in its metadata. */
export type Purpose =
  | { is: 'answer'; rid: string; turn: string }
  /** Speech rendered outside the conversation. */
  | { is: 'speech'; rid: string };

export interface OpenResponse {
  readonly id: string;
  /** `uninvited`: nobody asked for it. */
  readonly purpose: Purpose | { is: 'uninvited' };
  /** Cancelled, or never wanted: nothing of it is passed on any more but its end. */
  isDead: boolean;
  /** Everything it put out, in order; calls that were reported are not in it any more. */
  readonly items: Set<string>;
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
    const [oldest] = this.#ids;
    if (this.#ids.size > this.#limit && oldest !== undefined) this.#ids.delete(oldest);
    return true;
  }
}

export class ResponseBook {
  readonly #requested = new Map<string, Purpose>();
  readonly #open = new Map<string, OpenResponse>();
  readonly #over = new Ring();

  /** Nothing is asked for and nothing is under way. */
  get isIdle(): boolean {
    return this.#requested.size === 0 && this.#open.size === 0;
  }

  /** A request is on its way. */
  requested(purpose: Purpose): void {
    this.#requested.set(purpose.rid, purpose);
  }

  /**
   * A request came to nothing.
   *
   * @param rid - as the error names it; null when it names none, which is clear enough while
   *   exactly one request for an answer is waiting.
   */
  refused(rid: string | null): Purpose | undefined {
    const purpose = rid === null ? this.#only('answer') : this.#requested.get(rid);
    if (purpose !== undefined) this.#requested.delete(purpose.rid);
    return purpose;
  }

  /** @returns undefined for an id that is known or over already. */
  created(response: Response): OpenResponse | undefined {
    if (this.#open.has(response.id) || this.#over.has(response.id)) return undefined;
    const { id, metadata } = response;
    const purpose = metadata ? this.#requested.get(metadata.rid ?? '') : this.#unnamed(response);
    if (purpose !== undefined) this.#requested.delete(purpose.rid);
    const open: OpenResponse = {
      id,
      purpose: purpose ?? { is: 'uninvited' },
      isDead: purpose === undefined,
      items: new Set(),
      texts: new Map(),
      readers: new Map(),
    };
    this.#open.set(open.id, open);
    const [oldest] = this.#open.keys();
    if (this.#open.size > MOST_OPEN && oldest !== undefined) this.done(oldest);
    return open;
  }

  /** Responses under way. */
  get size(): number {
    return this.#open.size;
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
  #unnamed(response: Response): Purpose | undefined {
    return this.#only(response.conversation_id === null ? 'speech' : 'answer');
  }

  #only(is: Purpose['is']): Purpose | undefined {
    const fitting = [...this.#requested.values()].filter((purpose) => purpose.is === is);
    return fitting.length === 1 ? fitting[0] : undefined;
  }
}
