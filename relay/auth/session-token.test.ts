import { createHmac, generateKeyPairSync, randomBytes } from 'node:crypto';
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, UnsecuredJWT, type JWTPayload } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { virtualClock } from '../testing/virtual-clock.ts';
import { openKeyring, OVERLAP_MS, ROTATE_AFTER_MS, type KeyRecord, type KeyRecords } from './keyring.ts';
import {
  AUDIENCE,
  RELAY_ISSUER,
  signSessionToken,
  TOKEN_TYPE,
  verifySessionToken,
  type FindKey,
  type SigningKey,
  type VerificationKey,
} from './session-token.ts';

const NOW = 1_790_000_000_000;
const SECONDS = NOW / 1000;
const ORIGIN = 'https://acme.example';

type Pair = Awaited<ReturnType<typeof generateKeyPair>>;
let relay: Pair;
let rsa: Pair;
let ec: Pair;
let stranger: Pair;
const hmac = randomBytes(32);
let keys: Record<string, VerificationKey>;
let asked: string[];
const findKey: FindKey = (issuer, kid) => {
  asked.push(`${issuer}/${kid ?? ''}`);
  return Promise.resolve(keys[`${issuer}/${kid ?? ''}`]);
};

beforeAll(async () => {
  relay = await generateKeyPair('EdDSA', { extractable: true });
  stranger = await generateKeyPair('EdDSA', { extractable: true });
  rsa = await generateKeyPair('RS256', { extractable: true });
  ec = await generateKeyPair('ES256', { extractable: true });
  const tenant = { is: 'tenant', tenant: 'ten_1' } as const;
  asked = [];
  keys = {
    [`${RELAY_ISSUER}/k1`]: { kid: 'k1', alg: 'EdDSA', key: relay.publicKey, owner: { is: 'relay' } },
    'ten_1/hs': { kid: 'hs', alg: 'HS256', key: hmac, owner: tenant },
    'ten_1/rs': { kid: 'rs', alg: 'RS256', key: rsa.publicKey, owner: tenant },
    'ten_1/es': { kid: 'es', alg: 'ES256', key: ec.publicKey, owner: tenant },
  };
});

const relayClaims = {
  iss: RELAY_ISSUER,
  aud: AUDIENCE,
  sub: 'u',
  jti: 'j',
  iat: SECONDS,
  exp: SECONDS + 600,
  tenant: 'ten_1',
  origin: ORIGIN,
};
const tenantClaims = { ...relayClaims, iss: 'ten_1', tenant: undefined };
const relayHeader = { alg: 'EdDSA', kid: 'k1', typ: TOKEN_TYPE };
const sign = (claims: object, header: object, key: Parameters<SignJWT['sign']>[0]) =>
  new SignJWT(claims as JWTPayload).setProtectedHeader(header as { alg: string }).sign(key);
const byRelay = (claims: object = {}, header: object = {}) =>
  sign({ ...relayClaims, ...claims }, { ...relayHeader, ...header }, relay.privateKey);
const byTenant = (claims: object = {}, header: object = {}) =>
  sign({ ...tenantClaims, ...claims }, { alg: 'HS256', kid: 'hs', ...header }, hmac);
