/**
 * Names for things. An id sorts by the time at which it was made and tells its kind by its
 * prefix; a secret is random and tells nothing.
 */
import { randomBytes } from 'node:crypto';

export type IdPrefix = 'ten' | 'ast' | 'ses' | 'tok' | 'sub' | 'key' | 'ins' | 'req' | 'api' | 'whk' | 'msg' | 'usr';

// Crockford's alphabet: lower case, and no letter that looks like a digit.
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

function base32(bytes: Uint8Array): string {
  let bits = 0;
  let value = 0;
  let text = '';
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET.charAt((value >>> bits) & 31);
    }
    value &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + ALPHABET.charAt((value << (5 - bits)) & 31);
}

/**
 * A new id such as `ses_06f3m4…`: 48 bits of time, then 80 random ones.
 *
 * @param wallMs - Milliseconds since 1970.
 */
export function newId(prefix: IdPrefix, wallMs: number = Date.now()): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(Math.max(0, Math.floor(wallMs)), 0, 6);
  return `${prefix}_${base32(bytes)}`;
}

const REQUEST = /^[\w.:/+=-]{1,64}$/;

/** The id that a proxy gave the request, where it looks like one; a new one otherwise. */
export function requestId(given: string | readonly string[] | undefined, wallMs: number = Date.now()): string {
  return typeof given === 'string' && REQUEST.test(given) ? given : newId('req', wallMs);
}

/** A publishable key: names a tenant to the world, grants nothing away from its allowed origins. */
export function newPublishableKey(): string {
  return `pk_${base32(randomBytes(15))}`;
}
