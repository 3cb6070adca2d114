/** Everything below `/api/admin`: the table of routes with what each does. */
import type { Hono } from 'hono';
import type { Handlers } from './ask.ts';
import type { RelayEnv } from '../request-env.ts';
import { assistantHandlers, type AssistantDeps } from './assistants.ts';
import { embedHandlers, type EmbedDeps } from './embed.ts';
import { keyHandlers, type KeyDeps } from './keys.ts';
import { operationsHandlers, type OperationsDeps } from './operations.ts';
import { peopleHandlers, type PeopleDeps } from './people.ts';
import { recordHandlers, type RecordDeps } from './records.ts';
import { serveRoutes, type ServeDeps } from './serve.ts';
import { subjectHandlers, type SubjectDeps } from './subjects.ts';
import { tenantHandlers, type TenantDeps } from './tenants.ts';
import { webhookHandlers, type WebhookDeps } from './webhooks.ts';

export type AdminDeps = ServeDeps &
  (AssistantDeps & EmbedDeps & KeyDeps & OperationsDeps & PeopleDeps & RecordDeps & SubjectDeps & TenantDeps) &
  Omit<WebhookDeps, 'events'>;

export function adminRoutes(deps: AdminDeps): Hono<RelayEnv> {
  const handlers: Handlers = {
    ...peopleHandlers(deps),
    ...tenantHandlers(deps),
    ...embedHandlers(deps),
    ...keyHandlers(deps),
    ...assistantHandlers(deps),
    ...recordHandlers(deps),
    ...operationsHandlers(deps),
    ...subjectHandlers(deps),
    ...webhookHandlers({ ...deps, events: deps.choices.webhookEvents }),
  };
  return serveRoutes(deps, handlers);
}
