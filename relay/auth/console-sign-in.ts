/**
 * Signing in to the console: with a password or by a link that works once. Whoever holds the
 * cookie is signed in; the store knows cookies and links by their hashes alone. It counts attempts
 * where shared state says so; it knows no routes.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { RelayError } from '../errors.ts';
import { hashPassword, isPassword } from './console-passwords.ts';

/** How long a sign-in lasts, in milliseconds. */
export const SIGN_IN_LIFE_MS = 12 * 3_600_000;
export const LINK_LIFE_MS = 24 * 3_600_000;
/** Wrong or right, so many attempts are looked at within the window; the rest are 429. */
const ATTEMPTS = { window: 15 * 60_000, perAddress: 30, perAccount: 10 };

export interface Person {
  id: string;
  /** Null for operators. */
  tenantId: string | null;
  email: string;
  role: 'operator' | 'admin' | 'viewer';
  passwordHash: string | null;
}

/** Where people and their sign-ins lie: the store, as far as it is needed here. */
export interface PeopleRecords {
  byId(id: string): Promise<Person | undefined>;
  byEmail(email: string): Promise<Person | undefined>;
  setPassword(id: string, passwordHash: string): Promise<void>;
  signIn(row: { hash: string; userId: string; csrf: string; createdAt: number; expiresAt: number }): Promise<void>;
  signedIn(hash: string, now: number): Promise<{ user: Person; csrf: string; expiresAt: number } | undefined>;
  signOut(hash: string): Promise<void>;
  signOutEverywhere(userId: string): Promise<void>;
  addLink(row: { hash: string; userId: string; expiresAt: number }): Promise<void>;
  takeLink(hash: string, now: number): Promise<Person | undefined>;
}

export interface SignedIn {
  person: Person;
  /** What the browser repeats in a header with every change. */
  csrf: string;
  expiresAt: number;
}

export interface NewSignIn extends SignedIn {
  /** For the cookie. */
  secret: string;
}

export interface SignIns {
  /**
   * @param address - Counted by.
   * @throws {RelayError} `sign-in-refused` whatever is wrong, `rate-limited`.
   */
  byPassword(email: string, password: string, address: string): Promise<NewSignIn>;
  /** Uses the link up. @throws {RelayError} `sign-in-refused`, `rate-limited`. */
  byLink(link: string, address: string): Promise<NewSignIn>;
  /** @returns undefined for a cookie that signs nobody in (any more). */
  find(secret: string): Promise<SignedIn | undefined>;
  end(secret: string): Promise<void>;
  /**
   * Sets the password, ends every sign-in of the person, and begins a new one.
   *
   * @param current - Needed where there is a password already.
   * @throws {RelayError} `sign-in-refused`, `rate-limited`.
   */
  changePassword(personId: string, current: string | undefined, next: string): Promise<NewSignIn>;
  /** A link for `personId`. @returns its secret, and when it ends. */
  makeLink(personId: string): Promise<{ secret: string; expiresAt: number }>;
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const newSecret = () => randomBytes(32).toString('base64url');

/** The password of somebody who came by a link is gone: a forgotten one is set anew without knowing it. */
const NO_PASSWORD = '';
export const hasPassword = ({ passwordHash }: Pick<Person, 'passwordHash'>): boolean =>
  passwordHash !== null && passwordHash !== NO_PASSWORD;

/** Whether two texts are the same, without telling how far. */
export function sameText(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

export function createSignIns(deps: {
  people: PeopleRecords;
  clock: Pick<Clock, 'wallNow'>;
  attempts: {
    take(bucket: string, key: string, max: number, windowMs: number): Promise<{ isAllowed: boolean; resetMs: number }>;
  };
}): SignIns {
  const { people, clock, attempts } = deps;

  async function count(bucket: string, key: string, max: number): Promise<void> {
    const { isAllowed, resetMs } = await attempts.take(bucket, key, max, ATTEMPTS.window);
    if (!isAllowed)
      throw new RelayError('rate-limited', 'too many attempts to sign in', { retryAfterS: resetMs / 1000 });
  }

  async function begin(person: Person): Promise<NewSignIn> {
    const createdAt = clock.wallNow();
    const secret = newSecret();
    const csrf = newSecret();
    const expiresAt = createdAt + SIGN_IN_LIFE_MS;
    await people.signIn({ hash: sha256(secret), userId: person.id, csrf, createdAt, expiresAt });
    return { person, csrf, expiresAt, secret };
  }

  return {
    async byPassword(email, password, address) {
      await count('sign-in-address', address, ATTEMPTS.perAddress);
      // Also for addresses that nobody has: the answer must not tell.
      await count('sign-in-account', sha256(email), ATTEMPTS.perAccount);
      const person = await people.byEmail(email);
      const isRight = await isPassword(person?.passwordHash ?? null, password);
      if (person === undefined || !isRight)
        throw new RelayError('sign-in-refused', 'no such person, or not the password');
      return begin(person);
    },
    async byLink(link, address) {
      await count('sign-in-address', address, ATTEMPTS.perAddress);
      const person = await people.takeLink(sha256(link), clock.wallNow());
      if (person === undefined) throw new RelayError('sign-in-refused', 'the link is used up, too old or none of ours');
      if (!hasPassword(person)) return begin(person);
      await people.setPassword(person.id, NO_PASSWORD);
      return begin({ ...person, passwordHash: NO_PASSWORD });
    },
    async find(secret) {
      const found = await people.signedIn(sha256(secret), clock.wallNow());
      return found && { person: found.user, csrf: found.csrf, expiresAt: found.expiresAt };
    },
    end: (secret) => people.signOut(sha256(secret)),
    async changePassword(personId, current, next) {
      await count('password-change', personId, ATTEMPTS.perAccount);
      const person = await people.byId(personId);
      const mayChange =
        person !== undefined &&
        (person.passwordHash === null || (await isPassword(person.passwordHash, current ?? '')));
      if (!mayChange) throw new RelayError('sign-in-refused', 'not the present password');
      const passwordHash = await hashPassword(next);
      await people.setPassword(personId, passwordHash);
      await people.signOutEverywhere(personId);
      return begin({ ...person, passwordHash });
    },
    async makeLink(personId) {
      const secret = newSecret();
      const expiresAt = clock.wallNow() + LINK_LIFE_MS;
      await people.addLink({ hash: sha256(secret), userId: personId, expiresAt });
      return { secret, expiresAt };
    },
  };
}
