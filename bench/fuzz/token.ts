/**
 * Session tokens at the real admission, with real keys: headers and claims of any kind, well signed, badly
 * signed, or changed after signing. A judge of its own, which shares no code with the admission, says what
 * may be let in; all else must be refused by one of the codes that there are for it.
 */
import {
  createECDH,
  createHmac,
  createPrivateKey,
  createPublicKey,
  sign,
  verify,
  type ECDH,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto';
import { createAdmission, type Admit } from '../../relay/auth/admission.ts';
import type { FindKey } from '../../relay/auth/session-token.ts';
import { RelayError } from '../../relay/errors.ts';
import { DEFAULT_LIMITS } from '../../relay/tenants/demo.ts';
import type { Assistant, Tenant } from '../../relay/tenants/tenant.ts';
import { virtualClock } from '../../relay/testing/virtual-clock.ts';
import { mutateBytes, mutateJsonText, mutateText } from './mutate.ts';
import { claim, type Target } from './target.ts';

const ORIGIN = 'https://acme.example';
const KINDS = ['hs', 'es', 'ed', 'none'] as const;
type Kind = (typeof KINDS)[number];
const ALGS = { hs: 'HS256', es: 'ES256', ed: 'EdDSA' } as const;
const REFUSALS = new Set(['token-missing', 'token-invalid', 'token-expired', 'origin-refused']);

/** How a token is made. `after`: what comes of it when it was signed. */
interface Recipe {
  key: Kind;
  header: string;
  claims: string;
  after: string | null;
}

/** Fixed, so that an input means the same the next day. */
const SECRET = Buffer.alloc(32, 7);
const PAIRS = { es: pairOf(createECDH('prime256v1')), ed: pairOf(null) };

/** The pair whose secret half is 32 times nine. */
function pairOf(curve: ECDH | null): { privateKey: KeyObject; publicKey: KeyObject } {
  const secret = Buffer.alloc(32, 9);
  if (curve === null) {
    // What PKCS #8 writes before the 32 bytes of an Ed25519 key.
    const key = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), secret]);
    const privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' });
    return { privateKey, publicKey: createPublicKey(privateKey) };
  }
  curve.setPrivateKey(secret);
  const point = curve.getPublicKey();
  const [x, y, d] = [point.subarray(1, 33), point.subarray(33), secret].map((part) => part.toString('base64url'));
  const privateKey = createPrivateKey({ key: { kty: 'EC', crv: 'P-256', x, y, d } as JsonWebKey, format: 'jwk' });
  return { privateKey, publicKey: createPublicKey(privateKey) };
}

const b64 = (text: string | Buffer) => Buffer.from(text).toString('base64url');

function signed(key: Kind, over: string): Buffer {
  if (key === 'hs') return createHmac('sha256', SECRET).update(over).digest();
  if (key === 'es') return sign('sha256', Buffer.from(over), { key: PAIRS.es.privateKey, dsaEncoding: 'ieee-p1363' });
  return key === 'ed' ? sign(null, Buffer.from(over), PAIRS.ed.privateKey) : Buffer.alloc(0);
}

function tokenOf({ key, header, claims, after }: Recipe): string {
  const over = `${b64(header)}.${b64(claims)}`;
  return after ?? `${over}.${b64(signed(key, over))}`;
}

/** Whether a token may be let in, by other means than the admission's. */
function isGood(token: string, nowS: number): boolean {
  try {
    const [head = '', body = '', tail = ''] = token.split('.');
    const header = JSON.parse(Buffer.from(head, 'base64url').toString()) as Record<string, unknown>;
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Record<string, unknown>;
    const kind = header.kid as Exclude<Kind, 'none'>;
    if (header.alg !== ALGS[kind] || 'crit' in header || token.length > 4_096) return false;
    const over = Buffer.from(`${head}.${body}`);
    const signature = Buffer.from(tail, 'base64url');
    const isSigned =
      kind === 'hs'
        ? createHmac('sha256', SECRET).update(over).digest().equals(signature)
        : kind === 'es'
          ? verify('sha256', over, { key: PAIRS.es.publicKey, dsaEncoding: 'ieee-p1363' }, signature)
          : verify(null, over, PAIRS.ed.publicKey, signature);
    const { iat, exp, aud, iss, origin, scope, tenant } = claims;
    if (!isSigned || typeof iat !== 'number' || typeof exp !== 'number') return false;
    const isNow = exp > iat && exp - iat <= 600 && exp > nowS - 30 && iat >= nowS - 630 && iat <= nowS + 30;
    const isForUs = aud === 'voice-jib-jab' || (Array.isArray(aud) && aud.includes('voice-jib-jab'));
    const isForPage = origin === ORIGIN || (origin === undefined && scope === 'server');
    const isTenants = tenant === undefined || tenant === 'ten_1';
    return (
      isNow &&
      isForUs &&
      iss === 'ten_1' &&
      isForPage &&
      isTenants &&
      typeof claims.sub === 'string' &&
      typeof claims.jti === 'string'
    );
  } catch {
    return false;
  }
}

