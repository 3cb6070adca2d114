/** The log of one conversation: every line says whose it is, which request opened it, and which turn it is in. */
import type { RelayMessage } from '#wire';
import type { Log } from '../log.ts';
import type { SessionSeed } from './session-deps.ts';

export interface SessionLog extends Log {
  /** The page was told: a turn began or ended. */
  told(message: RelayMessage): void;
}

export function createSessionLog(log: Log, { id, admission, request }: SessionSeed): SessionLog {
  let turn: string | null = null;
  const always = { session: id, tenant: admission.tenant.id, ...(request !== undefined && { request }) };
  return {
    told(message) {
      if (message.type === 'turn.started') ({ turn } = message);
      else if (message.type === 'turn.ended' && message.turn === turn) turn = null;
    },
    ...log.child(() => (turn === null ? always : { ...always, turn })),
  };
}