const check = (token: string, atMs = NOW) => verifySessionToken(token, findKey, atMs);
const b64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('a session token', () => {
  it('grants what the relay signed, for ten minutes', async () => {
    const key: SigningKey = { kid: 'k1', alg: 'EdDSA', privateKey: relay.privateKey };
    const token = await signSessionToken({ tenant: 'ten_1', origin: ORIGIN, subject: 'sub_1' }, key, NOW + 999);
    const grant = await check(token);
    expect(grant).toMatchObject({
      tenant: 'ten_1',
      subject: 'sub_1',
      origin: ORIGIN,
      isServer: false,
      assistant: undefined,
      limits: {},
      meta: {},
      expiresAtMs: NOW + 600_000,
      issuedAtMs: NOW,
      kids: ['k1'],
      isOnce: false,
    });
    expect(grant.id).toMatch(/^tok_/);
    await expect(check(token, NOW + 629_000)).resolves.toBeDefined();
    await expect(check(token, NOW + 632_000)).rejects.toMatchObject({ code: 'token-expired' });
  });

  it.each([
    ['HS256', () => byTenant()],
    ['RS256', () => sign(tenantClaims, { alg: 'RS256', kid: 'rs', typ: 'JWT' }, rsa.privateKey)],
    ['ES256', () => sign(tenantClaims, { alg: 'ES256', kid: 'es' }, ec.privateKey)],
  ])("is also taken from a tenant's backend with %s", async (_alg, make) => {
    expect(await check(await make())).toMatchObject({ tenant: 'ten_1', subject: 'u' });
  });

  it('may narrow limits, choose an assistant and carry notes, when a backend signed it', async () => {
    const claims = {
      assistant: 'ast_1',
      limits: { longestSessionMs: 60_000 },
      meta: { plan: 'gold' },
      tenant: 'ten_1',
    };
    expect(await check(await byTenant(claims))).toMatchObject({
      assistant: 'ast_1',
      limits: { longestSessionMs: 60_000 },
      meta: { plan: 'gold' },
    });
    expect(await check(await byTenant({ scope: 'server', origin: undefined }))).toMatchObject({
      isServer: true,
      origin: undefined,
    });
  });

  it('is expired, and not invalid, when nothing but the time is wrong', async () => {
    const old = { iat: SECONDS - 3_600, exp: SECONDS - 3_000 };
    await expect(check(await byRelay(old))).rejects.toMatchObject({ code: 'token-expired' });
    await expect(check(await byTenant(old))).rejects.toMatchObject({ code: 'token-expired' });
    await expect(check(await byRelay({ ...old, aud: 'other' }))).rejects.toMatchObject({ code: 'token-invalid' });
    await expect(check(await byRelay({ ...old, origin: undefined }))).rejects.toMatchObject({ code: 'token-invalid' });
    await expect(check(await byRelay(old, { typ: 'JWT' }))).rejects.toMatchObject({ code: 'token-invalid' });
    await expect(check('')).rejects.toMatchObject({ code: 'token-missing' });
  });

  const forgeries: Record<string, () => string | Promise<string>> = {
    'alg none': () => new UnsecuredJWT(relayClaims).encode(),
    'alg none with a kid': () => `${b64({ ...relayHeader, alg: 'none' })}.${b64(relayClaims)}.`,
    'alg none with a signature': () => `${b64({ ...relayHeader, alg: 'none' })}.${b64(relayClaims)}.AAAA`,
    'HS256 keyed with the RSA public key': async () =>
      sign(tenantClaims, { alg: 'HS256', kid: 'rs' }, Buffer.from(await exportSPKI(rsa.publicKey))),
    'HS256 keyed with the raw public half of the relay’s key': async () => {
      const head = `${b64({ ...relayHeader, alg: 'HS256' })}.${b64(relayClaims)}`;
      const raw = Buffer.from((await exportJWK(relay.publicKey)).x ?? '', 'base64url');
      return `${head}.${createHmac('sha256', raw).update(head).digest('base64url')}`;
    },
    'RS256 under the kid of an HS256 key': () => sign(tenantClaims, { alg: 'RS256', kid: 'hs' }, rsa.privateKey),
    'another algorithm of the same key': () =>
      sign(tenantClaims, { alg: 'PS256', kid: 'rs' }, generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey),
    'the forger’s own jwk in the header': async () =>
      sign(relayClaims, { ...relayHeader, jwk: await exportJWK(stranger.publicKey) }, stranger.privateKey),
    'a jku in the header': () =>
      sign(relayClaims, { ...relayHeader, jku: 'https://evil.example/keys' }, stranger.privateKey),
    'an x5u in the header': () =>
      sign(relayClaims, { ...relayHeader, x5u: 'https://evil.example/c' }, stranger.privateKey),
    'a critical extension nobody knows': () => `${b64({ ...relayHeader, crit: ['x'], x: 1 })}.${b64(relayClaims)}.AAAA`,
    'an unknown kid': () => byRelay({}, { kid: 'k2' }),
    'no kid': () => byRelay({}, { kid: undefined }),
    'a kid with a path in it': () => byRelay({}, { kid: '../../etc/passwd' }),
    'a kid with SQL in it': () => byRelay({}, { kid: "k1' or '1'='1" }),
    'an endless kid': () => byRelay({}, { kid: 'k'.repeat(65) }),
    'a kid that is no text': () => `${b64({ ...relayHeader, kid: { a: 1 } })}.${b64(relayClaims)}.AAAA`,
    'no exp': () => byRelay({ exp: undefined }),
    'no iat': () => byRelay({ iat: undefined }),
    'no jti': () => byRelay({ jti: undefined }),
    'no sub': () => byRelay({ sub: undefined }),
    'an exp ten years out': () => byRelay({ exp: SECONDS + 315_360_000 }),
    'eleven minutes of life': () => byRelay({ exp: SECONDS + 660 }),
    'an exp before its iat': () => byRelay({ iat: SECONDS, exp: SECONDS - 5 }),
    'an iat in the future': () => byRelay({ iat: SECONDS + 300, exp: SECONDS + 600 }),
    'an nbf in the future': () => byRelay({ nbf: SECONDS + 300 }),
    'another audience': () => byRelay({ aud: 'other' }),
    'no audience': () => byRelay({ aud: undefined }),
    'another issuer': () => byRelay({ iss: 'ten_1' }),
    'no issuer': () => byRelay({ iss: undefined }),
    'an issuer with a URL in it': () => byRelay({ iss: 'https://evil.example/{kid}' }),
    'no origin': () => byRelay({ origin: undefined }),
    'no tenant, signed by the relay': () => byRelay({ tenant: undefined }),
    'server scope, signed by the relay': () => byRelay({ scope: 'server' }),
    'an unknown scope': () => byTenant({ scope: 'admin' }),
    'another tenant’s name, signed by a tenant': () => byTenant({ tenant: 'ten_2' }),
    'the relay’s issuer, signed by a tenant': () => byTenant({ iss: RELAY_ISSUER }),
    'a subject that is no text': () => byRelay({ sub: 7 }),
    'notes over 1 KiB': () => byTenant({ meta: { note: 'n'.repeat(1_100) } }),
    'limits that are none': () => byTenant({ limits: { longestSessionMs: -1 } }),
    'a plain JWT of the relay’s, for another purpose': () => byRelay({}, { typ: 'JWT' }),
    'a JWT of a tenant’s, for another purpose': () => byTenant({}, { typ: 'at+jwt' }),
    'more than 4 KiB': () => byRelay({ padding: 'p'.repeat(4_000) }),
    'two parts': () => 'a.b',
    'four parts': async () => `${await byRelay()}.x`,
    'spaces around it': async () => ` ${await byRelay()}`,
    'a header that is no JSON': () => 'AAAA.AAAA.AAAA',
    'a payload that is no JSON': async () => `${b64(relayHeader)}.AAAA.${(await byRelay()).split('.')[2] ?? ''}`,
    'a changed payload': async () => {
      const [head, , signature] = (await byRelay()).split('.');
      return `${head ?? ''}.${b64({ ...relayClaims, tenant: 'ten_2' })}.${signature ?? ''}`;
    },
  };
  it.each(Object.keys(forgeries))('is refused with %s', async (name) => {
    await expect(check(await forgeries[name]!())).rejects.toMatchObject({ name: 'RelayError', code: 'token-invalid' });
  });

  it('never puts an odd kid or issuer to the store', () => {
    expect(asked.length).toBeGreaterThan(20);
    for (const name of asked) expect(name).toMatch(/^[\w.-]{1,128}\/[\w.-]{0,64}$/);
  });
});

