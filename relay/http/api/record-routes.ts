/** Routes of what happened: conversations, use, webhooks, people and the audit. */
import * as audit from './audit.ts';
import * as people from './people.ts';
import * as sessions from './sessions.ts';
import * as usage from './usage.ts';
import * as webhooks from './webhooks.ts';
import { list, PageQuery } from './common.ts';
import { routes } from './route-spec.ts';

const T = '/tenants/:tenant';

export const RECORD_ROUTES = routes({
  // Conversations.
  sessions: {
    method: 'GET',
    path: `${T}/sessions`,
    access: 'viewer',
    summary: 'Conversations, newest first',
    query: sessions.SessionsQuery,
    answer: list(sessions.Session),
  },
  session: {
    method: 'GET',
    path: `${T}/sessions/:session`,
    access: 'viewer',
    summary: 'One conversation with its turns and usage',
    answer: sessions.SessionDetail,
  },
  sessionRecord: {
    method: 'GET',
    path: `${T}/sessions/:session/record`,
    access: 'viewer',
    summary: "The arbiter's record of it: every event with its effects",
    query: sessions.RecordQuery,
    answer: sessions.SessionRecordPage,
  },
  endSession: {
    method: 'POST',
    path: `${T}/sessions/:session/end`,
    access: 'admin',
    summary: 'Ends a live conversation',
    answer: sessions.SessionEnd,
  },
  usage: {
    method: 'GET',
    path: `${T}/usage`,
    access: 'viewer',
    summary: 'Use and cost by day, and the state of the budgets',
    query: usage.UsageQuery,
    answer: usage.UsageAnswer,
  },
  revocations: {
    method: 'GET',
    path: `${T}/revocations`,
    access: 'viewer',
    summary: 'Revoked tokens, subjects and keys',
    query: PageQuery,
    answer: list(sessions.Revocation),
  },
  revoke: {
    method: 'POST',
    path: `${T}/revocations`,
    access: 'admin',
    summary: 'Revokes; live sessions are closed within two seconds',
    body: sessions.NewRevocation,
    answer: sessions.Revocation,
    status: 201,
  },

  // Webhooks.
  webhooks: {
    method: 'GET',
    path: `${T}/webhooks`,
    access: 'viewer',
    summary: 'Webhooks',
    answer: list(webhooks.Webhook),
  },
  addWebhook: {
    method: 'POST',
    path: `${T}/webhooks`,
    access: 'admin',
    summary: 'Adds a webhook; its secret is shown once',
    body: webhooks.NewWebhook,
    answer: webhooks.MadeWebhook,
    status: 201,
  },
  changeWebhook: {
    method: 'PATCH',
    path: `${T}/webhooks/:webhook`,
    access: 'admin',
    summary: 'Changes a webhook',
    body: webhooks.WebhookChange,
    answer: webhooks.Webhook,
  },
  removeWebhook: { method: 'DELETE', path: `${T}/webhooks/:webhook`, access: 'admin', summary: 'Removes a webhook' },
  rotateWebhook: {
    method: 'POST',
    path: `${T}/webhooks/:webhook/rotate`,
    access: 'admin',
    summary: 'Gives it a new secret, shown once; the former one signs too until the next rotation',
    answer: webhooks.MadeWebhook,
  },
  testWebhook: {
    method: 'POST',
    path: `${T}/webhooks/:webhook/test`,
    access: 'admin',
    summary: 'Sends a test event',
    answer: webhooks.QueuedDelivery,
    status: 202,
  },
  deliveries: {
    method: 'GET',
    path: `${T}/webhooks/:webhook/deliveries`,
    access: 'viewer',
    summary: 'What was sent, newest first',
    query: PageQuery,
    answer: list(webhooks.Delivery),
  },
  replayDelivery: {
    method: 'POST',
    path: `${T}/webhooks/:webhook/deliveries/:delivery/replay`,
    access: 'admin',
    summary: 'Sends a delivered or dead one again',
    answer: webhooks.QueuedDelivery,
    status: 202,
  },

  // People and their traces.
  users: {
    method: 'GET',
    path: `${T}/users`,
    access: 'admin',
    summary: 'People of the tenant',
    answer: list(people.User),
  },
  addUser: {
    method: 'POST',
    path: `${T}/users`,
    access: 'admin',
    summary: 'Invites somebody; answers with a one-time link to hand over',
    body: people.NewUser,
    answer: people.InvitedUser,
    status: 201,
    problems: ['conflict'],
  },
  linkUser: {
    method: 'POST',
    path: `${T}/users/:user/link`,
    access: 'admin',
    summary: 'A new one-time link for somebody, as after a forgotten password',
    answer: people.OneTimeLink,
    status: 201,
  },
  removeUser: {
    method: 'DELETE',
    path: `${T}/users/:user`,
    access: 'admin',
    summary: 'Removes somebody, and ends their sign-ins',
  },
  audit: {
    method: 'GET',
    path: `${T}/audit`,
    access: 'viewer',
    summary: 'Who changed what, newest first',
    query: PageQuery,
    answer: list(audit.AuditEntry),
  },
  verifyAudit: {
    method: 'GET',
    path: `${T}/audit/verify`,
    access: 'viewer',
    summary: 'Recomputes the chain',
    answer: audit.AuditVerdict,
  },
});
