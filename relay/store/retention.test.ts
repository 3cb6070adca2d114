import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { virtualClock } from '../testing/virtual-clock.ts';
import { everyHour, forgetOld, keepRecent, removeOlder } from './retention.ts';
import { acme, onBoth, openFresh } from './testing/two-databases.ts';

const DAY = 86_400_000;
const HOUR = 3_600_000;
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'vjj-old-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));
function record(name: string, atMs: number): void {
  writeFileSync(join(dir, name), '{}');
  utimesSync(join(dir, name), atMs / 1000, atMs / 1000);
}

describe('records of conversations', () => {
  it('are removed when they are older than the days they are kept, and not before', async () => {
    const now = virtualClock().wallNow();
    record('old.jsonl', now - 7 * DAY - 1_000);
    record('recent.jsonl', now - 7 * DAY + 1_000);
    mkdirSync(join(dir, 'folder'));
    expect(await removeOlder(dir, 7, now)).toBe(1);
    expect(readdirSync(dir).sort()).toEqual(['folder', 'recent.jsonl']);
    expect(await removeOlder(join(dir, 'none'), 7, now)).toBe(0);
  });

  it('are looked through at once and every hour, until that is ended', async () => {
    const clock = virtualClock();
    record('a.jsonl', clock.wallNow() - 2 * DAY);
    record('b.jsonl', clock.wallNow() - DAY + 1_800_000);
    const stop = everyHour(clock, [(now) => removeOlder(dir, 1, now)], () => undefined);
    await vi.waitFor(() => expect(readdirSync(dir)).toEqual(['b.jsonl']));
    clock.advance(3_600_000);
    await vi.waitFor(() => expect(readdirSync(dir)).toEqual([]));
    stop();
    expect(clock.pending).toBe(0);
  });

  it('that cannot be looked through are reported', async () => {
    writeFileSync(join(dir, 'file'), '');
    const failed = new Promise((resolve) => {
      everyHour(virtualClock(), [(now) => removeOlder(join(dir, 'file'), 1, now)], resolve);
    });
    expect(await failed).toMatchObject({ code: 'ENOTDIR' });
  });
});

onBoth('what has had its time', (kind) => {
  it('goes: words after the days they are kept, sign-ins and answers when they end; what was used stays', async () => {
    const opened = await openFresh(kind);
    const { store } = opened;
    await store.tenants.create(acme);
    const now = virtualClock().wallNow();
    const old = { id: 'ses_old', startedAt: now - 8 * DAY };
    const recent = { id: 'ses_new', startedAt: now - 6 * DAY };
    for (const session of [old, recent]) {
      await store.sessions.start({
        ...{ tenantId: acme.id, subject: 's', assistantId: 'a', assistantVersion: 1, origin: null, instance: 'i' },
        ...{ locale: null, ...session },
      });
      await store.sessions.addTurn(
        {
          ...{ tenantId: acme.id, sessionId: session.id, turn: 't1', startedMs: 0, endedMs: 1, outcome: 'answered' },
          ...{ userText: 'words', heardText: 'more', unheardText: '', figures: '{}', cost: 7 },
        },
        false,
      );
    }
    await store.idempotency.put({
      ...{ scope: 's', key: 'k', requestHash: 'h', status: 200, body: 'b' },
      createdAt: now - DAY - 1,
    });
    await forgetOld(store, 7, now);
    expect((await store.sessions.turns(acme.id, old.id))[0]).toMatchObject({
      userText: null,
      heardText: null,
      cost: 7,
    });
    expect((await store.sessions.turns(acme.id, recent.id))[0]).toMatchObject({ userText: 'words' });
    expect(await store.sessions.byId(acme.id, old.id)).toMatchObject({ cost: 7 });
    expect(await store.idempotency.get('s', 'k')).toBeUndefined();
    await opened.close();
  });

  it('goes by itself, at most an hour late: rows lose names and words, files of records and deliveries go', async () => {
    const clock = virtualClock();
    const opened = await openFresh(kind, clock.wallNow());
    const { store } = opened;
    await store.tenants.create(acme);
    const began = clock.wallNow();
    await store.sessions.start({
      ...{ id: 'ses_1', tenantId: acme.id, subject: 'ann', assistantId: 'a', assistantVersion: 1, origin: null },
      ...{ instance: 'i', locale: null, startedAt: began },
    });
    const turn = { tenantId: acme.id, sessionId: 'ses_1', turn: 't1', startedMs: 0, endedMs: 1, outcome: 'answered' };
    const words = { userText: 'secret words', heardText: 'more', unheardText: null };
    await store.sessions.addTurn({ ...turn, ...words, figures: '{}', cost: 7 }, false);
    await store.sessions.rate(acme.id, 'ses_1', { score: 4, comment: 'kind', turn: null });
    await store.sessions.end(acme.id, 'ses_1', { endedAt: began + 5, closeCode: 1000 });
    const hook = { id: 'whk_1', tenantId: acme.id, url: 'https://acme.example', events: [], secrets: ['s'] };
    // It gets nothing, so that what waits for it would wait for ever.
    await store.webhooks.add({ ...hook, status: 'disabled' });
    await store.webhooks.enqueue([
      { id: 'm1', tenantId: acme.id, webhookId: 'whk_1', event: 'turn.completed', body: 'secret words', nextAt: began },
    ]);
    record('ses_1.jsonl', began);
    const row = async () => ({
      ...(await store.sessions.byId(acme.id, 'ses_1')),
      text: (await store.sessions.turns(acme.id, 'ses_1'))[0]?.userText,
      sent: (await store.webhooks.deliveries(acme.id, 'whk_1', { limit: 9 })).rows.length,
      files: readdirSync(dir),
    });
    clock.advance(7 * DAY - 3 * HOUR);
    const problems: unknown[] = [];
    const stop = keepRecent({ store, auditDir: dir, days: 7 }, clock, (error) => void problems.push(error));
    clock.advance(HOUR);
    clock.advance(HOUR);
    expect(await row()).toMatchObject({ subject: 'ann', text: 'secret words', comment: 'kind', sent: 1 });
    expect(readdirSync(dir)).toEqual(['ses_1.jsonl']);
    clock.advance(HOUR);
    clock.advance(HOUR);
    const isGone = async () => expect(await row()).toMatchObject({ subject: '', text: null, sent: 0, files: [] });
    await vi.waitFor(isGone, 20_000);
    // What it cost stays counted.
    expect(await row()).toMatchObject({ comment: null, rating: 4, turns: 1, cost: 7 });
    expect(problems).toEqual([]);
    stop();
    await opened.close();
  });
});
