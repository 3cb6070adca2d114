/** A transcript as a file's text. Only what was heard is said to have been said. */
import type { TranscriptEntry } from './transcript.ts';

export type TranscriptFormat = 'txt' | 'json' | 'vtt';

export function exportTranscript(
  entries: readonly TranscriptEntry[],
  format: TranscriptFormat,
  names: { user: string; agent: string },
): string {
  if (format === 'json') return JSON.stringify(entries, null, 2);
  const lines = entries.map((entry) => ({ name: names[entry.role], text: heardText(entry), ms: entry.heardMs }));
  const said = lines.filter(({ text }) => text !== '');
  if (format === 'txt') return said.map(({ name, text }) => `${name}: ${text}\n`).join('');
  let atMs = 0;
  const cues = said.map(({ name, text, ms }) => {
    const from = atMs;
    // Lines without sound are given the time that reading them takes.
    atMs += Math.max(1_000, ms ?? text.length * 60);
    return `${stamp(from)} --> ${stamp(atMs)}\n<v ${name}>${text.replace(/[<&]/g, ' ')}\n`;
  });
  return `WEBVTT\n\n${cues.join('\n')}`;
}

function heardText({ words }: TranscriptEntry): string {
  const heard = words.filter(({ state }) => state === 'heard').map(({ text }) => text);
  return heard.join('').trim();
}

function stamp(ms: number): string {
  const pad = (value: number, width: number) => String(Math.floor(value)).padStart(width, '0');
  return `${pad(ms / 3_600_000, 2)}:${pad((ms / 60_000) % 60, 2)}:${pad((ms / 1_000) % 60, 2)}.${pad(ms % 1_000, 3)}`;
}
