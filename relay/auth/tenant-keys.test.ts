import { generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto';
import fc from 'fast-check';
import { SignJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createOutbound, type Outbound } from '../outbound/outbound.ts';
import { startHttps, TEST_CA, type HttpsUnderTest } from '../outbound/testing/https-server.ts';
import { virtualClock, type VirtualClock } from '../testing/virtual-clock.ts';
import { COOL_DOWN_MS, createJwks, FRESH_MS, STALE_MS } from './jwks.ts';
import { openKeyMaterial, readTenantKey, type TenantKeyInput } from './key-material.ts';
import { AUDIENCE, verifySessionToken } from './session-token.ts';
import { createTenantKeyFinder, findIn, type TenantKeyFinder, type TenantKeyRecord } from './tenant-keys.ts';

type Jwk = Record<string, unknown>;
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ed = generateKeyPairSync('ed25519');
const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const jwkOf = (key: KeyObject) => key.export({ format: 'jwk' }) as Jwk;
const anyUrl = () => true;
const read = (input: TenantKeyInput, accepts: (url: string) => boolean = anyUrl) => readTenantKey(input, accepts);
const problemsOf = async (input: TenantKeyInput, accepts?: (url: string) => boolean) => {
  const got = await read(input, accepts);
  return got.ok ? [] : got.problems.map(({ at }) => at);
};

describe('a key that a tenant gives', () => {
  it.each([
    ['ES256', ec.publicKey],
    ['EdDSA', ed.publicKey],
    ['RS256', rsa.publicKey],
  ] as const)('may be a public JWK for %s, of which only what makes it is kept', async (alg, key) => {
    const jwk = { ...jwkOf(key), kid: 'k-1', use: 'sig', x5c: ['junk'], comment: 'ours' };
    const got = await read({ kind: 'jwk', jwk });
    expect(got).toMatchObject({ ok: true, key: { kid: 'k-1', alg, kind: 'jwk' } });
    expect(got.ok && JSON.parse(got.key.material)).toEqual(jwkOf(key));
    expect(got.ok && (await openKeyMaterial(got.key))).toMatchObject({ type: 'public' });
  });

  it('may be a secret of 32 bytes or more, in either base64', async () => {
    const bytes = Buffer.from([...randomBytes(30), 0xfb, 0xff]);
    for (const encoding of ['base64', 'base64url'] as const) {
      const got = await read({ kind: 'secret', kid: 'hs', secret: bytes.toString(encoding) });
      expect(got).toEqual({
        ok: true,
        key: { kid: 'hs', alg: 'HS256', kind: 'secret', material: bytes.toString('base64url') },
      });
      expect(got.ok && (await openKeyMaterial(got.key))).toEqual(new Uint8Array(bytes));
    }
    expect(await problemsOf({ kind: 'secret', secret: randomBytes(31).toString('base64') })).toEqual(['secret']);
    expect(await problemsOf({ kind: 'secret', secret: randomBytes(513).toString('base64') })).toEqual(['secret']);
    expect(await problemsOf({ kind: 'secret', secret: 'a passphrase that is long but is no base64' })).toEqual([
      'secret',
    ]);
  });

  it('is made here when none is given, and differs each time', async () => {
    const [a, b] = [await read({ kind: 'secret' }), await read({ kind: 'secret' })];
    if (!a.ok || !b.ok) throw new Error('refused');
    expect(a.made).toBe(a.key.material);
    expect(Buffer.from(a.made ?? '', 'base64url')).toHaveLength(32);
    expect([a.key.kid === b.key.kid, a.made === b.made]).toEqual([false, false]);
  });

  const public_ = jwkOf(rsa.publicKey);
  const refusals: [string, Jwk, string][] = [
    ['the private half of an EC key', jwkOf(ec.privateKey), 'jwk.d'],
    ['the private half of an RSA key', jwkOf(rsa.privateKey), 'jwk.d'],
    ['a secret as JWK', { kty: 'oct', k: randomBytes(32).toString('base64url') }, 'jwk.k'],
    ['one prime of an RSA key', { ...public_, p: 'AAAA' }, 'jwk.p'],
    ['a key for encryption', { ...public_, use: 'enc' }, 'jwk.use'],
    ['a key that only signs', { ...public_, key_ops: ['sign'] }, 'jwk.key_ops'],
    ['another curve', jwkOf(generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey), 'jwk.kty'],
    ['Ed448', jwkOf(generateKeyPairSync('ed448').publicKey), 'jwk.kty'],
    ['no kind', {}, 'jwk.kty'],
    ['a key of 1024 bits', jwkOf(generateKeyPairSync('rsa', { modulusLength: 1_024 }).publicKey), 'jwk.n'],
    ['a modulus without end', { ...public_, n: randomBytes(1_040).toString('base64url') }, 'jwk.n'],
    ['an exponent of one', { ...public_, e: 'AQ' }, 'jwk.e'],
    ['an even exponent', { ...public_, e: 'BA' }, 'jwk.e'],
    ['an exponent that is no text', { ...public_, e: 65_537 }, 'jwk.e'],
    ['a point that is on no curve', { ...jwkOf(ec.publicKey), x: randomBytes(32).toString('base64url') }, 'jwk.x'],
    ['another algorithm than it is for', { ...public_, alg: 'PS256' }, 'alg'],
    ['the algorithm of secrets', { ...public_, alg: 'HS256' }, 'alg'],
    ['a kid that is a path', { ...public_, kid: '../k' }, 'jwk.kid'],
  ];
  it.each(refusals)('is refused when it is %s', async (_what, jwk, at) => {
    expect(await problemsOf({ kind: 'jwk', jwk })).toEqual([at]);
  });

  it('is refused when it is of another algorithm than the tenant says, or its name is odd or reserved', async () => {
    expect(await problemsOf({ kind: 'jwk', jwk: public_, alg: 'ES256' })).toEqual(['alg']);
    expect(await problemsOf({ kind: 'jwk', jwk: public_, alg: 'HS256' })).toEqual(['alg']);
    for (const kid of ['', 'k'.repeat(65), 'a b', 'a/b', "a'b", 'pk_abc'])
      expect(await problemsOf({ kind: 'secret', kid })).toEqual(['kid']);
  });

  it('may be an address that the relay would ask, for algorithms with a public half', async () => {
    const url = 'https://keys.example/jwks.json';
    expect(await read({ kind: 'jwks_url', kid: 'set', url, alg: 'RS256' })).toEqual({
      ok: true,
      key: { kid: 'set', alg: 'RS256', kind: 'jwks_url', material: url },
    });
    expect(await problemsOf({ kind: 'jwks_url', url, alg: 'RS256' }, () => false)).toEqual(['url']);
    expect(await problemsOf({ kind: 'jwks_url', url, alg: 'HS256' })).toEqual(['alg']);
    expect(await problemsOf({ kind: 'jwks_url', url: `${url}?${'x'.repeat(500)}`, alg: 'RS256' })).toEqual(['url']);
  });

  it('never repeats a secret in what is said about it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ minLength: 8 }), async (secret) => {
        const got = await read({ kind: 'secret', secret });
        if (!got.ok) expect(JSON.stringify(got.problems)).not.toContain(secret);
      }),
    );
  });

  it('does not open when what is stored is something else', async () => {
    for (const [kind, alg, material] of [
      ['secret', 'RS256', randomBytes(32).toString('base64url')],
      ['secret', 'HS256', 'short'],
      ['jwk', 'ES256', JSON.stringify(public_)],
      ['jwks_url', 'RS256', 'https://keys.example/'],
    ] as const)
      await expect(openKeyMaterial({ kind, alg, material })).rejects.toThrow(/does not open/);
  });
});

