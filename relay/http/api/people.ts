/** Signing in, and who may. */
import * as v from 'valibot';
import { Email, Text, Time } from './common.ts';

/** Shortest password, in characters. */
export const SHORTEST_PASSWORD = 12;

export const Role = v.picklist(['operator', 'admin', 'viewer']);
export const Password = v.pipe(
  v.string('must be a text'),
  v.minLength(SHORTEST_PASSWORD, `must have at least ${SHORTEST_PASSWORD} characters`),
  v.maxLength(256, 'must have at most 256 characters'),
);

/** Who is asking. */
export const Me = v.object({
  /** By ADMIN_TOKEN, as a signed-in person, or by an API key. */
  kind: v.picklist(['token', 'user', 'key']),
  role: Role,
  /** Null: an operator, who may see every tenant. */
  tenant: v.nullable(v.object({ id: v.string(), name: v.string(), slug: v.string() })),
  user: v.nullable(v.object({ id: v.string(), email: v.string(), hasPassword: v.boolean() })),
  /** What a browser sends as `X-CSRF-Token` with every change; null where no cookie is used. */
  csrf: v.nullable(v.string()),
  /** When the sign-in ends; null where it does not. */
  expiresAt: v.nullable(Time),
});

export const SignIn = v.strictObject({ email: Email, password: v.pipe(v.string('must be a text'), v.maxLength(256)) });
/** The part of a one-time link behind `#link=`. */
export const SignInByLink = v.strictObject({
  link: v.pipe(v.string('must be a text'), v.minLength(20), v.maxLength(200)),
});
export const PasswordChange = v.strictObject({
  /** The present one; not asked of whoever has none yet. */
  current: v.optional(Text(256)),
  next: Password,
});

export const User = v.object({
  id: v.string(),
  email: v.string(),
  role: Role,
  /** False: invited, and not yet signed in with a password. */
  hasPassword: v.boolean(),
  createdAt: Time,
});
export const NewUser = v.strictObject({
  email: Email,
  role: v.picklist(['admin', 'viewer'], 'must be admin or viewer'),
});
export const NewOperator = v.strictObject({ email: Email });
/** A link that signs in once. Shown once. */
export const OneTimeLink = v.object({ url: v.string(), expiresAt: Time });
export const InvitedUser = v.object({ ...User.entries, link: OneTimeLink });
