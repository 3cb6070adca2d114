/**
 * What could not be written where it belongs, on the disk until it can: lines in files of one
 * folder, sealed, and on the disk before anybody is told so. A file is written by one process and
 * may be read by the next; what is read twice does no harm, because whoever writes it where it
 * belongs writes each entry once. Bounded; what does not fit is counted.
 */
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** All files together, in bytes: some hundred thousand turns. */
export const SPOOL_BYTES = 256 * 1024 * 1024;

export interface Spool<E> {
  /**
   * Resolves when they are on the disk.
   *
   * @returns how many did not fit.
   * @throws when the disk cannot be written.
   */
  append(entries: readonly E[]): Promise<number>;
  /**
   * Hands every entry to `write`, oldest first, and forgets each file that is done. What is
   * appended meanwhile is handed on, too.
   *
   * @returns how many lines could not be read: cut off by a crash, or of another key.
   * @throws what `write` throws; the rest waits for the next time.
   */
  replay(write: (entry: E) => Promise<void>): Promise<number>;
  readonly bytes: number;
}

export interface SpoolOptions {
  dir: string;
  /** Names files of this process. */
  instance: string;
  seal: (text: string) => string;
  /** @throws for what was not sealed so. */
  unseal: (sealed: string) => string;
  mostBytes?: number;
}

const SUFFIX = '.jsonl';

/** @throws when the folder cannot be made. */
export function openSpool<E>(options: SpoolOptions): Spool<E> {
  const { dir, instance, seal, unseal, mostBytes = SPOOL_BYTES } = options;
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const names = () =>
    readdirSync(dir)
      .filter((name) => name.endsWith(SUFFIX))
      .sort();
  let bytes = names().reduce((sum, name) => sum + statSync(join(dir, name)).size, 0);
  let current: string | undefined;
  let made = 0;
  /** Entries of a file that are done, where the rest had to wait. */
  const done = new Map<string, number>();

  const nameNext = () => {
    made += 1;
    return `${String(Date.now()).padStart(14, '0')}-${String(made).padStart(6, '0')}-${instance}${SUFFIX}`;
  };

  /** Takes a file of another process, so that it appends to it no more if it lives. */
  async function take(name: string): Promise<string | undefined> {
    if (name.endsWith(`${instance}${SUFFIX}`)) return name;
    const [base = ''] = name.slice(0, -SUFFIX.length).split('~');
    const own = `${base}~${instance}${SUFFIX}`;
    try {
      await rename(join(dir, name), join(dir, own));
      return own;
    } catch (error) {
      // Somebody else was quicker.
      if ((error as { code?: string }).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  function read(line: string): { entry: E } | undefined {
    try {
      return { entry: JSON.parse(unseal(line)) as E };
    } catch {
      return undefined;
    }
  }

  async function replayFile(name: string, write: (entry: E) => Promise<void>): Promise<number> {
    let damaged = 0;
    const file = join(dir, name);
    const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');
    for (const [at, line] of lines.entries()) {
      if (at < (done.get(name) ?? 0)) continue;
      const found = read(line);
      if (found === undefined) damaged += 1;
      else await write(found.entry);
      done.set(name, at + 1);
    }
    const { size } = await stat(file);
    await rm(file, { force: true });
    done.delete(name);
    bytes = Math.max(0, bytes - size);
    return damaged;
  }

  return {
    async append(entries) {
      const lines = entries.map((entry) => `${seal(JSON.stringify(entry))}\n`);
      const fitting: string[] = [];
      let more = 0;
      for (const line of lines) {
        if (bytes + more + line.length > mostBytes) break;
        more += line.length;
        fitting.push(line);
      }
      if (fitting.length > 0) {
        const isNew = current === undefined;
        current ??= nameNext();
        const file = await open(join(dir, current), 'a', 0o600);
        try {
          await file.appendFile(fitting.join(''));
          await file.datasync();
        } finally {
          await file.close();
        }
        if (isNew) await syncFolder(dir);
        bytes += more;
      }
      return lines.length - fitting.length;
    },
    async replay(write) {
      let damaged = 0;
      for (;;) {
        const [first] = names();
        if (first === undefined) return damaged;
        // Whatever is appended from now on is a file of its own.
        if (first === current) current = undefined;
        const name = await take(first);
        if (name !== undefined) damaged += await replayFile(name, write);
      }
    },
    get bytes() {
      return bytes;
    },
  };
}

/** A file whose folder was not written down is not there after the power fails. */
async function syncFolder(dir: string): Promise<void> {
  const folder = await open(dir, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
