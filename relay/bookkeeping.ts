/**
 * What a relay keeps of its conversations and tells of them: joins meter, record, budgets and
 * webhooks to the store. Nothing here makes a conversation wait, and a store that fails fails
 * nothing but the record, which goes to the disk until the store is back.
 */
import type { Clock } from './clock.ts';
import { RelayError } from './errors.ts';
import type { Log } from './log.ts';
import type { BegunSession, ConversationSink, EndedSession, EndedTurn, TurnWords } from './session/recording.ts';
import type { SessionEscalation } from './session/session-deps.ts';
import { everyHour } from './store/retention.ts';
import type { Store } from './store/store.ts';
import type { Admission } from './tenants/tenant.ts';
import type { BudgetLimits, Crossing } from './usage/account.ts';
import { createJournal, type Journal } from './usage/journal.ts';
import { createMeter, type Meter, type MeteredRow, type TalkPart, type TalkSpan } from './usage/meter.ts';
import { PRICES, type PriceTable } from './usage/prices.ts';
import type { Spool } from './usage/spool.ts';
import { createWebhooks, type Send, type Webhooks } from './webhooks/webhooks.ts';

/** Of others in a database, a conversation older than this was left by a relay that died. */
const NOBODY_TALKS_SO_LONG_MS = 24 * 3_600_000;
/** What an instance has left that was not heard of for this long is ended, in milliseconds. */
export const DEAD_AFTER_MS = 300_000;
const LOOK_FOR_DEAD_MS = 60_000;
/** How long a budget's figures are waited for at the door, in milliseconds. */
const FIGURES_MS = 500;
const RETRY_S = 1;

/** What happened, as plain data: it can wait on a disk. */
export type BookEntry =
  | { kind: 'began'; session: BegunSession }
  | { kind: 'turn'; turn: EndedTurn; isInterrupted: boolean; words: TurnWords }
  | { kind: 'ended'; session: EndedSession }
  | { kind: 'escalation'; once: string; escalation: SessionEscalation }
  | { kind: 'crossing'; tenantId: string; crossing: Crossing }
  | { kind: 'usage'; rows: readonly MeteredRow[] }
  | { kind: 'talks'; spans: readonly TalkSpan[]; at: number }
  /** Of one conversation; a spool may hold them from before there were `talks`. */
  | { kind: 'talk'; tenantId: string; sessionId: string; talkMs: number; at: number; part: TalkPart };

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

export interface BookkeepingOptions {
  store: Pick<Store, 'sessions' | 'usage' | 'webhooks' | 'within' | 'kind'> &
    Partial<Pick<Store, 'instances' | 'onChange'>>;
  clock: Clock;
  log: Log;
  instance: string;
  limitsOf: (tenantId: string) => Promise<BudgetLimits>;
  transcriptionModel: string;
  send: Send;
  prices?: PriceTable;
  /** The provider billed a tenant so many millionths of a dollar. */
  onBilled?: (tenantId: string, cost: number) => void;
  /** One attempt to deliver a webhook is over. */
  onDelivery?: (result: 'delivered' | 'retry' | 'dead') => void;
  /** Where the record waits while the store is away; without it, it waits in memory and not for long. */
  spool?: Spool<BookEntry>;
}

