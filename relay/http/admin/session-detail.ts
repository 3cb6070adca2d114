/** One conversation with its turns and what it used, as the API tells it. */
import type { SessionRow } from '../../store/records.ts';
import type { Store } from '../../store/store.ts';
import type { AnswerOf } from '../api/routes.ts';

export async function sessionDetail(
  store: Pick<Store, 'sessions' | 'usage'>,
  row: SessionRow,
): Promise<AnswerOf<'session'>> {
  const turns = await store.sessions.turns(row.tenantId, row.id);
  return {
    ...row,
    turnRows: turns.map((turn) => ({ ...turn, figures: JSON.parse(turn.figures) as Record<string, unknown> })),
    usage: await store.usage.ofSession(row.tenantId, row.id),
  };
}
