/**
 * Words and credentials that were planted, and everything that the relay wrote: its log at debug,
 * its standard output, problem documents, records and database. None of them is where it must not
 * be. The provider of the second relay quotes keys back in its errors, as real ones do.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { openPage } from '../session/testing/page-client.ts';
import { attack, type Attempts } from './testing/attack.ts';
import { ADMIN, knock, ownToken, relayUnderAttack, type Target } from './testing/under-attack.ts';

const MASTER = 'master-key-canary-'.padEnd(44, 'm');
const TENANT_KEY = 'sk-tenant-canary-0123456789';
const OPERATOR_KEY = 'sk-operator-canary-0123456789';
const PASSWORD = 'password canary horse battery';
const WORDS = {
  typed: 'zanzibar walrus typed this sentence',
  said: 'quagmire walrus shall be said',
  context: 'xylophone walrus is the context',
  refused: 'obsidian walrus was refused',
  subject: 'subject-canary-ann',
};

let printed = '';
const restore: (() => void)[] = [];
let talking: Target;
let quoting: Target;
let provider: Server;
beforeAll(async () => {
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write.bind(stream);
    stream.write = (piece: string | Uint8Array, ...rest: never[]) => {
      printed += String(piece);
      return write(piece, ...rest);
    };
    restore.push(() => (stream.write = write));
  }
  provider = createServer((request, response) => {
    response.writeHead(401, { 'content-type': 'application/json' }).end(complaint(request.headers.authorization));
  });
  provider.on('upgrade', (request, socket) => {
    const body = complaint(request.headers.authorization);
    socket.end(
      `HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
  });
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve));
  const baseUrl = `http://127.0.0.1:${(provider.address() as AddressInfo).port}/v1`;
  talking = await relayUnderAttack({ env: { MASTER_KEY: MASTER } });
  quoting = await relayUnderAttack({
    env: { MASTER_KEY: MASTER, OPENAI_API_KEY: OPERATOR_KEY, OPENAI_BASE_URL: baseUrl },
  });
});
afterAll(async () => {
  for (const undo of restore) undo();
  await Promise.all([talking.end(), quoting.end()]);
  provider.closeAllConnections();
  await new Promise((resolve) => provider.close(resolve));
});
const complaint = (authorization: string | undefined) =>
  JSON.stringify({
    error: {
      message: `Incorrect API key provided: ${authorization ?? ''}`,
      type: 'invalid_request_error',
      code: 'invalid_api_key',
    },
  });

/** Every file below, by its path. */
function filesIn(dir: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of readdirSync(dir)) {
    const path = join(dir, name);
    if (statSync(path).isDirectory()) for (const [below, text] of filesIn(path)) found.set(below, text);
    else found.set(path, readFileSync(path, 'latin1'));
  }
  return found;
}

/** One attempt for each canary and place. */
function search(row: Attempts, canaries: Record<string, string>, places: Record<string, string>): void {
  for (const [place, text] of Object.entries(places))
    for (const [name, canary] of Object.entries(canaries)) {
      expect(canary.length, name).toBeGreaterThan(8);
      const forms = [
        canary,
        Buffer.from(canary).toString('base64url'),
        encodeURIComponent(canary),
        JSON.stringify(canary).slice(1, -1),
      ];
      row.add(`${name} in ${place}`, forms.some((form) => text.includes(form)) ? 'found' : 'absent', 'absent');
    }
}

