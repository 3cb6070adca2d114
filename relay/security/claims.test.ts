/** Tokens that are well signed and yet not good: for another time, audience, tenant or page, or a second time. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { RELAY_ISSUER } from '../auth/session-token.ts';
import { attack } from './testing/attack.ts';
import { claimsFor, ed25519, es256, hs256, inS, jws } from './testing/forge.ts';
import { knock, ownToken, relayUnderAttack, type Target } from './testing/under-attack.ts';

let target: Target;
beforeAll(async () => {
  target = await relayUnderAttack();
});
afterAll(() => target.end());

const on = () => target;
const INVALID = '4501';
const acmeClaims = (over: Record<string, unknown> = {}) => ({
  ...claimsFor(target.acme.id, target.acme.origin),
  ...over,
});
const try_ = (token: string) => knock(target, { token, origin: target.acme.origin });
const byBackend = (claims: unknown, header: Record<string, unknown> = {}) =>
  jws({ alg: 'HS256', kid: 'backend', ...header }, claims, hs256(target.acme.secret));
const headerOf = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as { kid: string; typ: string };

describe('claims', () => {
  attack('token life', 'a token without an end, with one far off, or from the future is refused', on, async (row) => {
    const overs = [
      ...[{ exp: undefined }, { iat: undefined }, { exp: undefined, iat: undefined }, { exp: null }, { iat: null }],
      ...[
        { exp: inS(10 * 365 * 86_400) },
        { exp: inS(601) },
        { iat: inS(-500), exp: inS(500) },
        { exp: 1e308 },
        { exp: -1 },
      ],
      ...[
        { exp: String(inS(300)) },
        { iat: String(inS(0)) },
        { exp: inS(300) + 0.5 },
        { exp: [inS(300)] },
        { exp: true },
      ],
      ...[{ iat: inS(120), exp: inS(420) }, { iat: inS(90_000), exp: inS(90_300) }, { nbf: inS(120) }, { nbf: 'soon' }],
      ...[{ exp: inS(-5), iat: inS(0) }, { exp: inS(0), iat: inS(0) }, { iat: -1 }, { iat: 0, exp: inS(300) }],
    ];
    await row.each(
      overs.map((over) => [JSON.stringify(over), byBackend(acmeClaims(over))] as const),
      INVALID,
      try_,
    );
    // Too old is told apart, so that a page fetches a new one.
    const old = [
      { iat: inS(-400), exp: inS(-100) },
      { iat: inS(-631), exp: inS(-31) },
      { iat: inS(-9_000), exp: inS(-8_700) },
    ];
    await row.each(
      old.map((over) => [JSON.stringify(over), byBackend(acmeClaims(over))] as const),
      '4010',
      try_,
    );
  });

  attack(
    'audience, issuer, claims',
    'a token for something else, or that says too little or too much, is refused',
    on,
    async (row) => {
      const overs = [
        ...[
          { aud: undefined },
          { aud: '' },
          { aud: 'voice-jib-jab.example' },
          { aud: 'VOICE-JIB-JAB' },
          { aud: ['other'] },
          { aud: [] },
        ],
        ...[
          { iss: undefined },
          { iss: target.globex.id },
          { iss: [target.acme.id] },
          { iss: 'acme' },
          { iss: RELAY_ISSUER },
        ],
        ...[
          { sub: undefined },
          { sub: '' },
          { sub: 'x'.repeat(129) },
          { sub: 7 },
          { jti: undefined },
          { jti: '' },
          { jti: {} },
        ],
        ...[{ origin: undefined }, { origin: null }, { scope: 'admin' }, { scope: ['server'] }, { scope: true }],
        ...[
          { limits: { concurrentSessions: 9 } },
          { limits: { longestSessionMs: 0 } },
          { limits: { longestSessionMs: -1 } },
        ],
        ...[
          { limits: 'all' },
          { meta: { a: 'x'.repeat(1_100) } },
          { meta: 'text' },
          { assistant: 'ast_none' },
          { assistant: '' },
        ],
        ...[{ once: 'yes' }, { tenant: target.globex.id }, { tenant: '' }, { tenant: null }],
      ];
      const cases = overs.map((over) => [JSON.stringify(over).slice(0, 60), byBackend(acmeClaims(over))] as const);
      const typed = ['vjj-console+jwt', 'at+jwt', 'JWE', 'secevent+jwt', 1, null].map(
        (typ) => [`typ ${String(typ)}`, byBackend(acmeClaims(), { typ })] as const,
      );
      const shapes = ['[]', 'null', '"text"', '1', '{', '', '{"iss":"x","iss":"y"}', '\ufeff{}'].map(
        (payload) => [`payload ${payload}`, byBackend(payload)] as const,
      );
      await row.each([...cases, ...typed, ...shapes], INVALID, try_);
    },
  );

  attack('long tokens', 'what is longer than 4 KiB is not read', on, async (row) => {
    const long = ['meta', 'sub'].map(
      (claim) => [claim, byBackend(acmeClaims({ [claim]: 'x'.repeat(4_000) }))] as const,
    );
    await row.each(long, /^(4501|4505)$/, (token) =>
      knock(target, { token, origin: target.acme.origin, via: 'message' }),
    );
    const huge = [5_000, 12_000].map((size) => [`${size} bytes`, randomBytes(size).toString('base64url')] as const);
    await row.each(huge, '4505', (token) => knock(target, { token, origin: target.acme.origin, via: 'message' }));
    await row.each([['in a header', 'x'.repeat(20_000)]], 'http 431', (token) => knock(target, { token }));
  });
});

describe('crossing', () => {
  attack("another's key", "a tenant's key speaks for that tenant alone", on, async (row) => {
    const { acme, globex } = target;
    const assistants = await target.manage<{ rows: { id: string }[] }>('GET', `/tenants/${globex.id}/assistants`);
    const byGlobex = (claims: unknown) => jws({ alg: 'HS256', kid: 'backend' }, claims, hs256(globex.secret));
    const rsByGlobex = jws({ alg: 'ES256', kid: 'backend-es' }, acmeClaims(), es256(globex.keys.es.privateKey));
    await row.each(
      [
        ["acme's name under globex's signature", byGlobex(acmeClaims())],
        ["acme's name under globex's ES256 signature", rsByGlobex],
        ["globex's own, which names acme", byGlobex({ ...claimsFor(globex.id, acme.origin), tenant: acme.id })],
        ["acme's, which names globex", byBackend(acmeClaims({ tenant: globex.id }))],
        ["acme's, for globex's assistant", byBackend(acmeClaims({ assistant: assistants.rows[0]?.id }))],
      ],
      INVALID,
      try_,
    );
    await row.each(
      [
        ["globex's, bound to acme's page", byGlobex(claimsFor(globex.id, acme.origin))],
        ["globex's, from acme's page", globex.token()],
        ["the relay's for globex, from acme's page", await ownToken(target, globex)],
      ],
      '4502',
      try_,
    );
  });

  attack('impersonating the relay', "no tenant's key passes for the relay's own", on, async (row) => {
    const { acme, globex } = target;
    const own = headerOf(await ownToken(target, target.acme));
    // A tenant may give its key any name, the relay's own key's among them.
    await target.manage('POST', `/tenants/${globex.id}/signing-keys`, {
      ...{ kind: 'jwk', name: 'Same name', kid: own.kid, jwk: globex.keys.ed.publicKey.export({ format: 'jwk' }) },
    });
    const forRelay = { ...acmeClaims(), iss: RELAY_ISSUER, tenant: acme.id };
    const ed = ed25519(globex.keys.ed.privateKey);
    const hs = hs256(globex.secret);
    const cases: [string, string][] = [own.kid, 'backend', 'backend-ed', undefined].flatMap((kid) => [
      [`EdDSA, kid ${kid ?? 'absent'}`, jws({ alg: 'EdDSA', kid, typ: own.typ }, forRelay, ed)],
      [`HS256, kid ${kid ?? 'absent'}`, jws({ alg: 'HS256', kid, typ: own.typ }, forRelay, hs)],
      [`acme's issuer, kid ${kid ?? 'absent'}`, jws({ alg: 'EdDSA', kid, typ: own.typ }, acmeClaims(), ed)],
    ]);
    await row.each(cases, INVALID, try_);
  });

  attack('publishable keys', "the relay's own token is for one page and never waives it", on, async (row) => {
    const token = await ownToken(target, target.acme);
    const origins = [undefined, 'null', 'https://evil.example', target.globex.origin, 'https://a.wild.acme.example'];
    await row.each(
      origins.map((origin) => [String(origin), origin] as const),
      '4502',
      (origin) => knock(target, { token, origin }),
    );
  });
});

describe('again', () => {
  attack('replay', 'a token for one session opens one, also when forty ask at once', on, async (row) => {
    const token = target.acme.token({ once: true });
    // Another page cannot use it up.
    row.add('from another page', await knock(target, { token, origin: target.globex.origin }), '4502');
    const outcomes = await Promise.all(Array.from({ length: 40 }, () => try_(token)));
    outcomes.sort().reverse();
    expect(outcomes.shift()).toBe('in');
    for (const outcome of outcomes) row.add('at once', outcome, INVALID);
    row.add('later', await try_(token), INVALID);
  });

  attack('revoked', 'what was taken back stays out: token, user, key, tenant', on, async (row) => {
    const at = `/tenants/${target.globex.id}`;
    const from = (token: string) => knock(target, { token, origin: target.globex.origin });
    const token = target.globex.token({ jti: 'tok-1', sub: 'ann' });
    expect(await from(token)).toBe('in');
    for (const revocation of [
      { kind: 'token', value: 'tok-1' },
      { kind: 'subject', value: 'ann' },
      { kind: 'key', value: target.globex.publishableKey },
      { kind: 'key', value: 'backend' },
    ]) {
      const own = revocation.value === target.globex.publishableKey ? await ownToken(target, target.globex) : token;
      await target.manage('POST', `${at}/revocations`, revocation);
      row.add(`${revocation.kind} ${revocation.value}`, await from(own), /^450[14]$/);
    }
    const es = jws(
      { alg: 'ES256', kid: 'backend-es' },
      claimsFor(target.globex.id, target.globex.origin),
      es256(target.globex.keys.es.privateKey),
    );
    expect(await from(es)).toBe('in');
    await target.manage('PATCH', at, { status: 'suspended' });
    row.add('suspended', await from(es), '4504');
  });
});

describe('what a refusal tells', () => {
  attack('timing', 'no tenant, no key and no signature are refused alike and in like time', on, async (row) => {
    const tokens = {
      'no such tenant': () => byBackend(acmeClaims({ iss: 'ten_nobody' })),
      'no such key': () => byBackend(acmeClaims(), { kid: 'nobody' }),
      'no such signature': () => jws({ alg: 'HS256', kid: 'backend' }, acmeClaims(), hs256('guess')),
      "another tenant's": () => jws({ alg: 'HS256', kid: 'backend' }, acmeClaims(), hs256(target.globex.secret)),
    };
    const took = new Map<string, number[]>();
    // In turns, so that whatever else the machine does slows all of them.
    for (let i = 0; i < 40; i++)
      for (const [name, token] of Object.entries(tokens)) {
        const began = performance.now();
        row.add(name, await try_(token()), INVALID);
        took.set(name, [...(took.get(name) ?? []), performance.now() - began]);
      }
    const medians = [...took.values()].map((all) => all.sort((a, b) => a - b)[20] ?? 0);
    // In production each waits 0 to 2000 ms besides: what is left of a difference drowns in that.
    expect(Math.max(...medians) - Math.min(...medians)).toBeLessThan(50);
  });
});
