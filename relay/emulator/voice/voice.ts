/**
 * The emulator's voice. Sentences of the phrase bank are played as recorded, others are put
 * together from its words; what it does not know is spoken by the machine's speech program, and
 * where there is none, by shaped syllables of the right length. Knows no protocol.
 */
import { LRUCache } from 'lru-cache';
import type { Voice } from '../speech.ts';
import { type Bank, loadBank } from './bank.ts';
import { finishRecording } from './level.ts';
import { resample } from './resample.ts';
import { syllables } from './syllables.ts';
import { findSynthesiser, type Synthesise } from './synthesiser.ts';
import { clausesOf, sentencesOf, spokenKey, spokenWords } from './words.ts';

const RATE_HZ = 24_000;
/** Text beyond this is not spoken: about six minutes. */
export const LONGEST_TEXT = 6000;
const SENTENCE_PAUSE_MS = 190;
const CLAUSE_PAUSE_MS = 110;
const WORD_PAUSE_MS = 12;
const CACHE_BYTES = 24 * 1024 * 1024;

/** How the one recorded voice is turned into others: pitch and tempo together, 1 as recorded. */
const PITCH: ReadonlyMap<string, number> = new Map(
  Object.entries({
    marin: 1,
    cedar: 0.86,
    alloy: 0.96,
    ash: 0.88,
    ballad: 0.94,
    coral: 1.04,
    echo: 0.9,
    sage: 1.02,
    shimmer: 1.07,
    verse: 0.92,
  }),
);

const silence = (ms: number) => new Int16Array(Math.round((ms * RATE_HZ) / 1000));

/** Joins `parts`, each but the first after a pause. */
function join(parts: readonly Int16Array[], pauseMs: number): Int16Array {
  const gap = silence(pauseMs).length;
  const out = new Int16Array(parts.reduce((sum, part) => sum + part.length + gap, 0) - (parts.length > 0 ? gap : 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length + gap;
  }
  return out;
}

/**
 * Loads the phrase bank. A voice keeps nothing running.
 *
 * @param options.synthesise - Speaks unknown text; by default a program on PATH, null for none.
 */
export async function createVoice(options: { synthesise?: Synthesise | null } = {}): Promise<Voice> {
  const bank = await loadBank();
  const synthesise = options.synthesise === undefined ? await findSynthesiser(process.env['PATH']) : options.synthesise;
  return voiceOf(bank, synthesise);
}

/** A voice of `bank`; for tests of other banks. */
export function voiceOf(bank: Bank, synthesise: Synthesise | null): Voice {
  const spoken = new LRUCache<string, Int16Array>({
    maxSize: CACHE_BYTES,
    sizeCalculation: (samples) => samples.byteLength + 64,
  });

  /** The recording of exactly these words, at 24 kHz. */
  function recorded(words: string): Int16Array | undefined {
    const recording = bank.find('agent', words);
    return recording && resample(bank.samplesOf(recording), bank.rateHz, RATE_HZ);
  }

  /** Longest recordings first, from left to right; what no recording says goes to `unknown`, which may give up. */
  function compose(sentence: string, unknown: (words: string) => Int16Array | null): Int16Array | null {
    const clauses: Int16Array[] = [];
    for (const clause of clausesOf(sentence)) {
      const words = spokenWords(clause);
      const parts: Int16Array[] = [];
      let unsaid: string[] = [];
      const sayUnsaid = () => {
        if (unsaid.length === 0) return true;
        const part = unknown(unsaid.join(' '));
        unsaid = [];
        if (part) parts.push(part);
        return part !== null;
      };
      for (let at = 0; at < words.length;) {
        let length = Math.min(bank.longestWords('agent'), words.length - at);
        while (length > 0 && !bank.find('agent', words.slice(at, at + length).join(' '))) length--;
        if (length === 0) unsaid.push(words[at] ?? '');
        else {
          if (!sayUnsaid()) return null;
          parts.push(recorded(words.slice(at, at + length).join(' ')) as Int16Array);
        }
        at += Math.max(1, length);
      }
      if (!sayUnsaid()) return null;
      clauses.push(join(parts, WORD_PAUSE_MS));
    }
    return join(clauses, CLAUSE_PAUSE_MS);
  }

  async function saySentence(sentence: string): Promise<Int16Array> {
    const known = recorded(sentence) ?? compose(sentence, () => null);
    if (known) return known;
    const synthesised = await synthesise?.(sentence);
    if (synthesised) return synthesised;
    const shaped = (words: string) => finishRecording(syllables(words), RATE_HZ);
    return compose(sentence, shaped) ?? new Int16Array(0);
  }

  return {
    async speak(text, { voice }) {
      const pitch = PITCH.get(voice.toLowerCase()) ?? 1;
      const sentences: Int16Array[] = [];
      for (const sentence of sentencesOf(text.slice(0, LONGEST_TEXT))) {
        const key = `${pitch} ${clausesOf(sentence).map(spokenKey).join(', ')}`;
        let samples = spoken.get(key);
        if (!samples) {
          const said = await saySentence(sentence);
          samples = pitch === 1 ? said : resample(said, RATE_HZ * pitch, RATE_HZ);
          spoken.set(key, samples);
        }
        sentences.push(samples);
      }
      return join(sentences, SENTENCE_PAUSE_MS);
    },
  };
}
