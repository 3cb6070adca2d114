import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { signSessionToken } from '../auth/session-token.ts';
import { appFixture, ORIGIN, type AppFixture } from './testing/app-fixture.ts';

let fixture: AppFixture;
let sent: { status: number; cors: string | null };
beforeEach(async () => {
  fixture = await appFixture();
  const { store, tenantId, clock } = fixture;
  const { id } = (await fixture.directory.assistant(tenantId))!;
  const session = {
    ...{ tenantId, subject: 'sub_1', assistantId: id, assistantVersion: 1, origin: ORIGIN, instance: 'ins_1' },
    ...{ locale: 'en-US', startedAt: clock.wallNow() },
  };
  await store.sessions.start({ ...session, id: 'ses_1' });
  await store.webhooks.add({
    ...{ id: 'whk_1', tenantId, url: 'https://hooks.acme.example', events: ['session.rated'], status: 'active' },
    secrets: ['whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0'],
  });
});
afterEach(() => fixture.end());

const token = async (more: object = {}) => {
  const { keyring, clock, tenantId } = fixture;
  const grant = { tenant: tenantId, origin: ORIGIN, subject: 'sub_2', ...more };
  return signSessionToken(grant, await keyring.current(), clock.wallNow());
};
async function rate(body: object, origin: string | null = ORIGIN): Promise<number> {
  const bindings = { incoming: { socket: { remoteAddress: '192.0.2.1' }, headers: {} } };
  const response = await fixture.app.request(
    '/api/rating',
    {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(origin !== null && { origin }) },
      body: JSON.stringify({ token: await token(), session: 'ses_1', score: 4, ...body }),
    },
    bindings,
  );
  sent = { status: response.status, cors: response.headers.get('access-control-allow-origin') };
  return response.status;
}
const kept = async () => {
  const { rating, comment } = (await fixture.store.sessions.byId(fixture.tenantId, 'ses_1'))!;
  return { rating, comment };
};
const told = async () => {
  const due = await fixture.store.webhooks.claimDue(fixture.clock.wallNow() + 1_000, 9, 1_000);
  return due.map(({ body }) => (JSON.parse(body) as { data: object }).data);
};
const COMMENT = 'Kind. Write to ada@lovelace.example';

describe('POST /api/rating', () => {
  it('keeps what a page says of its conversation and tells the tenant, without personal data', async () => {
    await rate({ comment: COMMENT });
    expect(sent).toEqual({ status: 204, cors: ORIGIN });
    const { rating, comment } = await kept();
    expect(rating).toBe(4);
    expect(comment).toMatch(/^Kind\. Write to /);
    expect(comment).not.toContain('lovelace');
    expect(await told()).toEqual([{ session: 'ses_1', turn: null, score: 4, comment, at: fixture.clock.wallNow() }]);
  });

  it('keeps words as the tenant keeps all words', async () => {
    await fixture.directory.changeSettings(fixture.tenantId, { transcripts: 'off' });
    await rate({ comment: COMMENT });
    expect(await kept()).toEqual({ rating: 4, comment: null });
    await fixture.directory.changeSettings(fixture.tenantId, { transcripts: 'full' });
    await rate({ comment: COMMENT, score: 2 });
    expect(await kept()).toEqual({ rating: 2, comment: COMMENT });
    const [silent, redacted] = (await told()) as { comment: string | null }[];
    expect(silent?.comment).toBeNull();
    expect(redacted?.comment).not.toContain('lovelace');
  });

  it('rates a turn that there is, and none that there is not', async () => {
    await fixture.store.sessions.addTurn(
      {
        ...{
          tenantId: fixture.tenantId,
          sessionId: 'ses_1',
          turn: 't1',
          startedMs: 0,
          endedMs: 9,
          outcome: 'answered',
        },
        ...{ userText: null, heardText: null, unheardText: null, figures: '{}', cost: 0 },
      },
      false,
    );
    expect([await rate({ turn: 't1' }), await rate({ turn: 't2' })]).toEqual([204, 404]);
    expect(await kept()).toEqual({ rating: null, comment: null });
    expect(await fixture.store.sessions.turns(fixture.tenantId, 'ses_1')).toMatchObject([{ rating: 4 }]);
    expect(await told()).toMatchObject([{ turn: 't1' }]);
  });

  it('takes a rating for a day after the end', async () => {
    const { store, clock, tenantId } = fixture;
    await store.sessions.end(tenantId, 'ses_1', { endedAt: clock.wallNow(), closeCode: 1000 });
    clock.advance(23 * 3_600_000);
    expect(await rate({})).toBe(204);
    clock.advance(2 * 3_600_000);
    expect(await rate({})).toBe(404);
  });

  it.each([
    ['a score of six', { score: 6 }],
    ['half a score', { score: 2.5 }],
    ['no token', { token: '' }],
    ['an essay', { comment: 'x'.repeat(2_001) }],
    ['a field nobody knows', { tenant: 'other' }],
  ])('refuses %s', async (_what, body) => {
    expect(await rate(body)).toBe(400);
    expect(await kept()).toEqual({ rating: null, comment: null });
  });

  it('is refused to whom the conversation is none of: no token, another page, another tenant, no such id', async () => {
    const { tenant: globex } = await fixture.directory.createTenant({
      ...{ name: 'Initech', slug: 'initech', origins: ['https://initech.example'] },
    });
    const { tenantId } = fixture;
    expect(await rate({ token: 'a.b.c' })).toBe(401);
    expect(await rate({}, 'https://globex.example')).toBe(403);
    expect(await rate({}, null)).toBe(403);
    expect(await rate({ session: 'ses_2' })).toBe(404);
    const other = { tenant: globex.id, origin: 'https://initech.example' };
    expect(await rate({ token: await token(other) }, 'https://initech.example')).toBe(404);
    fixture.directory.allowOwnPages(['https://console.example']);
    const own = { tenant: tenantId, origin: 'https://console.example' };
    expect(await rate({ token: await token(own) }, 'https://console.example')).toBe(404);
    expect(await kept()).toEqual({ rating: null, comment: null });
    const early = await token();
    fixture.clock.advance(2_000);
    await fixture.deps.revocations.revoke(tenantId, { kind: 'subject', value: 'sub_2' });
    expect(await rate({ token: early })).toBe(401);
    await fixture.store.tenants.setStatus(tenantId, 'suspended');
    fixture.clock.advance(10_000);
    expect(await rate({})).toBe(401);
  });
});
