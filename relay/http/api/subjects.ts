/** What is kept of one end user, to be handed out. */
import * as v from 'valibot';
import { Text, Time } from './common.ts';
import { Revocation, SessionDetail } from './sessions.ts';
import { Erasure } from './tenants.ts';
import { Delivery } from './webhooks.ts';

export const ExportRequest = v.strictObject({
  ...Erasure.entries,
  /** The former page's `next`. */
  after: v.optional(Text(400)),
});
export const Export = v.object({
  subject: v.string(),
  at: Time,
  /** Conversations with their words as they are kept, newest first; 50 a page. */
  rows: v.array(SessionDetail),
  /** What webhooks were or will be told of these conversations. */
  deliveries: v.array(Delivery),
  /** On the first page: what was revoked in this name. */
  revocations: v.array(Revocation),
  next: v.optional(v.string()),
});
