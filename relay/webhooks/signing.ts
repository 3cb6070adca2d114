/**
 * Signatures by Standard Webhooks: an HMAC over id, time and body with each secret that is valid,
 * so that a receiver can change over while a secret rotates.
 *
 * @see https://www.standardwebhooks.com
 */
import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';

const SECRET_BYTES = 32;

/** `whsec_…`, as the libraries of Standard Webhooks take it. */
export function newWebhookSecret(): string {
  return `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`;
}

/** @param secrets - Newest first; every one signs. */
export function signedHeaders(
  id: string,
  body: string,
  secrets: readonly string[],
  wallMs: number,
): Record<string, string> {
  const at = new Date(wallMs);
  return {
    'content-type': 'application/json',
    'user-agent': 'voice-jib-jab',
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(wallMs / 1000)),
    'webhook-signature': secrets.map((secret) => new Webhook(secret).sign(id, at, body)).join(' '),
  };
}