export function createBookkeeping(options: BookkeepingOptions): Bookkeeping {
  const { store, clock, log, instance, spool } = options;
  const journal: Journal<BookEntry> = createJournal({
    ...{ clock, write, isAway },
    ...(spool && { spool }),
    onProblem: ({ what, lost, error }) =>
      log.warn('the record of a conversation waits', { code: what, count: lost, error }),
    onBehind(isBehind) {
      if (isBehind) log.error('the store is away: records go to the disk');
      else log.info('the store has all records again');
    },
  });
  const webhooks = createWebhooks({
    ...{ clock, records: store.webhooks, send: options.send },
    ...(options.onDelivery && { onDelivery: options.onDelivery }),
    onProblem: ({ code, detail, tenantId, error }) =>
      log.warn('a webhook fails', { code, reason: detail, error, ...(tenantId !== undefined && { tenant: tenantId }) }),
  });
  const meter = createMeter({
    ...{ clock, limitsOf: options.limitsOf, prices: options.prices ?? PRICES },
    records: {
      add: (rows) => journal.put({ kind: 'usage', rows }),
      addTalks: (spans, at) => journal.put({ kind: 'talks', spans, at }),
      // What the store says while some of it is on the disk would be too little.
      counts: (tenantId, periods) =>
        journal.isBehind
          ? Promise.reject(new RelayError('busy', 'usage is on the disk', { retryAfterS: RETRY_S }))
          : inTime(clock, store.usage.counts(tenantId, periods)),
    },
    ...{ transcriptionModel: options.transcriptionModel, run: instance },
    ...(options.onBilled && { onBilled: options.onBilled }),
    onCrossing: (tenantId, crossing) => journal.add({ kind: 'crossing', tenantId, crossing }),
    onProblem: ({ code, detail, error }) => log.warn('usage is not as it should be', { code, reason: detail, error }),
  });

  /** Each so that twice is once. */
  async function write(entry: BookEntry): Promise<void> {
    switch (entry.kind) {
      case 'began':
        return began(entry.session);
      case 'turn':
        return turn(entry);
      case 'ended':
        return ended(entry.session);
      case 'escalation': {
        const { tenant, ...escalation } = entry.escalation;
        await webhooks.emit(tenant, 'policy.escalated', escalation, entry.once);
        return;
      }
      case 'crossing':
        await tellCrossing(entry.tenantId, entry.crossing);
        return;
      case 'usage':
        return store.usage.add(entry.rows);
      case 'talks':
        return talks(entry);
      case 'talk':
        return store.usage.addTalk(entry.tenantId, entry.sessionId, entry.talkMs, entry.at, entry.part);
      default:
        return entry satisfies never;
    }
  }

  /** One whose tenant is gone holds up none of the others: then each is an entry of its own. */
  async function talks({ spans, at }: BookEntry & { kind: 'talks' }): Promise<void> {
    try {
      await store.usage.addTalks(spans, at);
    } catch (error) {
      if (!(error instanceof RelayError && error.code === 'not-found')) throw error;
      for (const span of spans) journal.add({ kind: 'talk', ...span, at });
    }
  }

  function tellCrossing(tenantId: string, crossing: Crossing): Promise<number> {
    const { kind, span, period, percent, used, limit } = crossing;
    const type = percent === 100 ? 'budget.exhausted' : 'budget.warning';
    const once = `${type} ${kind} ${period} ${percent}`;
    return webhooks.emit(tenantId, type, { kind, span, period, percent, used, limit }, once);
  }

  async function began(session: BegunSession): Promise<void> {
    const { id, tenantId, subject, assistantId, assistantVersion, origin, locale, startedAt } = session;
    const assistant = { id: assistantId, version: assistantVersion };
    try {
      await store.within(async () => {
        await store.sessions.start(session);
        const told = { session: id, subject, assistant, origin, locale, startedAt };
        await webhooks.emit(tenantId, 'session.started', told, `started ${id}`);
      });
    } catch (error) {
      if (!(error instanceof RelayError && error.code === 'conflict')) throw error;
      // It came from an instance that died, or was written by an attempt whose answer was lost.
      if (session.instance === instance) await store.sessions.goOn(tenantId, id, instance);
    }
  }

  function turn({ turn, isInterrupted, words }: BookEntry & { kind: 'turn' }): Promise<void> {
    const { tenantId, sessionId, figures, ...said } = turn;
    return store.within(async () => {
      const mayTell = await store.sessions.addTurn(turn, isInterrupted);
      const numbers = JSON.parse(figures) as Record<string, number>;
      const wordless = { userText: null, heardText: null, unheardText: null };
      const told = { session: sessionId, isInterrupted, ...said, ...(mayTell ? words : wordless), figures: numbers };
      await webhooks.emit(tenantId, 'turn.completed', told, `turn ${sessionId} ${turn.turn}`);
    });
  }

  function ended({ id, tenantId, endedAt, closeCode, turns, interruptions, ...usage }: EndedSession): Promise<void> {
    return store.within(async () => {
      await store.sessions.end(tenantId, id, { endedAt, closeCode });
      const told = { session: id, endedAt, closeCode, turns, interruptions, usage };
      await webhooks.emit(tenantId, 'session.ended', told, `ended ${id}`);
    });
  }

  const conversations: ConversationSink = {
    began: (session) => journal.add({ kind: 'began', session }),
    turn: (turn, isInterrupted, words) => journal.add({ kind: 'turn', turn, isInterrupted, words }),
    ended: (session) => journal.add({ kind: 'ended', session }),
  };

  const notEnded = (error: unknown) => log.warn('conversations that were left open are not ended', { error });
  const stops: (() => void)[] = [];
  let escalations = 0;
  return {
    meter,
    webhooks,
    conversations,
    onEscalation(escalation) {
      escalations += 1;
      journal.add({ kind: 'escalation', once: `escalated ${instance} ${escalations}`, escalation });
    },
    guard: (admit) => async (request) => {
      const admission = await admit(request);
      if (request.isRenewal === true || (await meter.admits(admission.tenant.id))) return admission;
      admission.release();
      throw new RelayError('quota-used-up', "nothing is left of the tenant's budget");
    },
    async start() {
      // One file has one relay: whatever is still open there was left by a run that died.
      if (store.kind === 'sqlite') await store.sessions.endAllBut(instance, clock.wallNow());
      else {
        // A database may have others that live: there only age tells who does not, or their silence.
        const endOld = (now: number) => store.sessions.endAllBut(instance, now, now - NOBODY_TALKS_SO_LONG_MS);
        stops.push(everyHour(clock, [endOld], notEnded));
        if (store.instances !== undefined) stops.push(endDead(store.instances));
      }
      const stop = store.onChange?.((isUp) => {
        if (isUp) journal.retry();
      });
      if (stop !== undefined) stops.push(stop);
      journal.start();
      webhooks.start();
    },
    async stop() {
      for (const stop of stops) stop();
      await meter.stop();
      await journal.stop();
      await webhooks.stop();
    },
  };

  /** Ends, now and then, what instances have left that are not heard of any more. */
  function endDead(instances: Store['instances']): () => void {
    /** Since when everybody could have been heard of; who was not in all that time is dead. */
    let listeningSince = clock.now();
    const offChange = store.onChange?.(() => {
      listeningSince = clock.now();
    });
    let cancel: () => void;
    const look = async () => {
      if (clock.now() - listeningSince < DEAD_AFTER_MS) return;
      const now = clock.wallNow();
      const living = (await instances.list()).filter(({ seenAt }) => now - seenAt < DEAD_AFTER_MS);
      await store.sessions.endAllBut([instance, ...living.map(({ id }) => id)], now, now - DEAD_AFTER_MS);
    };
    const later = () => {
      cancel = clock.wakeAt(clock.now() + LOOK_FOR_DEAD_MS, () => {
        look().catch(notEnded);
        later();
      });
    };
    later();
    return () => {
      offChange?.();
      cancel();
    };
  }
}

const isAway = (error: unknown) => error instanceof RelayError && error.code === 'busy';

/** Somebody stands at the door meanwhile. */
async function inTime<T>(clock: Clock, work: Promise<T>): Promise<T> {
  let cancel = () => undefined as void;
  const late = new Promise<never>((_, reject) => {
    cancel = clock.wakeAt(clock.now() + FIGURES_MS, () =>
      reject(new RelayError('busy', 'figures take too long', { retryAfterS: RETRY_S })),
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    cancel();
  }
}
