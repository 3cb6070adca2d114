/**
 * A speech program of the machine's own, where it has one: `flite` or `espeak-ng` on PATH, started
 * with an argument list, bounded in time, output and number. The emulator works without.
 */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { finishRecording } from './level.ts';
import { resample } from './resample.ts';
import { readWav } from './wav.ts';

/** @returns finished 24 kHz speech; undefined when the program fails, is silent or is too slow. */
export type Synthesise = (text: string) => Promise<Int16Array | undefined>;

const RATE_HZ = 24_000;
const LIMIT_MS = 5000;
const MOST_BYTES = 8 * 1024 * 1024;
const MOST_AT_ONCE = 2;
/** More waiting than this are not spoken by the program. */
const MOST_WAITING = 64;

/** Both write a file: flite cannot open a pipe by name. */
const PROGRAMS: readonly { name: string; args: (text: string, file: string) => string[] }[] = [
  { name: 'flite', args: (text, file) => ['-voice', 'slt', '-t', text, '-o', file] },
  { name: 'espeak-ng', args: (text, file) => ['-v', 'en-us+f3', '-w', file, '--', text] },
];

/** Runs `program`; rejects when it fails or takes too long. */
function run(program: string, args: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const options = { timeout: LIMIT_MS, killSignal: 'SIGKILL', maxBuffer: 64 * 1024 } as const;
    execFile(program, args, options, (error) => {
      if (error) reject(error);
      else resolve();
    }).stdin?.end();
  });
}

/** What `program` wrote; rejects also when it wrote more than {@link MOST_BYTES}. */
async function fileFrom(program: string, argsFor: (file: string) => string[]): Promise<Uint8Array> {
  const scratch = await mkdtemp(path.join(tmpdir(), 'vjj-voice-'));
  try {
    const file = path.join(scratch, 'speech.wav');
    await run(program, argsFor(file));
    if ((await stat(file)).size > MOST_BYTES) throw new RangeError('too much speech');
    return await readFile(file);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The first of the known programs that is in one of the folders of `searchPath`; null where none is. */
export async function findSynthesiser(searchPath: string | undefined): Promise<Synthesise | null> {
  const folders = (searchPath ?? '').split(path.delimiter).filter((folder) => path.isAbsolute(folder));
  for (const { name, args } of PROGRAMS) {
    for (const folder of folders) {
      const program = path.join(folder, name);
      const isThere = await access(program, constants.X_OK).then(
        () => true,
        () => false,
      );
      if (isThere) return synthesiseWith((text) => fileFrom(program, (file) => args(text, file)));
    }
  }
  return null;
}

function synthesiseWith(speak: (text: string) => Promise<Uint8Array>): Synthesise {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (text) => {
    if (running >= MOST_AT_ONCE) {
      if (waiting.length >= MOST_WAITING) return undefined;
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
    running++;
    try {
      const printable = text.replace(/[\p{Cc}\p{Cf}]/gu, ' ');
      const { rateHz, samples } = readWav(await speak(printable));
      const finished = finishRecording(resample(samples, rateHz, RATE_HZ), RATE_HZ);
      return finished.length > 0 ? finished : undefined;
    } catch {
      // a program that fails leaves the words to the shaped syllables
      return undefined;
    } finally {
      running--;
      waiting.shift()?.();
    }
  };
}
