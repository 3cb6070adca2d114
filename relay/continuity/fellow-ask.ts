/**
 * A question of one instance to another, over plain HTTP: signed as a request that is passed on is,
 * for this body, that instance and half a minute. It carries questions and answers and knows none.
 */
import { createHash, randomUUID } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Owner } from '../shared-state/ownership.ts';
import { FELLOW_HEADER, type FellowHeader } from './fellow-header.ts';

/** Where an instance is asked. No route of any load balancer. */
export const FELLOW_PATH = '/fellow';
const NONCE_HEADER = 'x-vjj-nonce';
/** A fellow that takes longer is as good as away, in milliseconds. */
const ANSWER_MS = 3_000;
const MOST_ANSWER_BYTES = 16 * 1024 * 1024;
/** Whose address is no matter here. */
const NOBODY = '127.0.0.1';

export interface FellowAsk {
  /**
   * @param question - Plain JSON.
   * @returns its answer; undefined when it does not answer, or not as it should.
   */
  ask: (owner: Owner, question: unknown) => Promise<unknown>;
  /** Whether a fellow instance asked that of this one, just now. */
  isAsked: (header: (name: string) => string | undefined, body: string) => boolean;
}

export function createFellowAsk(options: {
  /** The asked one's id is known. */
  self: Pick<Owner, 'instance'>;
  header: FellowHeader;
  clock: Clock;
  onProblem?: (problem: { owner: Owner; code: string }) => void;
}): FellowAsk {
  const { self, header, clock, onProblem = () => undefined } = options;
  // No session is called so: what was signed for one is worth nothing for the other.
  const signedFor = (body: string, to: string, nonce: string) => ({
    ...{ session: `asked:${createHash('sha256').update(body).digest('hex')}`, to, key: nonce },
  });

  return {
    async ask(owner, question) {
      const body = JSON.stringify(question);
      const nonce = randomUUID();
      const abort = new AbortController();
      const cancel = clock.wakeAt(clock.now() + ANSWER_MS, () => abort.abort());
      try {
        const response = await fetch(new URL(FELLOW_PATH, owner.url), {
          method: 'POST',
          redirect: 'error',
          signal: abort.signal,
          headers: {
            'content-type': 'application/json',
            [FELLOW_HEADER]: header.sign(signedFor(body, owner.instance, nonce), NOBODY),
            [NONCE_HEADER]: nonce,
          },
          body,
        });
        const text = await readAtMost(response, MOST_ANSWER_BYTES);
        if (!response.ok) throw new Error(`it answered ${response.status}`);
        return (JSON.parse(text) as { answer?: unknown }).answer;
      } catch {
        onProblem({ owner, code: abort.signal.aborted ? 'no-answer' : 'not-reached' });
        return undefined;
      } finally {
        cancel();
      }
    },
    isAsked(of, body) {
      const [word, nonce] = [of(FELLOW_HEADER), of(NONCE_HEADER)];
      if (word === undefined || nonce === undefined) return false;
      return header.read(word, signedFor(body, self.instance, nonce)) !== undefined;
    },
  };
}

async function readAtMost(response: Response, bytes: number): Promise<string> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += piece.length;
    if (size > bytes) throw new Error('a longer answer than any');
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}
