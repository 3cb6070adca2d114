/** Signing in and out, and who may: people of tenants, and operators. */
import type { Caller } from '../../auth/console-callers.ts';
import { hasPassword, type NewSignIn, type SignIns } from '../../auth/console-sign-in.ts';
import type { Clock } from '../../clock.ts';
import { RelayError } from '../../errors.ts';
import { newId } from '../../ids.ts';
import type { UserRow } from '../../store/records.ts';
import type { Store } from '../../store/store.ts';
import type { AnswerOf } from '../api/routes.ts';
import { addressKey } from '../client-address.ts';
import type { Ask, Handlers } from './ask.ts';

export interface PeopleDeps {
  store: Pick<Store, 'people' | 'tenants'>;
  signIns: SignIns;
  clock: Clock;
  /** Where browsers reach the relay, without a slash at the end. */
  siteUrl: () => string;
}

type Names =
  | ('me' | 'signIn' | 'signInByLink' | 'signOut' | 'changePassword' | 'setupLink')
  | ('operators' | 'addOperator' | 'removeOperator' | 'users' | 'addUser' | 'linkUser' | 'removeUser');

const userAnswer = ({ id, email, role, passwordHash, createdAt }: UserRow): AnswerOf<'users'>['rows'][number] => ({
  ...{ id, email, role, createdAt, hasPassword: hasPassword({ passwordHash }) },
});

export function peopleHandlers({ store, signIns, clock, siteUrl }: PeopleDeps): Handlers<Names> {
  const { people } = store;

  async function meAnswer({ kind, role, tenantId, person, signIn }: Caller): Promise<AnswerOf<'me'>> {
    const row = tenantId === null ? undefined : await store.tenants.byId(tenantId);
    return {
      ...{ kind, role, csrf: signIn?.csrf ?? null, expiresAt: signIn?.expiresAt ?? null },
      tenant: row === undefined ? null : { id: row.id, name: row.name, slug: row.slug },
      user: person === undefined ? null : { id: person.id, email: person.email, hasPassword: hasPassword(person) },
    };
  }

  /** Sets the cookie, and writes down that somebody came in. */
  async function comeIn(ask: Pick<Ask, 'setCookie'> & Audited, made: NewSignIn, action: string) {
    const { person, secret, csrf, expiresAt } = made;
    const actor = `user:${person.id}`;
    ask.setCookie(secret);
    return ask.change({ action, target: actor, actor, chain: person.tenantId }, () =>
      meAnswer({
        ...{ kind: 'user', role: person.role, tenantId: person.tenantId, actor, person },
        signIn: { secret, csrf, expiresAt },
      }),
    );
  }

  async function newLink(userId: string): Promise<AnswerOf<'linkUser'>> {
    const { secret, expiresAt } = await signIns.makeLink(userId);
    // Behind the #, so that it is in no server's log and in no Referer.
    return { url: `${siteUrl()}/console/#link=${secret}`, expiresAt };
  }

  async function invite(tenantId: string | null, email: string, role: UserRow['role']) {
    const id = newId('usr', clock.wallNow());
    await people.add({ id, tenantId, email, role, passwordHash: null });
    const user = { id, tenantId, email, role, passwordHash: null, createdAt: clock.wallNow() };
    return { ...userAnswer(user), link: await newLink(id) };
  }

  async function personOf(tenantId: string | null, id: string): Promise<UserRow> {
    const user = await people.byId(id);
    if (user?.tenantId !== tenantId) throw new RelayError('not-found', 'no such person here');
    return user;
  }

  function notOneself(caller: Caller, id: string): void {
    if (caller.person?.id === id)
      throw new RelayError('conflict', 'nobody removes themselves', {
        problems: [{ at: 'user', message: 'is yourself: somebody else must remove you' }],
      });
  }

  async function remove(tenantId: string | null, id: string): Promise<undefined> {
    if (!(await people.remove(tenantId, id))) throw new RelayError('not-found', 'no such person here');
  }

  return {
    me: ({ caller }) => meAnswer(caller),
    async signIn(ask) {
      const { email, password } = ask.body;
      return comeIn(ask, await signIns.byPassword(email, password, addressKey(ask.address)), 'sign-in');
    },
    async signInByLink(ask) {
      return comeIn(ask, await signIns.byLink(ask.body.link, addressKey(ask.address)), 'sign-in.link');
    },
    async signOut({ caller, setCookie }) {
      setCookie(undefined);
      if (caller.signIn !== undefined) await signIns.end(caller.signIn.secret);
      return undefined;
    },
    async changePassword({ caller, body, setCookie, change }) {
      const { person } = caller;
      if (person === undefined) throw new RelayError('forbidden', 'only people have passwords');
      const { secret } = await signIns.changePassword(person.id, body.current, body.next);
      setCookie(secret);
      const target = `user:${person.id}`;
      return change({ action: 'password.change', target, chain: person.tenantId }, () => Promise.resolve(undefined));
    },
    setupLink: ({ caller, change }) =>
      change({ action: 'link.make', target: 'operator' }, async () => {
        const user = caller.person ?? (await setupOperator(store.people, siteUrl(), clock));
        return newLink(user.id);
      }),
    operators: async () => ({ rows: (await people.list(null)).map(userAnswer) }),
    addOperator: ({ body, change }) =>
      change(
        ({ id, email }) => ({ action: 'user.invite', target: `user:${id}`, payload: { email, role: 'operator' } }),
        () => invite(null, body.email, 'operator'),
      ),
    removeOperator({ caller, params, change }) {
      notOneself(caller, params.user);
      return change({ action: 'user.remove', target: `user:${params.user}` }, () => remove(null, params.user));
    },
    users: async ({ tenant }) => ({ rows: (await people.list(tenant.id)).map(userAnswer) }),
    addUser: ({ tenant, body, change }) =>
      change(
        ({ id, email, role }) => ({ action: 'user.invite', target: `user:${id}`, payload: { email, role } }),
        () => invite(tenant.id, body.email, body.role),
      ),
    linkUser: ({ tenant, params, change }) =>
      change({ action: 'link.make', target: `user:${params.user}` }, async () =>
        newLink((await personOf(tenant.id, params.user)).id),
      ),
    removeUser({ tenant, caller, params, change }) {
      notOneself(caller, params.user);
      return change({ action: 'user.remove', target: `user:${params.user}` }, () => remove(tenant.id, params.user));
    },
  };
}

/** Of an Ask, how a change is written down whatever the route answers. */
interface Audited {
  change: Ask<'signIn'>['change'];
}

/** The first operator: made where there is none, so that there is somebody to sign in as. */
export async function setupOperator(
  people: Store['people'],
  siteUrl: string,
  clock: Pick<Clock, 'wallNow'>,
): Promise<{ id: string; email: string; hasPassword: boolean }> {
  const [first] = await people.list(null);
  if (first !== undefined) return { id: first.id, email: first.email, hasPassword: hasPassword(first) };
  const id = newId('usr', clock.wallNow());
  const email = `operator@${new URL(siteUrl).hostname}`;
  try {
    await people.add({ id, tenantId: null, email, role: 'operator', passwordHash: null });
  } catch (error) {
    // Of several relays that start at once on an empty store, one makes the first operator.
    const [other] = error instanceof RelayError && error.code === 'conflict' ? await people.list(null) : [];
    if (other === undefined) throw error;
    return { id: other.id, email: other.email, hasPassword: hasPassword(other) };
  }
  return { id, email, hasPassword: false };
}