function admission(): { admit: Admit; nowS: number } {
  const clock = virtualClock();
  const findKey: FindKey = (issuer, kid) => {
    const kind = KINDS.find((one) => one === kid);
    if (issuer !== 'ten_1' || kind === undefined || kind === 'none') return Promise.resolve(undefined);
    const key = kind === 'hs' ? new Uint8Array(SECRET) : PAIRS[kind].publicKey;
    return Promise.resolve({ kid: kind, alg: ALGS[kind], key, owner: { is: 'tenant', tenant: 'ten_1' } });
  };
  const tenant: Tenant = { id: 'ten_1', slug: 'acme', name: 'Acme', status: 'active' };
  const assistant = { id: 'ast_1', version: 1 } as Assistant;
  const admit = createAdmission({
    ...{ findKey, clock },
    directory: {
      byId: (id) => Promise.resolve(id === 'ten_1' ? tenant : undefined),
      allowsOrigin: (_tenant, origin) => Promise.resolve(origin === ORIGIN),
      assistant: (_tenant, id) => Promise.resolve(id === undefined || id === 'ast_1' ? assistant : undefined),
      limits: () => Promise.resolve(DEFAULT_LIMITS),
    },
    quotas: {
      take: () => Promise.resolve({ isAllowed: true, resetMs: 0 }),
      lease: () => Promise.resolve(() => undefined),
    },
    revocations: { holds: () => Promise.resolve(true) },
    usedTokens: { first: () => Promise.resolve(true) },
  });
  return { admit, nowS: Math.floor(clock.wallNow() / 1000) };
}

export function tokenTarget(): Target {
  const { admit, nowS } = admission();
  const claims = {
    ...{
      iss: 'ten_1',
      aud: 'voice-jib-jab',
      sub: 'kanarienvogel',
      jti: 'j1',
      iat: nowS,
      exp: nowS + 300,
      origin: ORIGIN,
    },
    ...{ tenant: 'ten_1', assistant: 'ast_1', limits: { longestSessionMs: 1_000 }, meta: { plan: 'gold' } },
  };
  const recipes = KINDS.flatMap((key): Recipe[] => {
    const header = JSON.stringify({
      alg: key === 'none' ? 'none' : ALGS[key],
      kid: key === 'none' ? 'hs' : key,
      typ: 'JWT',
    });
    return [{ key, header, claims: JSON.stringify(claims), after: null }];
  });
  const headers = recipes.map(({ header }) => header);
  const tricks = [
    ...['{"alg":"none"}', '{"alg":"HS256","kid":"es"}', '{"alg":"HS256","kid":"hs","crit":["b64"],"b64":false}'],
    ...[
      '{"alg":"HS256","alg":"none","kid":"hs"}',
      '{"alg":["HS256"],"kid":"hs"}',
      '{"alg":"HS256","kid":"hs","jwk":{}}',
    ],
    ...['{"alg":"HS256","kid":"../hs"}', `{"alg":"HS256","kid":"${'h'.repeat(65)}"}`, '[]', 'null', '"x"'],
  ];
  return {
    name: 'token',
    corpus: recipes.map((recipe) => Buffer.from(JSON.stringify(recipe))),
    mutate(random, one) {
      const recipe = JSON.parse(one.toString()) as Recipe;
      if (random.chance(0.4)) recipe.claims = mutateJsonText(random, recipe.claims, headers);
      if (random.chance(0.3))
        recipe.header = random.chance(0.4) ? random.pick(tricks) : mutateJsonText(random, recipe.header, headers);
      if (random.chance(0.15)) recipe.key = random.pick(KINDS);
      if (random.chance(0.05))
        recipe.claims = recipe.claims.replace('{', `{"pad":"${'x'.repeat(random.whole(2_000, 9_000))}",`);
      if (random.chance(0.4)) {
        const token = tokenOf(recipe);
        recipe.after = random.chance(0.5)
          ? mutateText(random, token, [token])
          : mutateBytes(random, Buffer.from(token), [Buffer.from(token)]).toString('latin1');
      }
      return Buffer.from(JSON.stringify(recipe));
    },
    async run(one) {
      const token = tokenOf(JSON.parse(one.toString()) as Recipe);
      const request = { token, origin: ORIGIN, address: '', signal: new AbortController().signal };
      let code: string | null = null;
      try {
        const admitted = await admit(request);
        claim(
          admitted.tenant.id === 'ten_1' && admitted.limits.longestSessionMs <= DEFAULT_LIMITS.longestSessionMs,
          'a token widened what its tenant has',
        );
      } catch (error) {
        if (!(error instanceof RelayError)) throw error;
        claim(
          !error.message.includes('kanarienvogel') &&
            (token.length < 40 || !error.message.includes(token.slice(0, 40))),
          'a refusal tells what the token says',
        );
        ({ code } = error);
        claim(REFUSALS.has(code), `refused as ${code}, for which there is no reason`);
      }
      claim(code !== null || isGood(token, nowS), 'a token was let in that is not good');
    },
  };
}
