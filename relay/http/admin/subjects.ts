/** One end user's data, for whoever asks for it and whoever wants it gone. */
import { createHash } from 'node:crypto';
import type { Revocations } from '../../auth/revocation.ts';
import type { Clock } from '../../clock.ts';
import type { Store } from '../../store/store.ts';
import type { Handlers } from './ask.ts';
import { given } from './given.ts';
import { sessionDetail } from './session-detail.ts';

export interface SubjectDeps {
  store: Pick<Store, 'audit' | 'sessions' | 'subjects' | 'usage' | 'revocations'>;
  revocations: Pick<Revocations, 'revoke'>;
  clock: Clock;
}

/** Conversations of one page of an export. */
const CONVERSATIONS = 50;

/** How an end user is named in the audit: the name itself must be erasable. */
export const subjectTarget = (tenantId: string, subject: string): string =>
  `subject:${createHash('sha256')
    .update(JSON.stringify([tenantId, subject]))
    .digest('hex')
    .slice(0, 24)}`;

export function subjectHandlers({
  store,
  revocations,
  clock,
}: SubjectDeps): Handlers<'eraseSubject' | 'exportSubject'> {
  return {
    async eraseSubject({ tenant, body, change }) {
      const { subject } = body;
      const target = subjectTarget(tenant.id, subject);
      const live = await store.subjects.live(tenant.id, subject);
      // First, and not in the same transaction: what living conversations still write is written, and erased with the rest.
      await revocations.revoke(tenant.id, { kind: 'subject', value: subject });
      return change(
        (erased) => ({ action: 'subject.erase', target, payload: erased }),
        async () => ({
          ...(await store.subjects.erase(tenant.id, subject)),
          ...{ live, auditEntries: await store.audit.erase(tenant.id, target) },
        }),
      );
    },
    async exportSubject({ caller, tenant, body, page }) {
      const { subject, after } = body;
      const asked = { ...page, limit: CONVERSATIONS, ...given({ after }) };
      const { rows, next } = await store.subjects.sessions(tenant.id, subject, asked);
      const about = await Promise.all(rows.map((row) => sessionDetail(store, row)));
      const told = await store.subjects.deliveries(
        tenant.id,
        subject,
        rows.map(({ id }) => id),
      );
      const revoked = after === undefined ? await store.revocations.inForce(tenant.id, clock.wallNow()) : [];
      // Not by `change`, which remembers answers: this one is for nobody but who asked.
      await store.audit.add({
        ...{ tenantId: tenant.id, actor: caller.actor, action: 'subject.export' },
        ...{ target: subjectTarget(tenant.id, subject), payload: { sessions: rows.length, deliveries: told.length } },
      });
      return {
        ...{ subject, at: clock.wallNow(), rows: about, deliveries: told },
        revocations: revoked.filter(({ kind, value }) => kind === 'subject' && value === subject),
        ...(next !== undefined && { next }),
      };
    },
  };
}
