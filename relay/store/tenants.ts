/** Tenants, with their pages, publishable keys, assistants and limits. */
import { sql } from 'kysely';
import { touched, written, type Database } from './database.ts';
import { olderThan, pageOf, rowsToAsk } from './paging.ts';
import type {
  AssistantRecords,
  LimitRecords,
  LimitsRow,
  Origins,
  Page,
  PageRequest,
  PublishableKeys,
  PublishableKeyRow,
} from './records.ts';

export interface TenantRow {
  id: string;
  slug: string;
  name: string;
  status: string;
  /** JSON: what the tenant set of itself. */
  settings: string;
  createdAt: number;
}

/** A document that never changes: a new wording is a new version. */
export interface AssistantRow {
  id: string;
  version: number;
  /** JSON. */
  document: string;
}

export interface NewTenant extends Omit<TenantRow, 'createdAt' | 'settings'> {
  /** Canonical patterns. */
  origins: string[];
  publishableKey: string;
  assistant: AssistantRow;
  /** What differs from the relay's defaults. */
  limits?: Partial<LimitsRow>;
}

export interface Tenants {
  /** @throws {RelayError} `conflict` when slug or key exist. */
  create(tenant: NewTenant): Promise<void>;
  byId(id: string): Promise<TenantRow | undefined>;
  bySlug(slug: string): Promise<TenantRow | undefined>;
  /** Active keys only. */
  byPublishableKey(key: string): Promise<TenantRow | undefined>;
  /** The one that was made first; the demo tenant is left out where `exceptSlug` says so. */
  first(exceptSlug?: string): Promise<TenantRow | undefined>;
  /** Newest first; for the operator. `search` is part of a slug or name. */
  list(query: PageRequest & { search?: string }): Promise<Page<TenantRow>>;
  setStatus(id: string, status: string): Promise<void>;
  rename(id: string, name: string): Promise<boolean>;
  /** @param settings - JSON, all of them. */
  putSettings(id: string, settings: string): Promise<boolean>;
  /** With everything that belongs to it; only its audit chain stays. */
  remove(id: string): Promise<boolean>;
  origins(id: string): Promise<string[]>;
  publishableKeys(id: string): Promise<string[]>;
  /** Whether any active tenant has one of `patterns`. */
  anyHasOrigin(patterns: readonly string[]): Promise<boolean>;
}

export interface Assistants {
  /** The newest version of `id`, or of the tenant's first assistant. */
  newest(tenantId: string, id?: string): Promise<AssistantRow | undefined>;
  /** @throws {RelayError} `conflict` when there is that version. */
  add(tenantId: string, assistant: AssistantRow): Promise<void>;
}

const COLUMNS = [
  ...(['tenants.id', 'tenants.slug', 'tenants.name', 'tenants.status'] as const),
  ...(['tenants.settings', 'tenants.created_at'] as const),
] as const;

const read = ({ created_at, ...row }: Omit<TenantRow, 'createdAt'> & { created_at: number }): TenantRow => ({
  ...row,
  createdAt: created_at,
});

/** `text` anywhere, whatever it holds. */
export const containing = (text: string): string => `%${text.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`;

