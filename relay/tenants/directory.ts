/**
 * Who hosts conversations: looks tenants up by key and id, tells which pages may use them, and
 * makes new ones. Look-ups are cached for seconds, and hold on while the store does not answer; what
 * this process changes is seen at once.
 * Knows no tokens and no requests.
 */
import type { Clock } from '../clock.ts';
import { RelayError, type FieldProblem } from '../errors.ts';
import { newId, newPublishableKey } from '../ids.ts';
import { createLastKnown } from '../last-known.ts';
import type { Store, TenantRow } from '../store/store.ts';
import { DEFAULT_LIMITS, DEMO, DEMO_LIMITS, demoAssistant, firstAssistant } from './demo.ts';
import { ORIGIN_ADVICE, originAllowed, patternsFor, readOriginPattern } from './origins.ts';
import type { Assistant, AssistantChange, Limits, Tenant, TranscriptKeeping } from './tenant.ts';

/** How long an answer of the store is believed, in milliseconds: the bound on changes made elsewhere. */
const CACHE_MS = 5_000;

export interface Directory {
  byId(id: string): Promise<Tenant | undefined>;
  byPublishableKey(key: string): Promise<Tenant | undefined>;
  /** Whether a page of `origin` may use this tenant. */
  allowsOrigin(tenantId: string, origin: string): Promise<boolean>;
  /** Whether a page of `origin` may use any tenant at all: all that a CORS preflight can ask. */
  knowsOrigin(origin: string): Promise<boolean>;
  /** The newest version of the assistant; the tenant's first when no id is given. */
  assistant(tenantId: string, id?: string): Promise<Assistant | undefined>;
  limits(tenantId: string): Promise<Limits>;
  /**
   * @param origins - Patterns as people write them.
   * @throws {RelayError} `bad-request` with every wrong origin and everything wrong with the
   *   assistant, `conflict` when the slug is taken.
   */
  createTenant(request: {
    name: string;
    slug: string;
    origins: string[];
    /** What differs from a new tenant's assistant. */
    assistant?: AssistantChange;
  }): Promise<NewTenantAnswer>;
  /**
   * Makes a new version of an assistant, which sessions have from then on.
   *
   * @param id - The tenant's first without it.
   * @throws {RelayError} `bad-request` with everything that is wrong, `not-found`.
   */
  changeAssistant(tenantId: string, change: AssistantChange, id?: string): Promise<Assistant>;
  /** Makes or refreshes the demo tenant and lets these pages use it. */
  ensureDemo(origins: string[]): Promise<Tenant>;
  /** Sees to it that a demo tenant left by development cannot be used. */
  suspendDemo(): Promise<void>;
  /** Patterns of pages: those stored with the tenant, and those that hold besides. */
  pages(tenantId: string): Promise<{ stored: readonly string[]; also: readonly string[] }>;
  /** What the tenant set of itself, with the relay's defaults. */
  settings(tenantId: string): Promise<TenantSettings>;
  changeSettings(tenantId: string, change: Partial<TenantSettings>): Promise<void>;
  /** Lets the relay's own pages, the console's test call, use every tenant. */
  allowOwnPages(origins: readonly string[]): void;
  /** Forgets what was looked up: for whoever changes in the store itself what is read here. */
  forget(): void;
}

export interface TenantSettings {
  transcripts: TranscriptKeeping;
  singleUseTokens: boolean;
}
const DEFAULT_SETTINGS: TenantSettings = { transcripts: 'redacted', singleUseTokens: false };

export interface NewTenantAnswer {
  tenant: Tenant;
  origins: string[];
  publishableKey: string;
}

