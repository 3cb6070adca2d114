/** What a relay of three instances answers its operator, and one to which nobody talks. */
import type { AnswerOf } from '../../http/api/routes.ts';
import type { Answers } from './relay.ts';

const NOW = Date.UTC(2026, 10, 23, 12);
type Instance = AnswerOf<'operations'>['instances'][number];
type Circuit = Instance['circuits'][number];

const works: Circuit = { provider: 'https://api.openai.com', credential: '3f9a0c11d2e4b567', is: 'closed', since: NOW };
const refused: Circuit = {
  ...{ ...works, credential: '90ab12cd34ef5678', is: 'open', since: NOW - 90_000 },
  ...{ why: 'refused', reason: 'invalid_api_key' },
};
export const instance = (name: string, more: Partial<Instance> = {}): Instance => ({
  ...{ id: `ins_${name}`, url: `http://10.0.0.${name}:3000`, version: '0.1.0', sessions: 2, state: 'active' },
  ...{ startedAt: NOW - 86_400_000, seenAt: NOW, isThis: name === '1', provider: 'openai', model: 'gpt-realtime-2.1' },
  ...{ circuits: [works], isStoreUp: true, isSharedStateUp: true },
  ...more,
});
export const live = (n: number, state: string, more: object = {}): AnswerOf<'operations'>['rows'][number] => ({
  ...{ id: `ses_live${n}`, tenant: 'ten_acme', tenantName: 'Acme', state, since: NOW - n * 60_000 },
  ...{ isProviderUp: true, provider: 'openai', instance: n % 2 === 0 ? 'ins_2' : 'ins_1' },
  ...more,
});
const window = (spanMs: number, turns: number): AnswerOf<'latencies'>['day'] => ({
  ...{ from: NOW - spanMs, to: NOW, turns, failed: turns / 50, errorRate: turns === 0 ? null : 0.02 },
  perMinute: turns / (spanMs / 60_000),
  lanes: {
    A: { turns: turns / 2, p50: turns === 0 ? null : 180, p95: turns === 0 ? null : 240 },
    B: { turns, p50: turns === 0 ? null : 312.4, p95: turns === 0 ? null : 388 },
    C: { turns: 0, p50: null, p95: null },
  },
});

/** Everybody talks, and not everything is well. */
export const busy = (): Answers => ({
  operations: () => ({
    ...{ at: NOW, sessions: 6, store: 'postgres', sharedState: 'redis' },
    rows: [
      live(1, 'B_PLAYING'),
      live(2, 'LISTENING', { tenant: 'ten_other', tenantName: 'Other & Sons' }),
      live(3, 'B_RESPONDING', { isProviderUp: false }),
      live(4, 'FALLBACK_PLAYING'),
    ],
    instances: [
      instance('1'),
      instance('2', { state: 'draining', circuits: [refused], isSharedStateUp: false }),
      instance('3', {
        ...{ state: 'silent', seenAt: NOW - 60_000, provider: null, model: null, circuits: [] },
        ...{ isStoreUp: null, isSharedStateUp: null },
      }),
    ],
  }),
  latencies: () => ({ recent: window(300_000, 50), day: window(86_400_000, 4_000) }),
  drainInstance: ({ params }) => ({ isDraining: params.instance !== 'ins_gone' }),
});

/** One instance, and nobody there. */
export const calm = (): AnswerOf<'operations'> => ({
  ...{ at: NOW, sessions: 0, rows: [], store: 'sqlite', sharedState: 'memory' },
  instances: [instance('1', { sessions: 0, circuits: [], provider: 'emulator', model: 'gpt-realtime-2.1' })],
});
export const quiet = (): Answers => ({
  operations: calm,
  latencies: () => ({ recent: window(300_000, 0), day: window(86_400_000, 0) }),
});
