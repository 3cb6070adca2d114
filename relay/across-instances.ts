/**
 * What concerns all instances of the relay: who is there and how it goes, a conversation that is to be
 * ended or read wherever it is, and an instance that is to stop. Asks the others where it must; one that
 * does not answer is said to be silent and holds up nobody.
 */
import * as v from 'valibot';
import { readRecord, recordParts } from './audit/read-record.ts';
import type { CircuitView } from './bridge/openai/circuits.ts';
import type { Clock } from './clock.ts';
import type { FellowAsk } from './continuity/fellow-ask.ts';
import { InstanceGlance } from './http/api/operations.ts';
import type { AnswerOf } from './http/api/routes.ts';
import { SessionRecordPage } from './http/api/sessions.ts';
import type { Status } from './http/health.ts';
import { latenciesOf } from './latencies.ts';
import type { SessionRegistry } from './session/registry.ts';
import type { Owner } from './shared-state/ownership.ts';
import type { InstanceRow } from './store/checkpoints.ts';
import type { Store } from './store/store.ts';
import { VERSION } from './version.ts';

/** Rows of conversations under way, of one instance and of all. */
const MOST_ROWS = 200;
/** Who was not heard of for this long is not asked, in milliseconds. */
const SILENT_AFTER_MS = 45_000;
/** Figures over a day are not counted again for this long, in milliseconds. */
const FIGURES_AGE_MS = 5_000;
/** In the cursor of a record, before what counts within its part. */
const PART = 1_000_000_000;

const Name = v.pipe(v.string(), v.maxLength(100));
const Whole = v.pipe(v.number(), v.integer(), v.minValue(0));
/** What one instance asks another. One that is newer may ask what this one does not know: it gets no answer. */
const Question = v.variant('ask', [
  v.object({ ask: v.literal('glance') }),
  v.object({ ask: v.literal('drain') }),
  v.object({ ask: v.literal('end'), tenant: Name, session: Name }),
  v.object({ ask: v.literal('record-parts'), session: Name }),
  v.object({ ask: v.literal('record'), session: Name, part: Whole, after: Whole, limit: Whole }),
]);
type Question = v.InferOutput<typeof Question>;
const Parts = v.array(Whole);
const RecordPart = v.omit(SessionRecordPage, ['part', 'parts']);

export interface AcrossInstances {
  /** For a fellow instance; undefined for what is no question. */
  answer(question: unknown): Promise<unknown>;
  view(): Promise<AnswerOf<'operations'>>;
  latencies(): Promise<AnswerOf<'latencies'>>;
  /** Tells an instance to stop as it does at SIGTERM. @returns whether it will. */
  drain(instance: string): Promise<boolean>;
  /** @param instance - That was last known to have it. @returns whether it lived, and ends. */
  endSession(tenant: string, session: string, instance: string): Promise<boolean>;
  /** One page of all parts of the record, wherever they are. */
  readRecord(session: string, page: { after: number; limit: number }): Promise<AnswerOf<'sessionRecord'> | undefined>;
}

export interface AcrossInstancesDeps {
  store: Pick<Store, 'instances' | 'tenants' | 'turnFigures' | 'kind' | 'isUp'>;
  clock: Clock;
  self: Owner;
  questions: Pick<FellowAsk, 'ask'>;
  /** Those that live here. */
  sessions: Pick<SessionRegistry, 'newest' | 'end'>;
  circuits: () => CircuitView[];
  status: () => Status;
  auditDir: string;
  /** Begins to stop this instance. */
  stop: () => void;
}

type Instance = AnswerOf<'operations'>['instances'][number];
type Glance = v.InferOutput<typeof InstanceGlance>;

