/** An app on a real store in a folder of its own, with two tenants, for tests of its routes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { BlockList } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Hono } from 'hono';
import { createApp, type AppDeps } from '../../app.ts';
import { readRecord } from '../../audit/read-record.ts';
import { openKeyring, type Keyring } from '../../auth/keyring.ts';
import { createRevocations } from '../../auth/revocation.ts';
import { latenciesOf } from '../../latencies.ts';
import { createLog } from '../../log.ts';
import { choicesOf } from '../../choices.ts';
import { DEFAULT_CONFIG } from '#arbiter';
import { checkAssistant } from '../../session/assistant-check.ts';
import { memoryBroadcast } from '../../shared-state/broadcast.ts';
import { createWebhooks } from '../../webhooks/webhooks.ts';
import { memorySharedState } from '../../shared-state/memory.ts';
import { openStore, type Store } from '../../store/store.ts';
import { createDirectory, type Directory } from '../../tenants/directory.ts';
import { virtualClock, type VirtualClock } from '../../testing/virtual-clock.ts';
import type { RelayEnv } from '../request-env.ts';

export const ORIGIN = 'https://acme.example';
export const ADMIN = 'operator-token-1234567890';

export interface AppFixture {
  /** Of its own; removed at the end. */
  dir: string;
  app: Hono<RelayEnv>;
  deps: AppDeps;
  store: Store;
  clock: VirtualClock;
  directory: Directory;
  keyring: Keyring;
  /** Lines of the log. */
  logged: string[];
  /** Acme's, whose pages are those of {@link ORIGIN}. */
  publishableKey: string;
  tenantId: string;
  /** Sessions that were to end, what was said for a preview, the folder of records, instances that were to stop. */
  done: { ended: string[]; spoken: string[]; recordDir: string; drained: string[] };
  /** What the app is told of itself. */
  state: { isDraining: boolean; isStoreDown: boolean };
  end(): Promise<void>;
}

export async function appFixture(): Promise<AppFixture> {
  const dir = mkdtempSync(join(tmpdir(), 'vjj-app-'));
  const clock = virtualClock();
  const store = await openStore({ file: join(dir, 'vjj.db'), masterKey: 'm'.repeat(40), now: () => clock.wallNow() });
  const directory = createDirectory({ store, clock, model: 'm', firstTenantOrigins: [] });
  const keyring = await openKeyring(store.signingKeys, clock);
  const acme = await directory.createTenant({ name: 'Acme', slug: 'acme', origins: [ORIGIN] });
  await directory.createTenant({ name: 'Globex', slug: 'globex', origins: ['https://globex.example'] });
  const revocations = createRevocations({ store, broadcast: memoryBroadcast(), clock });
  const done = {
    ended: [] as string[],
    spoken: [] as string[],
    recordDir: join(dir, 'audit'),
    drained: [] as string[],
  };
  const outbox = createWebhooks({ clock, records: store.webhooks, send: () => Promise.resolve({ status: 204 }) });
  const acceptsUrl = (url: string) => url.startsWith('https://') && !/\/\/(localhost|127\.|10\.)/.test(url);
  const admin: AppDeps['admin'] = {
    ...{ checkAssistant, choices: choicesOf('m', DEFAULT_CONFIG), outbox, acceptsUrl, rateHz: 24_000 },
    endSession(_tenant, session) {
      done.ended.push(session);
      return true;
    },
    async readRecord(session, page) {
      const read = await readRecord(done.recordDir, session, page);
      return read && { ...read, part: 0, parts: 1 };
    },
    operations: {
      view: () =>
        Promise.resolve({ at: 1, sessions: 0, rows: [], instances: [], store: 'sqlite', sharedState: 'memory' }),
      latencies: () => latenciesOf(store.turnFigures, clock.wallNow()),
      drain(instance) {
        done.drained.push(instance);
        return Promise.resolve(instance === 'ins_1');
      },
    },
    speakAs(who, text) {
      done.spoken.push(`${who.voice}: ${text}`);
      return text === 'fail'
        ? Promise.reject(new Error('the model is gone'))
        : Promise.resolve(Int16Array.of(1, -2, 3));
    },
  };
  const logged: string[] = [];
  const state = { isDraining: false, isStoreDown: false };
  const deps: AppDeps = {
    log: createLog({ level: 'debug', destination: { write: (line: string) => void logged.push(line) } }),
    ...{ clock, directory, keyring, revocations, store, admin, shared: memorySharedState(), adminToken: ADMIN },
    rateLimit: { windowMs: 60_000, maxRequests: 50 },
    trustedProxies: new BlockList(),
    healthPath: '/health',
    isDraining: () => state.isDraining,
    pingStore: () => (state.isStoreDown ? Promise.reject(new Error('down')) : store.ping()),
    status: () => ({
      ...{ status: 'ok', version: '1.2.3', instance: 'ins_1', uptimeS: 1, sessions: 2 },
      ...{ provider: 'emulator', model: 'm', sharedState: 'memory' },
    }),
    ...{ staticRoot: join(dir, 'dist'), staticMaxAgeS: 300, publicUrl: 'https://relay.example' },
    siteUrl: () => 'https://relay.example',
  };
  return {
    ...{ dir, app: createApp(deps), deps, store, clock, directory, keyring, logged, state, done },
    publishableKey: acme.publishableKey,
    tenantId: acme.tenant.id,
    async end() {
      await store.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