export function createDirectory(deps: {
  store: Store;
  clock: Clock;
  /** Of assistants that are made here. */
  model: string;
  /** Patterns allowed for the first tenant, besides its own. */
  firstTenantOrigins: readonly string[];
  /** Everything that is wrong with an assistant that is to be stored; nothing is checked without it. */
  checkAssistant?: (assistant: Assistant) => FieldProblem[];
}): Directory {
  const { store, clock, model, checkAssistant = () => [] } = deps;
  // Unknown names are remembered too: guessing keys costs the guesser, not the database.
  const options = { clock, freshMs: CACHE_MS };
  const tenants = createLastKnown<Tenant>(options);
  const keys = createLastKnown<Tenant>(options);
  const limits = createLastKnown<Limits>(options);
  const patterns = createLastKnown<string[]>(options);
  const known = createLastKnown<{ isKnown: boolean }>(options);
  const assistants = createLastKnown<Assistant>(options);
  const firsts = createLastKnown<{ id: string }>(options);
  let demo: { id: string; origins: string[] } | undefined;
  let ownPages: readonly string[] = [];

  function forget(): void {
    const clear = () => {
      for (const cache of [tenants, keys, limits, patterns, known, assistants, firsts]) cache.forget();
    };
    clear();
    // And when the change is there for everybody: others may have looked meanwhile.
    store.afterwards(clear);
  }

  const read = (row: TenantRow | undefined): Tenant | undefined =>
    row && {
      ...{ id: row.id, slug: row.slug, name: row.name, status: row.status === 'active' ? 'active' : 'suspended' },
      ...(JSON.parse(row.settings) as Partial<TenantSettings>),
    };
  const load = (id: string) => tenants.get(id, async () => read(await store.tenants.byId(id)));

  /** Patterns that hold for the tenant beyond those stored with it. */
  async function extraOrigins(tenantId: string): Promise<readonly string[]> {
    if (demo?.id === tenantId) return [...demo.origins, ...deps.firstTenantOrigins];
    if (demo !== undefined || deps.firstTenantOrigins.length === 0) return [];
    const first = await firsts.get('first', () => store.tenants.first(DEMO.slug));
    return first?.id === tenantId ? deps.firstTenantOrigins : [];
  }

  async function originsOf(tenantId: string): Promise<readonly string[]> {
    const stored = await patterns.get(tenantId, () => store.tenants.origins(tenantId));
    return [...(stored ?? []), ...(await extraOrigins(tenantId))];
  }

  const directory: Directory = {
    async byId(id) {
      return load(id);
    },
    async byPublishableKey(key) {
      return keys.get(key, async () => read(await store.tenants.byPublishableKey(key)));
    },
    async allowsOrigin(tenantId, origin) {
      return ownPages.includes(origin) || originAllowed(await originsOf(tenantId), origin);
    },
    async knowsOrigin(origin) {
      if (originAllowed([...deps.firstTenantOrigins, ...(demo?.origins ?? [])], origin)) return true;
      const open = patternsFor(origin);
      const answer = await known.get(open.join(' '), async () => ({
        isKnown: await store.tenants.anyHasOrigin(open),
      }));
      return answer?.isKnown === true;
    },
    assistant(tenantId, id) {
      return assistants.get(`${tenantId} ${id ?? ''}`, async () => {
        const row = await store.assistants.newest(tenantId, id);
        return row && { ...(JSON.parse(row.document) as Assistant), id: row.id, version: row.version };
      });
    },
    async limits(tenantId) {
      const set = await limits.get(tenantId, async () => ({
        ...DEFAULT_LIMITS,
        ...(await store.limits.of(tenantId)),
      }));
      return set ?? DEFAULT_LIMITS;
    },
    async createTenant({ name, slug, origins, assistant: change = {} }) {
      const canonical = new Set<string>();
      const problems = origins.flatMap((text, index) => {
        const one = readOriginPattern(text);
        if (one.ok) canonical.add(one.pattern);
        return one.ok ? [] : [{ at: `origins.${index}`, message: ORIGIN_ADVICE[one.problem] }];
      });
      const first = firstAssistant(newId('ast', clock.wallNow()), model, name);
      const assistant: Assistant = { ...first, ...change };
      for (const { at, message } of checkAssistant(assistant)) problems.push({ at: `assistant.${at}`, message });
      if (problems.length > 0) throw new RelayError('bad-request', 'origins or assistant are wrong', { problems });
      // The demo's name stays free for the demo, whose tenant production refuses.
      if (slug === DEMO.slug) throw new RelayError('conflict', 'the slug of the demo tenant', { at: 'slug' });
      const tenant: Tenant = { id: newId('ten', clock.wallNow()), slug, name, status: 'active' };
      const publishableKey = newPublishableKey();
      await store.tenants.create({
        ...tenant,
        origins: [...canonical],
        publishableKey,
        assistant: { id: assistant.id, version: 1, document: JSON.stringify(assistant) },
      });
      forget();
      return { tenant, origins: [...canonical], publishableKey };
    },
    async changeAssistant(tenantId, change, id) {
      const row = await store.assistants.newest(tenantId, id);
      if (row === undefined) throw new RelayError('not-found', 'no such assistant');
      const stored = JSON.parse(row.document) as Assistant;
      const assistant: Assistant = { ...stored, ...change, id: row.id, version: row.version + 1 };
      const problems = checkAssistant(assistant);
      if (problems.length > 0) throw new RelayError('bad-request', 'the assistant is wrong', { problems });
      const { version } = assistant;
      await store.assistants.add(tenantId, { id: row.id, version, document: JSON.stringify(assistant) });
      forget();
      return assistant;
    },
    async ensureDemo(origins) {
      const id = await findDemo();
      await store.tenants.setStatus(id, 'active');
      await store.limits.put(id, DEMO_LIMITS);
      await refreshDemoAssistant(id);
      forget();
      demo = { id, origins };
      return { id, slug: DEMO.slug, name: DEMO.name, status: 'active' };
    },
    async suspendDemo() {
      const row = await store.tenants.bySlug(DEMO.slug);
      if (row === undefined) return;
      await store.tenants.setStatus(row.id, 'suspended');
      demo = undefined;
      forget();
    },
    async pages(tenantId) {
      return { stored: await store.tenants.origins(tenantId), also: await extraOrigins(tenantId) };
    },
    async settings(tenantId) {
      const { transcripts, singleUseTokens } = { ...DEFAULT_SETTINGS, ...(await load(tenantId)) };
      return { transcripts, singleUseTokens };
    },
    async changeSettings(tenantId, change) {
      const row = await store.tenants.byId(tenantId);
      if (row === undefined) throw new RelayError('not-found', 'no such tenant');
      const settings = { ...(JSON.parse(row.settings) as Partial<TenantSettings>), ...change };
      await store.tenants.putSettings(tenantId, JSON.stringify(settings));
      forget();
    },
    allowOwnPages(origins) {
      ownPages = origins;
    },
    forget,
  };

  /** Of several relays that start at once on an empty store, one makes it. */
  async function findDemo(): Promise<string> {
    const known = await store.tenants.bySlug(DEMO.slug);
    if (known !== undefined) return known.id;
    try {
      return await createDemo();
    } catch (error) {
      const other = isConflict(error) ? await store.tenants.bySlug(DEMO.slug) : undefined;
      if (other === undefined) throw error;
      return other.id;
    }
  }

  async function createDemo(): Promise<string> {
    const id = newId('ten', clock.wallNow());
    const assistant = demoAssistant(newId('ast', clock.wallNow()), model);
    await store.tenants.create({
      ...{ id, slug: DEMO.slug, name: DEMO.name, status: 'active', limits: DEMO_LIMITS },
      // Which pages: those of this very process, known when it listens, and ALLOWED_ORIGINS.
      origins: [],
      publishableKey: DEMO.publishableKey,
      assistant: { id: assistant.id, version: 1, document: JSON.stringify(assistant) },
    });
    return id;
  }

  /** The demo's assistant follows the code; versions stay as they were. */
  async function refreshDemoAssistant(tenantId: string): Promise<void> {
    const row = await store.assistants.newest(tenantId);
    if (row === undefined) return;
    const wanted = JSON.stringify({ ...demoAssistant(row.id, model), version: row.version });
    if (row.document === wanted) return;
    const version = row.version + 1;
    const document = JSON.stringify({ ...demoAssistant(row.id, model), version });
    try {
      await store.assistants.add(tenantId, { id: row.id, version, document });
    } catch (error) {
      // Another relay of the same code has just added the same.
      if (!isConflict(error)) throw error;
    }
  }

  return directory;
}

const isConflict = (error: unknown) => error instanceof RelayError && error.code === 'conflict';
