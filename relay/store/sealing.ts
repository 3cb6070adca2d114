/**
 * Secrets at rest: AES-256-GCM under the master key, each bound to the row it belongs to, so that
 * a sealed value copied to another row or tenant does not open. Knows no tables.
 */
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const IV_BYTES = 12;
const TAG_BYTES = 16;

export interface Seal {
  /** Under the newest key. `row` names tenant, table, column and row id, in this order. */
  seal(plain: string, row: readonly string[]): string;
  /** @throws {SealError} for a key that is not held, another row, or a changed text. */
  open(sealed: string, row: readonly string[]): string;
  /** Whether it was sealed under the newest key. */
  isNewest(sealed: string): boolean;
  /** Names of the keys, the newest first; they tell nothing about the keys. */
  readonly keyIds: readonly string[];
}

export class SealError extends Error {
  override readonly name = 'SealError';
}

/**
 * @param masterKeys - Any text with enough chance in it; the key proper is derived from it.
 *   Several, the newest first and separated by commas, while one follows another.
 */
export function createSeal(masterKeys: string): Seal {
  const keys = new Map<string, Uint8Array>();
  for (const text of masterKeys.split(',')) {
    const key = new Uint8Array(hkdfSync('sha256', text.trim(), 'voice-jib-jab', 'secrets at rest, v1', 32));
    keys.set(createHash('sha256').update(key).digest('hex').slice(0, 8), key);
  }
  const keyIds = [...keys.keys()];
  const newestId = keyIds[0] ?? '';
  const newest = keys.get(newestId) ?? new Uint8Array();
  // Length-prefixed, so that ["a", "bc"] and ["ab", "c"] differ.
  const binding = (row: readonly string[]) => Buffer.from(row.map((part) => `${part.length}:${part}`).join(''));
  return {
    keyIds,
    isNewest: (sealed) => sealed.startsWith(`v1.${newestId}.`),
    seal(plain, row) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv('aes-256-gcm', newest, iv).setAAD(binding(row));
      const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
      return `v1.${newestId}.${Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url')}`;
    },
    open(sealed, row) {
      const [version, id = '', text = '', more] = sealed.split('.');
      if (version !== 'v1' || more !== undefined) throw new SealError('not a sealed value of ours');
      const key = keys.get(id);
      if (key === undefined) throw new SealError('sealed with another MASTER_KEY');
      const bytes = Buffer.from(text, 'base64url');
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, IV_BYTES))
          .setAAD(binding(row))
          .setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
        return decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
      } catch (cause) {
        throw new SealError('a sealed value was changed or moved to another row', { cause });
      }
    },
  };
}

/**
 * The master key of a relay whose operator named none: made on the first start in `dataDir`,
 * readable by its owner alone.
 */
export function masterKeyIn(dataDir: string): { key: string; isNew: boolean } {
  mkdirSync(dataDir, { recursive: true });
  const file = join(dataDir, 'master.key');
  let isNew = false;
  if (!existsSync(file)) {
    // Written aside and linked: another process sees the whole key or none, and the first one wins.
    const fresh = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
    writeFileSync(fresh, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
    try {
      linkSync(fresh, file);
      isNew = true;
    } catch (error) {
      if ((error as { code?: string }).code !== 'EEXIST') throw error;
    } finally {
      rmSync(fresh, { force: true });
    }
  }
  const key = readFileSync(file, 'utf8').trim();
  if (key.length < 32) throw new SealError(`${file} holds no master key; restore it from a backup`);
  return { key, isNew };
}

/**
 * Puts a new master key before the one in `dataDir`, for {@link masterKeyIn} to give both; once
 * everything is sealed anew, {@link keepNewestKey} lets the former one go.
 */
export function addMasterKeyIn(dataDir: string): string {
  const { key } = masterKeyIn(dataDir);
  const both = `${randomBytes(32).toString('base64url')},${key}`;
  writeMasterKey(dataDir, both);
  return both;
}

/** Leaves only the newest master key in `dataDir`. */
export function keepNewestKey(dataDir: string): void {
  const [newest = ''] = masterKeyIn(dataDir).key.split(',');
  writeMasterKey(dataDir, newest);
}

/** Written aside and renamed: a crash leaves the whole former or the whole new one. */
function writeMasterKey(dataDir: string, keys: string): void {
  const file = join(dataDir, 'master.key');
  const fresh = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  writeFileSync(fresh, `${keys}\n`, { mode: 0o600, flag: 'wx' });
  renameSync(fresh, file);
}
