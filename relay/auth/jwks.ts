/**
 * Key sets that tenants publish at an address of their own: fetched when a token needs one, kept
 * for minutes, and asked for again no more often than every half minute, whatever kids are tried.
 * While the address does not answer, what it last said holds for a day. Knows no tokens.
 */
import { LRUCache } from 'lru-cache';
import * as v from 'valibot';
import type { Clock } from '../clock.ts';
import { OutboundError, type Outbound } from '../outbound/outbound.ts';
import { readPublicJwk } from './key-material.ts';
import type { Algorithm, VerificationKey } from './session-token.ts';

/** How long an answer holds without being asked again. */
export const FRESH_MS = 300_000;
/** Least time between two questions to one address. */
export const COOL_DOWN_MS = 30_000;
/** How long an answer holds while the address fails. */
export const STALE_MS = 86_400_000;
const LONGEST_SET_BYTES = 64 * 1024;
const TIMEOUT_MS = 2_000;
const MOST_KEYS = 20;
const MOST_SETS = 1_000;

const KeySet = v.object({
  keys: v.pipe(v.array(v.record(v.string(), v.unknown())), v.maxLength(MOST_KEYS, `holds at most ${MOST_KEYS} keys`)),
});

export interface JwksRequest {
  tenantId: string;
  url: string;
  /** Undefined: the only key of the set. */
  kid: string | undefined;
  alg: Algorithm;
}

export interface Jwks {
  /** The public key, or undefined when the set, as far as it is known, has none of this name and algorithm. */
  find(request: JwksRequest): Promise<VerificationKey['key'] | undefined>;
}

/** Short code of what was wrong with an address, for the log. */
export type JwksProblem = { tenantId: string; code: string };

interface Entry {
  keys: Record<string, unknown>[];
  /** Opened keys by kid and algorithm; unusable ones stay undefined. */
  opened: Map<string, Promise<VerificationKey['key'] | undefined>>;
  askedAt: number;
  /** Null until the first good answer. */
  answeredAt: number | null;
  asking: Promise<void> | undefined;
}

export function createJwks(deps: {
  outbound: Pick<Outbound, 'request'>;
  clock: Clock;
  onProblem?: (problem: JwksProblem) => void;
}): Jwks {
  const { outbound, clock, onProblem = () => undefined } = deps;
  // By tenant and address: what one tenant's address says is believed for no other.
  const sets = new LRUCache<string, Entry>({ max: MOST_SETS });

  async function ask(entry: Entry, { tenantId, url }: JwksRequest): Promise<void> {
    entry.askedAt = clock.now();
    try {
      const answer = await outbound.request(url, {
        ...{ maxBytes: LONGEST_SET_BYTES, timeoutMs: TIMEOUT_MS },
        headers: { accept: 'application/jwk-set+json, application/json' },
      });
      if (answer.status !== 200) throw new Error(`http-${answer.status}`);
      entry.keys = v.parse(KeySet, JSON.parse(answer.body.toString('utf8'))).keys;
      entry.opened = new Map();
      entry.answeredAt = clock.now();
    } catch (error) {
      onProblem({ tenantId, code: problemCode(error) });
    }
  }

  function askOnce(entry: Entry, request: JwksRequest): Promise<void> {
    return (entry.asking ??= ask(entry, request).finally(() => {
      entry.asking = undefined;
    }));
  }

  function open(entry: Entry, { kid, alg }: JwksRequest): Promise<VerificationKey['key'] | undefined> {
    const name = `${kid ?? ''} ${alg}`;
    const known = entry.opened.get(name);
    if (known !== undefined) return known;
    const fits = entry.keys.filter((key) => (kid === undefined ? true : key.kid === kid));
    // Two keys of one name, or no name and several keys: nobody said which.
    if (fits.length !== 1 || fits[0] === undefined) return Promise.resolve(undefined);
    const opening = readPublicJwk(fits[0], alg).then((read) => (read.ok ? read.key : undefined));
    entry.opened.set(name, opening);
    return opening;
  }

  return {
    async find(request) {
      const name = JSON.stringify([request.tenantId, request.url]);
      let entry = sets.get(name);
      if (entry === undefined) {
        entry = { keys: [], opened: new Map(), askedAt: -Infinity, answeredAt: null, asking: undefined };
        sets.set(name, entry);
      }
      const isOlder = (ms: number) => entry.answeredAt === null || clock.now() - entry.answeredAt >= ms;
      const mayAsk = () => clock.now() - entry.askedAt >= COOL_DOWN_MS;
      if (entry.asking !== undefined) await entry.asking;
      else if (isOlder(FRESH_MS) && mayAsk()) await askOnce(entry, request);
      if (isOlder(STALE_MS)) return undefined;
      const key = await open(entry, request);
      if (key !== undefined || !mayAsk()) return key;
      await askOnce(entry, request);
      return open(entry, request);
    },
  };
}

function problemCode(error: unknown): string {
  if (error instanceof OutboundError) return error.code;
  if (error instanceof v.ValiError || error instanceof SyntaxError) return 'not-a-key-set';
  return error instanceof Error && /^http-\d+$/.test(error.message) ? error.message : 'failed';
}