// The address of a tenant's keys: a real https server on loopback.
let clock: VirtualClock;
let server: HttpsUnderTest;
let outbound: Outbound;
let finder: TenantKeyFinder;
let rows: TenantKeyRecord[];
let listed: number;
let problems: string[];
let answer: (path: string) => { status?: number; body: string };

beforeEach(async () => {
  clock = virtualClock();
  rows = [];
  listed = 0;
  problems = [];
  answer = () => ({ body: JSON.stringify({ keys: [] }) });
  server = await startHttps((request, response) => {
    const { status = 200, body } = answer(request.url ?? '');
    response.writeHead(status, status === 302 ? { location: '/elsewhere' } : {}).end(body);
  });
  outbound = createOutbound({
    ca: TEST_CA,
    allowCidrs: ['127.0.0.0/8'],
    lookup: (name) => Promise.resolve(name === 'keys.example' ? ['127.0.0.1'] : ['10.0.0.1']),
  });
  const jwks = createJwks({ outbound, clock, onProblem: ({ code }) => void problems.push(code) });
  const records = {
    list: (tenantId: string) => {
      listed += 1;
      return Promise.resolve(rows.filter((row) => row.tenantId === tenantId));
    },
  };
  finder = createTenantKeyFinder({ records, jwks, clock, onProblem: ({ kid }) => void problems.push(kid) });
});
afterEach(async () => {
  await outbound.close();
  await server.stop();
});

