/**
 * `voice-jib-jab/server`: what a tenant's backend needs to let its own users talk. It signs session
 * tokens with a key that the tenant has given the relay the checking half of. It is used in other
 * people's servers, so that it needs nothing of the relay's and says at once what is wrong.
 */
import { createPrivateKey, createSecretKey, KeyObject, randomUUID, type JsonWebKey, type webcrypto } from 'node:crypto';
import { SignJWT } from 'jose';

/** What every token is for. */
const AUDIENCE = 'voice-jib-jab';
/** The relay takes none that lives longer, in seconds. */
const LONGEST_LIFE_S = 600;
const STANDARD_LIFE_S = 300;
const LONGEST_META_BYTES = 1_024;
const SHORTEST_SECRET_BYTES = 32;
const SHORTEST_RSA_BITS = 2_048;

export type SessionTokenAlgorithm = 'HS256' | 'ES256' | 'EdDSA' | 'RS256';

/**
 * A secret as base64 or base64url, or its bytes; or a private key as PEM, as JWK (object or JSON),
 * as `KeyObject` or as `CryptoKey`.
 */
export type SessionTokenKey = string | Uint8Array | KeyObject | webcrypto.CryptoKey | Record<string, unknown>;

export interface SessionTokenRequest {
  key: SessionTokenKey;
  /** The key's name at the relay. */
  kid: string;
  /** Follows from the key; given, it must be the key's. */
  alg?: SessionTokenAlgorithm;
  /** Your tenant id, `ten_…`. */
  tenant?: string;
  /** Another name for {@link tenant}. */
  issuer?: string;
  /** Your user, by an id that means nothing to others: 1 to 128 characters. */
  subject: string;
  /** Of the page that the token is for, such as `https://www.example.com`. Only server scope goes without. */
  origin?: string;
  /** Life in seconds: 1 to 600; 300 without it. */
  expiresIn?: number;
  /** One of your assistants; your first without it. */
  assistant?: string;
  /** Narrower than your tenant's; a wider one changes nothing. */
  limits?: { longestSessionMs?: number };
  /** Notes of yours about the session, at most 1 KiB as JSON. */
  meta?: Record<string, unknown>;
  /** For programs that are no page: such a token works without an Origin header. */
  scope?: 'server';
  /** The token opens one session and no second one. */
  once?: boolean;
}

/**
 * Signs a session token for one of your users.
 *
 * @returns a JWT for the widget's `token-src`, `getToken`, or the `token.` subprotocol.
 * @throws {TypeError} that says what is wrong with the request; it never holds the key.
 */
export async function signSessionToken(request: SessionTokenRequest): Promise<string> {
  const { kid, subject, assistant, limits, meta, scope, once, expiresIn = STANDARD_LIFE_S } = request;
  const tenant = request.tenant ?? request.issuer;
  check(typeof kid === 'string' && /^[\w.-]{1,64}$/.test(kid), 'kid must be 1 to 64 of A-Z a-z 0-9 . _ -');
  check(typeof tenant === 'string' && /^[\w.-]{1,128}$/.test(tenant), 'tenant must be your tenant id, ten_…');
  check(isShort(subject), 'subject must have 1 to 128 characters');
  check(assistant === undefined || isShort(assistant), 'assistant must have 1 to 128 characters');
  check(
    Number.isInteger(expiresIn) && expiresIn >= 1 && expiresIn <= LONGEST_LIFE_S,
    `expiresIn must be 1 to ${LONGEST_LIFE_S} seconds`,
  );
  check([undefined, 'server'].includes(scope), "scope must be 'server' or left out");
  const origin = request.origin === undefined ? undefined : readOrigin(request.origin);
  check(origin !== undefined || scope === 'server', "origin must be given, unless scope is 'server'");
  const longestMs = limits?.longestSessionMs;
  check(
    Object.keys(limits ?? {}).every((name) => name === 'longestSessionMs'),
    'limits may only hold longestSessionMs',
  );
  check(longestMs === undefined || (Number.isInteger(longestMs) && longestMs >= 1), 'longestSessionMs must be whole');
  check(
    meta === undefined || Buffer.byteLength(JSON.stringify(meta)) <= LONGEST_META_BYTES,
    `meta must be at most ${LONGEST_META_BYTES} bytes as JSON`,
  );
  const key = openKey(request.key);
  const alg = algorithmOf(key);
  check(request.alg === undefined || request.alg === alg, `alg must be ${alg} for this key`);

  const issuedAt = Math.floor(Date.now() / 1000);
  const claims = {
    ...(origin !== undefined && { origin }),
    ...(assistant !== undefined && { assistant }),
    ...(longestMs !== undefined && { limits: { longestSessionMs: longestMs } }),
    ...(meta !== undefined && { meta }),
    ...(scope !== undefined && { scope }),
    ...(once === true && { once }),
  };
  return new SignJWT(claims)
    .setProtectedHeader({ alg, kid, typ: 'JWT' })
    .setIssuer(tenant)
    .setAudience(AUDIENCE)
    .setSubject(subject)
    .setJti(randomUUID())
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + expiresIn)
    .sign(key);
}

