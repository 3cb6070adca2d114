/**
 * Appends lines to a file without making anybody wait: what comes while a write is under way
 * goes with the next. The queue is bounded; what does not fit is counted in a line of its own.
 */
import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Characters that may wait for the disk. */
const LONGEST_QUEUE = 1024 * 1024;

export interface LineFile {
  append(line: string): void;
  /** Resolves when everything is written or the file was given up. */
  close(): Promise<void>;
}

/** @param onProblem - told once; afterwards lines are dropped. */
export function appendLines(dir: string, name: string, onProblem: (error: unknown) => void): LineFile {
  const path = join(dir, name);
  let waiting = '';
  let lost = 0;
  let isGivenUp = false;
  let writing: Promise<void> | null = null;

  async function write(): Promise<void> {
    try {
      await mkdir(dir, { recursive: true });
      while (waiting !== '') {
        const batch = waiting;
        waiting = '';
        await appendFile(path, batch, { mode: 0o600 });
        if (lost > 0) {
          waiting = `${JSON.stringify({ lost })}\n${waiting}`;
          lost = 0;
        }
      }
    } catch (error) {
      isGivenUp = true;
      waiting = '';
      onProblem(error);
    } finally {
      writing = null;
    }
  }

  return {
    append(line) {
      if (isGivenUp) return;
      if (waiting.length + line.length > LONGEST_QUEUE) {
        lost += 1;
        return;
      }
      waiting += `${line}\n`;
      writing ??= write();
    },
    close: () => writing ?? Promise.resolve(),
  };
}