const row = (over: Partial<TenantKeyRecord>): TenantKeyRecord => ({
  tenantId: 'ten_1',
  kid: 'hs',
  alg: 'HS256',
  kind: 'secret',
  material: Buffer.alloc(32, 7).toString('base64url'),
  notBefore: clock.wallNow(),
  notAfter: null,
  revokedAt: null,
  ...over,
});
const setAt = (name: string, over: Partial<TenantKeyRecord> = {}) =>
  row({
    kid: 'set',
    alg: 'ES256',
    kind: 'jwks_url',
    material: `https://keys.example:${server.port}/${name}`,
    ...over,
  });
const published = (...keys: Jwk[]) => ({ body: JSON.stringify({ keys }) });
const token = (key: KeyObject | Uint8Array, alg: string, header: object = {}, issuer = 'ten_1') => {
  const now = Math.floor(clock.wallNow() / 1000);
  return new SignJWT({ origin: 'https://a.example' })
    .setProtectedHeader({ alg, ...header })
    .setIssuer(issuer)
    .setAudience(AUDIENCE)
    .setSubject('u')
    .setJti('j')
    .setIssuedAt(now)
    .setExpirationTime(now + 600)
    .sign(key);
};
const check = (text: string) => verifySessionToken(text, findIn(finder.findKey), clock.wallNow());
const kidOf = async (issuer: string, kid?: string) => (await finder.findKey(issuer, kid))?.kid;

