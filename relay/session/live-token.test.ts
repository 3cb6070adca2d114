/** What becomes of a live session when its token ends, is replaced, or is taken back. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RelayError } from '../errors.ts';
import type { Admission } from '../tenants/tenant.ts';
import { virtualClock, type VirtualClock } from '../testing/virtual-clock.ts';
import { openPage } from './testing/page-client.ts';
import { GOOD_TOKEN, relayUnderTest, type RelayUnderTest } from './testing/relay-under-test.ts';
import { scriptedProvider } from './testing/scripted-bridge.ts';

let relay: RelayUnderTest;
let clock: VirtualClock;
/** What a token grants, by the token's text. */
let tokens: Record<string, (admission: Admission) => Admission>;
beforeEach(async () => {
  clock = virtualClock();
  tokens = { [GOOD_TOKEN]: (admission) => admission };
  relay = await relayUnderTest({
    clock,
    openBridge: scriptedProvider().open,
    deps: {
      admit(request) {
        const make = tokens[request.token];
        if (make === undefined) return Promise.reject(new RelayError('token-revoked', 'not one of this test'));
        return Promise.resolve(make({ ...base(), origin: request.origin }));
      },
    },
  });
});
afterEach(() => relay.stop());

const base = (): Admission => ({
  tenant: { id: 'ten_1', slug: 'one', name: 'One', status: 'active' },
  assistant: {
    ...{ id: 'ast_1', version: 1, name: 'Jib', model: 'm', voice: 'marin', instructions: '', locale: 'en' },
    ...{ tools: [], pageTools: false, lanes: {}, policy: { disallowed: [], refusal: 'No.', fallback: 'Sorry.' } },
  },
  limits: {
    ...{ longestSessionMs: 3_600_000, concurrentSessions: 10, connectsPerMinute: 10, requestsPerMinute: 10 },
    ...{ minutesPerDay: null, minutesPerMonth: null, spendPerDay: null, spendPerMonth: null },
  },
  ...{ subject: 'user', origin: undefined, token: 'tok_1', tokenExpiresAt: clock.wallNow() + 600_000 },
  grant: {
    ...{ tenant: 'ten_1', subject: 'user', id: 'tok_1', kids: ['key_1'], issuedAtMs: clock.wallNow() },
    ...{ isServer: false, assistant: undefined },
  },
  release: () => undefined,
});
const enter = async (options: { origin?: string } = {}) => {
  const page = await openPage(relay.url, GOOD_TOKEN, options);
  await page.received('session.created');
  return page;
};
type Page = Awaited<ReturnType<typeof enter>>;
/** Time passes in steps shorter than a heartbeat, each heard by the page. */
const pass = async (page: Page, ms: number) => {
  for (let left = ms; left > 0; left -= 10_000) {
    clock.advance(Math.min(left, 10_000));
    await page.settled();
  }
};
const renew = async (page: Page, token: string) => {
  page.send({ type: 'auth', token });
  await page.settled();
};

