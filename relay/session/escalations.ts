/** Policy asks for a person: the log has the reason, and whoever is to be told gets whose conversation it is. */
import type { Log } from '../log.ts';
import type { Escalation } from './lane-c.ts';
import type { SessionDeps, SessionSeed } from './session-deps.ts';

export function createEscalations(
  { clock, onEscalation }: Pick<SessionDeps, 'clock' | 'onEscalation'>,
  { id, admission }: Pick<SessionSeed, 'id' | 'admission'>,
  log: Log,
): (escalation: Escalation) => void {
  const { tenant, assistant, subject } = admission;
  return (escalation) => {
    log.warn('policy asks for a person', { code: escalation.reason });
    onEscalation?.({
      ...escalation,
      session: id,
      tenant: tenant.id,
      assistant: { id: assistant.id, version: assistant.version },
      subject,
      at: clock.wallNow(),
    });
  };
}
