/** Tokens that are forged or confused: signatures, algorithms, headers. None opens a session. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { generateKeyPairSync, sign } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attack } from './testing/attack.ts';
import { bytes, claimsFor, ed25519, es256, hs256, hs512, inS, jws, part, rs256, type Signer } from './testing/forge.ts';
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
describe('honest tokens', () => {
  it('come in, by every algorithm and either way, so that a refusal below means something', async () => {
    const { acme } = target;
    const { rs, es, ed } = acme.keys;
    const tokens = [
      acme.token(),
      await ownToken(target, target.acme),
      jws({ alg: 'RS256', kid: 'backend-rs' }, acmeClaims(), rs256(rs.privateKey)),
      jws({ alg: 'ES256', kid: 'backend-es' }, acmeClaims(), es256(es.privateKey)),
      jws({ alg: 'EdDSA', kid: 'backend-ed' }, acmeClaims(), ed25519(ed.privateKey)),
      byBackend(acmeClaims({ iat: inS(20) })),
    ];
    for (const token of tokens) expect(await try_(token)).toBe('in');
    expect(await knock(target, { token: acme.token(), origin: acme.origin, via: 'message' })).toBe('in');
    expect(await knock(target, { token: acme.token({ scope: 'server', origin: undefined }) })).toBe('in');
  });
});

describe('forgery', () => {
  attack('token forgery', 'no token is good without a signature, whatever it calls its algorithm', on, async (row) => {
    const algs = [
      'none',
      'None',
      'NONE',
      'nOnE',
      '',
      ' none',
      'null',
      null,
      undefined,
      0,
      [],
      ['none'],
      'HS256',
      'plain',
    ];
    const signatures: [string, Signer][] = [
      ['empty', bytes('')],
      ['x', bytes('x')],
      ['zeros', bytes(Buffer.alloc(32))],
    ];
    const cases = algs.flatMap((alg) =>
      signatures.flatMap(([name, signer]) =>
        ['backend', 'backend-rs', undefined].map(
          (kid) => [`alg ${String(alg)}, ${name}`, jws({ alg, kid }, acmeClaims(), signer)] as const,
        ),
      ),
    );
    await row.each(cases, INVALID, try_);
  });

  attack(
    'algorithm confusion',
    'a public key is no HMAC secret, and the key alone says the algorithm',
    on,
    async (row) => {
      const { keys, secret } = target.acme;
      const cases: [string, string][] = [];
      for (const kind of ['rs', 'es', 'ed'] as const) {
        const { publicKey } = keys[kind];
        const pem = publicKey.export({ format: 'pem', type: 'spki' }).toString();
        const jwk = publicKey.export({ format: 'jwk' });
        const forms = [
          ...[pem, pem.trim(), pem.replace(/\n/g, ''), publicKey.export({ format: 'der', type: 'spki' })],
          ...[JSON.stringify(jwk), Buffer.from(String(jwk.n ?? jwk.x), 'base64url'), String(jwk.n ?? jwk.x)],
        ];
        for (const form of forms)
          for (const alg of ['HS256', 'RS256', 'HS512'])
            cases.push([
              `${alg} with the public ${kind} key`,
              jws({ alg, kid: `backend-${kind}` }, acmeClaims(), (alg === 'HS512' ? hs512 : hs256)(form)),
            ]);
      }
      // Right keys, wrong names.
      const pss: Signer = (input) =>
        sign('sha256', Buffer.from(input), { key: keys.rs.privateKey, padding: 6, saltLength: 32 });
      const wrong: [string, string, string, Signer][] = [
        ['HS512', 'backend', 'HS512 where HS256 is stored', hs512(secret)],
        ['HS256', 'backend-rs', "the secret under another key's name", hs256(secret)],
        ['RS256', 'backend', "an RSA signature under the secret's name", rs256(keys.rs.privateKey)],
        ['PS256', 'backend-rs', 'PS256 where RS256 is stored', pss],
        ['RS256', 'backend-rs', 'a PSS signature called RS256', pss],
        ['ES256', 'backend-ed', 'ES256 under the EdDSA key', es256(keys.es.privateKey)],
        ['EdDSA', 'backend-es', 'EdDSA under the ES256 key', ed25519(keys.ed.privateKey)],
        ['ES256', 'backend-es', 'an ECDSA signature of zeros', bytes(Buffer.alloc(64))],
        [
          'ES256',
          'backend-es',
          'an ECDSA signature in DER',
          (input) => sign('sha256', Buffer.from(input), keys.es.privateKey),
        ],
        ['Ed448', 'backend-ed', 'Ed448', ed25519(keys.ed.privateKey)],
      ];
      for (const [alg, kid, name, signer] of wrong) cases.push([name, jws({ alg, kid }, acmeClaims(), signer)]);
      await row.each(cases, INVALID, try_);
    },
  );

  attack(
    'keys in headers',
    'jwk, jku, x5u and x5c bring no key along, and nobody is asked for one',
    on,
    async (row) => {
      let asked = 0;
      const trap = createServer((_request, response) => {
        asked += 1;
        response.end('{"keys":[]}');
      }).listen(0, '127.0.0.1');
      await new Promise((resolve) => trap.once('listening', resolve));
      const url = `http://127.0.0.1:${(trap.address() as AddressInfo).port}/keys`;
      const mine = generateKeyPairSync('rsa', { modulusLength: 2048 });
      const jwk = { ...mine.publicKey.export({ format: 'jwk' }), kid: 'mine' };
      const der = mine.publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
      const headers = [{ jwk }, { jku: url }, { x5u: url }, { x5c: [der] }, { jwk, jku: url, x5u: url, x5c: [der] }];
      const cases = headers.flatMap((extra) =>
        ['mine', 'backend-rs', 'backend', undefined].map(
          (kid) =>
            [
              `${Object.keys(extra).join()} with kid ${kid ?? 'absent'}`,
              jws({ alg: 'RS256', kid, ...extra }, acmeClaims(), rs256(mine.privateKey)),
            ] as const,
        ),
      );
      await row.each(cases, INVALID, try_);
      expect(asked).toBe(0);
      await new Promise((resolve) => trap.close(resolve));
    },
  );

  attack('critical headers', 'what claims to be critical is not understood, also when well signed', on, async (row) => {
    const crits = [['exp'], ['b64'], ['made-up'], [], 'exp', null, ['alg'], { 0: 'exp', length: 1 }, ['b64', 'b64']];
    const cases = crits.flatMap((crit) =>
      [true, false, undefined].map(
        (b64) => [`crit ${JSON.stringify(crit)}`, byBackend(acmeClaims(), { crit, b64, 'made-up': 1 })] as const,
      ),
    );
    await row.each(cases, INVALID, try_);
  });

  attack(
    'kid and issuer injection',
    'a kid or an issuer is a name to look up, never SQL, a path or a property',
    on,
    async (row) => {
      const odd: unknown[] = [
        ...[
          "' OR '1'='1",
          "backend' --",
          "x'; DROP TABLE tenants; --",
          "backend' UNION SELECT 'AA' --",
          'backend%00',
          'backend\0',
        ],
        ...[
          '../../../../dev/null',
          '/dev/null',
          'file:///dev/null',
          '..\\backend',
          'https://evil.example/k',
          '`id`',
          '$(id)',
        ],
        ...[
          '__proto__',
          'constructor',
          'toString',
          'hasOwnProperty',
          'prototype',
          'length',
          '*',
          '%',
          '_',
          'back%',
          'Backend',
        ],
        ...[
          'b'.repeat(65),
          'b'.repeat(1_000),
          'bäckend',
          'backend ',
          ' backend',
          'backend\n',
          '',
          0,
          1,
          true,
          null,
          {},
          [],
        ],
        ...[['backend'], { kid: 'backend' }, { toString: 'backend' }],
      ];
      const secrets = [target.acme.secret, Buffer.alloc(0), Buffer.from('AA')];
      const cases = odd.flatMap((kid) =>
        secrets.map(
          (secret) => [`kid ${JSON.stringify(kid)}`, jws({ alg: 'HS256', kid }, acmeClaims(), hs256(secret))] as const,
        ),
      );
      // An issuer that is no tenant's id; `Backend` would be a name like any other.
      const issuers = odd.map((iss) => [`iss ${JSON.stringify(iss)}`, byBackend(acmeClaims({ iss }))] as const);
      await row.each([...cases, ...issuers], INVALID, try_);
      expect(await target.manage<{ rows: unknown[] }>('GET', '/tenants')).toMatchObject({ rows: expect.any(Array) });
      expect(await try_(target.acme.token())).toBe('in');
    },
  );

  attack('tampering', 'a payload, header or signature that was changed afterwards is refused', on, async (row) => {
    const good = target.acme.token();
    const [header = '', payload = '', signature = ''] = good.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
    const edits = [
      ...[{ sub: 'admin' }, { scope: 'server' }, { tenant: target.globex.id }, { exp: inS(599) }, { once: false }],
      ...[{ limits: { longestSessionMs: 1e9 } }, { origin: 'https://evil.example' }, { jti: 'another' }, { extra: 1 }],
    ];
    const cases: [string, string][] = edits.map((edit) => [
      `payload ${JSON.stringify(edit)}`,
      `${header}.${part({ ...claims, ...edit })}.${signature}`,
    ]);
    cases.push(
      ['parts swapped', `${payload}.${header}.${signature}`],
      ['two parts', `${header}.${payload}`],
      ['four parts', `${good}.${signature}`],
      ['five parts', `${good}.${header}.${payload}`],
      ['signature of another token', `${header}.${payload}.${target.acme.token().split('.')[2] ?? ''}`],
      ['signature cut short', good.slice(0, -4)],
      ['signature twice', good + signature],
    );
    // The last letter of a part carries bits that mean nothing: every other one is changed.
    const letter = fc.tuple(fc.nat({ max: 2 }), fc.nat({ max: 10_000 }), fc.integer({ min: 1, max: 63 }));
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    for (const [which, at, by] of fc.sample(letter, 90)) {
      const parts = [header, payload, signature];
      const text = parts[which] ?? '';
      const index = at % (text.length - 1);
      const changed = alphabet[(alphabet.indexOf(text[index] ?? 'A') + by) % 64] ?? 'A';
      parts[which] = text.slice(0, index) + changed + text.slice(index + 1);
      cases.push([`letter ${index} of part ${which}`, parts.join('.')]);
    }
    await row.each(cases, INVALID, try_);
  });
});
