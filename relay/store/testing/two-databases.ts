/** Both databases, each fresh for every test and with a clock that moves by one at each look. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from 'vitest';
import { postgresDatabase } from '../../testing/database.ts';
import { openStore, type NewTenant, type Place, type Store } from '../store.ts';

export const MASTER = 'm'.repeat(44);

export interface Opened {
  store: Store;
  place: Place;
  /** Another relay's view of the same database: on Postgres a pool of its own, on SQLite the same store. */
  other(): Promise<Store>;
  reopen(masterKey?: string): Promise<Store>;
  close(): Promise<void>;
}

export async function openFresh(kind: 'sqlite' | 'postgres', startAt = 1_000): Promise<Opened> {
  const dir = mkdtempSync(join(tmpdir(), 'vjj-both-'));
  const place: Place = kind === 'sqlite' ? { file: join(dir, 'vjj.db') } : { url: await postgresDatabase() };
  let at = startAt;
  const open = (masterKey = MASTER) => openStore({ ...place, masterKey, now: () => at++ });
  const all = [await open()];
  const opened: Opened = {
    store: all[0]!,
    place,
    async other() {
      if (kind === 'sqlite') return opened.store;
      const store = await open();
      all.push(store);
      return store;
    },
    async reopen(masterKey) {
      await opened.store.close();
      all.splice(all.indexOf(opened.store), 1);
      opened.store = await open(masterKey);
      all.push(opened.store);
      return opened.store;
    },
    async close() {
      await Promise.all(all.map((store) => store.close()));
      rmSync(dir, { recursive: true, force: true });
    },
  };
  return opened;
}

/** Runs the same tests on both. */
export const onBoth = (name: string, tests: (kind: 'sqlite' | 'postgres') => void) =>
  describe.each(['sqlite', 'postgres'] as const)(`${name} on %s`, tests);

export const acme: NewTenant = {
  id: 'ten_1',
  slug: 'acme',
  name: 'Acme',
  status: 'active',
  origins: ['https://acme.example', 'https://*.acme.example'],
  publishableKey: 'pk_acme',
  assistant: { id: 'ast_1', version: 1, document: '{"name":"Ada"}' },
};
export const globex: NewTenant = {
  ...acme,
  id: 'ten_2',
  slug: 'globex',
  name: 'Globex',
  origins: [],
  publishableKey: 'pk_globex',
};