describe("a live session's token", () => {
  it('may end 25 seconds before the session does, and not one more', async () => {
    const page = await enter();
    await pass(page, 624_999);
    expect(page.socket.readyState).toBe(page.socket.OPEN);
    clock.advance(1);
    expect(await page.closed).toEqual({ code: 4010, reason: 'token-expired' });
    expect(page.all('error').at(-1)).toMatchObject({ code: 'token-expired', retryable: true });
    await relay.empty();
    expect(clock.pending).toBe(0);
  });

  it('may be replaced in time, as often as it takes', async () => {
    const page = await enter();
    for (let i = 0; i < 3; i++) {
      await pass(page, 620_000);
      await renew(page, GOOD_TOKEN);
    }
    expect(page.all('auth.accepted')).toHaveLength(3);
    await pass(page, 624_999);
    clock.advance(1);
    expect((await page.closed).code).toBe(4010);
  });

  it.each<[string, (admission: Admission) => Admission]>([
    ['another tenant', (one) => ({ ...one, tenant: { ...one.tenant, id: 'ten_2' } })],
    ['another subject', (one) => ({ ...one, subject: 'somebody' })],
    ['another page', (one) => ({ ...one, origin: 'https://other.example' })],
    ['a wider scope', (one) => ({ ...one, grant: { ...one.grant, isServer: true } })],
    [
      'another assistant',
      (one) => ({ ...one, assistant: { ...one.assistant, id: 'ast_2' }, grant: { ...one.grant, assistant: 'ast_2' } }),
    ],
  ])('is not replaced by one for %s; the session goes on with the old one', async (_what, make) => {
    tokens.odd = make;
    const page = await enter({ origin: 'https://shop.example' });
    await renew(page, 'odd');
    expect(page.all('error').map(({ code }) => code)).toEqual(['token-invalid']);
    expect(page.all('auth.accepted')).toEqual([]);
    await pass(page, 624_999);
    clock.advance(1);
    expect((await page.closed).code).toBe(4010);
  });

  it('is not replaced by a revoked one', async () => {
    const page = await enter();
    await renew(page, 'revoked');
    expect(page.all('error').map(({ code }) => code)).toEqual(['token-revoked']);
  });

  it('may narrow the session when it is replaced, and never widens it again', async () => {
    const lasting = (longestSessionMs: number) => (one: Admission) => ({
      ...one,
      limits: { ...one.limits, longestSessionMs },
    });
    tokens.narrow = lasting(60_000);
    tokens.wide = lasting(7_200_000);
    const page = await enter();
    await renew(page, 'narrow');
    await renew(page, 'wide');
    await pass(page, 59_999);
    clock.advance(1);
    expect((await page.closed).code).toBe(4506);
    await relay.empty();
    expect(clock.pending).toBe(0);
  });

  it('ends the session with 4504 when it is revoked, also after it was replaced', async () => {
    tokens.second = (one) => ({ ...one, grant: { ...one.grant, id: 'tok_2' } });
    const pages = [await enter(), await enter(), await enter()];
    await renew(pages[1]!, 'second');
    const started = performance.now();
    expect([...relay.door.sessions.tenants()]).toEqual(['ten_1']);
    expect(relay.door.sessions.endRevoked('ten_2', () => true)).toBe(0);
    expect(relay.door.sessions.endRevoked('ten_1', (token) => token.id === 'tok_2')).toBe(1);
    expect(await pages[1]!.closed).toEqual({ code: 4504, reason: 'revoked' });
    expect(relay.door.sessions.endRevoked('ten_1', (token) => token.id === 'tok_1')).toBeGreaterThan(1);
    for (const page of pages) expect((await page.closed).code).toBe(4504);
    expect(performance.now() - started).toBeLessThan(1_000);
    await relay.empty();
    expect([relay.door.live, clock.pending, [...relay.door.sessions.tenants()]]).toEqual([0, 0, []]);
  });

  it('is remembered with the newest of those that replaced it, however many there were', async () => {
    const page = await enter();
    for (let i = 2; i < 40; i++) {
      tokens[`t${i}`] = (one) => ({ ...one, grant: { ...one.grant, id: `tok_${i}` } });
      await renew(page, `t${i}`);
    }
    const seen: string[] = [];
    relay.door.sessions.endRevoked('ten_1', ({ id }) => {
      seen.push(id);
      return false;
    });
    expect([seen.length, seen[0], seen.at(-1)]).toEqual([16, 'tok_1', 'tok_39']);
  });

  it('counts as issued by now, whatever the clock of its issuer says', async () => {
    tokens[GOOD_TOKEN] = (one) => ({ ...one, grant: { ...one.grant, issuedAtMs: clock.wallNow() + 30_000 } });
    const page = await enter();
    clock.advance(1);
    expect(relay.door.sessions.endRevoked('ten_1', ({ issuedAtMs }) => issuedAtMs < clock.wallNow())).toBe(1);
    expect((await page.closed).code).toBe(4504);
  });

  it('does not keep its session from being ended by name, by its own tenant', async () => {
    const page = await enter();
    const { session } = await page.received('session.created');
    expect(relay.door.sessions.end('ten_2', session, 'token-revoked')).toBe(false);
    expect(relay.door.sessions.end('ten_1', session, 'token-revoked')).toBe(true);
    expect((await page.closed).code).toBe(4504);
  });
});
