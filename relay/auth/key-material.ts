/**
 * What a tenant may give the relay to check its tokens with: a secret, a public JWK, or the https
 * address of a set of them. Reads what people wrote, says everything that is wrong with it, and
 * opens what is stored. Private halves are refused, because a relay that never had one cannot lose
 * it. Knows no tenants and fetches nothing.
 */
import { createHash, randomBytes } from 'node:crypto';
import { importJWK, type CryptoKey, type JWK } from 'jose';
import type { FieldProblem } from '../errors.ts';
import { newId } from '../ids.ts';
import type { Algorithm } from './session-token.ts';

/** Shortest HS256 secret, in bytes: as long as its digest. */
export const SHORTEST_SECRET_BYTES = 32;
const LONGEST_SECRET_BYTES = 512;
const SHORTEST_RSA_BITS = 2_048;
/** Longer moduli cost more to check than anybody gains. */
const LONGEST_RSA_BITS = 8_192;
const LONGEST_URL = 500;
const KID = /^[\w.-]{1,64}$/;
/** Publishable keys are revoked by their name, and no key of a backend may pass for one. */
const RESERVED_KID = /^pk_/;

/** As `POST …/signing-keys` takes it. */
export type TenantKeyInput =
  | { kind: 'secret'; kid?: string; secret?: string }
  | { kind: 'jwk'; kid?: string; jwk: Record<string, unknown>; alg?: Algorithm }
  | { kind: 'jwks_url'; kid?: string; url: string; alg: Algorithm };

/** What is stored of a key; the tenant, its name and its times are the caller's. */
export interface KeyMaterial {
  kid: string;
  alg: Algorithm;
  kind: 'secret' | 'jwk' | 'jwks_url';
  /** Secret as base64url, public JWK as JSON, or URL. */
  material: string;
}

export type ReadKey =
  | {
      ok: true;
      key: KeyMaterial;
      /** A secret that was made here: to be shown once. */
      made?: string;
    }
  | { ok: false; problems: FieldProblem[] };

/**
 * @param acceptsUrl - Whether the relay would ask that address at all.
 * @returns what to store, or everything that is wrong; no problem repeats a secret.
 */
export async function readTenantKey(input: TenantKeyInput, acceptsUrl: (url: string) => boolean): Promise<ReadKey> {
  const problems: FieldProblem[] = [];
  const own = input.kind === 'jwk' && typeof input.jwk.kid === 'string' ? input.jwk.kid : undefined;
  const kid = input.kid ?? own ?? newId('key');
  const kidAt = input.kid === undefined && own !== undefined ? 'jwk.kid' : 'kid';
  if (!KID.test(kid)) problems.push({ at: kidAt, message: 'must be 1 to 64 of A-Z a-z 0-9 . _ -' });
  else if (RESERVED_KID.test(kid)) problems.push({ at: kidAt, message: 'must not start with pk_' });
  const read = await readMaterial(input, acceptsUrl, problems);
  if (read === undefined || problems.length > 0) return { ok: false, problems };
  const { made, ...material } = read;
  return { ok: true, key: { kid, kind: input.kind, ...material }, ...(made !== undefined && { made }) };
}

async function readMaterial(
  input: TenantKeyInput,
  acceptsUrl: (url: string) => boolean,
  problems: FieldProblem[],
): Promise<{ alg: Algorithm; material: string; made?: string } | undefined> {
  switch (input.kind) {
    case 'secret': {
      if (input.secret === undefined) {
        const made = randomBytes(SHORTEST_SECRET_BYTES).toString('base64url');
        return { alg: 'HS256', material: made, made };
      }
      const bytes = secretBytes(input.secret);
      if (bytes !== undefined) return { alg: 'HS256', material: Buffer.from(bytes).toString('base64url') };
      problems.push({
        at: 'secret',
        message: `must be base64 or base64url of ${SHORTEST_SECRET_BYTES} to ${LONGEST_SECRET_BYTES} bytes: openssl rand -base64 32`,
      });
      return undefined;
    }
    case 'jwk': {
      const found = await readPublicJwk(input.jwk, input.alg);
      if (found.ok) return { alg: found.alg, material: JSON.stringify(found.jwk) };
      problems.push(...found.problems.map(({ at, message }) => ({ at: at === 'alg' ? at : `jwk.${at}`, message })));
      return undefined;
    }
    case 'jwks_url': {
      if ((input.alg as string) === 'HS256') problems.push({ at: 'alg', message: 'must be ES256, EdDSA or RS256' });
      if (input.url.length <= LONGEST_URL && acceptsUrl(input.url))
        return { alg: input.alg, material: new URL(input.url).href };
      problems.push({
        at: 'url',
        message: `must be an https address of at most ${LONGEST_URL} characters, public, on port 443 and without a user name`,
      });
      return undefined;
    }
    default:
      return input satisfies never;
  }
}