export function createAcrossInstances(deps: AcrossInstancesDeps): AcrossInstances {
  const { store, clock, self, questions, sessions, status, auditDir } = deps;
  const startedAt = clock.wallNow();
  let figures: { at: number; is: Promise<AnswerOf<'latencies'>> } | undefined;

  const ownRow = (): InstanceRow => ({
    ...{ id: self.instance, url: self.url, version: VERSION, startedAt, seenAt: clock.wallNow() },
    ...{ state: status().status === 'draining' ? 'draining' : 'active', sessions: status().sessions },
  });
  /** This one first; alone where the store cannot say who else there is. */
  async function everybody(): Promise<InstanceRow[]> {
    const rows = await store.instances.list().catch(() => []);
    return [ownRow(), ...rows.filter(({ id }) => id !== self.instance)];
  }
  const isSilent = ({ seenAt }: InstanceRow) => clock.wallNow() - seenAt > SILENT_AFTER_MS;
  const others = async () => (await everybody()).slice(1).filter((one) => !isSilent(one));

  /** @returns undefined where it does not answer, or as nobody would. */
  async function ask<const S extends v.GenericSchema>(
    { id, url }: Pick<InstanceRow, 'id' | 'url'>,
    question: Question,
    schema: S,
  ): Promise<v.InferOutput<S> | undefined> {
    const read = v.safeParse(schema, await questions.ask({ instance: id, url }, question));
    return read.success ? read.output : undefined;
  }

  function glance(): Glance {
    const { provider, model, isSharedStateUp = true, sessions: count } = status();
    const rows = sessions.newest(MOST_ROWS).map((row) => ({ ...row, provider }));
    return {
      ...{ sessions: count, rows, isDraining: status().status === 'draining', provider, model },
      ...{ circuits: deps.circuits(), isStoreUp: store.isUp(), isSharedStateUp },
    };
  }

  async function glanceOf(row: InstanceRow): Promise<{ instance: Instance; rows: AnswerOf<'operations'>['rows'] }> {
    const isThis = row.id === self.instance;
    const seen = isThis ? glance() : isSilent(row) ? undefined : await ask(row, { ask: 'glance' }, InstanceGlance);
    const { id, url, version, seenAt } = row;
    const known = { id, url, version, startedAt: row.startedAt, seenAt, isThis };
    if (seen === undefined)
      return {
        instance: {
          ...{ ...known, sessions: row.sessions, state: 'silent', provider: null, model: null, circuits: [] },
          ...{ isStoreUp: null, isSharedStateUp: null },
        },
        rows: [],
      };
    const { rows, isDraining, ...rest } = seen;
    return {
      instance: { ...known, ...rest, state: isDraining ? 'draining' : 'active' },
      rows: rows.map((one) => ({ ...one, instance: id })),
    };
  }

  async function withNames(rows: AnswerOf<'operations'>['rows']): Promise<AnswerOf<'operations'>['rows']> {
    const ids = [...new Set(rows.map(({ tenant }) => tenant))];
    const found = await Promise.all(ids.map((id) => store.tenants.byId(id).catch(() => undefined)));
    const names = new Map(found.map((row, at) => [ids[at], row?.name]));
    return rows.map((row) => {
      const tenantName = names.get(row.tenant);
      return { ...row, ...(tenantName !== undefined && { tenantName }) };
    });
  }

  const here = {
    drain: () => {
      // The answer is on its way before the doors close.
      setImmediate(deps.stop);
      return true;
    },
    end: (tenant: string, session: string) => sessions.end(tenant, session, 'token-revoked'),
  };

  /** Where the parts of a record are; what is on this instance's disk is read from there. */
  async function partsOf(session: string): Promise<{ part: number; at: InstanceRow | null }[]> {
    const found = new Map<number, InstanceRow | null>();
    for (const at of await others())
      for (const part of (await ask(at, { ask: 'record-parts', session }, Parts)) ?? []) found.set(part, at);
    for (const part of await recordParts(auditDir, session)) found.set(part, null);
    return [...found].map(([part, at]) => ({ part, at })).sort((a, b) => a.part - b.part);
  }

  return {
    async answer(asked) {
      const read = v.safeParse(Question, asked);
      if (!read.success) return undefined;
      const question = read.output;
      switch (question.ask) {
        case 'glance':
          return glance();
        case 'drain':
          return here.drain();
        case 'end':
          return here.end(question.tenant, question.session);
        case 'record-parts':
          return recordParts(auditDir, question.session);
        case 'record':
          return readRecord(auditDir, question.session, question, question.part);
        default:
          return question satisfies never;
      }
    },
    async view() {
      const seen = await Promise.all((await everybody()).map(glanceOf));
      const rows = seen.flatMap((one) => one.rows).sort((a, b) => b.since - a.since);
      return {
        at: clock.wallNow(),
        sessions: seen.reduce((sum, { instance }) => sum + instance.sessions, 0),
        rows: await withNames(rows.slice(0, MOST_ROWS)),
        instances: seen.map(({ instance }) => instance),
        ...{ store: store.kind, sharedState: status().sharedState },
      };
    },
    latencies() {
      const now = clock.now();
      if (figures === undefined || now - figures.at >= FIGURES_AGE_MS) {
        const is = latenciesOf(store.turnFigures, clock.wallNow());
        figures = { at: now, is };
        // Whoever asks next asks anew.
        is.catch(() => (figures = undefined));
      }
      return figures.is;
    },
    async drain(instance) {
      if (instance === self.instance) return here.drain();
      const row = (await others()).find(({ id }) => id === instance);
      return row !== undefined && (await ask(row, { ask: 'drain' }, v.boolean())) === true;
    },
    async endSession(tenant, session, instance) {
      if (here.end(tenant, session)) return true;
      const row = (await others()).find(({ id }) => id === instance);
      return row !== undefined && (await ask(row, { ask: 'end', tenant, session }, v.boolean())) === true;
    },
    async readRecord(session, { after, limit }) {
      const parts = await partsOf(session);
      const index = Math.floor(after / PART);
      const place = parts[index];
      if (place === undefined) return undefined;
      const { part, at } = place;
      const asked = { after: after % PART, limit };
      const page =
        at === null
          ? await readRecord(auditDir, session, asked, part)
          : await ask(at, { ask: 'record', session, part, ...asked }, RecordPart);
      if (page === undefined) return undefined;
      const hasMore = page.next !== undefined || index + 1 < parts.length;
      const next = page.next === undefined ? (index + 1) * PART : index * PART + Number(page.next);
      const { session: id, startedAt: beganAt, config, rows, lost } = page;
      return {
        ...{ session: id, part: index, parts: parts.length, startedAt: beganAt, config, rows, lost },
        ...(hasMore && { next: String(next) }),
      };
    },
  };
}
