/** A fresh Postgres database for a test. */
import { inject } from 'vitest';

/** @returns its URL. @throws in words that name what is missing. */
export async function postgresDatabase(): Promise<string> {
  const answer = await fetch(inject('postgres'));
  const text = await answer.text();
  if (!answer.ok) throw new Error(text);
  return text;
}
