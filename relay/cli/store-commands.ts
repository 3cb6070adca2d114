/**
 * `vjj migrate`, `backup`, `restore` and `rotate-master-key`: what is done to the database itself
 * rather than through a running relay's API.
 */
import { dirname } from 'node:path';
import { mkdirSync } from 'node:fs';
import { Command } from 'commander';
import type { Config } from '../config.ts';
import { configOrComplaint, type RunIo } from '../run.ts';
import { backupStore, restoreStore } from '../store/backup.ts';
import { addMasterKeyIn, keepNewestKey, SealError } from '../store/sealing.ts';
import { migrateStore, openStore, StoreError } from '../store/store.ts';

type Io = Pick<RunIo, 'env' | 'print' | 'complain' | 'exit'>;

export function storeCommands(io: Io): Command[] {
  const inWords = (work: (config: Config) => Promise<void> | void) => doInWords(io, work);
  return [
    new Command('migrate')
      .description('brings the database up to date, with the relay stopped; a relay does so itself when it starts')
      .action(() =>
        inWords(async ({ database }) => {
          const steps = await migrateStore(database);
          io.print(steps.length === 0 ? 'The database is up to date.' : `Done: ${steps.join(', ')}.`);
        }),
      ),
    new Command('backup')
      .description('writes a whole copy of the embedded database; the relay may be running')
      .argument('<file>', 'a new file')
      .action((file: string) =>
        inWords(({ database, masterKey }) => {
          mkdirSync(dirname(file), { recursive: true });
          const { tenants, version } = backupStore(database, file);
          io.print(`Copied to ${file}: ${tenants} ${tenants === 1 ? 'tenant' : 'tenants'}, version ${version}.`);
          io.print(
            masterKey === undefined
              ? 'Its secrets open only with master.key in DATA_DIR: keep a copy of that, elsewhere.'
              : 'Its secrets open only with MASTER_KEY: keep that, elsewhere.',
          );
        }),
      ),
    new Command('restore')
      .description('puts a copy in the place of the embedded database, with the relay stopped')
      .argument('<file>', 'a copy that backup made')
      .action((from: string) =>
        inWords(({ database }) => {
          const stamp = new Date()
            .toISOString()
            .replace(/[^0-9]/g, '')
            .slice(0, 14);
          const { file, tenants, version, former } = restoreStore(from, database, stamp);
          io.print(`Restored ${file}: ${tenants} ${tenants === 1 ? 'tenant' : 'tenants'}, version ${version}.`);
          if (former !== undefined) io.print(`What was there is now ${former}.`);
        }),
      ),
    new Command('rotate-master-key')
      .description('seals every secret in the database anew under the newest master key, with the relay stopped')
      .action(() => inWords((config) => rotate(io, config))),
  ];
}

/**
 * With MASTER_KEY in the environment: the newest of its keys takes over from the rest. Without: a
 * new key is made in DATA_DIR, and the former one goes once nothing needs it.
 */
async function rotate(io: Io, { database, masterKey, dataDir }: Config): Promise<void> {
  if (masterKey?.includes(',') === false)
    throw new StoreError('Put the new key before the present one in MASTER_KEY, with a comma between: new,old.');
  // The lock is taken before the key file is touched: a running relay has its key in memory.
  if (masterKey === undefined) await migrateStore(database);
  const store = await openStore({
    ...database,
    masterKey: masterKey ?? addMasterKeyIn(dataDir),
    now: () => Date.now(),
  });
  try {
    const sealed = await store.rewrap();
    io.print(`Sealed anew: ${sealed} ${sealed === 1 ? 'secret' : 'secrets'}.`);
  } finally {
    await store.close();
  }
  if (masterKey === undefined) keepNewestKey(dataDir);
  io.print(
    masterKey === undefined
      ? 'The new key is in master.key in DATA_DIR; keep a copy of it, elsewhere. Older backups need the former one.'
      : 'Leave only the new key in MASTER_KEY now. Older backups need the former one.',
  );
}

async function doInWords(io: Io, work: (config: Config) => Promise<void> | void): Promise<void> {
  const config = configOrComplaint(io);
  if (config === undefined) {
    io.exit(1);
    return;
  }
  try {
    await work(config);
  } catch (error) {
    if (!(error instanceof StoreError || error instanceof SealError)) throw error;
    io.complain(error.message);
    io.exit(1);
  }
}