export function createTenants({ db, within, now }: Database): Tenants {
  const one = async (query: { executeTakeFirst(): Promise<Parameters<typeof read>[0] | undefined> }) => {
    const row = await query.executeTakeFirst();
    return row && read(row);
  };
  return {
    async create({ origins, publishableKey, assistant, limits = {}, ...tenant }) {
      const belongs = { tenant_id: tenant.id, created_at: now() };
      await within(async () => {
        await written(() =>
          db()
            .insertInto('tenants')
            .values({ ...tenant, created_at: belongs.created_at })
            .execute(),
        );
        const key = { id: publishableKey, status: 'active', ...belongs };
        await written(() => db().insertInto('publishable_keys').values(key).execute());
        await insertOrigins(db, belongs, origins);
        await db()
          .insertInto('assistants')
          .values({ ...assistant, ...belongs })
          .execute();
        await insertLimits(db, tenant.id, limits);
      });
    },
    byId: (id) => one(db().selectFrom('tenants').select(COLUMNS).where('id', '=', id)),
    bySlug: (slug) => one(db().selectFrom('tenants').select(COLUMNS).where('slug', '=', slug)),
    byPublishableKey: (key) =>
      one(
        db()
          .selectFrom('publishable_keys')
          .innerJoin('tenants', 'tenants.id', 'publishable_keys.tenant_id')
          .select(COLUMNS)
          .where('publishable_keys.id', '=', key)
          .where('publishable_keys.status', '=', 'active'),
      ),
    first: (exceptSlug = '') =>
      one(
        db()
          .selectFrom('tenants')
          .select(COLUMNS)
          .where('slug', '!=', exceptSlug)
          .orderBy('created_at')
          .orderBy('id')
          .limit(1),
      ),
    async list({ search, ...page }) {
      let query = db()
        .selectFrom('tenants')
        .select(COLUMNS)
        .where(olderThan(page.after, 'created_at', 'id'));
      if (search !== undefined) {
        const like = containing(search);
        query = query.where(
          sql<boolean>`(lower(slug) like ${like} escape '\\' or lower(name) like ${like} escape '\\')`,
        );
      }
      const rows = await query.orderBy('created_at', 'desc').orderBy('id', 'desc').limit(rowsToAsk(page)).execute();
      return pageOf(rows, page, (row) => [row.created_at, row.id], read);
    },
    async setStatus(id, status) {
      await db().updateTable('tenants').set({ status }).where('id', '=', id).execute();
    },
    async rename(id, name) {
      return touched(await db().updateTable('tenants').set({ name }).where('id', '=', id).executeTakeFirst());
    },
    async putSettings(id, settings) {
      return touched(await db().updateTable('tenants').set({ settings }).where('id', '=', id).executeTakeFirst());
    },
    async remove(id) {
      return touched(await db().deleteFrom('tenants').where('id', '=', id).executeTakeFirst());
    },
    origins: (id) => listOrigins(db, id),
    async publishableKeys(id) {
      const rows = await db().selectFrom('publishable_keys').select('id').where('tenant_id', '=', id).execute();
      return rows.map((row) => row.id);
    },
    async anyHasOrigin(patterns) {
      if (patterns.length === 0) return false;
      const row = await db()
        .selectFrom('origins')
        .innerJoin('tenants', 'tenants.id', 'origins.tenant_id')
        .select('origins.pattern')
        .where('origins.pattern', 'in', patterns)
        .where('tenants.status', '=', 'active')
        .limit(1)
        .executeTakeFirst();
      return row !== undefined;
    },
  };
}

async function listOrigins(db: Database['db'], tenantId: string): Promise<string[]> {
  const rows = await db().selectFrom('origins').select('pattern').where('tenant_id', '=', tenantId).execute();
  return rows.map(({ pattern }) => pattern).sort();
}

async function insertOrigins(
  db: Database['db'],
  belongs: { tenant_id: string; created_at: number },
  patterns: readonly string[],
): Promise<void> {
  const rows = [...new Set(patterns)].map((pattern) => ({ pattern, ...belongs }));
  if (rows.length > 0) await written(() => db().insertInto('origins').values(rows).execute());
}

async function insertLimits(db: Database['db'], tenantId: string, limits: Partial<LimitsRow>): Promise<void> {
  const rows = Object.entries(limits).map(([name, value]) => ({ tenant_id: tenantId, name, value }));
  if (rows.length > 0) await written(() => db().insertInto('limits').values(rows).execute());
}

/** Of two that replace the same set of a tenant at once, the second waits, and sees what the first wrote. */
async function oneAtATime({ db, dialect }: Pick<Database, 'db' | 'dialect'>, tenantId: string): Promise<void> {
  // SQLite has one writer anyway.
  if (dialect === 'postgres')
    await db().selectFrom('tenants').select('id').where('id', '=', tenantId).forNoKeyUpdate().execute();
}