function check(isRight: boolean, message: string): asserts isRight {
  if (!isRight) throw new TypeError(`signSessionToken: ${message}`);
}

const isShort = (text: unknown) => typeof text === 'string' && text.length >= 1 && text.length <= 128;

/** As browsers send it: a URL of the page is taken for its origin. */
function readOrigin(text: string): string {
  check(
    URL.canParse(text) && /^https?:$/.test(new URL(text).protocol),
    'origin must be such as https://www.example.com',
  );
  return new URL(text).origin;
}

function openKey(key: SessionTokenKey): KeyObject {
  try {
    if (key instanceof KeyObject) return key;
    if (key instanceof Uint8Array) return createSecretKey(key);
    if (typeof key !== 'string') return isCryptoKey(key) ? KeyObject.from(key) : fromJwk(key);
    const text = key.trim();
    if (text.startsWith('-----BEGIN')) return createPrivateKey(text);
    if (text.startsWith('{')) return fromJwk(JSON.parse(text) as Record<string, unknown>);
    return createSecretKey(Buffer.from(/^[\w+/-]+=*$/.test(text) ? text : '', 'base64url'));
  } catch {
    // Without its cause, which may quote the key.
    throw new TypeError('signSessionToken: key must be a secret in base64, or a private key as PEM, JWK or KeyObject');
  }
}

const isCryptoKey = (key: webcrypto.CryptoKey | Record<string, unknown>): key is webcrypto.CryptoKey =>
  Object.prototype.toString.call(key) === '[object CryptoKey]';

function fromJwk(jwk: Record<string, unknown>): KeyObject {
  if (jwk.kty === 'oct' && typeof jwk.k === 'string') return createSecretKey(Buffer.from(jwk.k, 'base64url'));
  return createPrivateKey({ key: jwk as JsonWebKey, format: 'jwk' });
}

function algorithmOf(key: KeyObject): SessionTokenAlgorithm {
  const { type, asymmetricKeyType: kind, asymmetricKeyDetails: details } = key;
  if (type === 'secret') {
    check((key.symmetricKeySize ?? 0) >= SHORTEST_SECRET_BYTES, `key must be ${SHORTEST_SECRET_BYTES} bytes or more`);
    return 'HS256';
  }
  check(type === 'private', 'key must be the private half');
  if (kind === 'ed25519') return 'EdDSA';
  if (kind === 'rsa') {
    check((details?.modulusLength ?? 0) >= SHORTEST_RSA_BITS, `key must be of ${SHORTEST_RSA_BITS} bits or more`);
    return 'RS256';
  }
  check(kind === 'ec' && details?.namedCurve === 'prime256v1', 'key must be Ed25519, EC P-256 or RSA');
  return 'ES256';
}
