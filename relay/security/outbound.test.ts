/**
 * Addresses that tenants give for webhooks and key sets, and that lead where a tenant has no
 * business: nothing there is dialled, whatever the address looks like, resolves to, or redirects to.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect } from 'vitest';
import { attack } from './testing/attack.ts';
import { claimsFor, ed25519, hs256, jws } from './testing/forge.ts';
import { knock, relayUnderAttack, type Target } from './testing/under-attack.ts';

/** As it ships: public addresses alone. */
let strict: Target;
/** The operator opened one private address, and that one only. */
let opened: Target;
/** What each name resolves to, one answer after the other; the last one stays. */
const names = new Map<string, string[][]>();
let asked = 0;
const lookup = (name: string): Promise<readonly string[]> => {
  asked += 1;
  const answers = names.get(name);
  if (answers === undefined) return Promise.reject(Object.assign(new Error('unknown'), { code: 'ENOTFOUND' }));
  return Promise.resolve((answers.length > 1 ? answers.shift() : answers[0]) ?? []);
};
let front: Server;
let trap: Server;
let trapped = 0;
let answerOfFront: (request: IncomingMessage, response: ServerResponse) => void = () => undefined;
const listening = async (server: Server, host: string) => {
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return (server.address() as AddressInfo).port;
};
let frontPort = 0;
let trapPort = 0;
beforeAll(async () => {
  front = createServer((request, response) => answerOfFront(request, response));
  trap = createServer((_request, response) => response.end('{"keys":[]}'));
  trap.on('connection', () => (trapped += 1));
  frontPort = await listening(front, '127.0.0.1');
  // Loopback like the one that is opened, and not opened.
  trapPort = await listening(trap, '127.0.0.2');
  strict = await relayUnderAttack({ start: { lookup } });
  opened = await relayUnderAttack({ env: { RELAY_WEBHOOK_ALLOW_CIDR: '127.0.0.1/32' }, start: { lookup } });
});
afterAll(async () => {
  await Promise.all([strict.end(), opened.end()]);
  for (const server of [front, trap]) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** A new key set at that address. @returns its outcome. */
async function addKeySet(target: Target, url: string, kid?: string): Promise<string> {
  const body = { kind: 'jwks_url', name: 'Set', alg: 'EdDSA', url, ...(kid !== undefined && { kid }) };
  return (
    await target.ask('POST', `/api/admin/tenants/${target.acme.id}/signing-keys`, { as: target.acme.apiKey, body })
  ).outcome;
}
async function addWebhook(target: Target, url: string): Promise<{ outcome: string; id: string }> {
  const path = `/api/admin/tenants/${target.acme.id}/webhooks`;
  const answer = await target.ask('POST', path, { as: target.acme.apiKey, body: { url } });
  return { outcome: answer.outcome, id: (JSON.parse(answer.text) as { id?: string }).id ?? '' };
}
/** Sends a test event there. @returns what came of the delivery. */
async function deliveryTo(target: Target, url: string): Promise<string> {
  const { outcome, id } = await addWebhook(target, url);
  if (outcome !== '201') return outcome;
  const at = `/tenants/${target.acme.id}/webhooks/${id}`;
  await target.manage('POST', `${at}/test`);
  const last = async () => {
    const { rows } = await target.manage<{ rows: { lastResult: string | null }[] }>('GET', `${at}/deliveries`);
    return rows[0]?.lastResult ?? null;
  };
  await expect.poll(last, { timeout: 8_000, interval: 20 }).not.toBeNull();
  const result = (await last()) ?? '';
  await target.manage('DELETE', at);
  return result;
}
/** A token that makes the relay ask a key set. */
const signedFor = ({ acme }: Target, kid: string) =>
  jws({ alg: 'EdDSA', kid }, claimsFor(acme.id, acme.origin), ed25519(acme.keys.ed.privateKey));
const knockWith = (target: Target, kid: string) =>
  knock(target, { token: signedFor(target, kid), origin: target.acme.origin });

/** Each is an address inside somebody's network, in one of the ways to write it. */
const PRIVATE = [
  ...[
    '127.0.0.1',
    '127.1',
    '127.0.1',
    '2130706433',
    '0x7f000001',
    '0x7f.0.0.1',
    '0177.0.0.1',
    '017700000001',
    '0',
    '0.0.0.0',
  ],
  ...['127.0.0.1.', '127.255.255.254', '10.0.0.1', '012.0.0.1', '10.1', '172.16.0.1', '172.31.255.255', '192.168.0.1'],
  ...[
    '3232235521',
    '0xc0a80001',
    '169.254.169.254',
    '2852039166',
    '0xa9fea9fe',
    '100.64.0.1',
    '192.0.0.1',
    '198.18.0.1',
  ],
  ...[
    '192.0.2.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '①②⑦.⓪.⓪.①',
    '１２７.０.０.１',
    '127。0。0。1',
    '%31%32%37.0.0.1',
  ],
  ...[
    '[::1]',
    '[::]',
    '[0:0:0:0:0:0:0:1]',
    '[::127.0.0.1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::ffff:0:127.0.0.1]',
  ],
  ...['[::ffff:10.0.0.1]', '[::ffff:a9fe:a9fe]', '[64:ff9b::7f00:1]', '[64:ff9b::169.254.169.254]', '[2002:7f00:1::]'],
  ...[
    '[2001::7f00:1]',
    '[fc00::1]',
    '[fd00:ec2::254]',
    '[fe80::1]',
    '[fec0::1]',
    '[ff02::1]',
    '[2001:db8::1]',
    '[100::1]',
  ],
];
const SHAPES = [
  ...[
    'http://hooks.example/',
    'https://user@hooks.example/',
    'https://user:pw@hooks.example/',
    'https://hooks.example:8443/',
  ],
  ...[
    'https://hooks.example:22/',
    'https://hooks.example:80/',
    'ftp://hooks.example/',
    'file:///etc/passwd',
    'gopher://hooks.example/',
  ],
  ...[
    'data:application/json,{}',
    'javascript:1',
    'ws://hooks.example/',
    '//hooks.example/',
    'hooks.example',
    'https://',
    'https:',
    '',
  ],
  ...[
    'https://a b/',
    'unix:/var/run/docker.sock',
    'https://127.0.0.1:443@evil.example/',
    'https://evil.example@127.0.0.1/',
  ],
  `https://hooks.example/${'x'.repeat(600)}`,
];

attack(
  'private literals',
  'no address of a private network is taken for a webhook or a key set, however it is written',
  () => strict,
  async (row, target) => {
    const before = asked;
    const urls = [...PRIVATE.map((host) => `https://${host}/`), ...SHAPES];
    await row.each(
      urls.map((url) => [`webhook ${url}`, url] as const),
      '400 bad-request',
      async (url) => (await addWebhook(target, url)).outcome,
    );
    await row.each(
      urls.map((url) => [`key set ${url}`, url] as const),
      '400 bad-request',
      (url) => addKeySet(target, url),
    );
    expect(asked).toBe(before);
  },
);

attack(
  'names that lead inside',
  'a name is judged by every address it has',
  () => strict,
  async (row, target) => {
    const inside = [
      ...[
        '127.0.0.1',
        '10.0.0.1',
        '169.254.169.254',
        '172.20.0.2',
        '192.168.1.1',
        '100.64.1.1',
        '0.0.0.0',
        '::1',
        '::',
      ],
      ...[
        '::ffff:127.0.0.1',
        '::ffff:10.0.0.1',
        '64:ff9b::7f00:1',
        'fd00::1',
        'fe80::1',
        '::127.0.0.1',
        '2002:7f00:1::',
        'no address',
      ],
    ];
    const cases = inside.map((address, i) => [address, `n${i}.hooks.example`] as const);
    for (const [address, name] of cases) names.set(name, [[address]]);
    // One good address does not make up for one that is not.
    names.set('mixed.hooks.example', [['93.184.216.34', '127.0.0.1']]);
    names.set('mixed6.hooks.example', [['2606:4700::1111', '::1']]);
    names.set('empty.hooks.example', [[]]);
    names.set('localhost', [['127.0.0.1', '::1']]);
    names.set('metadata.google.internal', [['169.254.169.254']]);
    const more = [
      'mixed.hooks.example',
      'mixed6.hooks.example',
      'empty.hooks.example',
      'localhost',
      'metadata.google.internal',
      'none.example',
    ];
    const all = [...cases, ...more.map((name) => [name, name] as const)];
    // One after the other: a tenant has so many webhooks and no more.
    for (const [what, name] of all)
      row.add(`webhook ${what}`, await deliveryTo(target, `https://${name}/`), /^(address-refused|name-unknown)$/);
    for (const [i, [what, name]] of all.entries()) {
      expect(await addKeySet(target, `https://${name}/keys`, `set-${i}`)).toBe('201');
      row.add(`key set ${what}`, await knockWith(target, `set-${i}-any`), '4501');
      await target.manage('DELETE', `/tenants/${target.acme.id}/signing-keys/set-${i}`);
    }
    const said = target.logged.filter((line) => line.includes("a tenant's key cannot be used"));
    expect(said.length).toBeGreaterThanOrEqual(all.length - 1);
    expect(said.join('')).not.toMatch(/hooks\.example|127\.0\.0\.1/);
  },
);

attack(
  'names that change their mind',
  'what was judged is what is dialled, also between two look-ups',
  () => opened,
  async (row, target) => {
    answerOfFront = (_request, response) => response.end('{"keys":[]}');
    for (const turns of [1, 2, 3]) {
      const name = `rebind${turns}.hooks.example`;
      const answers = () => [...Array<string[]>(turns).fill(['127.0.0.1']), ['127.0.0.2']];
      names.set(name, answers());
      const result = await deliveryTo(target, `https://${name}:${trapPort}/`);
      row.add(`webhook, after ${turns}`, trapped === 0 ? result : 'trapped', /^(address-refused|unreachable)$/);
      names.set(name, answers());
      expect(await addKeySet(target, `http://${name}:${trapPort}/`, `rebind-${turns}`)).toBe('201');
      const outcome = await knockWith(target, `rebind-${turns}-any`);
      row.add(`key set, after ${turns}`, trapped === 0 ? outcome : 'trapped', '4501');
      await target.manage('DELETE', `/tenants/${target.acme.id}/signing-keys/rebind-${turns}`);
    }
    expect(trapped).toBe(0);
  },
);

attack(
  'redirects',
  'a redirect of a key set is no key set and leads nowhere',
  () => opened,
  async (row, target) => {
    let visits = 0;
    for (const status of [301, 302, 303, 307, 308]) {
      answerOfFront = (_request, response) => {
        visits += 1;
        response.writeHead(status, { location: `http://127.0.0.2:${trapPort}/` }).end();
      };
      const url = `http://127.0.0.1:${frontPort}/${status}`;
      expect(await addKeySet(target, url, `redirect-${status}`)).toBe('201');
      const outcome = await knockWith(target, `redirect-${status}-any`);
      row.add(`key set ${status}`, trapped === 0 ? outcome : 'trapped', '4501');
      await target.manage('DELETE', `/tenants/${target.acme.id}/signing-keys/redirect-${status}`);
    }
    expect({ trapped, visits }).toEqual({ trapped: 0, visits: 5 });
  },
);

attack(
  'key sets that lie',
  'a set is public keys, few and small, and is asked twice a minute at most',
  () => opened,
  async (row, target) => {
    const { acme } = target;
    const own = { ...acme.keys.ed.publicKey.export({ format: 'jwk' }), kid: 'theirs' };
    const oct = { kty: 'oct', k: acme.secret.toString('base64url'), kid: 'theirs', alg: 'HS256' };
    const sets: [string, string][] = [
      ['a secret', JSON.stringify({ keys: [oct] })],
      ['a private key', JSON.stringify({ keys: [{ ...own, d: 'A'.repeat(43) }] })],
      ['a key for encryption', JSON.stringify({ keys: [{ ...own, use: 'enc' }] })],
      ['two of one name', JSON.stringify({ keys: [own, own] })],
      [
        'another algorithm',
        JSON.stringify({ keys: [{ ...acme.keys.es.publicKey.export({ format: 'jwk' }), kid: 'theirs' }] }),
      ],
      [
        '21 keys',
        JSON.stringify({ keys: Array.from({ length: 21 }, (_, i) => ({ ...own, kid: i === 0 ? 'theirs' : `k${i}` })) }),
      ],
      ['65 KiB', JSON.stringify({ keys: [own], padding: 'x'.repeat(66_000) })],
      ['8 MiB', JSON.stringify({ keys: [own], padding: 'x'.repeat(8 << 20) })],
      ['no set', '[]'],
      ['HTML', '<html></html>'],
      ['prototype', '{"__proto__":{"keys":[]}}'],
    ];
    for (const [i, [what, text]] of sets.entries()) {
      answerOfFront = (_request, response) => response.end(text);
      expect(await addKeySet(target, `http://127.0.0.1:${frontPort}/lie/${i}`, `lie-${i}`)).toBe('201');
      const tokens = [
        signedFor(target, 'theirs'),
        jws({ alg: 'HS256', kid: 'theirs' }, claimsFor(acme.id, acme.origin), hs256(acme.secret)),
      ];
      for (const token of tokens) row.add(what, await knock(target, { token, origin: acme.origin }), '4501');
      await target.manage('DELETE', `/tenants/${acme.id}/signing-keys/lie-${i}`);
    }
    // The honest set, and then a storm of names that it has not.
    let visits = 0;
    answerOfFront = (_request, response) => {
      visits += 1;
      response.end(JSON.stringify({ keys: [own] }));
    };
    expect(await addKeySet(target, `http://127.0.0.1:${frontPort}/honest`, 'honest')).toBe('201');
    expect(await knockWith(target, 'theirs')).toBe('in');
    const storm = Array.from({ length: 100 }, (_, i) => [`kid-${i}`, `kid-${i}`] as const);
    await row.each(storm, '4501', (kid) => knockWith(target, kid));
    expect(visits).toBe(1);
  },
);
