import { execFileSync, spawnSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes, webcrypto, type KeyObject } from 'node:crypto';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../clock.ts';
import { memoryBroadcast } from '../shared-state/broadcast.ts';
import { memorySharedState } from '../shared-state/memory.ts';
import { memoryOnce } from '../shared-state/once.ts';
import { openStore, type Store } from '../store/store.ts';
import { createDirectory } from '../tenants/directory.ts';
import { createAuth, type Auth } from './auth.ts';
import type { TenantKeyInput } from './key-material.ts';
import { openKeyring } from './keyring.ts';
import { signSessionToken, type SessionTokenKey, type SessionTokenRequest } from './server.ts';

const ORIGIN = 'https://www.example.com';
const secret = randomBytes(32);
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ed = generateKeyPairSync('ed25519');
const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 });
let dir: string;
let store: Store;
let auth: Auth;
let tenant: string;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'vjj-sign-'));
  const clock = systemClock;
  store = await openStore({ file: join(dir, 'vjj.db'), masterKey: 'm'.repeat(40), now: () => clock.wallNow() });
  const directory = createDirectory({ store, clock, model: 'm', firstTenantOrigins: [] });
  auth = createAuth({
    ...{ keyring: await openKeyring(store.signingKeys, clock), store, directory, quotas: memorySharedState(), clock },
    ...{ usedTokens: memoryOnce(clock), broadcast: memoryBroadcast() },
    outbound: { accepts: () => false, request: () => Promise.reject(new Error('nothing is asked here')) },
  });
  tenant = (await directory.createTenant({ name: 'Acme', slug: 'acme', origins: [ORIGIN] })).tenant.id;
  const jwk = ({ publicKey }: { publicKey: KeyObject }) =>
    publicKey.export({ format: 'jwk' }) as Record<string, unknown>;
  const inputs: TenantKeyInput[] = [
    { kind: 'secret', kid: 'HS256', secret: secret.toString('base64') },
    { kind: 'jwk', kid: 'ES256', jwk: jwk(ec) },
    { kind: 'jwk', kid: 'EdDSA', jwk: jwk(ed) },
    { kind: 'jwk', kid: 'RS256', jwk: jwk(rsa) },
  ];
  for (const input of inputs) {
    const read = await auth.readTenantKey(input);
    if (!read.ok) throw new Error(JSON.stringify(read.problems));
    await store.tenantKeys.add({ ...read.key, tenantId: tenant, name: 'ours', notBefore: 0, notAfter: null });
  }
});
afterAll(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

const request = (over: Partial<SessionTokenRequest> = {}): SessionTokenRequest => ({
  ...{ key: secret, kid: 'HS256', tenant, subject: 'user-17', origin: ORIGIN },
  ...over,
});
const admit = (token: string, origin: string | undefined = ORIGIN) =>
  auth.admit({ token, origin, address: '192.0.2.1', signal: new AbortController().signal });

describe('a token that a backend signs', () => {
  const pem = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' });
  const jwk = (key: KeyObject) => key.export({ format: 'jwk' }) as Record<string, unknown>;
  it.each<[string, SessionTokenKey, string]>([
    ['a secret in bytes', secret, 'HS256'],
    ['a secret in base64', secret.toString('base64'), 'HS256'],
    ['a secret in base64url', `${secret.toString('base64url')}\n`, 'HS256'],
    ['a secret as JWK', { kty: 'oct', k: secret.toString('base64url') }, 'HS256'],
    ['a PEM of an EC key', pem(ec.privateKey), 'ES256'],
    ['a PEM of an Ed25519 key', pem(ed.privateKey), 'EdDSA'],
    ['a PEM of an RSA key', pem(rsa.privateKey), 'RS256'],
    ['a JWK', jwk(ec.privateKey), 'ES256'],
    ['a JWK as text', JSON.stringify(jwk(rsa.privateKey)), 'RS256'],
    ['a KeyObject', ed.privateKey, 'EdDSA'],
  ])('lets its user in, with %s', async (_what, key, kid) => {
    expect(await admit(await signSessionToken(request({ key, kid })))).toMatchObject({
      ...{ tenant: { id: tenant }, subject: 'user-17', origin: ORIGIN },
    });
  });

  it('lets its user in with a CryptoKey', async () => {
    const key = await webcrypto.subtle.importKey(
      ...(['jwk', jwk(ec.privateKey), { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']] as const),
    );
    await expect(admit(await signSessionToken(request({ key, kid: 'ES256' })))).resolves.toBeDefined();
  });

  it('carries all that a backend may say', async () => {
    const { tenant: _other, ...rest } = request({
      ...{ issuer: tenant, expiresIn: 600, limits: { longestSessionMs: 60_000 }, meta: { plan: 'gold' }, once: true },
      origin: `${ORIGIN}/shop?x=1`,
    });
    const token = await signSessionToken({ ...rest, alg: 'HS256' });
    expect((await admit(token)).limits.longestSessionMs).toBe(60_000);
    await expect(admit(token)).rejects.toMatchObject({ code: 'token-invalid' });
    const { origin: _none, ...server } = request({ scope: 'server' });
    expect((await admit(await signSessionToken(server), undefined)).grant.isServer).toBe(true);
  });

  it.each<[string, Partial<Record<keyof SessionTokenRequest, unknown>>]>([
    ['kid', { kid: 'a b' }],
    ['tenant', { tenant: '' }],
    ['subject', { subject: '' }],
    ['subject', { subject: 7 }],
    ['assistant', { assistant: '' }],
    ['expiresIn', { expiresIn: 601 }],
    ['expiresIn', { expiresIn: 1.5 }],
    ['scope', { scope: 'admin' }],
    ['origin', { origin: 'www.example.com' }],
    ['origin', { origin: undefined }],
    ['limits', { limits: { minutes: 5 } }],
    ['longestSessionMs', { limits: { longestSessionMs: 0 } }],
    ['meta', { meta: { note: 'n'.repeat(1_100) } }],
    ['alg', { alg: 'RS256' }],
    ['key', { key: randomBytes(31) }],
    ['key', { key: 'a passphrase, and no base64' }],
    ['key', { key: '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----' }],
    ['key', { key: ec.publicKey }],
    ['key', { key: generateKeyPairSync('rsa', { modulusLength: 1_024 }).privateKey }],
    ['key', { key: generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey }],
  ])('is refused before it is signed when its %s is wrong', async (name, over) => {
    const asked = { ...request(), ...over } as SessionTokenRequest;
    const error: unknown = await signSessionToken(asked).catch((one: unknown) => one);
    expect(error).toBeInstanceOf(TypeError);
    expect((error as TypeError).message).toMatch(new RegExp(`^signSessionToken: .*${name}`));
  });
});

describe('docs/tokens.md', () => {
  const text = readFileSync(new URL('../../docs/tokens.md', import.meta.url), 'utf8');
  const example = (name: string) => {
    const found = new RegExp('```\\w+ file=' + name.replaceAll('.', '\\.') + '\\n([\\s\\S]*?)```').exec(text)?.[1];
    if (found === undefined) throw new Error(`no example ${name}`);
    return found;
  };
  const variables = () => ({
    ...{ VJJ_KEY: secret.toString('base64'), VJJ_KID: 'HS256', VJJ_TENANT: tenant, SITE_ORIGIN: ORIGIN },
  });
  /** Node's examples import the package by name; here it is the source beside this test. */
  const load = async (name: string, others: Record<string, string> = {}): Promise<Record<string, unknown>> => {
    const helper = new URL('./server.ts', import.meta.url).href;
    let code = example(name).replace("'voice-jib-jab/server'", JSON.stringify(helper));
    for (const [from, to] of Object.entries(others)) code = code.replace(`'${from}'`, JSON.stringify(to));
    const file = join(dir, name.replaceAll('/', '-'));
    writeFileSync(file, code);
    Object.assign(process.env, variables());
    return (await import(/* @vite-ignore */ file)) as Record<string, unknown>;
  };
  const has = (tool: string, ...args: string[]) => spawnSync(tool, args).status === 0;

  it('has an example for Next.js that lets in whom it signs for, and nobody else', async () => {
    const { POST } = (await load('app/voice-token/route.mjs')) as { POST: (request: Request) => Promise<Response> };
    const ask = (headers: Record<string, string>) =>
      POST(new Request('https://www.example.com/voice-token', { method: 'POST', headers }));
    const response = await ask({ 'x-user': 'ada' });
    const { token } = (await response.json()) as { token: string };
    expect((await admit(token)).subject).toBe('ada');
    expect((await ask({})).status).toBe(401);
  });

  it('has an example for Express that lets in whom it signs for, and nobody else', async () => {
    // As much of Express as the example uses, over a real server.
    const stand = join(dir, 'stand.mjs');
    writeFileSync(
      stand,
      `export default () => {
        const routes = new Map();
        const app = async (req, res) => {
          res.status = (code) => ((res.statusCode = code), res);
          res.set = (name, value) => (res.setHeader(name, value), res);
          res.json = (body) => res.end(JSON.stringify(body));
          await routes.get(req.method + ' ' + req.url)(req, res);
        };
        app.post = (path, handler) => routes.set('POST ' + path, handler);
        return app;
      };`,
    );
    const app = (await load('express.mjs', { express: stand })).default as RequestListener;
    const server = createServer((req: IncomingMessage, res: ServerResponse) => app(req as never, res as never));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/voice-token`;
    const response = await fetch(url, { method: 'POST', headers: { 'x-user': 'ada' } });
    expect(response.headers.get('cache-control')).toBe('no-store');
    const { token } = (await response.json()) as { token: string };
    expect((await admit(token)).subject).toBe('ada');
    expect((await fetch(url, { method: 'POST' })).status).toBe(401);
    await new Promise((resolve) => server.close(resolve));
  });

  it.each([
    ['python3', ['--version'], 'voice_token.py', (file: string) => [file]],
    ['go', ['version'], 'main.go', (file: string) => ['run', file]],
    ['php', ['--version'], 'voice-token.php', (file: string) => [file]],
  ] as const)(
    'has an example for %s that lets in whom it signs for, where that is installed',
    async (tool, probe, name, run) => {
      const code = example(name);
      for (const claim of ['iss', 'aud', 'sub', 'jti', 'iat', 'exp', 'origin']) expect(code).toContain(claim);
      if (!has(tool, ...probe)) return;
      const file = join(dir, name);
      writeFileSync(file, code);
      for (const encoding of ['base64', 'base64url'] as const) {
        const env = { ...process.env, ...variables(), VJJ_KEY: secret.toString(encoding) };
        const token = execFileSync(tool, run(file), { env, encoding: 'utf8' }).trim();
        expect((await admit(token)).subject).toBe('user-17');
      }
    },
  );
});