describe("a tenant's stored keys", () => {
  it.each([
    ['HS256', new Uint8Array(32).fill(7), row],
    ['ES256', ec, row],
    ['EdDSA', ed, row],
    ['RS256', rsa, row],
  ] as const)('verify %s', async (alg, key, make) => {
    const isPair = !(key instanceof Uint8Array);
    const stored = isPair ? { kind: 'jwk' as const, alg: alg, material: JSON.stringify(jwkOf(key.publicKey)) } : {};
    rows = [make({ kid: 'k1', ...stored })];
    const text = await token(isPair ? key.privateKey : key, alg, { kid: 'k1' });
    await expect(check(text)).resolves.toMatchObject({ tenant: 'ten_1', kids: ['k1'] });
    // And once more, from what was kept.
    await expect(check(text)).resolves.toBeDefined();
  });

  it('never verify for another tenant, even under the same kid', async () => {
    rows = [row({}), row({ tenantId: 'ten_2', material: Buffer.alloc(32, 9).toString('base64url') })];
    const text = await token(new Uint8Array(32).fill(7), 'HS256', { kid: 'hs' }, 'ten_2');
    await expect(check(text)).rejects.toMatchObject({ code: 'token-invalid' });
    expect((await finder.findKey('ten_2', 'hs'))?.owner).toEqual({ is: 'tenant', tenant: 'ten_2' });
  });

  it('verify from notBefore to notAfter, so that two overlap for a day', async () => {
    const now = clock.wallNow();
    rows = [
      row({ kid: 'old', notAfter: now + 86_400_000 }),
      row({ kid: 'new' }),
      row({ kid: 'next', notBefore: now + 1_000 }),
    ];
    expect([await kidOf('ten_1', 'old'), await kidOf('ten_1', 'new'), await kidOf('ten_1', 'next')]).toEqual([
      'old',
      'new',
      undefined,
    ]);
    clock.advance(1_000);
    expect(await kidOf('ten_1', 'next')).toBe('next');
    clock.advance(86_400_000 - 1_001);
    expect(await kidOf('ten_1', 'old')).toBe('old');
    clock.advance(1);
    expect(await kidOf('ten_1', 'old')).toBeUndefined();
  });

  it('that were revoked, or do not open, verify nothing', async () => {
    rows = [row({ kid: 'gone', revokedAt: 5 }), row({ kid: 'odd', alg: 'ES256', kind: 'jwk', material: '{}' })];
    expect([await kidOf('ten_1', 'gone'), await kidOf('ten_1', 'odd')]).toEqual([undefined, undefined]);
    expect(problems).toContain('odd');
  });

  it('need no kid while there is but one', async () => {
    rows = [row({}), row({ kid: 'gone', revokedAt: 5 })];
    expect(await kidOf('ten_1')).toBe('hs');
    rows.push(row({ kid: 'two' }));
    clock.advance(1_001);
    expect(await kidOf('ten_1')).toBeUndefined();
  });

  it('are asked of the store once a second at most, while they are found there', async () => {
    rows = [row({})];
    await Promise.all([kidOf('ten_1', 'hs'), kidOf('ten_1', 'hs')]);
    await kidOf('ten_1', 'hs');
    expect(listed).toBe(1);
    rows.push(row({ kid: 'new' }));
    expect(await kidOf('ten_1', 'new')).toBe('new');
    expect(listed).toBe(2);
    rows = [];
    finder.forget('ten_1');
    expect(await kidOf('ten_1', 'hs')).toBeUndefined();
  });
});

