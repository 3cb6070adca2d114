/**
 * The phrase bank: recordings committed beside this file, found by what they say. `bank.bin` holds
 * IMA ADPCM, `bank.json` says where in it each recording lies. Who made them is in README.md.
 */
import { readFile } from 'node:fs/promises';
import { decodeAdpcm } from './adpcm.ts';
import { spokenKey } from './words.ts';

/** `agent` answers; `user` is another speaker, heard by the ear and used as a fake microphone. */
export type Speaker = 'agent' | 'user';

export interface Recording {
  /** As it would be written in a transcript. */
  text: string;
  speaker: Speaker;
}

export interface Bank {
  /** Rate of the stored samples. */
  rateHz: number;
  recordings: readonly Recording[];
  /** The recording that says the same, whatever its case, punctuation and digits. */
  find(speaker: Speaker, text: string): Recording | undefined;
  /** Most words of any recording of `speaker`. */
  longestWords(speaker: Speaker): number;
  /** Samples at {@link Bank.rateHz}; decoded anew at every call. */
  samplesOf(recording: Recording): Int16Array;
}

interface Index {
  rateHz: number;
  /** text, samples; one after the other in `bank.bin`, each starting at a whole byte. */
  agent: [string, number][];
  user: [string, number][];
}

/** Reads the bank from beside this file. @throws when it is missing or torn: the emulator cannot start without it. */
export async function loadBank(): Promise<Bank> {
  const [json, bytes] = await Promise.all([
    readFile(new URL('./bank.json', import.meta.url), 'utf8'),
    readFile(new URL('./bank.bin', import.meta.url)),
  ]);
  return openBank(JSON.parse(json) as Index, bytes);
}

/** @throws {RangeError} when the index does not fit the bytes. */
export function openBank(index: Index, bytes: Uint8Array): Bank {
  const places = new Map<Recording, { offset: number; length: number }>();
  const found: Record<Speaker, Map<string, Recording>> = { agent: new Map(), user: new Map() };
  const longest: Record<Speaker, number> = { agent: 0, user: 0 };
  let offset = 0;
  for (const speaker of ['agent', 'user'] as const) {
    for (const [text, length] of index[speaker]) {
      const recording = { text, speaker };
      const key = spokenKey(text);
      places.set(recording, { offset, length });
      found[speaker].set(key, recording);
      longest[speaker] = Math.max(longest[speaker], key.split(' ').length);
      offset += (length + 1) >> 1;
    }
  }
  if (offset !== bytes.length)
    throw new RangeError(`the index describes ${offset} bytes, the bank has ${bytes.length}`);
  return {
    rateHz: index.rateHz,
    recordings: [...places.keys()],
    find: (speaker, text) => found[speaker].get(spokenKey(text)),
    longestWords: (speaker) => longest[speaker],
    samplesOf(recording) {
      const place = places.get(recording);
      if (!place) throw new RangeError('this recording is of another bank');
      return decodeAdpcm(bytes.subarray(place.offset), place.length);
    },
  };
}
