/** Webhooks, and the outbox that their events wait in until they are delivered or given up. */
import type { Selectable } from 'kysely';
import { touched, written, type Database } from './database.ts';
import { olderThan, pageOf, rowsToAsk } from './paging.ts';
import type { DeliveryRow, WebhookRecords, WebhookRow } from './records.ts';
import type { Tables } from './schema.ts';
import { openFor, sealFor } from './sealed-columns.ts';

export const deliveryRow = (row: Selectable<Tables['webhook_deliveries']>): DeliveryRow => ({
  ...{ id: row.id, tenantId: row.tenant_id, webhookId: row.webhook_id, event: row.event, body: row.body },
  ...{ status: row.status as DeliveryRow['status'], attempts: row.attempts, nextAt: row.next_at },
  ...{ lastResult: row.last_result, createdAt: row.created_at },
});

export function createWebhooks(database: Database): WebhookRecords {
  const { db, within, now, dialect } = database;
  const secretsOf = async ({ tenant_id, id, sealed_secrets }: Tables['webhooks']) =>
    JSON.parse(await openFor(database, 'webhookSecrets', sealed_secrets, tenant_id, id)) as string[];
  const sealSecrets = (tenantId: string, id: string, secrets: readonly string[]) =>
    sealFor(database, 'webhookSecrets', JSON.stringify(secrets), tenantId, id);
  const read = async (row: Tables['webhooks']): Promise<WebhookRow> => ({
    ...{ id: row.id, tenantId: row.tenant_id, url: row.url, events: JSON.parse(row.events) as string[] },
    ...{ status: row.status as WebhookRow['status'], secrets: await secretsOf(row), createdAt: row.created_at },
  });

  /** Hides what is due from every other instance, and tells what it was. */
  function take(at: number, limit: number, hiddenUntil: number) {
    let due = db()
      .selectFrom('webhook_deliveries as due')
      .innerJoin('webhooks', (on) =>
        on.onRef('webhooks.tenant_id', '=', 'due.tenant_id').onRef('webhooks.id', '=', 'due.webhook_id'),
      )
      .select(['due.tenant_id', 'due.id'])
      .where('due.status', '=', 'pending')
      .where('webhooks.status', '=', 'active')
      .where('due.next_at', '<=', at)
      .orderBy('due.next_at')
      .limit(limit);
    // SQLite knows no row locks and needs none: it has one connection.
    if (dialect === 'postgres') due = due.forUpdate('due').skipLocked();
    return db()
      .updateTable('webhook_deliveries')
      .set({ next_at: hiddenUntil })
      .where((is) => is(is.refTuple('tenant_id', 'id'), 'in', due.$asTuple('tenant_id', 'id')))
      .returningAll()
      .execute();
  }

  return {
    async list(tenantId) {
      const rows = await db()
        .selectFrom('webhooks')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .orderBy('created_at', 'desc')
        .orderBy('id')
        .execute();
      const webhooks: WebhookRow[] = [];
      for (const row of rows) webhooks.push(await read(row));
      return webhooks;
    },
    async add({ tenantId, id, url, events, status, secrets }) {
      const sealed_secrets = sealSecrets(tenantId, id, secrets);
      const row = { tenant_id: tenantId, id, url, events: JSON.stringify(events), status, sealed_secrets };
      await written(() =>
        db()
          .insertInto('webhooks')
          .values({ ...row, created_at: now() })
          .execute(),
      );
    },
    async change(tenantId, id, { url, events, status, secrets }) {
      const to = {
        ...(url !== undefined && { url }),
        ...(events !== undefined && { events: JSON.stringify(events) }),
        ...(status !== undefined && { status }),
        ...(secrets !== undefined && { sealed_secrets: sealSecrets(tenantId, id, secrets) }),
        // Something to set, also where nothing changes: the answer tells whether there is such a webhook.
        id,
      };
      return touched(
        await db()
          .updateTable('webhooks')
          .set(to)
          .where('tenant_id', '=', tenantId)
          .where('id', '=', id)
          .executeTakeFirst(),
      );
    },
    async remove(tenantId, id) {
      return touched(
        await db().deleteFrom('webhooks').where('tenant_id', '=', tenantId).where('id', '=', id).executeTakeFirst(),
      );
    },
    async enqueue(rows) {
      const fresh = { status: 'pending', attempts: 0, last_result: null, created_at: now() };
      await within(async () => {
        for (const { tenantId, id, webhookId, event, body, nextAt } of rows)
          await written(() =>
            db()
              .insertInto('webhook_deliveries')
              .values({ tenant_id: tenantId, id, webhook_id: webhookId, event, body, next_at: nextAt, ...fresh })
              .onConflict((on) => on.columns(['tenant_id', 'id']).doNothing())
              .execute(),
          );
      });
    },
    async claimDue(at, limit, leaseMs) {
      const taken = await take(at, limit, at + leaseMs);
      const claimed: Awaited<ReturnType<WebhookRecords['claimDue']>> = [];
      for (const row of taken) {
        const webhook = await db()
          .selectFrom('webhooks')
          .selectAll()
          .where('tenant_id', '=', row.tenant_id)
          .where('id', '=', row.webhook_id)
          .executeTakeFirst();
        // Removed in this very moment: its deliveries went with it.
        if (webhook === undefined) continue;
        claimed.push({ ...deliveryRow(row), url: webhook.url, secrets: await secretsOf(webhook) });
      }
      return claimed;
    },
    async settle(tenantId, id, { status, nextAt, lastResult }) {
      await db()
        .updateTable('webhook_deliveries')
        .set((to) => ({ status, next_at: nextAt, last_result: lastResult, attempts: to('attempts', '+', 1) }))
        .where('tenant_id', '=', tenantId)
        .where('id', '=', id)
        .execute();
    },
    async deliveries(tenantId, webhookId, page) {
      const rows = await db()
        .selectFrom('webhook_deliveries')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where('webhook_id', '=', webhookId)
        .where(olderThan(page.after, 'created_at', 'id'))
        .orderBy('created_at', 'desc')
        .orderBy('id', 'desc')
        .limit(rowsToAsk(page))
        .execute();
      return pageOf(rows, page, (row) => [row.created_at, row.id], deliveryRow);
    },
    async replay(tenantId, id, at) {
      return touched(
        await db()
          .updateTable('webhook_deliveries')
          .set({ status: 'pending', attempts: 0, next_at: at })
          .where('tenant_id', '=', tenantId)
          .where('id', '=', id)
          .where('status', '!=', 'pending')
          .executeTakeFirst(),
      );
    },
    async forgetOlder(before) {
      const { numDeletedRows } = await db()
        .deleteFrom('webhook_deliveries')
        .where('created_at', '<', before)
        .executeTakeFirst();
      return Number(numDeletedRows);
    },
    async forgetSettled(before) {
      const { numDeletedRows } = await db()
        .deleteFrom('webhook_deliveries')
        .where('status', '!=', 'pending')
        .where('created_at', '<', before)
        .executeTakeFirst();
      return Number(numDeletedRows);
    },
  };
}