export function createOrigins({ db, within, now, dialect }: Database): Origins {
  return {
    list: (tenantId) => listOrigins(db, tenantId),
    async replace(tenantId, patterns) {
      await within(async () => {
        await oneAtATime({ db, dialect }, tenantId);
        await db().deleteFrom('origins').where('tenant_id', '=', tenantId).execute();
        await insertOrigins(db, { tenant_id: tenantId, created_at: now() }, patterns);
      });
    },
  };
}

export function createPublishableKeys({ db, now }: Database): PublishableKeys {
  return {
    async list(tenantId) {
      const rows = await db()
        .selectFrom('publishable_keys')
        .select(['id', 'status', 'created_at'])
        .where('tenant_id', '=', tenantId)
        .orderBy('created_at', 'desc')
        .orderBy('id')
        .execute();
      return rows.map(({ id, status, created_at }) => ({
        ...{ id, status: status as PublishableKeyRow['status'], createdAt: created_at },
      }));
    },
    async add(tenantId, id) {
      const row = { id, tenant_id: tenantId, status: 'active', created_at: now() };
      await written(() => db().insertInto('publishable_keys').values(row).execute());
    },
    async revoke(tenantId, id) {
      return touched(
        await db()
          .updateTable('publishable_keys')
          .set({ status: 'revoked' })
          .where('tenant_id', '=', tenantId)
          .where('id', '=', id)
          .executeTakeFirst(),
      );
    },
  };
}

export function createAssistants({ db, now }: Database): Assistants & AssistantRecords {
  return {
    newest(tenantId, id) {
      const rows = db()
        .selectFrom('assistants')
        .select(['id', 'version', 'document'])
        .where('tenant_id', '=', tenantId)
        .limit(1);
      return id === undefined
        ? rows.orderBy('id').orderBy('version', 'desc').executeTakeFirst()
        : rows.where('id', '=', id).orderBy('version', 'desc').executeTakeFirst();
    },
    async add(tenantId, row) {
      const values = { ...row, tenant_id: tenantId, created_at: now() };
      await written(() => db().insertInto('assistants').values(values).execute());
    },
    async list(tenantId) {
      const rows = await db()
        .selectFrom('assistants as one')
        .select(['id', 'version', 'document', 'created_at as createdAt'])
        .where('tenant_id', '=', tenantId)
        .where('version', '=', (is) =>
          is
            .selectFrom('assistants as other')
            .select((as) => as.fn.max('other.version').as('newest'))
            .where('other.tenant_id', '=', tenantId)
            .whereRef('other.id', '=', 'one.id'),
        )
        .orderBy('id')
        .execute();
      return rows;
    },
    versions: (tenantId, id) =>
      db()
        .selectFrom('assistants')
        .select(['version', 'created_at as createdAt'])
        .where('tenant_id', '=', tenantId)
        .where('id', '=', id)
        .orderBy('version', 'desc')
        .execute(),
    at: (tenantId, id, version) =>
      db()
        .selectFrom('assistants')
        .select('document')
        .where('tenant_id', '=', tenantId)
        .where('id', '=', id)
        .where('version', '=', version)
        .executeTakeFirst(),
  };
}

export function createLimits({ db, within, dialect }: Database): LimitRecords {
  return {
    async of(tenantId) {
      const rows = await db()
        .selectFrom('limits')
        .select(['name', 'value'])
        .where('tenant_id', '=', tenantId)
        .execute();
      return Object.fromEntries(rows.map(({ name, value }) => [name, value]));
    },
    async put(tenantId, limits) {
      await within(async () => {
        await oneAtATime({ db, dialect }, tenantId);
        await db().deleteFrom('limits').where('tenant_id', '=', tenantId).execute();
        await insertLimits(db, tenantId, limits);
      });
    },
  };
}
