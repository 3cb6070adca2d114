/**
 * Tokens by hand. Libraries that sign refuse most of what an attacker would write; here any header
 * and any payload gets any signature.
 */
import { createHmac, randomUUID, sign, type KeyLike } from 'node:crypto';

export type Signer = (input: string) => Buffer;

/** As text it is taken as it is, otherwise as JSON. */
export const part = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

export function jws(header: unknown, payload: unknown, signer: Signer): string {
  const input = `${part(header)}.${part(payload)}`;
  return `${input}.${signer(input).toString('base64url')}`;
}

export const hs256 =
  (secret: Buffer | string): Signer =>
  (input) =>
    createHmac('sha256', secret).update(input).digest();
export const hs512 =
  (secret: Buffer | string): Signer =>
  (input) =>
    createHmac('sha512', secret).update(input).digest();
export const rs256 =
  (key: KeyLike): Signer =>
  (input) =>
    sign('sha256', Buffer.from(input), key);
export const es256 =
  (key: KeyLike): Signer =>
  (input) =>
    sign('sha256', Buffer.from(input), { key: key as never, dsaEncoding: 'ieee-p1363' });
export const ed25519 =
  (key: KeyLike): Signer =>
  (input) =>
    sign(null, Buffer.from(input), key);
/** Those bytes, whatever is signed. */
export const bytes =
  (value: Buffer | string): Signer =>
  () =>
    Buffer.from(value);

const nowS = () => Math.floor(Date.now() / 1000);

/** All that an honest token for that page says. */
export const claimsFor = (iss: string, origin: string) => ({
  ...{ iss, aud: 'voice-jib-jab', sub: 'somebody', jti: randomUUID(), iat: nowS(), exp: nowS() + 300, origin },
});

/** `seconds` from now. */
export const inS = (seconds: number) => nowS() + seconds;
