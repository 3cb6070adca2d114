/**
 * Where conversations live and what is kept of them, on a store and on what instances share. The
 * store decides who may go on with a conversation, in one statement: of two instances that are asked
 * at once one has it, also when nothing else can be asked. The shared lease says who is alive. Every
 * failure here costs a reconnecting page its conversation at worst, and a living one nothing.
 */
import { timingSafeEqual } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { RelayError } from '../errors.ts';
import type { Owner, Ownership } from '../shared-state/ownership.ts';
import type { Checkpoints, FoundCheckpoint } from '../store/checkpoints.ts';
import { createHeldBook } from './held.ts';
import type { Checkpoint, Continuity, Found } from './continuity.ts';

/** How long after a relay was last seen its conversations can be gone on with, in milliseconds. */
export const WINDOW_MS = 60_000;
/** How often an instance says in the store that it lives, in milliseconds. */
export const BEAT_MS = 10_000;
/** An instance that was silent for longer is believed dead where only the store can be asked. */
const SILENT_MS = 2.5 * BEAT_MS;
/** What rests of one conversation at most, in characters of JSON; the oldest of its history goes first. */
const MOST_CHARACTERS = 1_000_000;
/** How long letting go may take before the page is sent away all the same, in milliseconds. */
const LET_GO_WITHIN_MS = 2_000;

export interface ContinuityOptions {
  checkpoints: Checkpoints;
  ownership: Ownership;
  clock: Clock;
  self: Owner;
  /** Whether no other instance can live on this store: all others that are named there are dead. */
  isAlone: boolean;
  /** For the log. Nothing is lost but what is said. */
  onProblem?: (problem: { code: ContinuityProblem; error?: unknown }) => void;
}

export type ContinuityProblem =
  /** Checkpoints wait: the store does not answer. */
  | 'checkpoint-waits'
  /** The store refuses this one; the next is tried again. */
  | 'checkpoint-lost'
  /** Who holds a conversation could not be told, or asked. */
  | 'ownership'
  /** A page came back and its conversation could not be looked up. */
  | 'look-up'
  | 'sweep';

export interface ContinuityKeeper extends Continuity {
  /** Conversations held here. */
  readonly held: number;
  /** Of them and of those that ended, with something that is not written yet. */
  readonly waiting: number;
  /** Notices what was taken from here, and removes what is left of conversations whose time is over. */
  sweep(): Promise<void>;
  /** Writes what waits once more, then nothing any more. */
  stop(): Promise<void>;
}

