/**
 * Appends lines to a file without making anybody wait: what comes within a second goes in one write,
 * because a write costs more than all its lines. The queue is bounded; what does not fit is counted
 * in a line of its own.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { OPEN_FILES } from './open-files.ts';

/** Characters that may wait for the disk. */
const LONGEST_QUEUE = 1024 * 1024;
/** A line is on its way to the disk after this, in milliseconds; a process that is killed loses no more. */
const GATHER_MS = 1_000;
/** … or when so many characters wait. */
const ENOUGH = LONGEST_QUEUE / 4;

export interface LineFile {
  append(line: string): void;
  /** Resolves when everything is written or the file was given up. */
  close(): Promise<void>;
}

/** @param onProblem - told once; afterwards lines are dropped. */
export function appendLines(
  dir: string,
  name: string,
  onProblem: (error: unknown) => void,
  files = OPEN_FILES,
): LineFile {
  const file = files.at(join(dir, name));
  let waiting = '';
  let lost = 0;
  let isFolderMade = false;
  let isGivenUp = false;
  let writing: Promise<void> | null = null;
  let timer: NodeJS.Timeout | null = null;

  function giveUp(error: unknown): void {
    if (!isGivenUp) onProblem(error);
    isGivenUp = true;
    waiting = '';
  }

  async function write(): Promise<void> {
    try {
      if (!isFolderMade) await mkdir(dir, { recursive: true });
      isFolderMade = true;
      const batch = waiting;
      waiting = '';
      await file.append(batch);
      if (lost > 0) {
        waiting = `${JSON.stringify({ lost })}\n${waiting}`;
        lost = 0;
      }
    } catch (error) {
      giveUp(error);
    } finally {
      writing = null;
      // What came meanwhile is gathered like everything else.
      if (waiting !== '') plan();
    }
  }

  function plan(): void {
    timer ??= setTimeout(() => void writeNow(), GATHER_MS);
  }

  function writeNow(): Promise<void> {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    return (writing ??= write());
  }

  const isBusy = () => writing !== null || waiting !== '';

  return {
    append(line) {
      if (isGivenUp) return;
      if (waiting.length + line.length > LONGEST_QUEUE) {
        lost += 1;
        return;
      }
      waiting += `${line}\n`;
      // The first line makes the file: whoever looks for it finds it from the beginning.
      if (!isFolderMade || waiting.length >= ENOUGH) void writeNow();
      else plan();
    },
    async close() {
      do {
        while (isBusy()) await (writing ?? writeNow());
        await file.close().catch(giveUp);
        // What came meanwhile has opened it again.
      } while (isBusy());
      if (timer !== null) clearTimeout(timer);
    },
  };
}
