/**
 * Session tokens: a JWT that says which tenant, which end user and which page. Signed by the relay
 * for publishable keys, or by a tenant's backend with a key of its own. It checks and signs; where
 * keys lie and whether the tenant is active is not its business.
 *
 * What a token says of itself is believed only after its signature: before that, `iss` and `kid`
 * look a stored key up, and the stored key decides the algorithm and the tenant.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8725 the attacks that the checks below answer
 */
import {
  decodeJwt,
  decodeProtectedHeader,
  errors,
  jwtVerify,
  SignJWT,
  type CryptoKey,
  type JWTPayload,
  type KeyObject,
} from 'jose';
import * as v from 'valibot';
import { RelayError } from '../errors.ts';
import { newId } from '../ids.ts';

export const AUDIENCE = 'voice-jib-jab';
/** `iss` of tokens that the relay signs itself; those name their tenant in `tenant`. */
export const RELAY_ISSUER = 'voice-jib-jab-relay';
/** `typ` of the relay's session tokens: nothing else that it signs passes for one. */
export const TOKEN_TYPE = 'vjj-session+jwt';
/** Longest life of a token, in seconds. */
export const TOKEN_LIFE_S = 600;
/** Clocks of relay and backend may differ by this much, in seconds. */
export const LEEWAY_S = 30;
const LONGEST_TOKEN_BYTES = 4_096;
const LONGEST_META_BYTES = 1_024;

export type Algorithm = 'HS256' | 'RS256' | 'ES256' | 'EdDSA';

/** A stored key, and all that may be believed of a token that it verifies. */
export interface VerificationKey {
  kid: string;
  /** From the store; a token's header never chooses. */
  alg: Algorithm;
  key: CryptoKey | KeyObject | Uint8Array;
  /** `relay` may name any tenant; a tenant's key speaks for that tenant alone. */
  owner: { is: 'relay' } | { is: 'tenant'; tenant: string };
  /** The stored key that led to this one, where `kid` is a name in a set of keys. */
  source?: string;
}

/**
 * Finds a key by the unverified `iss` and `kid` of a token.
 *
 * @param kid - At most 64 of `A-Z a-z 0-9 . _ -`, or undefined.
 */
export type FindKey = (issuer: string, kid: string | undefined) => Promise<VerificationKey | undefined>;

const id = v.pipe(v.string(), v.minLength(1), v.maxLength(128));
const Claims = v.object({
  sub: id,
  jti: id,
  iat: v.pipe(v.number(), v.integer()),
  exp: v.pipe(v.number(), v.integer()),
  tenant: v.optional(id),
  origin: v.optional(v.pipe(v.string(), v.maxLength(300))),
  assistant: v.optional(id),
  scope: v.optional(v.literal('server')),
  // Strict: a limit that is not understood would be one that does not hold.
  limits: v.optional(v.strictObject({ longestSessionMs: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))) })),
  once: v.optional(v.boolean()),
  pk: v.optional(id),
  meta: v.optional(
    v.pipe(
      v.record(v.string(), v.unknown()),
      v.check((meta) => Buffer.byteLength(JSON.stringify(meta)) <= LONGEST_META_BYTES, 'is at most 1 KiB'),
    ),
  ),
});

/** What a verified token grants. */
export interface SessionGrant {
  tenant: string;
  subject: string;
  /** The token's own id. */
  id: string;
  /** Undefined only for tokens of server scope. */
  origin: string | undefined;
  isServer: boolean;
  assistant: string | undefined;
  limits: { longestSessionMs?: number };
  meta: Record<string, unknown>;
  /** Milliseconds since 1970. */
  expiresAtMs: number;
  /** Names by which the key that signed it may be revoked: its own, its set's, the publishable key's. */
  kids: readonly string[];
  /** Milliseconds since 1970. */
  issuedAtMs: number;
  /** Opens one session and no second one. */
  isOnce: boolean;
}

/**
 * Checks a session token and returns what it grants.
 *
 * @param nowMs - Milliseconds since 1970.
 * @throws {RelayError} `token-missing` for an empty one, `token-expired` when only the time is
 *   wrong, so that the widget may fetch a new one; `token-invalid` for every other reason.
 */
export async function verifySessionToken(token: string, findKey: FindKey, nowMs: number): Promise<SessionGrant> {
  if (token === '') throw new RelayError('token-missing', 'no token');
  const { issuer, kid } = readOutside(token);
  const key = await findKey(issuer, kid);
  if (key === undefined) throw invalid('no such key');
  const { payload, isExpired } = await verifySignature(token, key, issuer, nowMs);
  const grant = readClaims(payload, key);
  if (isExpired) throw new RelayError('token-expired', 'the token is too old');
  return grant;
}

const invalid = (message: string, cause?: unknown) => new RelayError('token-invalid', message, { cause });

