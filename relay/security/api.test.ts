/** The API under attack: one tenant on the other's ground, pages of other sites, and guessed passwords. */
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { pathOf, ROUTES, type RouteName, type RouteSpec } from '../http/api/routes.ts';
import { openPage } from '../session/testing/page-client.ts';
import { attack } from './testing/attack.ts';
import {
  ADMIN,
  knock,
  ownToken,
  relayUnderAttack,
  type Answer,
  type Target,
  type Victim,
} from './testing/under-attack.ts';

let target: Target;
beforeAll(async () => {
  // By https, so that the cookie has its strict name; nothing else depends on it.
  target = await relayUnderAttack({ env: { PUBLIC_URL: 'https://relay.example' } });
});
afterAll(() => target.end());
const on = () => target;

const NAMES = Object.keys(ROUTES) as RouteName[];
const specOf = (name: RouteName): RouteSpec => ROUTES[name];
const ofTenant = NAMES.filter((name) => specOf(name).path.includes(':tenant'));
const closed = NAMES.filter((name) => specOf(name).access !== 'anyone');

/** A path of one's own route with every other parameter made up. */
const pathFor = (name: RouteName, { id }: Pick<Victim, 'id'>, over: Record<string, string> = {}) =>
  pathOf(name, {
    ...{ tenant: id, key: 'k', kid: 'backend', assistant: 'ast_1', version: '1', session: 'ses_1' },
    ...{ webhook: 'whk_1', delivery: 'msg_1', user: 'usr_1', instance: 'ins_1', ...over },
  });
const bodyFor = (name: RouteName) => (specOf(name).body === undefined ? {} : { body: {} });

