/** What is handed out of one end user, and what only the operator sees and does. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { apiFixture, type ApiFixture, type Asked } from '../testing/api-fixture.ts';

let api: ApiFixture;
let acme: Asked;
beforeEach(async () => {
  api = await apiFixture();
  acme = { as: api.acme.admin, params: { ...api.acme } };
});
afterEach(() => api.end());

describe('tenants', () => {
  it('hand out what is kept of one end user, page by page, and the audit says so without the name', async () => {
    const { subject } = api.acme;
    type Page = { rows: { id: string }[]; deliveries: { id: string }[]; revocations: object[]; next?: string };
    const page = (more: object = {}) => api.good<Page>('exportSubject', { ...acme, body: { subject, ...more } });
    expect(await page()).toMatchObject({
      ...{ subject, deliveries: [{ id: api.acme.delivery, event: 'session.ended' }], revocations: [] },
      rows: [{ id: api.acme.session, subject, turnRows: [{ userText: 'acme asks' }], usage: [{ cost: 1200 }] }],
    });
    for (let i = 0; i < 60; i++)
      await api.store.sessions.start({
        ...{ id: `ses_x${i}`, tenantId: api.acme.tenant, subject, assistantId: 'a', assistantVersion: 1 },
        ...{ origin: null, instance: 'i', locale: null, startedAt: api.clock.wallNow() + 1 + i },
      });
    const first = await page();
    const rest = await page({ after: first.next });
    expect([first.rows.length, rest.rows.length, rest.next]).toEqual([50, 11, undefined]);
    expect(rest.rows.at(-1)?.id).toBe(api.acme.session);
    expect(await api.good('exportSubject', { ...acme, body: { subject: 'nobody' } })).toMatchObject({ rows: [] });
    expect(await api.code('exportSubject', { ...acme, as: api.acme.viewer, body: { subject } })).toBe('forbidden');
    // Also where the request has a name by which it could be repeated.
    const headers = { 'idempotency-key': 'once' };
    const repeated = [1, 2].map(() => api.ask('exportSubject', { ...acme, body: { subject }, headers }));
    for (const response of await Promise.all(repeated)) expect(response.headers.get('idempotency-replayed')).toBeNull();
    const audit = JSON.stringify(await api.good('audit', acme));
    expect(audit).toContain('subject.export');
    expect(audit).not.toContain(subject);
  });

  it('erase what an end user said, also from the audit, and the chain still holds', async () => {
    await api.good('revoke', { ...acme, body: { kind: 'subject', value: api.acme.subject } });
    expect(await api.good('eraseSubject', { ...acme, body: { subject: api.acme.subject } })).toEqual({
      sessions: 1,
      auditEntries: 1,
      deliveries: 1,
      live: 1,
    });
    expect(JSON.stringify(await api.good('audit', acme))).not.toContain(api.acme.subject);
    // Whoever is let in with a token of before is not any more.
    const { rows } = await api.good<{ rows: object[] }>('revocations', acme);
    expect(rows).toContainEqual(expect.objectContaining({ kind: 'subject', value: api.acme.subject }));
    expect(await api.good('session', acme)).toMatchObject({
      ...{ subject: '', cost: 1200, turnRows: [{ userText: null, heardText: null }], usage: [{ cost: 1200 }] },
    });
    expect(await api.good('verifyAudit', acme)).toMatchObject({ isWhole: true });
  });
});

describe('the operator', () => {
  it('sees instances and figures, and has one of them stop, which is in the audit; nobody else may', async () => {
    const as = api.operator;
    expect(await api.good('operations', { as })).toMatchObject({ sessions: 0, store: 'sqlite' });
    expect(await api.good('latencies', { as })).toMatchObject({ recent: { turns: 2, errorRate: 0 } });
    expect(await api.good('drainInstance', { as, params: { instance: 'ins_1' } })).toEqual({ isDraining: true });
    expect(await api.good('drainInstance', { as, params: { instance: 'ins_2' } })).toEqual({ isDraining: false });
    expect(api.done.drained).toEqual(['ins_1', 'ins_2']);
    const { rows } = await api.good<{ rows: object[] }>('relayAudit', { as });
    expect(rows.slice(0, 2)).toMatchObject([
      { actor: 'operator', action: 'instance.drain', target: 'instance:ins_2', payload: { isDraining: false } },
      { action: 'instance.drain', target: 'instance:ins_1', payload: { isDraining: true } },
    ]);
    for (const who of [api.acme.admin, api.acme.viewer])
      for (const route of ['operations', 'latencies', 'drainInstance'] as const)
        expect(await api.code(route, { as: who, params: { instance: 'ins_1' } })).toBe('forbidden');
    expect(api.done.drained).toHaveLength(2);
  });
});
