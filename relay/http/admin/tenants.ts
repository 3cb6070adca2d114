/** Tenants themselves, their pages, limits and settings, and the end of it. */
import type { Revocations } from '../../auth/revocation.ts';
import { RelayError } from '../../errors.ts';
import type { LimitsRow } from '../../store/records.ts';
import type { Store } from '../../store/store.ts';
import { DEFAULT_LIMITS } from '../../tenants/demo.ts';
import type { Directory } from '../../tenants/directory.ts';
import { ORIGIN_ADVICE, readOriginPattern } from '../../tenants/origins.ts';
import type { AnswerOf } from '../api/routes.ts';
import type { Handlers, TenantInPath } from './ask.ts';
import { given } from './given.ts';
import { checkOrigin } from './origin-check.ts';

export interface TenantDeps {
  store: Pick<Store, 'tenants' | 'origins' | 'limits' | 'afterwards'>;
  directory: Directory;
  revocations: Pick<Revocations, 'changed'>;
}

type Names =
  | ('tenants' | 'createTenant' | 'tenant' | 'changeTenant' | 'deleteTenant' | 'origins' | 'putOrigins')
  | ('checkOrigin' | 'limits' | 'putLimits');

export function tenantHandlers({ store, directory, revocations }: TenantDeps): Handlers<Names> {
  async function tenantAnswer({ id, name, slug, status }: TenantInPath): Promise<AnswerOf<'tenant'>> {
    return { id, name, slug, status, settings: await directory.settings(id) };
  }

  async function originsAnswer(tenantId: string): Promise<AnswerOf<'origins'>> {
    const { stored, also } = await directory.pages(tenantId);
    return { origins: [...stored].sort(), alsoAllowed: [...also] };
  }

  /** Conversations of a tenant that is suspended or gone end, once that is so. */
  const endLive = (id: string) => store.afterwards(() => void revocations.changed(id));

  async function limitsAnswer(tenantId: string): Promise<AnswerOf<'limits'>> {
    const own = await store.limits.of(tenantId);
    return { limits: { ...DEFAULT_LIMITS, ...own }, own };
  }

  return {
    async tenants({ caller, page }) {
      const { rows, next } =
        caller.tenantId === null ? await store.tenants.list(page) : await ownTenant(store, caller.tenantId);
      const answers = rows.map((row) =>
        tenantAnswer({ ...row, status: row.status === 'active' ? 'active' : 'suspended' }),
      );
      return { rows: await Promise.all(answers), ...(next !== undefined && { next }) };
    },
    createTenant: ({ body, change }) =>
      change(
        ({ id, name, slug, origins }) => ({
          ...{ action: 'tenant.create', target: `tenant:${id}`, payload: { name, slug, origins }, chain: id },
        }),
        async () => {
          const { tenant, origins, publishableKey } = await directory.createTenant(body);
          const { id, name, slug, status } = tenant;
          return { id, name, slug, status, origins, publishableKey };
        },
      ),
    tenant: ({ tenant }) => tenantAnswer(tenant),
    changeTenant({ caller, tenant, body, match, change }) {
      if (body.status !== undefined && body.status !== tenant.status && caller.role !== 'operator')
        throw new RelayError('forbidden', 'suspending and restoring is for the operator', { at: 'status' });
      return change({ action: 'tenant.change', target: `tenant:${tenant.id}`, payload: body }, async () => {
        match(await tenantAnswer(tenant));
        const { name = tenant.name, status = tenant.status, settings } = body;
        if (name !== tenant.name) await store.tenants.rename(tenant.id, name);
        if (status !== tenant.status) await store.tenants.setStatus(tenant.id, status);
        if (settings !== undefined) await directory.changeSettings(tenant.id, given(settings));
        directory.forget();
        endLive(tenant.id);
        return tenantAnswer({ ...tenant, name, status });
      });
    },
    deleteTenant({ tenant, body, change }) {
      if (body.slug !== tenant.slug)
        throw new RelayError('bad-request', 'the slug is not that of the tenant', {
          problems: [{ at: 'slug', message: `must be ${tenant.slug}, to delete it` }],
        });
      const { id, slug, name } = tenant;
      return change(
        { action: 'tenant.delete', target: `tenant:${id}`, payload: { slug, name }, chain: null },
        async () => {
          await store.tenants.remove(id);
          directory.forget();
          endLive(id);
          return undefined;
        },
      );
    },
    origins: ({ tenant }) => originsAnswer(tenant.id),
    putOrigins({ tenant, body, match, change }) {
      const read = body.origins.map(readOriginPattern);
      const problems = read.flatMap((one, index) =>
        one.ok ? [] : [{ at: `origins.${index}`, message: ORIGIN_ADVICE[one.problem] }],
      );
      if (problems.length > 0) throw new RelayError('bad-request', 'origins are wrong', { problems });
      const patterns = [...new Set(read.flatMap((one) => (one.ok ? [one.pattern] : [])))].sort();
      return change({ action: 'origins.replace', target: `tenant:${tenant.id}`, payload: patterns }, async () => {
        match(await originsAnswer(tenant.id));
        await store.origins.replace(tenant.id, patterns);
        directory.forget();
        return originsAnswer(tenant.id);
      });
    },
    async checkOrigin({ tenant, body }) {
      const { stored, also } = await directory.pages(tenant.id);
      return checkOrigin(body.url, [...stored, ...also]);
    },
    limits: ({ tenant }) => limitsAnswer(tenant.id),
    putLimits: ({ caller, tenant, body, match, change }) =>
      change({ action: 'limits.replace', target: `tenant:${tenant.id}`, payload: body }, async () => {
        const present = await limitsAnswer(tenant.id);
        match(present);
        const own: Partial<LimitsRow> = given(body);
        if (caller.role !== 'operator') onlyNarrower(present.limits, { ...DEFAULT_LIMITS, ...own });
        await store.limits.put(tenant.id, own);
        directory.forget();
        return limitsAnswer(tenant.id);
      }),
  };
}

async function ownTenant(store: Pick<Store, 'tenants'>, id: string) {
  const row = await store.tenants.byId(id);
  return { rows: row === undefined ? [] : [row], next: undefined };
}

/** @throws {RelayError} `forbidden` with every limit that would let more through. */
function onlyNarrower(present: LimitsRow, next: LimitsRow): void {
  const names = Object.keys(present) as (keyof LimitsRow)[];
  const wider = names.filter((name) => (next[name] ?? Infinity) > (present[name] ?? Infinity));
  if (wider.length > 0)
    throw new RelayError('forbidden', 'only the operator widens limits', {
      problems: wider.map((at) => ({ at, message: 'is wider than now: ask the operator' })),
    });
}