describe('two tenants', () => {
  attack('crossing by API key', 'every route of another tenant is as if it were not there', on, async (row) => {
    const { acme, globex } = target;
    const before = await target.manage('GET', `/tenants/${globex.id}`);
    for (const tenant of [globex.id, globex.slug])
      await row.each(
        ofTenant.map((name) => [`${name} of ${tenant}`, name] as const),
        '404 not-found',
        async (name) => {
          const path = pathFor(name, { id: tenant });
          const answer = await target.ask(specOf(name).method, path, { as: acme.apiKey, ...bodyFor(name) });
          expect(answer.text).not.toContain(globex.id);
          return answer.outcome;
        },
      );
    const operators = NAMES.filter((name) => specOf(name).access === 'operator' && !ofTenant.includes(name));
    await row.each(
      operators.map((name) => [name, name] as const),
      '403 forbidden',
      async (name) => {
        const path = pathFor(name, acme);
        return (await target.ask(specOf(name).method, path, { as: acme.apiKey, ...bodyFor(name) })).outcome;
      },
    );
    expect(await target.manage('GET', `/tenants/${globex.id}`)).toEqual(before);
  });

  attack('crossing by path', 'paths that climb, double or encode lead to no other tenant', on, async (row) => {
    const { acme, globex } = target;
    const paths = [
      ...[
        `${acme.id}/../${globex.id}`,
        `${acme.id}%2f..%2f${globex.id}`,
        `${acme.id}/%2e%2e/${globex.id}`,
        `./${globex.id}`,
      ],
      ...[
        `${acme.id}//../${globex.id}`,
        `${acme.id};${globex.id}`,
        `${acme.id},${globex.id}`,
        `${acme.id}%00${globex.id}`,
      ],
      ...[
        `${globex.id}%20`,
        `%67lobex`,
        `${globex.id}?tenant=${acme.id}`,
        `GLOBEX`,
        `*`,
        `%25`,
        `' OR 1=1 --`.replaceAll(' ', '%20'),
      ],
    ];
    await row.each(
      paths.map((path) => [path, path] as const),
      /^404/,
      async (path) => {
        const answer = await target.ask('GET', `/api/admin/tenants/${path}`, { as: acme.apiKey });
        expect(answer.text).not.toContain('globex');
        return answer.outcome;
      },
    );
    // Which tenant it is cannot be said beside the path.
    const rows = await target.ask('GET', `/api/admin/tenants?tenant=${globex.id}`, {
      ...{ as: acme.apiKey, headers: { 'x-tenant': globex.id, 'x-tenant-id': globex.id } },
    });
    row.add('the list', rows.text.includes(globex.id) ? 'told' : 'own only', 'own only');
  });

  attack(
    'crossing conversations',
    "one tenant's keys and tokens do nothing to the other's sessions",
    on,
    async (row) => {
      const { acme, globex, port } = target;
      const page = await openPage(`ws://127.0.0.1:${port}/ws`, globex.token(), { origin: globex.origin });
      const { session } = await page.received('session.created');
      page.send({ type: 'session.start', turn: 'auto' });
      await page.settled();
      const routes: RouteName[] = ['session', 'sessionRecord', 'endSession'];
      for (const name of routes.filter((one) => one in ROUTES))
        for (const of of [globex, acme]) {
          const path = pathFor(name, of, { session });
          const answer = await target.ask(specOf(name).method, path, { as: acme.apiKey });
          row.add(`${name} under ${of.slug}`, answer.outcome, '404 not-found');
        }
      for (const kind of ['token', 'subject', 'key', 'tenant'])
        await target.ask('POST', `/api/admin/tenants/${acme.id}/revocations`, {
          ...{ as: acme.apiKey, body: { kind, value: kind === 'subject' ? 'somebody' : globex.id } },
        });
      await page.settled();
      row.add('revocations of acme', page.socket.readyState === 1 ? 'lives' : 'ended', 'lives');
      page.send({ type: 'session.end' });
      await page.closed;
      // Acme has revoked itself by the last one; only new tokens hold, and not at once.
      row.add(
        "acme's page with globex's token",
        await knock(target, { token: globex.token(), origin: acme.origin }),
        '4502',
      );
      const asked = await target.ask('POST', '/api/token', {
        ...{ body: { tenant: globex.publishableKey }, headers: { origin: acme.origin } },
      });
      row.add("globex's publishable key from acme's page", asked.outcome, '403 origin-refused');
    },
  );

  attack(
    'strangers',
    'no route is open to what is no key: guesses, session tokens, publishable keys',
    on,
    async (row) => {
      const { acme, globex } = target;
      const token = await ownToken(target, globex);
      const guesses = [
        undefined,
        '',
        'vjj_',
        'vjj_guess',
        `${acme.apiKey}x`,
        acme.apiKey.slice(0, -1),
        acme.apiKey.toUpperCase(),
      ];
      const others = [
        token,
        acme.token(),
        acme.publishableKey,
        'backend',
        `${ADMIN}x`,
        ADMIN.slice(1),
        'undefined',
        'null',
        '%',
      ];
      const cases = closed.flatMap((name) =>
        [...guesses, ...others].map((as) => [`${name} as ${String(as).slice(0, 12)}`, { name, as }] as const),
      );
      await row.each(cases, '401 auth-required', async ({ name, as }) => {
        const answer = await target.ask(specOf(name).method, pathFor(name, acme), { as, ...bodyFor(name) });
        return answer.outcome;
      });
      const schemes = ['Basic', 'Digest', 'Token', 'bearer bearer', 'Bearer:'].map(
        (scheme) => `${scheme} ${acme.apiKey}`,
      );
      await row.each(
        schemes.map((authorization) => [authorization.slice(0, 12), authorization] as const),
        '401 auth-required',
        async (authorization) => (await target.ask('GET', '/api/admin/me', { headers: { authorization } })).outcome,
      );
    },
  );
});

