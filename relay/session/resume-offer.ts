/**
 * What a page shows to come back to its conversation, and the secret that opens it: 256 bits, good
 * once, of which only the digest is kept here. Knows no session.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Counts } from './line-log.ts';

const PREFIX = 'resume.';
const SESSION = /^[A-Za-z0-9_-]{1,64}$/;
const SECRET = /^[A-Za-z0-9_-]{43}$/;
const COUNT = /^\d{1,10}$/;
const MOST = 0xffffffff;

/** What a page has received, and the epoch of its gate. */
export type ResumePoint = Counts & { epoch: number };

export interface ResumeOffer {
  session: string;
  /** SHA-256 of the secret that was shown. */
  digest: Buffer;
  /** Null: a page loaded anew. */
  point: ResumePoint | null;
}

/** @returns the offer among the subprotocols of a request; null where there is none in its form. */
export function readOffer(header: string | undefined): ResumeOffer | null {
  const offered = header
    ?.split(',')
    .map((part) => part.trim())
    .find((part) => part.startsWith(PREFIX));
  const [session, secret, ...counts] = offered?.slice(PREFIX.length).split('.') ?? [];
  if (session === undefined || secret === undefined || !SESSION.test(session) || !SECRET.test(secret)) return null;
  const digest = digestOf(secret);
  if (counts.length === 0) return { session, digest, point: null };
  const [messages = -1, frames = -1, epoch = -1] = counts.map((count) => (COUNT.test(count) ? Number(count) : -1));
  const isGood = counts.length === 3 && [messages, frames, epoch].every((count) => count >= 0 && count <= MOST);
  return isGood ? { session, digest, point: { messages, frames, epoch } } : null;
}

export function digestOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

/** In constant time. @param hash - In hex. */
export function isDigest(hash: string | null | undefined, digest: Buffer): boolean {
  const kept = Buffer.from(hash ?? '', 'hex');
  return kept.length === digest.length && timingSafeEqual(kept, digest);
}

export interface ResumeSecret {
  /**
   * A new secret. The one that opened the connection stays good until the page is known to have the new one.
   *
   * @param openedBy - Digest of the secret that opened the connection; null for a conversation's first.
   */
  renew(openedBy: Buffer | null): string;
  /** In constant time. */
  isOpenedBy(digest: Buffer): boolean;
  /**
   * Something came over the newest connection: its page has the new secret, and the former one is used up.
   *
   * @returns whether there was a former one.
   */
  arrived(): boolean;
  /** SHA-256 of the newest, in hex. */
  readonly hash: string;
  /** Of the former one, as long as it is good. */
  readonly formerHash: string | null;
}

const isSame = (one: Buffer | null, other: Buffer) => one !== null && timingSafeEqual(one, other);

class KeptSecret implements ResumeSecret {
  #newest: Buffer | null = null;
  #former: Buffer | null = null;

  renew(openedBy: Buffer | null): string {
    const secret = randomBytes(32).toString('base64url');
    this.#former = openedBy;
    this.#newest = digestOf(secret);
    return secret;
  }

  isOpenedBy(digest: Buffer): boolean {
    const [isFormer, isNewest] = [isSame(this.#former, digest), isSame(this.#newest, digest)];
    return isFormer || isNewest;
  }

  arrived(): boolean {
    const wasGood = this.#former !== null;
    this.#former = null;
    return wasGood;
  }

  get hash(): string {
    return this.#newest?.toString('hex') ?? '';
  }

  get formerHash(): string | null {
    return this.#former?.toString('hex') ?? null;
  }
}

export function createResumeSecret(): ResumeSecret {
  return new KeptSecret();
}
