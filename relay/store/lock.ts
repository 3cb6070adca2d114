/**
 * One relay a database: a second one would hand out the same leases and limits again, because
 * shared state lives in memory. The lock is the operating system's, held through an open SQLite
 * file, so that a killed relay leaves none behind, whatever its process id was.
 */
import Database from 'libsql';

/** @returns what gives the lock back, or undefined where another process (or this one) holds it. */
export function lockFile(file: string): (() => void) | undefined {
  const lock = new Database(file);
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE');
    lock.exec('PRAGMA journal_mode = DELETE');
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    if ((error as { code?: string }).code?.startsWith('SQLITE_BUSY')) return undefined;
    throw error;
  }
  return () => lock.close();
}
