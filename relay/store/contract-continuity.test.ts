/** What every adapter of the store does for a conversation that outlives its relay. */
import Database from 'libsql';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { backupStore } from './backup.ts';
import type { CheckpointRow } from './checkpoints.ts';
import type { Store } from './store.ts';
import { acme, globex, MASTER, onBoth, openFresh, type Opened } from './testing/two-databases.ts';

const T = acme.id;
const U = globex.id;
const WORDS = '{"history":"Where is my order?"}';

onBoth('a checkpoint', (kind) => {
  let opened: Opened;
  let store: Store;
  beforeEach(async () => {
    opened = await openFresh(kind);
    store = opened.store;
    await store.tenants.create(acme);
    await store.tenants.create(globex);
    // The first one starts Postgres.
  }, 60_000);
  afterEach(() => opened.close());

  const row = (more: Partial<CheckpointRow> = {}) => ({
    ...{ tenantId: T, sessionId: 'ses_1', subject: 'user-1', version: 1, secretHash: 'aa', savedAt: 100 },
    ...{ holder: 'ins_1', ...more },
  });
  const save = (more: Partial<CheckpointRow> & { holder?: string } = {}, words = WORDS) =>
    store.checkpoints.save({ ...row(), ...more, holder: more.holder ?? 'ins_1' }, words);
  const first = async () => (await store.checkpoints.find('ses_1'))[0]!;

  it('replaces the former one, and shows no words to who looks for it', async () => {
    expect(await save()).toBe(true);
    expect(await save({ secretHash: 'bb', savedAt: 200 }, '{"history":"newer"}')).toBe(true);
    expect(await store.checkpoints.find('ses_1')).toEqual([
      { ...row({ secretHash: 'bb', savedAt: 200 }), holderUrl: null, holderSeenAt: null },
    ]);
    expect(await store.checkpoints.find('ses_2')).toEqual([]);
    expect(await store.checkpoints.take(await first(), 'ins_2')).toBe('{"history":"newer"}');
  });

  it('is taken once, and who had it writes, removes and lets go of nothing any more', async () => {
    await save();
    const other = await opened.other();
    const found = await first();
    const taken = await Promise.all(
      Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? store : other).checkpoints.take(found, `ins_${10 + i}`)),
    );
    expect(taken.filter((document) => document !== undefined)).toEqual([WORDS]);
    const winner = `ins_${10 + taken.findIndex((document) => document !== undefined)}`;
    expect(await first()).toMatchObject({ holder: winner, version: 2 });
    expect(await store.checkpoints.takenFrom('ins_1')).toEqual(['ses_1']);
    expect(await store.checkpoints.takenFrom(winner)).toEqual([]);
    expect(await save({ savedAt: 900 })).toBe(false);
    await store.checkpoints.remove({ tenantId: T, sessionId: 'ses_1', version: 1, holder: 'ins_1' });
    await store.checkpoints.letGo({ tenantId: T, sessionId: 'ses_1', version: 1, holder: 'ins_1' }, 900);
    expect(await first()).toMatchObject({ holder: winner, version: 2, savedAt: 100 });
    expect(await save({ holder: winner, version: 2, savedAt: 300 })).toBe(true);
  });

  it('that was let go is taken by the next, and the former holder cannot have it back', async () => {
    await save();
    await store.checkpoints.letGo({ tenantId: T, sessionId: 'ses_1', version: 1, holder: 'ins_1' }, 500);
    expect(await first()).toMatchObject({ holder: null, savedAt: 500 });
    expect(await save()).toBe(false);
    expect(await store.checkpoints.take(await first(), 'ins_2')).toBe(WORDS);
    expect(await store.checkpoints.takenFrom('ins_1')).toEqual([]);
  });

  it('ends with its conversation, with its tenant, and with its subject', async () => {
    await save();
    await save({ sessionId: 'ses_2', subject: 'user-2' });
    await save({ tenantId: U });
    await store.checkpoints.remove({ tenantId: T, sessionId: 'ses_1', version: 1, holder: 'ins_1' });
    expect(await store.checkpoints.find('ses_1')).toMatchObject([{ tenantId: U }]);
    await store.sessions.eraseSubject(T, 'user-2');
    expect(await store.checkpoints.find('ses_2')).toEqual([]);
    await store.sessions.eraseSubject(T, 'user-1');
    expect(await store.checkpoints.find('ses_1')).toHaveLength(1);
    await expect(save({ tenantId: 'ten_9' })).rejects.toMatchObject({ code: 'not-found' });
  });

  it('is removed when neither it nor its holder was heard of for long enough', async () => {
    await store.instances.seen({ ...living, id: 'ins_1', seenAt: 400 });
    await save();
    await save({ sessionId: 'ses_2', holder: 'ins_2' });
    await save({ sessionId: 'ses_3', holder: 'ins_2', savedAt: 300 });
    expect(await store.checkpoints.removeOld(300)).toBe(1);
    expect(await store.checkpoints.find('ses_2')).toEqual([]);
    expect(await first()).toMatchObject({ holderSeenAt: 400, holderUrl: 'http://10.0.0.1:3000' });
    expect(await store.checkpoints.removeOld(401)).toBe(2);
  });

  it('rests sealed for its row, under the newest key when keys change', async () => {
    await save();
    await opened.reopen(`${'n'.repeat(44)},${MASTER}`);
    expect(await opened.store.rewrap()).toBeGreaterThan(0);
    await opened.reopen('n'.repeat(44));
    const [found] = await opened.store.checkpoints.find('ses_1');
    expect(await opened.store.checkpoints.take(found!, 'ins_2')).toBe(WORDS);
  });

  const living = { url: 'http://10.0.0.1:3000', version: '1.0.0', state: 'active' as const, sessions: 3, startedAt: 1 };

  it('has instances beside it, which say how they are and leave', async () => {
    await store.instances.seen({ ...living, id: 'ins_1', seenAt: 10 });
    await store.instances.seen({ ...living, id: 'ins_2', startedAt: 5, seenAt: 10 });
    await store.instances.seen({ ...living, id: 'ins_1', state: 'draining', sessions: 1, startedAt: 9, seenAt: 20 });
    expect(await store.instances.list()).toEqual([
      { ...living, id: 'ins_2', startedAt: 5, seenAt: 10 },
      { ...living, id: 'ins_1', state: 'draining', sessions: 1, seenAt: 20 },
    ]);
    expect(await store.instances.remove('ins_1')).toBe(true);
    expect(await store.instances.remove('ins_1')).toBe(false);
  });

  it('lets a conversation that was marked as cut off go on under its former name', async () => {
    const session = {
      ...{ id: 'ses_1', tenantId: T, subject: 'user-1', assistantId: 'ast_1', assistantVersion: 1, origin: null },
      ...{ locale: null, instance: 'ins_1', startedAt: 1 },
    };
    expect(await store.sessions.goOn(T, 'ses_1', 'ins_2')).toBe(false);
    await store.sessions.start(session);
    await store.sessions.endLeftBy('ins_1', 50);
    expect(await store.sessions.goOn(U, 'ses_1', 'ins_2')).toBe(false);
    expect(await store.sessions.goOn(T, 'ses_1', 'ins_2')).toBe(true);
    expect(await store.sessions.byId(T, 'ses_1')).toMatchObject({ instance: 'ins_2', endedAt: null, closeCode: null });
  });
});

it('a copy of the embedded database has no checkpoint in it', async () => {
  const opened = await openFresh('sqlite');
  const dir = mkdtempSync(join(tmpdir(), 'vjj-copy-'));
  try {
    await opened.store.tenants.create(acme);
    await opened.store.checkpoints.save(
      {
        ...{ tenantId: T, sessionId: 'ses_1', subject: 'user-1', holder: 'ins_1', version: 1 },
        ...{ secretHash: 'aa', savedAt: 1 },
      },
      WORDS,
    );
    const copy = backupStore(opened.place, join(dir, 'copy.db'));
    expect(copy.tenants).toBe(1);
    const database = new Database(copy.file);
    expect(database.prepare('select count(*) as n from checkpoints').get()).toMatchObject({ n: 0 });
    database.close();
    expect(await opened.store.checkpoints.find('ses_1')).toHaveLength(1);
  } finally {
    await opened.close();
    rmSync(dir, { recursive: true, force: true });
  }
});
