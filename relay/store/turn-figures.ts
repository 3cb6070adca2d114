/**
 * Figures of turns over all tenants, for the operator: how quick answers were and what came of them.
 * No words, no names.
 */
import type { Database } from './database.ts';
import type { TurnFigures } from './records.ts';

export function createTurnFigures({ db }: Database): TurnFigures {
  return {
    async since(at, limit) {
      const rows = await db()
        .selectFrom('turns')
        .select(['ended_at', 'outcome', 'figures'])
        .where('ended_at', '>=', at)
        .orderBy('ended_at', 'desc')
        .limit(limit)
        .execute();
      return rows.map(({ ended_at, outcome, figures }) => ({ endedAt: ended_at ?? at, outcome, figures }));
    },
  };
}