interface Browser {
  cookie: string;
  csrf: string;
}
const csrfOf = (answer: Answer) => (JSON.parse(answer.text) as { csrf: string }).csrf;
async function invite(of: Victim, email: string): Promise<string> {
  const path = `/tenants/${of.id}/users`;
  const { link } = await target.manage<{ link: { url: string } }>('POST', path, { email, role: 'admin' });
  return link.url.replace(/^.*#link=/, '');
}
async function signIn(
  of: Victim,
  email: string,
  headers: Record<string, string> = {},
): Promise<Browser & { set: string }> {
  const link = await invite(of, email);
  const answer = await target.ask('POST', '/api/admin/sign-in/link', { body: { link }, headers });
  expect(answer.outcome).toBe('200');
  const set = (answer.headers['set-cookie'] ?? []).join('\n');
  return { cookie: set.split(';')[0] ?? '', csrf: csrfOf(answer), set };
}

describe('other sites', () => {
  attack(
    'CSRF',
    "no change by cookie without the header that only the console's own page can know",
    on,
    async (row) => {
      const { acme, globex } = target;
      const ann = await signIn(acme, 'ann@acme.example');
      const eve = await signIn(globex, 'eve@globex.example');
      const changes = closed.filter((name) => specOf(name).method !== 'GET');
      const wrong: [string, Record<string, string>][] = [
        ['no header', {}],
        ['an empty one', { 'x-csrf-token': '' }],
        ['a guess', { 'x-csrf-token': 'guess' }],
        ["another's", { 'x-csrf-token': eve.csrf }],
        ['the cookie itself', { 'x-csrf-token': ann.cookie.split('=')[1] ?? '' }],
        ['in another case', { 'x-csrf-token': ann.csrf.toUpperCase() }],
        ['under another name', { 'csrf-token': ann.csrf, 'x-xsrf-token': ann.csrf }],
        ['from the page itself', { origin: 'https://relay.example', 'sec-fetch-site': 'same-origin' }],
      ];
      const cases = changes.flatMap((name) =>
        wrong.map(([how, headers]) => [`${name}, ${how}`, { name, headers }] as const),
      );
      await row.each(cases, '403 forbidden', async ({ name, headers }) => {
        const sent = { cookie: ann.cookie, ...headers };
        return (await target.ask(specOf(name).method, pathFor(name, acme), { headers: sent, ...bodyFor(name) }))
          .outcome;
      });
      const hidden: Record<string, string>[] = [
        { 'x-http-method-override': 'DELETE' },
        { 'x-method-override': 'PATCH' },
        { 'x-http-method': 'PUT' },
      ];
      await row.each(
        hidden.map((headers) => [Object.keys(headers).join(), headers] as const),
        '200',
        // A read stays a read.
        async (headers) =>
          (
            await target.ask('GET', `/api/admin/tenants/${acme.id}?_method=DELETE`, {
              headers: { cookie: ann.cookie, ...headers },
            })
          ).outcome,
      );
    },
  );

  attack('sign-in by a form', "another site's form signs nobody in: what it can send is not read", on, async (row) => {
    const link = await invite(target.acme, 'form@acme.example');
    const types = [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/jsonp',
      '',
    ];
    const bodies: [string, unknown][] = [
      ['/sign-in/link', { link }],
      ['/sign-in', { email: 'ann@acme.example', password: 'x' }],
    ];
    const cases = types.flatMap((type) =>
      bodies.map(([path, body]) => [`${path} as ${type}`, { type, path, body }] as const),
    );
    await row.each(cases, '400 bad-request', async ({ type, path, body }) => {
      const headers = { 'content-type': type, origin: 'https://evil.example' };
      const answer = await target.ask('POST', `/api/admin${path}`, { body, headers });
      expect(answer.headers['set-cookie']).toBeUndefined();
      return answer.outcome;
    });
  });

  attack('cookies', 'only its own cookie signs a browser in, under its own name, and alone', on, async (row) => {
    const { acme } = target;
    const fixed = 'attacker'.padEnd(43, 'x');
    const ann = await signIn(acme, 'cookie@acme.example', { cookie: `__Host-vjj=${fixed}` });
    const [name = '', secret = ''] = ann.cookie.split('=');
    expect(name).toBe('__Host-vjj');
    expect(secret).not.toBe(fixed);
    for (const part of ['Secure', 'HttpOnly', 'SameSite=Strict', 'Path=/']) expect(ann.set).toContain(part);
    expect(ann.set).not.toMatch(/domain|max-age|expires/i);
    const cookies = [
      ...[
        `vjj=${secret}`,
        `__Secure-vjj=${secret}`,
        `__host-vjj=${secret}`,
        `__Host-vjj2=${secret}`,
        `x__Host-vjj=${secret}`,
      ],
      ...[
        `__Host-vjj=${fixed}`,
        '__Host-vjj=',
        `__Host-vjj=${secret}x`,
        `__Host-vjj=${secret.slice(1)}`,
        '__Host-vjj=../x',
      ],
      ...[`__Host-vjj=${ann.csrf}`, `__Host-vjj=${fixed}; __Host-vjj=${secret}x`, `a="; __Host-vjj=${fixed}"`],
    ];
    await row.each(
      cookies.map((cookie) => [cookie, cookie] as const),
      '401 auth-required',
      async (cookie) => (await target.ask('GET', '/api/admin/me', { headers: { cookie } })).outcome,
    );
    const both = { cookie: ann.cookie, authorization: 'Bearer vjj_false' };
    row.add(
      'a good cookie beside a false key',
      (await target.ask('GET', '/api/admin/me', { headers: both })).outcome,
      '401 auth-required',
    );
    // The cookie is for the API: it opens no conversation.
    row.add('the cookie at the socket', await knock(target, { token: 'x', headers: { cookie: ann.cookie } }), '4501');
    const csrf = { cookie: ann.cookie, 'x-csrf-token': ann.csrf };
    expect((await target.ask('POST', '/api/admin/sign-out', { headers: csrf })).status).toBe(204);
    row.add(
      'after signing out',
      (await target.ask('GET', '/api/admin/me', { headers: csrf })).outcome,
      '401 auth-required',
    );
  });

  attack('CORS of the API', 'no other site may read an answer or ask whether it may', on, async (row) => {
    const { acme } = target;
    const origins = [
      'https://evil.example',
      acme.origin,
      'null',
      'https://relay.example.evil.example',
      'https://relay.example',
    ];
    const cases = origins.flatMap((origin) =>
      ['OPTIONS', 'GET', 'POST'].map((method) => [`${method} from ${origin}`, { origin, method }] as const),
    );
    await row.each(cases, 'unreadable', async ({ origin, method }) => {
      const preflight = { 'access-control-request-method': 'PUT', 'access-control-request-headers': 'x-csrf-token' };
      const headers = { origin, ...(method === 'OPTIONS' && preflight) };
      const answers = await Promise.all([
        target.ask(method, '/api/admin/me', { headers, as: acme.apiKey }),
        target.ask(method, '/api/admin/sign-in', { headers }),
      ]);
      const told = answers
        .flatMap((answer) => Object.keys(answer.headers))
        .filter((one) => one.startsWith('access-control-'));
      return told.length === 0 ? 'unreadable' : told.join();
    });
  });
});

describe('bodies', () => {
  attack('large bodies', 'more than a route reads is refused, also where the length is not told', on, async (row) => {
    const { acme } = target;
    const chunked = { 'transfer-encoding': 'chunked' };
    const page = { origin: acme.origin };
    const request = { tenant: acme.publishableKey };
    const good = await target.ask('POST', '/api/token', { body: request, headers: { ...page, ...chunked } });
    expect(good.outcome).toBe('201');
    const cases: [string, { path: string; size: number; headers: Record<string, string> }][] = [
      ['a token', { path: '/api/token', size: 9_000, headers: page }],
      ['a token in chunks', { path: '/api/token', size: 9_000, headers: { ...page, ...chunked } }],
      ['a token of 4 MiB in chunks', { path: '/api/token', size: 4 << 20, headers: { ...page, ...chunked } }],
      ['a sign-in', { path: '/api/admin/sign-in', size: 300_000, headers: {} }],
      ['a sign-in in chunks', { path: '/api/admin/sign-in', size: 300_000, headers: chunked }],
    ];
    await row.each(cases, /^(413 too-large|cut)$/, async ({ path, size, headers }) => {
      const body = { ...request, previous: 'x'.repeat(size) };
      return (await target.ask('POST', path, { body, headers })).outcome;
    });
  });
});

describe('passwords', () => {
  attack(
    'guessed passwords',
    'ten guesses an account and thirty an address, right ones among them',
    on,
    async (row) => {
      const { acme } = target;
      const email = 'guessed@acme.example';
      const password = 'correct horse battery';
      const person = await signIn(acme, email);
      const headers = { cookie: person.cookie, 'x-csrf-token': person.csrf };
      expect((await target.ask('POST', '/api/admin/password', { body: { next: password }, headers })).status).toBe(204);
      const guess = async (as: string, word: string, more: Record<string, string> = {}) =>
        (await target.ask('POST', '/api/admin/sign-in', { body: { email: as, password: word }, headers: more }))
          .outcome;
      let wrong = 0;
      for (; (await guess(email, `guess ${wrong}`)) === '401 sign-in-refused'; wrong++)
        row.add(`guess ${wrong}`, '401 sign-in-refused', '401 sign-in-refused');
      expect(wrong).toBe(10);
      row.add('the right one, afterwards', await guess(email, password), '429 rate-limited');
      row.add('in capitals', await guess(email.toUpperCase(), password), '429 rate-limited');
      row.add('with a space', await guess(` ${email} `, password), '429 rate-limited');
      const elsewhere = { 'x-forwarded-for': '203.0.113.7', 'x-real-ip': '203.0.113.7' };
      row.add('as if from elsewhere', await guess(email, password, elsewhere), '429 rate-limited');
      // Others from the same address, whether they exist or not, with the same words.
      const [nobody, nobodys] = await Promise.all([
        target.ask('POST', '/api/admin/sign-in', { body: { email: 'no@no.example', password: 'x' } }),
        target.ask('POST', '/api/admin/sign-in', { body: { email: 'ann@acme.example', password: 'x' } }),
      ]);
      expect(nobody.text).toBe(nobodys.text);
      const spray = Array.from({ length: 40 }, (_, i) => [`spray ${i}`, `spray${i}@acme.example`] as const);
      await row.each(spray, /^(401 sign-in-refused|429 rate-limited)$/, (as) => guess(as, 'password'));
      row.add('the address is known now', await guess('fresh@acme.example', 'x'), '429 rate-limited');
    },
  );
});
