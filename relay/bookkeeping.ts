/**
 * What a relay keeps of its conversations and tells of them: joins meter, record, budgets and
 * webhooks to the store. Nothing here makes a conversation wait, and a store that fails fails
 * nothing but the record.
 */
import type { Clock } from './clock.ts';
import { RelayError } from './errors.ts';
import type { Log } from './log.ts';
import type { ConversationSink } from './session/recording.ts';
import type { SessionEscalation } from './session/session-deps.ts';
import { everyHour } from './store/retention.ts';
import type { Store } from './store/store.ts';
import type { Admission } from './tenants/tenant.ts';
import type { BudgetLimits, Crossing } from './usage/account.ts';
import { createMeter, type Meter } from './usage/meter.ts';
import { PRICES, type PriceTable } from './usage/prices.ts';
import { createWriteBehind } from './usage/write-behind.ts';
import { createWebhooks, type Send, type Webhooks } from './webhooks/webhooks.ts';

/** Of others in a database, a conversation older than this was left by a relay that died. */
const NOBODY_TALKS_SO_LONG_MS = 24 * 3_600_000;

export interface Bookkeeping {
  meter: Meter;
  webhooks: Webhooks;
  conversations: ConversationSink;
  onEscalation: (escalation: SessionEscalation) => void;
  /**
   * The admission, with the tenant's budget asked after everything else.
   *
   * @throws {RelayError} `quota-used-up` besides what `admit` throws.
   */
  guard<R extends { isRenewal?: boolean }>(
    admit: (request: R) => Promise<Admission>,
  ): (request: R) => Promise<Admission>;
  /** Ends the record of conversations that another run of this relay has left, and begins to deliver. */
  start(): Promise<void>;
  /** Writes everything that waits. */
  stop(): Promise<void>;
}

export function createBookkeeping(options: {
  store: Pick<Store, 'sessions' | 'usage' | 'webhooks' | 'within' | 'kind'>;
  clock: Clock;
  log: Log;
  instance: string;
  limitsOf: (tenantId: string) => Promise<BudgetLimits>;
  transcriptionModel: string;
  send: Send;
  prices?: PriceTable;
}): Bookkeeping {
  const { store, clock, log, instance } = options;
  const queue = createWriteBehind({
    clock,
    onProblem: ({ what, lost, error }) =>
      log.warn('the record of a conversation waits', { code: what, count: lost, error }),
  });
  const webhooks = createWebhooks({
    ...{ clock, records: store.webhooks, send: options.send },
    onProblem: ({ code, detail, tenantId, error }) =>
      log.warn('a webhook fails', { code, reason: detail, error, ...(tenantId !== undefined && { tenant: tenantId }) }),
  });
  const meter = createMeter({
    ...{ clock, records: store.usage, limitsOf: options.limitsOf, prices: options.prices ?? PRICES },
    transcriptionModel: options.transcriptionModel,
    onCrossing: (tenantId, crossing) => queue.add('budget', () => tellCrossing(tenantId, crossing)),
    onProblem: ({ code, detail, error }) => log.warn('usage is not as it should be', { code, reason: detail, error }),
  });

  function tellCrossing(tenantId: string, crossing: Crossing): Promise<number> {
    const { kind, span, period, percent, used, limit } = crossing;
    const type = percent === 100 ? 'budget.exhausted' : 'budget.warning';
    const once = `${type} ${kind} ${period} ${percent}`;
    return webhooks.emit(tenantId, type, { kind, span, period, percent, used, limit }, once);
  }

  const conversations: ConversationSink = {
    began(session) {
      const { id, tenantId, subject, assistantId, assistantVersion, origin, locale, startedAt } = session;
      const assistant = { id: assistantId, version: assistantVersion };
      queue.add('session start', () =>
        store.within(async () => {
          await store.sessions.start(session);
          const told = { session: id, subject, assistant, origin, locale, startedAt };
          await webhooks.emit(tenantId, 'session.started', told, `started ${id}`);
        }),
      );
    },
    turn(turn, isInterrupted, words) {
      const { tenantId, sessionId, figures, ...said } = turn;
      queue.add('turn', () =>
        store.within(async () => {
          await store.sessions.addTurn(turn, isInterrupted);
          const numbers = JSON.parse(figures) as Record<string, number>;
          const told = { session: sessionId, isInterrupted, ...said, ...words, figures: numbers };
          await webhooks.emit(tenantId, 'turn.completed', told, `turn ${sessionId} ${turn.turn}`);
        }),
      );
    },
    ended({ id, tenantId, endedAt, closeCode, turns, interruptions, ...usage }) {
      queue.add('session end', () =>
        store.within(async () => {
          await store.sessions.end(tenantId, id, { endedAt, closeCode });
          const told = { session: id, endedAt, closeCode, turns, interruptions, usage };
          await webhooks.emit(tenantId, 'session.ended', told, `ended ${id}`);
        }),
      );
    },
  };

  let stopLooking = () => undefined as void;
  return {
    meter,
    webhooks,
    conversations,
    onEscalation: ({ tenant, ...escalation }) =>
      queue.add('escalation', () => webhooks.emit(tenant, 'policy.escalated', escalation)),
    guard: (admit) => async (request) => {
      const admission = await admit(request);
      if (request.isRenewal === true || (await meter.admits(admission.tenant.id))) return admission;
      admission.release();
      throw new RelayError('quota-used-up', "nothing is left of the tenant's budget");
    },
    async start() {
      // One file has one relay: whatever is still open there was left by a run that died.
      if (store.kind === 'sqlite') await store.sessions.endAllBut(instance, clock.wallNow());
      // A database may have others that live: there only age tells who does not.
      else
        stopLooking = everyHour(
          clock,
          [(now) => store.sessions.endAllBut(instance, now, now - NOBODY_TALKS_SO_LONG_MS)],
          (error) => log.warn('conversations that were left open are not ended', { error }),
        );
      webhooks.start();
    },
    async stop() {
      stopLooking();
      await meter.stop();
      await queue.stop();
      await webhooks.stop();
    },
  };
}
