/** Recordings of a user, from the emulator's own phrase bank, which its ear knows again. */
import { loadBank } from '../voice/bank.ts';
import { resample } from '../voice/resample.ts';

const bank = await loadBank();

/** What was recorded for `text`, 24 kHz. @throws when nothing was. */
export function utterance(text: string): Int16Array {
  const recording = bank.recordings.find((candidate) => candidate.speaker === 'user' && candidate.text === text);
  if (recording === undefined) throw new Error(`the phrase bank has no user saying "${text}"`);
  return resample(bank.samplesOf(recording), bank.rateHz, 24_000);
}
