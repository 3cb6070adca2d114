/** Who signs in to the console. Cookies and links are known by their hashes only. */
import type { Selectable } from 'kysely';
import { touched, written, type Database } from './database.ts';
import type { People, UserRow } from './records.ts';
import type { Tables } from './schema.ts';

const user = (row: Selectable<Tables['users']>): UserRow => ({
  ...{ id: row.id, tenantId: row.tenant_id, email: row.email, role: row.role as UserRow['role'] },
  ...{ passwordHash: row.password_hash, createdAt: row.created_at },
});

const sameAddress = (email: string) => email.trim().toLowerCase();

export function createPeople({ db, within, now }: Database): People {
  const one = async (column: 'id' | 'email', value: string) => {
    const row = await db().selectFrom('users').selectAll().where(column, '=', value).executeTakeFirst();
    return row && user(row);
  };
  return {
    async add({ id, tenantId, email, role, passwordHash }) {
      const row = { id, tenant_id: tenantId, email: sameAddress(email), role, password_hash: passwordHash };
      await written(() =>
        db()
          .insertInto('users')
          .values({ ...row, created_at: now() })
          .execute(),
      );
    },
    byId: (id) => one('id', id),
    byEmail: (email) => one('email', sameAddress(email)),
    async list(tenantId) {
      const rows = await db()
        .selectFrom('users')
        .selectAll()
        .where('tenant_id', tenantId === null ? 'is' : '=', tenantId)
        .orderBy('created_at')
        .orderBy('id')
        .execute();
      return rows.map(user);
    },
    async setPassword(id, passwordHash) {
      await db().updateTable('users').set({ password_hash: passwordHash }).where('id', '=', id).execute();
    },
    async remove(tenantId, id) {
      return touched(
        await db()
          .deleteFrom('users')
          .where('tenant_id', tenantId === null ? 'is' : '=', tenantId)
          .where('id', '=', id)
          .executeTakeFirst(),
      );
    },
    async signIn({ hash, userId, csrf, createdAt, expiresAt }) {
      const row = { hash, user_id: userId, csrf, created_at: createdAt, expires_at: expiresAt };
      await written(() => db().insertInto('sign_ins').values(row).execute());
    },
    async signedIn(hash, at) {
      const row = await db()
        .selectFrom('sign_ins')
        .innerJoin('users', 'users.id', 'sign_ins.user_id')
        .selectAll('users')
        .select(['sign_ins.csrf', 'sign_ins.expires_at'])
        .where('sign_ins.hash', '=', hash)
        .where('sign_ins.expires_at', '>', at)
        .executeTakeFirst();
      return row && { user: user(row), csrf: row.csrf, expiresAt: row.expires_at };
    },
    async signOut(hash) {
      await db().deleteFrom('sign_ins').where('hash', '=', hash).execute();
    },
    async signOutEverywhere(userId) {
      await db().deleteFrom('sign_ins').where('user_id', '=', userId).execute();
    },
    async addLink({ hash, userId, expiresAt }) {
      await written(() => db().insertInto('links').values({ hash, user_id: userId, expires_at: expiresAt }).execute());
    },
    takeLink: (hash, at) =>
      within(async () => {
        const link = await db().deleteFrom('links').where('hash', '=', hash).returningAll().executeTakeFirst();
        return link === undefined || link.expires_at <= at ? undefined : one('id', link.user_id);
      }),
    async forget(at) {
      const signIns = await db().deleteFrom('sign_ins').where('expires_at', '<=', at).executeTakeFirst();
      const links = await db().deleteFrom('links').where('expires_at', '<=', at).executeTakeFirst();
      return Number(signIns.numDeletedRows + links.numDeletedRows);
    },
  };
}