describe('the keyring', () => {
  function memory(): KeyRecords & { rows: KeyRecord[] } {
    const rows: KeyRecord[] = [];
    return {
      rows,
      list: () => Promise.resolve(structuredClone(rows)),
      add: (row) => Promise.resolve(void rows.push({ ...row })),
      async retire(kid, notAfter) {
        for (const row of rows) if (row.kid === kid) row.notAfter = notAfter;
      },
      remove: (kid) => Promise.resolve(void rows.splice(0, rows.length, ...rows.filter((row) => row.kid !== kid))),
    };
  }
  const grant = { tenant: 'ten_1', origin: ORIGIN, subject: 's' };

  it('keeps its key over a restart', async () => {
    const [records, clock] = [memory(), virtualClock()];
    const first = await openKeyring(records, clock);
    const token = await signSessionToken(grant, await first.current(), clock.wallNow());
    const second = await openKeyring(records, clock);
    expect((await second.current()).kid).toBe((await first.current()).kid);
    await expect(verifySessionToken(token, second.findKey, clock.wallNow())).resolves.toMatchObject({ subject: 's' });
    expect(records.rows).toHaveLength(1);
  });

  it('makes one key for many that ask at once', async () => {
    const records = memory();
    const ring = await openKeyring(records, virtualClock());
    const kids = (await Promise.all([ring.current(), ring.current(), ring.rotate(), ring.current()])).map(
      (key) => key.kid,
    );
    expect(new Set(kids).size).toBe(1);
    expect(records.rows).toHaveLength(1);
  });

  it('replaces its key every week; the old one verifies for a day more and is then forgotten', async () => {
    const [records, clock] = [memory(), virtualClock()];
    const ring = await openKeyring(records, clock);
    const old = await ring.current();
    clock.advance(ROTATE_AFTER_MS - 1);
    expect((await ring.current()).kid).toBe(old.kid);
    const token = await signSessionToken(grant, old, clock.wallNow());
    clock.advance(1);
    const fresh = await ring.current();
    expect(fresh.kid).not.toBe(old.kid);
    await expect(verifySessionToken(token, ring.findKey, clock.wallNow())).resolves.toBeDefined();
    clock.advance(OVERLAP_MS);
    expect(await ring.findKey(RELAY_ISSUER, old.kid)).toBeUndefined();
    expect(await ring.findKey(RELAY_ISSUER, fresh.kid)).toMatchObject({ alg: 'EdDSA', owner: { is: 'relay' } });
    await ring.rotate();
    expect(records.rows.map((row) => row.kid)).not.toContain(old.kid);
    clock.advance(OVERLAP_MS);
    await openKeyring(records, clock);
    expect(records.rows).toHaveLength(1);
  });

  it('answers for no issuer but the relay', async () => {
    const ring = await openKeyring(memory(), virtualClock());
    const { kid } = await ring.current();
    expect(await ring.findKey('ten_1', kid)).toBeUndefined();
    expect(await ring.findKey(RELAY_ISSUER, undefined)).toBeUndefined();
  });

  it('refuses a stored key that is no key pair', async () => {
    const records = memory();
    records.rows.push({
      kid: 'x',
      tenantId: null,
      alg: 'HS256',
      jwk: '{"kty":"oct","k":"AAAA"}',
      notBefore: 0,
      notAfter: null,
    });
    await expect(openKeyring(records, virtualClock())).rejects.toThrow(/no key pair/);
  });
});