/** The parts that nobody has signed for yet, fit to look a key up by and for nothing else. */
function readOutside(token: string): { issuer: string; kid: string | undefined } {
  if (token.length > LONGEST_TOKEN_BYTES) throw invalid('longer than 4 KiB');
  if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) throw invalid('not three parts');
  try {
    const { kid, crit } = decodeProtectedHeader(token);
    const { iss } = decodeJwt(token);
    // Nothing critical is understood here, `b64` included.
    if (crit !== undefined) throw invalid('holds critical extensions');
    if (kid !== undefined && !/^[\w.-]{1,64}$/.test(kid)) throw invalid('the kid has an odd shape');
    if (typeof iss !== 'string' || !/^[\w.-]{1,128}$/.test(iss)) throw invalid('the issuer has an odd shape');
    return { issuer: iss, kid };
  } catch (error) {
    throw error instanceof RelayError ? error : invalid('header or payload cannot be read', error);
  }
}

async function verifySignature(
  token: string,
  key: VerificationKey,
  issuer: string,
  nowMs: number,
): Promise<{ payload: JWTPayload; isExpired: boolean }> {
  try {
    const { payload, protectedHeader } = await jwtVerify(token, key.key, {
      algorithms: [key.alg],
      audience: AUDIENCE,
      issuer,
      requiredClaims: ['exp', 'iat', 'jti', 'sub'],
      maxTokenAge: TOKEN_LIFE_S,
      clockTolerance: LEEWAY_S,
      currentDate: new Date(nowMs),
    });
    checkType(protectedHeader.typ, key);
    return { payload, isExpired: false };
  } catch (error) {
    // The signature was checked before the time was.
    if (error instanceof errors.JWTExpired) {
      checkType(decodeProtectedHeader(token).typ, key);
      return { payload: error.payload, isExpired: true };
    }
    throw error instanceof RelayError ? error : invalid('refused by its signature or claims', error);
  }
}

function checkType(typ: string | undefined, key: VerificationKey): void {
  const isRight =
    key.owner.is === 'relay' ? typ === TOKEN_TYPE : typ === undefined || [TOKEN_TYPE, 'JWT', 'jwt'].includes(typ);
  if (!isRight) throw invalid('a token of another type');
}

function readClaims(payload: JWTPayload, key: VerificationKey): SessionGrant {
  const read = v.safeParse(Claims, payload, { abortEarly: true });
  if (!read.success) throw invalid(`claim ${v.getDotPath(read.issues[0]) ?? ''} is wrong`);
  const claims = read.output;
  if (claims.exp <= claims.iat || claims.exp - claims.iat > TOKEN_LIFE_S) throw invalid('lives too long');
  const isServer = claims.scope === 'server';
  // A publishable key is public: only a backend that holds a secret may waive the origin.
  if (isServer && key.owner.is === 'relay') throw invalid('server scope from a publishable key');
  if (!isServer && claims.origin === undefined) throw invalid('names no origin');
  const tenant = key.owner.is === 'relay' ? claims.tenant : key.owner.tenant;
  if (tenant === undefined) throw invalid('names no tenant');
  if (claims.tenant !== undefined && claims.tenant !== tenant) throw invalid("names another tenant than its key's");
  return {
    tenant,
    subject: claims.sub,
    id: claims.jti,
    origin: claims.origin,
    isServer,
    assistant: claims.assistant,
    limits: claims.limits?.longestSessionMs === undefined ? {} : { longestSessionMs: claims.limits.longestSessionMs },
    meta: claims.meta ?? {},
    expiresAtMs: claims.exp * 1000,
    // A publishable key is named by the relay alone; a backend that writes `pk` says nothing by it.
    kids: [key.kid, key.source, key.owner.is === 'relay' ? claims.pk : undefined].filter((one) => one !== undefined),
    issuedAtMs: claims.iat * 1000,
    isOnce: claims.once === true,
  };
}

/** A key that signs for the relay. */
export interface SigningKey {
  kid: string;
  alg: 'EdDSA';
  privateKey: CryptoKey;
}

/**
 * Signs a token of the relay's own for a page.
 *
 * @param nowMs - Milliseconds since 1970.
 */
export async function signSessionToken(
  grant: { tenant: string; origin: string; subject: string; assistant?: string; publishableKey?: string },
  key: SigningKey,
  nowMs: number,
): Promise<string> {
  const issuedAt = Math.floor(nowMs / 1000);
  const { subject, publishableKey, ...claims } = grant;
  return new SignJWT({ ...claims, ...(publishableKey !== undefined && { pk: publishableKey }) })
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: TOKEN_TYPE })
    .setIssuer(RELAY_ISSUER)
    .setAudience(AUDIENCE)
    .setSubject(subject)
    .setJti(newId('tok', nowMs))
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + TOKEN_LIFE_S)
    .sign(key.privateKey);
}
