/** Pages that pretend to be others, and tokens where no token belongs. */
import { connect } from 'node:net';
import { afterAll, beforeAll, expect } from 'vitest';
import { attack } from './testing/attack.ts';
import { knock, ownToken, relayUnderAttack, type Target } from './testing/under-attack.ts';

let target: Target;
beforeAll(async () => {
  // Who sends no token is refused at the deadline, which these tests need not wait for.
  target = await relayUnderAttack({ start: { door: { deadlineMs: 1_000 } } });
});
afterAll(() => target.end());
const on = () => target;

/** None of these is a page that acme allows: `https://acme.example`, `https://*.wild.acme.example`, port 8443. */
const LOOKALIKES = [
  ...['null', 'NULL', 'undefined', '*', '', ' ', 'https://', 'https://*', 'https://*.wild.acme.example', 'about:blank'],
  ...['file://', 'data:', 'chrome-extension://abcdefghijklmnop', 'javascript:1', '//acme.example', 'acme.example'],
  ...['https://acme.example@evil.example', 'https://evil.example@acme.example', 'https://user:pw@acme.example'],
  ...['https://acme.example.evil.example', 'https://evilacme.example', 'https://acme.examplee', 'https://acme.exampl'],
  ...['https://evil-acme.example', 'https://acme-example', 'https://acmeXexample', 'https://example', 'https://acme'],
  ...['https://acme.example:443', 'https://acme.example:80', 'https://acme.example:8444', 'https://acme.example:'],
  ...[
    'http://acme.example',
    'http://acme.example:443',
    'ws://acme.example',
    'wss://acme.example',
    'ftp://acme.example',
  ],
  ...['HTTPS://acme.example', 'https://ACME.example', 'https://acme.EXAMPLE', 'Https://Acme.Example'],
  ...['https://acme.example.', 'https://acme.example..', 'https://.acme.example', 'https://acme..example'],
  ...[
    'https://acme.example/',
    'https://acme.example/x',
    'https://acme.example?',
    'https://acme.example#',
    'https://acme.example\\',
  ],
  ...[
    'https:/acme.example',
    'https:acme.example',
    'https:\\\\acme.example',
    'https:///acme.example',
    ' https://acme.example/ x',
  ],
  ...[
    'https://acme.example https://evil.example',
    'https://evil.example, https://acme.example',
    'https://acme.example,',
  ],
  ...[
    'https://www.acme.example',
    'https://wild.acme.example',
    'https://a.b.wild.acme.example',
    'https://.wild.acme.example',
  ],
  ...['https://xwild.acme.example', 'https://a.wild.acme.example.evil.example', 'https://a.wild.acme.example:8443'],
  ...[
    'http://a.wild.acme.example',
    'https://*.acme.example',
    'https://a.wild.acme.example.',
    'https://a.wild.acme.examples',
  ],
  ...[
    'https://аcme.example',
    'https://acmе.example',
    'https://acme。example',
    'https://xn--cme-8cd.example',
    'https://ａcme.example',
  ],
  ...['https://acme%2eexample', 'https://acme.example%00.evil.example', 'https://acme.example%0d%0a', 'https://[::1]'],
  ...[
    'https://127.0.0.1',
    'https://2130706433',
    'https://0x7f.1',
    'https://globex.example',
    `https://${'a'.repeat(400)}.example`,
  ],
];

attack(
  'origin tricks at the door',
  'only a page as its browser names it, and as its tenant allows it',
  on,
  async (row) => {
    const { acme } = target;
    // A token that is for the very origin: the tenant's list alone is in the way.
    await row.each(
      LOOKALIKES.map((origin) => [origin, origin] as const),
      /^450[12]$/,
      (origin) => knock(target, { token: acme.token({ origin: origin.slice(0, 300) }), origin }),
    );
    // A token of an allowed page, carried to another.
    const token = await ownToken(target, acme);
    await row.each(
      LOOKALIKES.map((origin) => [`replayed from ${origin}`, origin] as const),
      '4502',
      (origin) => knock(target, { token, origin }),
    );
    // Also a page that is allowed is not the one that the token is for.
    const others = [`${acme.origin}:8443`, 'https://a.wild.acme.example'];
    await row.each(
      others.map((origin) => [`replayed from ${origin}`, origin] as const),
      '4502',
      (origin) => knock(target, { token, origin }),
    );
    for (const origin of others) expect(await knock(target, { token: acme.token({ origin }), origin })).toBe('in');
  },
);

