/** Rows of conversations and turns in the relay's words, and what is left of one whose user was erased. */
import type { Selectable } from 'kysely';
import type { SessionRow, TurnRow } from './records.ts';
import type { Tables } from './schema.ts';

export const sessionRow = (row: Selectable<Tables['sessions']>): SessionRow => ({
  ...{ id: row.id, tenantId: row.tenant_id, subject: row.subject },
  ...{ assistantId: row.assistant_id, assistantVersion: row.assistant_version },
  ...{ origin: row.origin, instance: row.instance, locale: row.locale },
  ...{ startedAt: row.started_at, endedAt: row.ended_at, closeCode: row.close_code },
  ...{ turns: row.turns, interruptions: row.interruptions, talkMs: row.talk_ms },
  // Turns may be written before what they used, and what no turn used is in no turn.
  cost: Math.max(row.cost, row.billed),
  ...{ rating: row.rating, comment: row.comment },
});

export const turnRow = (row: Selectable<Tables['turns']>): TurnRow => ({
  ...{ tenantId: row.tenant_id, sessionId: row.session_id, turn: row.turn },
  ...{ startedMs: row.started_ms, endedMs: row.ended_ms, outcome: row.outcome },
  ...{ userText: row.user_text, heardText: row.heard_text, unheardText: row.unheard_text },
  ...{ figures: row.figures, cost: row.cost, rating: row.rating, comment: row.comment },
});

export const WORDLESS = { user_text: null, heard_text: null, unheard_text: null, words: null, comment: null };

/** What stands for an end user whose data was erased. */
export const ERASED = '';
