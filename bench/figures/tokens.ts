/** How many session tokens are verified a second, and how many people come in a second: with one relay alone, and with Redis behind it. */
import path from 'node:path';
import { SignJWT, exportJWK, generateKeyPair, importJWK } from 'jose';
import {
  AUDIENCE,
  RELAY_ISSUER,
  TOKEN_LIFE_S,
  TOKEN_TYPE,
  verifySessionToken,
  type Algorithm,
  type VerificationKey,
} from '../../relay/auth/session-token.ts';
import { startRedis } from '../../relay/testing/redis.ts';
import { ADMIN, widenLimits } from '../load/limits.ts';
import { startRelayProcess } from '../load/processes.ts';
import { startChild, watchProcessor, type Child } from './child.ts';
import type { HandshakeOrder, HandshakesSeen } from './handshake-load.ts';
import { setHopStage } from './hop-stage.ts';
import { figure, median, spread, table, type Part } from './part.ts';

const DIST = path.resolve(import.meta.dirname, '../../dist');
const ALGORITHMS: readonly Algorithm[] = ['EdDSA', 'ES256', 'RS256', 'HS256'];

interface Keys {
  sign: CryptoKey | Uint8Array;
  verify: CryptoKey | Uint8Array;
}

async function keysOf(alg: Algorithm): Promise<Keys> {
  if (alg === 'HS256') {
    const secret = crypto.getRandomValues(new Uint8Array(32));
    return { sign: secret, verify: secret };
  }
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const verify = await importJWK(await exportJWK(publicKey), alg);
  return { sign: privateKey, verify };
}

/** Verifies one token again and again, with all that the product looks at. @returns verifications a second. */
async function verifying(alg: Algorithm, ms: number): Promise<number> {
  const { sign, verify } = await keysOf(alg);
  const now = Date.now();
  const claims = { tenant: 'demo', origin: 'https://shop.example', pk: 'pk_demo' };
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg, kid: 'k', typ: TOKEN_TYPE })
    .setIssuer(RELAY_ISSUER)
    .setAudience(AUDIENCE)
    .setSubject('somebody')
    .setJti('tok_1')
    .setIssuedAt(Math.floor(now / 1000))
    .setExpirationTime(Math.floor(now / 1000) + TOKEN_LIFE_S)
    .sign(sign);
  const key: VerificationKey = { kid: 'k', alg, key: verify, owner: { is: 'relay' } };
  const find = () => Promise.resolve(key);
  const run = async (forMs: number) => {
    const began = performance.now();
    let count = 0;
    while (performance.now() - began < forMs) {
      await verifySessionToken(token, find, now);
      count += 1;
    }
    return (count * 1000) / (performance.now() - began);
  };
  await run(ms / 4);
  return run(ms);
}

interface Kind {
  name: string;
  origin: string;
  pid: number;
  seen: HandshakesSeen[];
  cores: number[];
}

export const tokens: Part = async ({ isQuick, rounds, progress }) => {
  const verified: { alg: Algorithm; perSecond: number }[] = [];
  for (const alg of ALGORITHMS) {
    verified.push({ alg, perSecond: await verifying(alg, isQuick ? 300 : 2_000) });
    progress(`${alg}: ${figure(verified.at(-1)?.perSecond ?? Number.NaN, 0)} a second`);
  }
  const closers: (() => unknown)[] = [];
  const kinds: Kind[] = [];
  const count = isQuick ? 100 : 400;
  try {
    const stage = await setHopStage();
    closers.push(() => stage.close());
    const redis = await startRedis();
    closers.push(() => redis.stop());
    const base = `http://127.0.0.1:${stage.provider.first.plain}/v1`;
    const env = { OPENAI_API_KEY: 'sk-for-the-bench', OPENAI_BASE_URL: base, ADMIN_TOKEN: ADMIN };
    for (const [name, more] of [
      ['one relay, nothing shared', {}],
      ['with Redis', { REDIS_URL: redis.url }],
    ] as const) {
      const relay = await startRelayProcess(DIST, { ...env, ...more });
      closers.push(() => relay.stop());
      await widenLimits(relay.origin, 100_000);
      kinds.push({ name, origin: relay.origin, pid: relay.pid, seen: [], cores: [] });
    }
    const load: Child<HandshakeOrder, unknown> = await startChild('figures/handshake-load');
    closers.push(() => load.stop());
    const all = rounds ?? (isQuick ? 1 : 4);
    // The first round warms up.
    for (let round = 0; round <= all; round++)
      for (const kind of kinds) {
        const processor = watchProcessor({ relay: kind.pid });
        const seen = await load.ask<HandshakesSeen>({ origin: kind.origin, count, atOnce: 16 });
        if (round > 0) {
          kind.seen.push(seen);
          kind.cores.push(processor()['relay'] ?? Number.NaN);
        }
        progress(`${kind.name}: ${figure((count * 1000) / seen.handshakesMs, 0)} handshakes a second`);
      }
  } finally {
    for (const close of closers.reverse()) await close();
  }
  const perSecond = (of: (seen: HandshakesSeen) => number, { seen }: Kind) =>
    figure(median(seen.map((one) => (count * 1000) / of(one))), 0);
  return {
    markdown: [
      table(
        ['a session token verified, one thread', 'a second'],
        verified.map(({ alg, perSecond: rate }) => [
          alg === 'EdDSA' ? 'EdDSA (the relay’s own)' : alg,
          figure(rate, 0),
        ]),
      ),
      `${count} tokens by a tenant’s public key, then a handshake with each, until the conversation exists; 16 at once, ended at once.`,
      table(
        [
          '',
          'tokens a second',
          'a token p50 / p99, ms',
          'handshakes a second',
          'a handshake p50 / p99, ms',
          'relay, cores',
          'failed',
        ],
        kinds.map((kind) => [
          kind.name,
          perSecond(({ tokensMs }) => tokensMs, kind),
          spread(
            kind.seen.flatMap(({ tokenMs }) => tokenMs),
            [0.5, 0.99],
          ),
          perSecond(({ handshakesMs }) => handshakesMs, kind),
          spread(
            kind.seen.flatMap(({ handshakeMs }) => handshakeMs),
            [0.5, 0.99],
          ),
          figure(median(kind.cores), 2),
          kind.seen.reduce((sum, { failed }) => sum + failed, 0),
        ]),
      ),
    ],
    ...{ targets: [], plots: [], notMeasured: ['Redis over a network: it is on loopback, and shares the processors.'] },
    json: { verified, kinds },
  };
};