describe("keys at a tenant's address", () => {
  it('verify by their kid, of the stored algorithm alone', async () => {
    rows = [setAt('a')];
    answer = () => published({ ...jwkOf(ec.publicKey), kid: 'e1' }, { ...jwkOf(rsa.publicKey), kid: 'r1' });
    const good = await token(ec.privateKey, 'ES256', { kid: 'e1' });
    await expect(check(good)).resolves.toMatchObject({ kids: ['e1', 'set'] });
    const swapped = await token(rsa.privateKey, 'RS256', { kid: 'r1' });
    await expect(check(swapped)).rejects.toMatchObject({ code: 'token-invalid' });
    expect(server.asked).toEqual(['/a']);
  });

  it('need no kid while there is but one', async () => {
    rows = [setAt('a')];
    answer = () => published(jwkOf(ec.publicKey));
    expect(await kidOf('ten_1')).toBe('set');
    answer = () => published(jwkOf(ec.publicKey), jwkOf(ed.publicKey));
    clock.advance(FRESH_MS);
    expect(await kidOf('ten_1')).toBeUndefined();
  });

  it('are fetched once for many that ask at once', async () => {
    rows = [setAt('a')];
    answer = () => published({ ...jwkOf(ec.publicKey), kid: 'e1' });
    const kids = await Promise.all(Array.from({ length: 50 }, () => kidOf('ten_1', 'e1')));
    expect(new Set(kids)).toEqual(new Set(['e1']));
    expect(server.asked).toHaveLength(1);
  });

  it('are not fetched again for unknown kids before half a minute has passed, however many', async () => {
    rows = [setAt('a')];
    answer = () => published({ ...jwkOf(ec.publicKey), kid: 'e1' });
    await kidOf('ten_1', 'e1');
    for (let i = 0; i < 50; i++) expect(await kidOf('ten_1', `unknown-${i}`)).toBeUndefined();
    expect(server.asked).toHaveLength(1);
    clock.advance(COOL_DOWN_MS);
    answer = () => published({ ...jwkOf(ec.publicKey), kid: 'e2' });
    expect(await kidOf('ten_1', 'e2')).toBe('e2');
    expect(server.asked).toHaveLength(2);
    // What is published no more verifies no more.
    expect(await kidOf('ten_1', 'e1')).toBeUndefined();
  });

  it('hold for a day while the address fails, and no longer', async () => {
    rows = [setAt('a')];
    answer = () => published({ ...jwkOf(ec.publicKey), kid: 'e1' });
    await kidOf('ten_1', 'e1');
    answer = () => ({ status: 500, body: '' });
    clock.advance(FRESH_MS);
    expect(await kidOf('ten_1', 'e1')).toBe('e1');
    expect(problems).toEqual(['http-500']);
    clock.advance(STALE_MS - FRESH_MS - 1);
    expect(await kidOf('ten_1', 'e1')).toBe('e1');
    clock.advance(1);
    expect(await kidOf('ten_1', 'e1')).toBeUndefined();
  });

  it.each<[string, { status?: number; body: string }, string]>([
    ['a redirect', { status: 302, body: '' }, 'http-302'],
    ['no JSON', { body: '<html>' }, 'not-a-key-set'],
    ['no set', { body: '{"keys":{}}' }, 'not-a-key-set'],
    ['more than 20 keys', { body: JSON.stringify({ keys: Array(21).fill({}) }) }, 'not-a-key-set'],
    ['more than 64 KiB', { body: `{"keys":[],"x":"${'x'.repeat(65_536)}"}` }, 'too-large'],
  ])('are none when the address answers with %s', async (_what, given, code) => {
    rows = [setAt('a')];
    answer = () => given;
    expect(await kidOf('ten_1', 'e1')).toBeUndefined();
    expect(problems).toEqual([code]);
    expect(server.asked).toEqual(['/a']);
  });

  it('are none when the address leads into a private network', async () => {
    rows = [setAt('a', { material: 'https://inside.example/keys' })];
    expect(await kidOf('ten_1', 'e1')).toBeUndefined();
    expect(problems).toEqual(['address-refused']);
  });

  it('are left out where they are private, weak, or two of one name', async () => {
    rows = [setAt('a')];
    answer = () =>
      published(
        { ...jwkOf(ec.privateKey), kid: 'private' },
        { ...jwkOf(ec.publicKey), kid: 'twin' },
        { ...jwkOf(ed.publicKey), kid: 'twin' },
        { ...jwkOf(ec.publicKey), kid: 'good' },
      );
    expect(await Promise.all(['private', 'twin', 'good'].map((kid) => kidOf('ten_1', kid)))).toEqual([
      undefined,
      undefined,
      'good',
    ]);
  });

  it('of one tenant say nothing for another, whatever they share', async () => {
    rows = [setAt('a'), setAt('b', { tenantId: 'ten_2' })];
    answer = (path) => published({ ...jwkOf(path === '/a' ? ec.publicKey : ed.publicKey), kid: 'same' });
    const forged = await token(ec.privateKey, 'ES256', { kid: 'same' }, 'ten_2');
    await expect(check(await token(ec.privateKey, 'ES256', { kid: 'same' }))).resolves.toBeDefined();
    await expect(check(forged)).rejects.toMatchObject({ code: 'token-invalid' });
  });
});
