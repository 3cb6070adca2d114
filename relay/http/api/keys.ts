/** Keys of a tenant. A secret is in the answer that made it, and never again. */
import * as v from 'valibot';
import { Label, Text, Time } from './common.ts';

export const PublishableKey = v.object({
  id: v.string(),
  status: v.picklist(['active', 'revoked']),
  createdAt: Time,
});

export const ApiKey = v.object({
  id: v.string(),
  name: v.string(),
  /** The first letters of the secret, to tell keys apart. */
  prefix: v.string(),
  role: v.picklist(['admin', 'viewer']),
  createdAt: Time,
  expiresAt: v.nullable(Time),
  lastUsedAt: v.nullable(Time),
  revokedAt: v.nullable(Time),
});
export const NewApiKey = v.strictObject({
  name: Label,
  role: v.picklist(['admin', 'viewer'], 'must be admin or viewer'),
  expiresAt: v.optional(Time),
});
export const MadeApiKey = v.object({ ...ApiKey.entries, secret: v.string() });

export const SigningAlg = v.picklist(['HS256', 'ES256', 'EdDSA', 'RS256']);
/** A key with which the tenant's backend signs session tokens. */
export const SigningKey = v.object({
  kid: v.string(),
  name: v.string(),
  alg: SigningAlg,
  kind: v.picklist(['secret', 'jwk', 'jwks_url']),
  /** `retiring` still verifies until `notAfter`: the overlap of a rotation. */
  state: v.picklist(['active', 'upcoming', 'retiring', 'retired', 'revoked']),
  notBefore: Time,
  notAfter: v.nullable(Time),
  revokedAt: v.nullable(Time),
  createdAt: Time,
  /** Where `kind` is `jwks_url`. */
  url: v.optional(v.string()),
});
const Kid = v.pipe(
  v.string('must be a text'),
  v.regex(/^[A-Za-z0-9._-]{1,64}$/, 'must be 1 to 64 of A-Z a-z 0-9 . _ -'),
);
const named = {
  name: Label,
  /** Chosen by the relay without it; a JWK's own `kid` comes before that. */
  kid: v.optional(Kid),
  /** When it begins to verify; now without it. */
  notBefore: v.optional(Time),
  /** Retires every other key that verifies now, after the overlap of 24 hours. */
  replaces: v.optional(v.boolean()),
};
export const NewSigningKey = v.variant(
  'kind',
  [
    v.strictObject({
      kind: v.literal('secret'),
      ...named,
      /** HS256, at least 32 bytes, as base64url; made by the relay and shown once without it. */
      secret: v.optional(Text(1_000)),
    }),
    v.strictObject({
      kind: v.literal('jwk'),
      ...named,
      /** A public key: EC P-256, OKP Ed25519 or RSA of 2048 bits or more. A private one is refused. */
      jwk: v.record(v.string(), v.unknown()),
      alg: v.optional(SigningAlg),
    }),
    v.strictObject({
      kind: v.literal('jwks_url'),
      ...named,
      /** https, on a public address, without redirects. */
      url: Text(500),
      alg: v.picklist(['ES256', 'EdDSA', 'RS256'], 'must be ES256, EdDSA or RS256'),
    }),
  ],
  'must be secret, jwk or jwks_url',
);
export const MadeSigningKey = v.object({ ...SigningKey.entries, secret: v.optional(v.string()) });
export const Retirement = v.strictObject({
  /** Until when it still verifies; in 24 hours without it. */
  notAfter: v.optional(Time),
});

export const ProviderKey = v.object({
  provider: v.literal('openai'),
  /** The key's last four letters. */
  hint: v.string(),
  createdAt: Time,
});
/** Null: sessions of this tenant use the relay's own key. */
export const ProviderKeyAnswer = v.object({ key: v.nullable(ProviderKey) });
export const NewProviderKey = v.strictObject({
  key: v.pipe(
    v.string('must be a text'),
    v.trim(),
    v.regex(/^[\x21-\x7e]{16,400}$/, 'must be an API key: 16 to 400 characters without spaces'),
  ),
});

/** What a page needs to carry the widget. */
export const Embed = v.object({
  /** Of the script, absolute. */
  src: v.string(),
  /** For the script tag's `integrity`; null where the script was not built. */
  integrity: v.nullable(v.string()),
  version: v.string(),
  /** Ready to paste; `pk_…` where the tenant has no active key. */
  snippet: v.string(),
});