/** The bytes of a secret that was given as base64 or base64url; undefined when it is none or of a wrong length. */
export function secretBytes(text: string): Uint8Array | undefined {
  const plain = text.trim().replace(/=+$/, '');
  if (!/^[\w+/-]+$/.test(plain)) return undefined;
  const bytes = new Uint8Array(Buffer.from(plain, 'base64url'));
  return bytes.length >= SHORTEST_SECRET_BYTES && bytes.length <= LONGEST_SECRET_BYTES ? bytes : undefined;
}

export type PublicJwk =
  { ok: true; alg: Algorithm; jwk: JWK; key: CryptoKey } | { ok: false; problems: FieldProblem[] };

const PRIVATE_PARTS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

/**
 * One public key that can check signatures. Only the parts that make it are kept.
 *
 * @param wanted - The algorithm that it has to be of, where somebody said so.
 */
export async function readPublicJwk(jwk: Record<string, unknown>, wanted?: Algorithm): Promise<PublicJwk> {
  const refuse = (at: string, message: string): PublicJwk => ({ ok: false, problems: [{ at, message }] });
  const secretPart = PRIVATE_PARTS.find((part) => part in jwk);
  if (secretPart !== undefined)
    return refuse(secretPart, 'is the private part: give the public key only, and replace this one');
  if (jwk.use !== undefined && jwk.use !== 'sig') return refuse('use', 'must be sig');
  if (jwk.key_ops !== undefined && !(Array.isArray(jwk.key_ops) && jwk.key_ops.includes('verify')))
    return refuse('key_ops', 'must hold verify');
  const kind = kindOf(jwk);
  if (kind === undefined) return refuse('kty', 'must be EC with crv P-256, OKP with crv Ed25519, or RSA');
  const { alg, parts } = kind;
  // Ed25519 is what newer libraries call EdDSA with this curve.
  if (jwk.alg !== undefined && jwk.alg !== alg && !(alg === 'EdDSA' && jwk.alg === 'Ed25519'))
    return refuse('alg', `must be ${alg} for this key`);
  if (wanted !== undefined && wanted !== alg) return refuse('alg', `must be ${alg} for this key`);
  for (const part of parts)
    if (typeof jwk[part] !== 'string' || !/^[\w-]{1,1400}$/.test(jwk[part])) return refuse(part, 'must be base64url');
  const bare = Object.fromEntries(['kty', 'crv', ...parts].flatMap((part) => (part in jwk ? [[part, jwk[part]]] : [])));
  if (alg === 'RS256') {
    const bits = bitsOf(bare.n as string);
    if (bits < SHORTEST_RSA_BITS || bits > LONGEST_RSA_BITS)
      return refuse('n', `must be of ${SHORTEST_RSA_BITS} to ${LONGEST_RSA_BITS} bits`);
    const exponent = BigInt(`0x0${Buffer.from(bare.e as string, 'base64url').toString('hex')}`);
    if (exponent < 3n || exponent % 2n === 0n || exponent >= 1n << 64n) return refuse('e', 'must be an odd number');
  }
  try {
    const key = await importJWK({ ...bare, key_ops: ['verify'] }, alg);
    if (key instanceof Uint8Array) return refuse('kty', 'must be a public key');
    return { ok: true, alg, jwk: bare, key };
  } catch {
    return refuse(parts[0] ?? 'kty', 'is no key of this kind');
  }
}

function kindOf({ kty, crv }: Record<string, unknown>): { alg: Algorithm; parts: string[] } | undefined {
  if (kty === 'EC' && crv === 'P-256') return { alg: 'ES256', parts: ['x', 'y'] };
  if (kty === 'OKP' && crv === 'Ed25519') return { alg: 'EdDSA', parts: ['x'] };
  if (kty === 'RSA') return { alg: 'RS256', parts: ['n', 'e'] };
  return undefined;
}

function bitsOf(base64url: string): number {
  const hex = Buffer.from(base64url, 'base64url').toString('hex').replace(/^0+/, '');
  return hex === '' ? 0 : hex.length * 4 - (Math.clz32(parseInt(hex.charAt(0), 16)) - 28);
}

/**
 * A stored key, ready to verify.
 *
 * @throws when it is not what {@link readTenantKey} stored, and for a URL, which is no key.
 */
export async function openKeyMaterial({
  alg,
  kind,
  material,
}: Omit<KeyMaterial, 'kid'>): Promise<CryptoKey | Uint8Array> {
  if (kind === 'secret') {
    const bytes = secretBytes(material);
    if (bytes !== undefined && alg === 'HS256') return bytes;
  } else if (kind === 'jwk') {
    const read = await readPublicJwk(JSON.parse(material) as Record<string, unknown>, alg);
    if (read.ok) return read.key;
  }
  throw new Error('a stored key does not open');
}

/** Tells whether the same material is meant, without keeping it. */
export const fingerprint = (material: string) => createHash('sha256').update(material).digest('base64url');
