/**
 * Clips on disk: raw samples with a JSON sidecar that describes and seals them. A file that is
 * missing, torn or altered is as good as none: it will be rendered again. Never rejects; what the
 * disk cannot do costs a rendering, not a session.
 */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as v from 'valibot';
import type { Clip } from './clip.ts';

/** Most clips kept; the oldest go first. About 30 kB each for reflexes, up to 480 kB for the others. */
export const MOST_FILES = 400;
const FORMAT = 1;

const Sidecar = v.strictObject({
  format: v.literal(FORMAT),
  id: v.string(),
  kind: v.picklist(['reflex', 'refusal', 'fallback', 'idle']),
  text: v.optional(v.string()),
  affirmative: v.boolean(),
  ms: v.pipe(v.number(), v.integer(), v.minValue(1)),
  sha256: v.string(),
});

export interface ClipFiles {
  /** @param key - Names the file: hexadecimal. */
  read(key: string): Promise<Clip | undefined>;
  /** @returns false when the disk refused. */
  write(key: string, clip: Clip): Promise<boolean>;
}

const seal = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

async function quietly<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch {
    return undefined;
  }
}

/** Removes the oldest clips beyond the limit. */
async function prune(dir: string): Promise<void> {
  const names = (await readdir(dir)).filter((name) => name.endsWith('.json'));
  if (names.length <= MOST_FILES) return;
  const aged = await Promise.all(names.map(async (name) => ({ name, at: (await stat(path.join(dir, name))).mtimeMs })));
  aged.sort((a, b) => a.at - b.at);
  for (const { name } of aged.slice(0, names.length - MOST_FILES)) {
    await rm(path.join(dir, name), { force: true });
    await rm(path.join(dir, name.replace(/json$/, 'pcm')), { force: true });
  }
}

async function writeAtomically(file: string, content: string | Uint8Array): Promise<void> {
  const draft = `${file}.${randomUUID()}.tmp`;
  try {
    await writeFile(draft, content);
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/** Clips under `dir`, which is made when the first one is written. */
export function clipFiles(dir: string): ClipFiles {
  return {
    read(key) {
      return quietly(async () => {
        const sidecar = v.parse(Sidecar, JSON.parse(await readFile(path.join(dir, `${key}.json`), 'utf8')));
        const bytes = await readFile(path.join(dir, `${key}.pcm`));
        if (bytes.length < 2 || bytes.length % 2 !== 0 || seal(bytes) !== sidecar.sha256) return undefined;
        // a copy of its own: read buffers may be shared and unaligned
        const samples = new Int16Array(new Uint8Array(bytes).buffer);
        const { id, kind, affirmative, ms, text } = sidecar;
        return { id, kind, affirmative, ms, samples, ...(text === undefined ? {} : { text }) };
      });
    },
    async write(key, clip) {
      const done = await quietly(async () => {
        await mkdir(dir, { recursive: true });
        const { samples, ...about } = clip;
        const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
        // the sidecar comes last: without it the samples do not count
        await writeAtomically(path.join(dir, `${key}.pcm`), bytes);
        const sidecar = { format: FORMAT, ...about, sha256: seal(bytes) };
        await writeAtomically(path.join(dir, `${key}.json`), JSON.stringify(sidecar));
        await prune(dir);
        return true;
      });
      return done ?? false;
    },
  };
}