let planted = 0;
/** Signs somebody in and gives everything a secret that can have one. @returns the secrets. */
async function plant(target: Target): Promise<Record<string, string>> {
  const { acme } = target;
  const at = `/tenants/${acme.id}`;
  const email = `ann${(planted += 1)}@acme.example`;
  const own = await ownToken(target, acme);
  await target.manage('PUT', `${at}/provider-key`, { key: TENANT_KEY });
  const hook = await target.manage('POST', `${at}/webhooks`, { url: 'https://hooks.invalid/', events: [] });
  const made = await target.manage('POST', `${at}/signing-keys`, { kind: 'secret', name: 'Made' });
  const invited = await target.manage<{ link: { url: string } }>('POST', `${at}/users`, {
    email,
    role: 'admin',
  });
  const link = invited.link.url.replace(/^.*#link=/, '');
  const signedIn = await target.ask('POST', '/api/admin/sign-in/link', { body: { link } });
  const cookie = (signedIn.headers['set-cookie']?.[0] ?? '').split(';')[0] ?? '';
  const { csrf } = JSON.parse(signedIn.text) as { csrf: string };
  const headers = { cookie, 'x-csrf-token': csrf };
  await target.ask('POST', '/api/admin/password', { headers, body: { next: PASSWORD } });
  await target.ask('POST', '/api/admin/sign-in', { body: { email, password: PASSWORD } });
  return {
    ...{
      ADMIN_TOKEN: ADMIN,
      MASTER_KEY: MASTER,
      'API key': acme.apiKey,
      'backend secret': acme.secret.toString('base64url'),
    },
    ...{ "tenant's provider key": TENANT_KEY, 'webhook secret': hook.secret ?? '', 'made secret': made.secret ?? '' },
    ...{ 'one-time link': link, cookie: cookie.split('=')[1] ?? '', password: PASSWORD, "relay's token": own },
  };
}

/** Everything refused that can be: each request carries secrets where they do not belong. */
async function misuse(target: Target, secrets: Record<string, string>): Promise<string> {
  const { acme } = target;
  const answers: string[] = [];
  const key = secrets['API key'] ?? '';
  const token = acme.token({ sub: WORDS.subject });
  const ask = async (...request: Parameters<Target['ask']>) => void answers.push((await target.ask(...request)).text);
  await ask('GET', `/api/admin/tenants/${token}`, { as: acme.apiKey });
  await ask('GET', `/api/admin/tenants/${key}`, { as: acme.apiKey });
  await ask('GET', `/api/admin/${TENANT_KEY}?token=${token}&key=${key}`, { as: token });
  await ask('GET', `/${token}`, {
    headers: { cookie: `vjj=${secrets['cookie'] ?? ''}`, referer: `https://x/?t=${token}` },
  });
  await ask('POST', '/api/admin/sign-in', { body: { email: 'ann@acme.example', password: `${PASSWORD}!` } });
  await ask('POST', '/api/admin/sign-in', { body: { email: PASSWORD, password: PASSWORD } });
  await ask('POST', '/api/admin/sign-in', { body: `{"password":"${PASSWORD}"` });
  await ask('POST', '/api/admin/sign-in/link', { body: { link: `${secrets['one-time link'] ?? ''}x` } });
  await ask('PUT', `/api/admin/tenants/${acme.id}/provider-key`, { as: key, body: { key: [TENANT_KEY] } });
  await ask('PUT', `/api/admin/tenants/${acme.id}/provider-key`, { as: key, body: { key: `${TENANT_KEY}\n` } });
  const material = { kind: 'secret', name: 'x', secret: `!${secrets['backend secret'] ?? ''}` };
  await ask('POST', `/api/admin/tenants/${acme.id}/signing-keys`, { as: key, body: material });
  const jwk = acme.keys.ed.privateKey.export({ format: 'jwk' });
  await ask('POST', `/api/admin/tenants/${acme.id}/signing-keys`, { as: key, body: { kind: 'jwk', name: 'x', jwk } });
  await ask('POST', '/api/token', { headers: { origin: acme.origin }, body: { tenant: key, previous: token } });
  await ask('POST', '/api/token', { headers: { origin: `https://${key}.example` }, body: { tenant: token } });
  for (const via of ['subprotocol', 'message'] as const)
    for (const bad of [`${token}x`, acme.token({ aud: WORDS.refused }), acme.token({ iss: key }), key, TENANT_KEY])
      answers.push(await knock(target, { token: bad, origin: acme.origin, via }));
  answers.push(await knock(target, { path: `/ws?token=${token}&key=${key}`, token: `${token}x`, origin: acme.origin }));
  return answers.join('\n');
}

/** A conversation in which words are typed, said, given and refused. @returns what the page heard. */
async function converse(target: Target): Promise<{ heard: string; token: string }> {
  const { acme, port } = target;
  const token = acme.token({ sub: WORDS.subject });
  const page = await openPage(`ws://127.0.0.1:${port}/ws`, token, { origin: acme.origin });
  await page.received('session.created');
  page.send({ type: 'session.start', turn: 'auto', context: WORDS.context });
  page.send({ type: 'context.update', text: WORDS.context });
  page.send({ type: 'user.text', text: WORDS.typed });
  const isDown = () => page.all('provider.changed').some(({ up }) => !up);
  const answered = () => page.all('transcript.done').some(({ role }) => role === 'agent') || isDown();
  await Promise.race([page.until(answered), page.closed]);
  if (page.socket.readyState === page.socket.OPEN) {
    page.send({ type: 'assistant.say', text: WORDS.said });
    page.send({ type: 'auth', token: `${token}x` });
    await page.settled();
    page.sendRaw(JSON.stringify({ type: 'user.text', text: { [WORDS.refused]: WORDS.refused }, more: WORDS.refused }));
  }
  await page.closed;
  const heard = page.all('transcript.done').flatMap(({ role, text }) => (role === 'agent' ? [text] : []));
  return { heard: heard.join(' '), token };
}

attack(
  'log canaries',
  'nothing that was said, and no credential, is in a log line or a problem document',
  () => talking,
  async (row, target) => {
    const secrets = await plant(target);
    const { heard, token } = await converse(target);
    const refusals = await misuse(target, secrets);
    expect(heard.length).toBeGreaterThan(10);
    expect(target.logged.length).toBeGreaterThan(10);
    expect(target.logged.join('')).toContain('session ended');
    const canaries = { ...secrets, ...WORDS, "tenant's token": token, 'what the agent said': heard };
    search(row, canaries, { 'the log': target.logged.join(''), 'problem documents': refusals, 'the output': printed });
    expect(printed).not.toContain('"level":');
  },
);

attack(
  'records',
  'the record of a conversation holds no words and no credential, the database no credential',
  () => talking,
  async (row, target) => {
    const secrets = await plant(target);
    const { heard, token } = await converse(target);
    await expect.poll(() => target.relay.sessions()).toBe(0);
    const files = [...filesIn(target.dir)];
    const audit = files.filter(([path]) => path.includes('audit')).map(([, text]) => text);
    const database = files.filter(([path]) => path.includes('vjj.db')).map(([, text]) => text);
    expect(audit.join('').length).toBeGreaterThan(500);
    expect(database.join('').length).toBeGreaterThan(10_000);
    const credentials = { ...secrets, "tenant's token": token };
    search(row, { ...credentials, ...WORDS, 'what the agent said': heard }, { records: audit.join('\n') });
    search(row, credentials, { 'the database': database.join('\n') });
    search(row, credentials, { 'every other file': files.map(([, text]) => text).join('\n') });
  },
);

attack(
  'a provider that quotes keys',
  "a provider's error tells nobody the key that it refused",
  () => quoting,
  async (row, target) => {
    const own = { ...(await plant(target)), 'operator key': OPERATOR_KEY };
    const { token } = await converse(target);
    const other = await openPage(`ws://127.0.0.1:${target.port}/ws`, target.globex.token(), {
      origin: target.globex.origin,
    });
    other.send({ type: 'session.start', turn: 'auto' });
    const isTold = () => other.all('error').length > 0 || other.all('provider.changed').some(({ up }) => !up);
    await Promise.race([other.until(isTold), other.closed]);
    other.socket.close();
    await other.closed;
    expect(target.logged.join('')).toContain('provider');
    const told = JSON.stringify(other.messages);
    search(
      row,
      { ...own, ...WORDS, token },
      { 'the log': target.logged.join(''), 'the page': told, 'the output': printed },
    );
  },
);
