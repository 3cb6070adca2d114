/** The operator: whoever holds ADMIN_TOKEN. Compared in constant time, and unset means nobody. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { RelayError } from '../errors.ts';

/**
 * @param header - The Authorization header.
 * @throws {RelayError} `auth-required` whatever is wrong: missing, malformed, false, or no operator.
 */
export function requireOperator(header: string | undefined, adminToken: string | undefined): void {
  const given = /^Bearer ([^\s]{1,1000})$/i.exec(header ?? '')?.[1];
  // Digests have one length, so that comparing tells nothing of how far a guess was right.
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const isSame = timingSafeEqual(digest(given ?? ''), digest(adminToken ?? ''));
  if (given === undefined || adminToken === undefined || !isSame)
    throw new RelayError('auth-required', 'no operator token, or a false one');
}