attack('missing origin', 'without an Origin there is entry for server scope alone', on, async (row) => {
  const { acme } = target;
  const tokens = [acme.token(), acme.token({ scope: undefined }), await ownToken(target, acme)];
  await row.each(
    tokens.map((token, index) => [`browser token ${index}`, token] as const),
    '4502',
    (token) => knock(target, { token }),
  );
  // Server scope waives the header, not the list.
  const server = acme.token({ scope: 'server', origin: undefined });
  const pages = ['null', 'https://evil.example', target.globex.origin];
  await row.each(
    pages.map((origin) => [`server scope from ${origin}`, origin] as const),
    '4502',
    (origin) => knock(target, { token: server, origin }),
  );
  const answer = await target.ask('POST', '/api/token', { body: { tenant: acme.publishableKey } });
  row.add('a token without an Origin', answer.outcome, '403 origin-refused');
});

attack('origin twice', 'two Origin headers are no page, whichever comes first', on, async (row) => {
  const { acme } = target;
  const orders = [
    [acme.origin, 'https://evil.example'],
    ['https://evil.example', acme.origin],
    [acme.origin, acme.origin],
  ];
  await row.each(
    orders.map((origins) => [origins.join(', '), origins] as const),
    '403',
    async (origins) => {
      const body = JSON.stringify({ tenant: acme.publishableKey });
      const socket = connect(target.port, '127.0.0.1');
      socket.write(
        `POST /api/token HTTP/1.1\r\nHost: relay\r\nConnection: close\r\nContent-Type: application/json\r\n` +
          `Content-Length: ${body.length}\r\n${origins.map((one) => `Origin: ${one}\r\n`).join('')}\r\n${body}`,
      );
      let got = '';
      for await (const piece of socket) got += String(piece);
      return got.split(' ')[1] ?? '';
    },
  );
});

attack('tokens and CORS by lookalikes', 'no token, and no header that would let the page read it', on, async (row) => {
  const { publishableKey } = target.acme;
  const latin = (origin: string) => Buffer.from(origin).toString('latin1');
  await row.each(
    LOOKALIKES.map((origin) => [origin, origin] as const),
    '403 origin-refused',
    async (origin) => {
      const headers = { origin: latin(origin) };
      const answer = await target.ask('POST', '/api/token', { body: { tenant: publishableKey }, headers });
      // Globex is allowed somewhere: it may read that it is refused here, and only that.
      if (origin !== target.globex.origin) expect(answer.headers['access-control-allow-origin']).toBeUndefined();
      expect(answer.headers['access-control-allow-credentials']).toBeUndefined();
      return answer.outcome;
    },
  );
  const strangers = LOOKALIKES.filter((origin) => origin !== target.globex.origin);
  await row.each(
    strangers.map((origin) => [`preflight from ${origin}`, origin] as const),
    '403 origin-refused',
    async (origin) => {
      const headers = { origin: latin(origin), 'access-control-request-method': 'POST' };
      const answer = await target.ask('OPTIONS', '/api/token', { headers });
      expect(answer.headers['access-control-allow-origin']).toBeUndefined();
      return answer.outcome;
    },
  );
});

attack('token elsewhere', 'a token in query, path, cookie or another header opens nothing', on, async (row) => {
  const { acme } = target;
  const token = acme.token();
  const { origin } = acme;
  const places: [string, { path?: string; headers?: Record<string, string> }][] = [
    ['query token', { path: `/ws?token=${token}` }],
    ['query access_token', { path: `/ws?access_token=${token}` }],
    ['query as it is', { path: `/ws?${token}` }],
    ['query of a subprotocol', { path: `/ws?protocol=vjj.1,token.${token}` }],
    ['Authorization', { headers: { authorization: `Bearer ${token}` } }],
    ['cookie', { headers: { cookie: `token=${token}; vjj=${token}; session=${token}` } }],
    ['a header of its own', { headers: { 'x-token': token, 'x-session-token': token, 'x-auth-token': token } }],
  ];
  await row.each(places, '4501', (place) => knock(target, { ...place, origin, via: 'none' }));
  const paths = [`/ws/${token}`, `/ws/token/${token}`, `/ws;token=${token}`, '/ws/', '/WS', '//ws', '/ws%20'];
  await row.each(
    paths.map((path) => [path.slice(0, 20), path] as const),
    'http 404',
    (path) => knock(target, { path, origin, token }),
  );
  expect(target.logged.join('')).not.toContain(token);
});
