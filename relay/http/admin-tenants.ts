/** The operator's routes on tenants. */
import { Hono } from 'hono';
import { createMiddleware } from 'hono/factory';
import { describeRoute, resolver } from 'hono-openapi';
import * as v from 'valibot';
import { requireOperator } from '../auth/operator.ts';
import type { Log } from '../log.ts';
import type { Directory } from '../tenants/directory.ts';
import { checkedBody, smallBody } from './checked-body.ts';
import { problems } from './problem.ts';
import type { RelayEnv } from './request-env.ts';

export interface AdminDeps {
  directory: Directory;
  adminToken: string | undefined;
  log: Log;
}

const NewTenant = v.strictObject({
  name: v.pipe(v.string('must be a text'), v.trim(), v.minLength(1, 'must not be empty'), v.maxLength(100)),
  slug: v.pipe(
    v.string('must be a text'),
    v.regex(/^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/, 'must be 1 to 40 of a-z 0-9 and -, without - at the ends'),
  ),
  origins: v.pipe(
    v.array(v.string('must be an origin such as https://www.example.com'), 'must be a list of origins'),
    v.maxLength(100, 'holds at most 100 origins'),
  ),
});
const TenantAnswer = v.object({
  id: v.string(),
  name: v.string(),
  slug: v.string(),
  status: v.picklist(['active', 'suspended']),
  origins: v.array(v.string()),
  /** The tenant's first publishable key. */
  publishableKey: v.string(),
});

/** Everything below needs the operator's token, whatever the path. */
export function operatorOnly({ adminToken }: Pick<AdminDeps, 'adminToken'>) {
  return createMiddleware<RelayEnv>(async (c, next) => {
    c.header('Cache-Control', 'no-store');
    requireOperator(c.req.header('authorization'), adminToken);
    await next();
  });
}

export function adminTenantRoutes({ directory, log }: AdminDeps) {
  const describe = describeRoute({
    summary: 'Makes a tenant',
    description: 'With its allowed origins, a first publishable key and an assistant to start from.',
    security: [{ operator: [] }],
    responses: {
      201: { description: 'Made', content: { 'application/json': { schema: resolver(TenantAnswer) } } },
      ...problems('bad-request', 'auth-required', 'conflict', 'too-large', 'rate-limited'),
    },
  });
  return new Hono<RelayEnv>().post('/tenants', describe, smallBody(65_536), checkedBody(NewTenant), async (c) => {
    const { tenant, origins, publishableKey } = await directory.createTenant(c.req.valid('json'));
    log.info('tenant made', { tenant: tenant.id, count: origins.length });
    const { id, name, slug, status } = tenant;
    const answer: v.InferOutput<typeof TenantAnswer> = { id, name, slug, status, origins, publishableKey };
    return c.json(answer, 201);
  });
}
