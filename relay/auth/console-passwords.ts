/**
 * Passwords of people who use the console: argon2id, and as long a look at an address that nobody
 * has as at one that somebody has.
 */
import { hash, verify } from '@node-rs/argon2';

/** 19 MiB and two passes: what OWASP asks for at least. About 15 ms of one core. */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

export const hashPassword = (password: string): Promise<string> => hash(password, COST);

let nobodys: Promise<string> | undefined;

/** @param stored - Null where there is no password: takes the same time, and is never right. */
export async function isPassword(stored: string | null, password: string): Promise<boolean> {
  const against = stored ?? (await (nobodys ??= hashPassword('the password of nobody at all')));
  try {
    return (await verify(against, password)) && stored !== null;
  } catch {
    // A stored hash that is none: nobody gets in by it.
    return false;
  }
}