export function createContinuity(options: ContinuityOptions): ContinuityKeeper {
  const { checkpoints, ownership, clock, self, onProblem = () => undefined } = options;
  const listeners = new Set<(session: string) => void>();
  const book = createHeldBook({
    clock,
    writes: {
      save: (held, checkpoint) =>
        checkpoints.save(
          {
            ...{ tenantId: checkpoint.tenant, sessionId: checkpoint.session, subject: checkpoint.subject },
            ...{ holder: self.instance, version: held.version, secretHash: hashesOf(checkpoint) },
            savedAt: clock.wallNow(),
          },
          documentOf(checkpoint),
        ),
      end({ session, version }, tenantId, ending) {
        const hold = { tenantId, sessionId: session, version, holder: self.instance };
        return ending === 'remove' ? checkpoints.remove(hold) : checkpoints.letGo(hold, clock.wallNow());
      },
    },
    onTaken(session) {
      ownership.release(session);
      tell(session);
    },
    isPassing: (error) => !(error instanceof RelayError) || error.code === 'busy',
    onProblem: ({ error, isGivenUp }) => onProblem({ code: isGivenUp ? 'checkpoint-lost' : 'checkpoint-waits', error }),
  });
  const lose = (session: string) => {
    if (book.drop(session)) tell(session);
  };
  const offTaken = ownership.onTaken(lose);

  function tell(session: string): void {
    for (const listener of [...listeners]) listener(session);
  }

  /** What cannot be claimed is held all the same: the store's word counts, and the lease is for speed. */
  function claim(session: string, from?: string): Promise<boolean> {
    return ownership.claim(session, from).catch((error: unknown) => {
      onProblem({ code: 'ownership', error });
      return true;
    });
  }

  const isOther = ({ instance, url }: Owner, dead: string | undefined) =>
    // What answers at this instance's own address is this instance: the other is a former run of it.
    instance !== self.instance && instance !== dead && url !== self.url;

  async function livingOwner(session: string): Promise<Owner | undefined> {
    try {
      return await ownership.ownerOf(session);
    } catch (error) {
      onProblem({ code: 'ownership', error });
      return undefined;
    }
  }

  /** Who holds it by the store's word, and was heard of there lately. */
  function holderOf({ holder, holderUrl, holderSeenAt }: FoundCheckpoint): Owner | undefined {
    if (options.isAlone || holder === null || holderUrl === null || holderSeenAt === null) return undefined;
    return clock.wallNow() - holderSeenAt > SILENT_MS ? undefined : { instance: holder, url: holderUrl };
  }

  /** A beat may have been written just before the end: its age is allowed for. */
  const isInTime = ({ savedAt, holderSeenAt }: FoundCheckpoint) =>
    clock.wallNow() - Math.max(savedAt, holderSeenAt ?? 0) <= WINDOW_MS + BEAT_MS;

  async function look(session: string, secretHash: string, dead: string | undefined, isAgain = false): Promise<Found> {
    if (book.knows(session)) return { is: 'unknown' };
    const owner = await livingOwner(session);
    if (owner && isOther(owner, dead)) return { is: 'elsewhere', ...owner };
    const found = (await checkpoints.find(session)).find((row) => isAmong(row.secretHash, secretHash));
    if (!found) return { is: 'unknown' };
    // Who was first has it by the store's word before the lease says so.
    const holder = holderOf(found);
    if (holder && isOther(holder, dead)) return { is: 'elsewhere', ...holder };
    if (found.holder === self.instance || !isInTime(found)) return { is: 'unknown' };
    const document = await checkpoints.take(found, self.instance);
    // Somebody was first: it lives there now.
    if (document === undefined) return isAgain ? { is: 'unknown' } : look(session, secretHash, undefined, true);
    const checkpoint = JSON.parse(document) as Checkpoint;
    if ((checkpoint.version as number) !== 1) return { is: 'unknown' };
    book.add(session, found.version + 1);
    await claim(session, owner?.instance ?? dead ?? found.holder ?? undefined);
    return { is: 'left', checkpoint };
  }

  return {
    get held() {
      return book.size;
    },
    get waiting() {
      return book.waiting;
    },
    began(session) {
      if (book.has(session)) return;
      book.add(session, 1);
      void claim(session);
    },
    save: (checkpoint) => book.save(checkpoint),
    ended(session) {
      const isHeld = book.has(session);
      void book.end(session, 'remove');
      if (isHeld) ownership.release(session);
    },
    async left(session) {
      if (!book.has(session)) return;
      let cancel = () => undefined as void;
      const late = new Promise<void>((resolve) => {
        cancel = clock.wakeAt(clock.now() + LET_GO_WITHIN_MS, resolve);
      });
      await Promise.race([book.end(session, 'let-go'), late]);
      cancel();
      ownership.release(session);
    },
    async find(session, secretHash, dead) {
      try {
        return await look(session, secretHash, dead);
      } catch (error) {
        onProblem({ code: 'look-up', error });
        return { is: 'unknown' };
      }
    },
    onTaken(listener) {
      const own = (session: string) => listener(session);
      listeners.add(own);
      return () => void listeners.delete(own);
    },
    async sweep() {
      try {
        // What the lease did not tell, because it cannot be asked or is not shared.
        for (const session of await checkpoints.takenFrom(self.instance)) lose(session);
        await checkpoints.removeOld(clock.wallNow() - WINDOW_MS - BEAT_MS);
      } catch (error) {
        onProblem({ code: 'sweep', error });
      }
    },
    async stop() {
      offTaken();
      await book.flush();
      book.stop();
    },
  };
}

const hashesOf = ({ secretHash, formerSecretHash }: Checkpoint) =>
  typeof formerSecretHash === 'string' ? `${secretHash},${formerSecretHash}` : secretHash;

/** Which letter of which digest differs cannot be told from how long it takes. */
function isAmong(kept: string, shown: string): boolean {
  const given = Buffer.from(shown);
  const same = kept.split(',').map((one) => {
    const hash = Buffer.from(one);
    return hash.length === given.length && timingSafeEqual(hash, given);
  });
  return same.includes(true);
}

function documentOf(checkpoint: Checkpoint): string {
  let document = JSON.stringify(checkpoint);
  let { history } = checkpoint;
  while (document.length > MOST_CHARACTERS && history.length > 0) {
    history = history.slice(Math.ceil(history.length / 4));
    document = JSON.stringify({ ...checkpoint, history });
  }
  return document;
}
