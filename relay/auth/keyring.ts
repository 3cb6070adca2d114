/**
 * The relay's own signing keys: Ed25519, kept in the store, replaced every week. A replaced key
 * verifies for a day more, so that no token dies of the rotation. Knows no tokens.
 */
import { exportJWK, generateKeyPair, importJWK, type CryptoKey, type JWK } from 'jose';
import type { Clock } from '../clock.ts';
import { newId } from '../ids.ts';
import { RELAY_ISSUER, type FindKey, type SigningKey } from './session-token.ts';

/** Age at which a key is replaced, in milliseconds. */
export const ROTATE_AFTER_MS = 7 * 86_400_000;
/** How long a replaced key still verifies, in milliseconds. */
export const OVERLAP_MS = 86_400_000;
/** Other instances make keys too: an unknown one is looked for in the store at most this often, in milliseconds. */
const LOOK_EVERY_MS = 1_000;

/** Where keys lie: the store, as far as it is needed here. */
export interface KeyRecords {
  list(tenantId: null): Promise<KeyRecord[]>;
  add(key: KeyRecord): Promise<void>;
  retire(kid: string, notAfter: number): Promise<void>;
  remove(kid: string): Promise<void>;
}

export interface KeyRecord {
  kid: string;
  tenantId: string | null;
  alg: string;
  /** JSON, with the private part. */
  jwk: string;
  notBefore: number;
  notAfter: number | null;
}

export interface Keyring {
  /** The key to sign with now; made or replaced when it is time. */
  current(): Promise<SigningKey>;
  /** Replaces the current key now, as after a suspected leak. */
  rotate(): Promise<SigningKey>;
  /** Finds keys of the relay by `kid`; knows no other issuer. */
  readonly findKey: FindKey;
}

interface OpenKey {
  kid: string;
  privateKey: CryptoKey;
  publicKey: CryptoKey;
  notBefore: number;
  notAfter: number | null;
}

/** @throws when the stored keys do not open (another master key). */
export async function openKeyring(records: KeyRecords, clock: Clock): Promise<Keyring> {
  const keys: OpenKey[] = [];
  for (const record of await records.list(null)) {
    if (record.notAfter !== null && record.notAfter <= clock.wallNow()) await records.remove(record.kid);
    else keys.push(await openKey(record));
  }
  let replacing: Promise<SigningKey> | undefined;
  let looking: Promise<void> | undefined;
  let lookedAt = -Infinity;

  /** Learns what other instances made and retired. */
  async function look(): Promise<void> {
    for (const record of await records.list(null)) {
      const known = keys.find(({ kid }) => kid === record.kid);
      if (known !== undefined) known.notAfter = record.notAfter;
      else if (record.notAfter === null || record.notAfter > clock.wallNow()) keys.push(await openKey(record));
    }
  }
  function lookSometimes(): Promise<void> {
    if (looking === undefined && clock.now() - lookedAt >= LOOK_EVERY_MS) {
      lookedAt = clock.now();
      looking = look().finally(() => {
        looking = undefined;
      });
    }
    return looking ?? Promise.resolve();
  }

  const newest = () => keys.filter((key) => key.notAfter === null).sort((a, b) => b.notBefore - a.notBefore)[0];
  const signing = ({ kid, privateKey }: OpenKey): SigningKey => ({ kid, alg: 'EdDSA', privateKey });

  async function replace(): Promise<SigningKey> {
    const now = clock.wallNow();
    const pair = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
    const fresh: KeyRecord = {
      kid: newId('key', now),
      tenantId: null,
      alg: 'EdDSA',
      jwk: JSON.stringify(await exportJWK(pair.privateKey)),
      notBefore: now,
      notAfter: null,
    };
    await records.add(fresh);
    for (const key of keys) {
      if (key.notAfter !== null) continue;
      key.notAfter = now + OVERLAP_MS;
      await records.retire(key.kid, key.notAfter);
    }
    for (const key of keys.filter(({ notAfter }) => notAfter !== null && notAfter <= now)) {
      keys.splice(keys.indexOf(key), 1);
      await records.remove(key.kid);
    }
    const open = await openKey(fresh);
    keys.push(open);
    return signing(open);
  }
  /** What another instance made meanwhile is as good; and an old key is better than none at all. */
  async function renew(): Promise<SigningKey> {
    try {
      await look();
      const key = newest();
      return key !== undefined && isYoung(key) ? signing(key) : await replace();
    } catch (error) {
      const key = newest();
      if (key === undefined) throw error;
      return signing(key);
    }
  }
  const isYoung = (key: OpenKey) => clock.wallNow() - key.notBefore < ROTATE_AFTER_MS;
  // One at a time: two requests at the hour of rotation share the new key.
  const once = (work: () => Promise<SigningKey>) =>
    (replacing ??= work().finally(() => {
      replacing = undefined;
    }));

  return {
    async current() {
      if (replacing !== undefined) return replacing;
      const key = newest();
      return key !== undefined && isYoung(key) ? signing(key) : once(renew);
    },
    rotate: () => once(replace),
    async findKey(issuer, kid) {
      if (issuer !== RELAY_ISSUER) return undefined;
      const named = () => keys.find((one) => one.kid === kid);
      // What the store cannot be asked about is unknown for now.
      if (named() === undefined) await lookSometimes().catch(() => undefined);
      const key = named();
      if (key === undefined || (key.notAfter !== null && key.notAfter <= clock.wallNow())) return undefined;
      return { kid: key.kid, alg: 'EdDSA', key: key.publicKey, owner: { is: 'relay' } };
    },
  };
}

async function openKey(record: KeyRecord): Promise<OpenKey> {
  const jwk = JSON.parse(record.jwk) as JWK;
  const { d: _private, ...half } = jwk;
  const { kid, notBefore, notAfter } = record;
  const privateKey = await importJWK({ ...jwk, key_ops: ['sign'] }, 'EdDSA');
  const publicKey = await importJWK({ ...half, key_ops: ['verify'] }, 'EdDSA');
  if (privateKey instanceof Uint8Array || publicKey instanceof Uint8Array)
    throw new Error('a stored key is no key pair');
  return { kid, privateKey, publicKey, notBefore, notAfter };
}
