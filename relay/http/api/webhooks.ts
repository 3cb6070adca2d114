/** Where a tenant is told of what happens, and how that went. */
import * as v from 'valibot';
import { Count, Text, Time } from './common.ts';

export const Webhook = v.object({
  id: v.string(),
  url: v.string(),
  /** Empty is all. */
  events: v.array(v.string()),
  status: v.picklist(['active', 'disabled']),
  /** 2 while the secret rotates: both sign. */
  secrets: Count,
  createdAt: Time,
});
const url = v.pipe(Text(500), v.regex(/^https:\/\//, 'must start with https://'));
const events = v.pipe(v.array(Text(60)), v.maxLength(50, 'must be at most 50'));
export const NewWebhook = v.strictObject({ url, events: v.optional(events) });
export const WebhookChange = v.strictObject({
  url: v.optional(url),
  events: v.optional(events),
  status: v.optional(v.picklist(['active', 'disabled'], 'must be active or disabled')),
});
/** The secret is shown here and never again: `whsec_…`, for the libraries of Standard Webhooks. */
export const MadeWebhook = v.object({ ...Webhook.entries, secret: v.string() });

export const Delivery = v.object({
  id: v.string(),
  event: v.string(),
  /** JSON as it is sent. */
  body: v.string(),
  status: v.picklist(['pending', 'delivered', 'dead']),
  attempts: Count,
  /** When it is tried next, where it is pending. */
  nextAt: Time,
  /** HTTP status or a short code of the last attempt. */
  lastResult: v.nullable(v.string()),
  createdAt: Time,
});
/** The id of the delivery that was queued. */
export const QueuedDelivery = v.object({ id: v.string() });
