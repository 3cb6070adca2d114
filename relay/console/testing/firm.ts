/** What a relay with two tenants answers: something of everything that the console shows. */
import { DEFAULT_CONFIG } from '#arbiter';
import type { AnswerOf } from '../../http/api/routes.ts';
import { busy } from './fleet.ts';
import { EVENTS, recordOf } from './record.ts';
import { Refusal, type Answers } from './relay.ts';

export const NOW = Date.UTC(2026, 10, 23, 12);
export const ACME = 'ten_acme';
type Role = AnswerOf<'me'>['role'];

export const TENANT: AnswerOf<'tenant'> = {
  ...{ id: ACME, name: 'Acme', slug: 'acme', status: 'active' },
  settings: { transcripts: 'redacted', singleUseTokens: false },
};
const OTHER = { ...TENANT, id: 'ten_other', name: 'Other & Sons', slug: 'other', status: 'suspended' as const };
const ORIGINS: AnswerOf<'origins'> = {
  origins: ['https://www.acme.example', 'https://*.shop.acme.example'],
  alsoAllowed: ['http://localhost:5173'],
};

export const me = (role: Role): AnswerOf<'me'> => ({
  kind: 'user',
  role,
  tenant: role === 'operator' ? null : { id: ACME, name: 'Acme', slug: 'acme' },
  user: { id: 'usr_me', email: 'me@acme.example', hasPassword: true },
  csrf: 'csrf-of-this-browser',
  expiresAt: NOW + 43_200_000,
});

const session = (n: number, more: object = {}): AnswerOf<'sessions'>['rows'][number] => ({
  id: `ses_${n}`,
  subject: n === 1 ? 'customer-17' : `anon_06h0df05fg9pqa51nzcffcvdxr${n}`,
  ...{ assistantId: 'ast_1', assistantVersion: 3, origin: n === 3 ? null : 'https://www.acme.example' },
  ...{ instance: 'ins_1', locale: n === 3 ? null : 'en-US', startedAt: NOW - n * 3_600_000 },
  ...{ endedAt: n === 2 ? null : NOW - n * 3_600_000 + 48_000, closeCode: n === 2 ? null : 1000 },
  ...{ turns: n, interruptions: 1, talkMs: 9_000, cost: 28_700, rating: n === 1 ? 4 : null, comment: null },
  ...more,
});
export const DETAIL: AnswerOf<'session'> = {
  ...session(1, { comment: 'Quick and kind.' }),
  turnRows: [
    {
      ...{ turn: 't1', startedMs: 400, endedMs: 2_300, outcome: 'interrupted', cost: 20_000 },
      ...{ userText: 'When are you open?', heardText: 'From nine', unheardText: 'to six.' },
      ...{ figures: { first_b_ms: 200, lane: 'B' }, rating: 2, comment: 'Too long.' },
    },
    {
      ...{ turn: 't2', startedMs: 2_800, endedMs: 9_000, outcome: 'refused', cost: 8_700, figures: {} },
      ...{ userText: null, heardText: null, unheardText: null, rating: null, comment: null },
    },
  ],
  usage: [
    { lane: 'B', kind: 'output_audio', quantity: 90, unit: 'tokens', cost: 8_000, priceDate: '2026-09-01', at: NOW },
    { lane: 'B', kind: 'output_audio', quantity: 10, unit: 'tokens', cost: 700, priceDate: '2026-09-01', at: NOW },
    { lane: 'C', kind: 'requests', quantity: 2, unit: 'requests', cost: 0, priceDate: '2026-09-01', at: NOW },
  ],
};
const RECORD = recordOf(EVENTS);

const signingKey = (kid: string, more: object): AnswerOf<'signingKeys'>['rows'][number] => ({
  ...{ kid, name: `backend ${kid}`, alg: 'HS256', kind: 'secret', state: 'active' },
  ...{ notBefore: NOW, notAfter: null, revokedAt: null, createdAt: NOW },
  ...more,
});
const user = (id: string, email: string, role: Role): AnswerOf<'users'>['rows'][number] => ({
  ...{ id, email, role, hasPassword: id !== 'usr_2', createdAt: NOW },
});
const LINK = { url: 'https://relay.example/console/#link=once', expiresAt: NOW + 86_400_000 };
const WEBHOOK: AnswerOf<'webhooks'>['rows'][number] = {
  ...{ id: 'whk_1', url: 'https://hooks.acme.example/voice', events: ['session.ended'], status: 'active' },
  ...{ secrets: 2, createdAt: NOW },
};
const delivery = (id: string, more: object): AnswerOf<'deliveries'>['rows'][number] => ({
  ...{ id, event: 'session.ended', body: '{"type":"session.ended"}', status: 'delivered', attempts: 1 },
  ...{ nextAt: NOW, lastResult: '200', createdAt: NOW },
  ...more,
});
const entry = (seq: number, payload: unknown): AnswerOf<'audit'>['rows'][number] => ({
  ...{ seq, at: NOW, actor: 'user:usr_me', action: 'origins.replace', target: `tenant:${ACME}`, payload },
  ...{ payloadHash: 'p', previousHash: 'q', hash: `h${seq}` },
});
const API_KEY: AnswerOf<'apiKeys'>['rows'][number] = {
  ...{ id: 'api_1', name: 'nightly report', prefix: 'vjj_abcd', role: 'viewer', createdAt: NOW },
  ...{ expiresAt: null, lastUsedAt: null, revokedAt: null },
};
const LIMITS: AnswerOf<'limits'> = {
  limits: {
    ...{ concurrentSessions: 20, connectsPerMinute: 60, longestSessionMs: 3_600_000, requestsPerMinute: 600 },
    ...{ minutesPerDay: 60, minutesPerMonth: null, spendPerDay: null, spendPerMonth: 50_000_000 },
  },
  own: { minutesPerDay: 60, spendPerMonth: 50_000_000 },
};
const day = (name: string, cost: number): AnswerOf<'usage'>['days'][number] => ({
  ...{ day: name, sessions: 4, turns: 9, talkMs: 200_000, cost, costByLane: { A: cost / 10, B: cost / 2, C: 0 } },
});
const budget = { period: '2026-11', talkMs: 3_300_000, cost: 41_000_000 };
const USAGE: AnswerOf<'usage'> = {
  days: [day('2026-11-21', 2_000_000), day('2026-11-22', 1_000_000), day('2026-11-23', 0)],
  total: { sessions: 12, turns: 27, talkMs: 600_000, cost: 3_000_000, costByLane: { A: 300_000, B: 1_500_000, C: 0 } },
  budgets: {
    day: { ...budget, minutes: 60, spend: null, used: 0.92, state: 'warned' },
    month: { ...budget, minutes: null, spend: 40_000_000, used: 1.03, state: 'used-up' },
  },
};
const CHOICES: AnswerOf<'choices'> = {
  ...{ models: ['gpt-realtime-2.1'], voices: ['marin'], locales: ['en-US'], moderationCategories: [], knobs: [] },
  webhookEvents: ['session.ended', 'budget.warned'],
};
const revocation = (value: string): AnswerOf<'revocations'>['rows'][number] => ({
  ...{ kind: 'subject', value, issuedBefore: NOW, expiresAt: NOW + 86_400_000, createdAt: NOW },
});

/** Everything, as whoever has that role sees it. */
export function firm(role: Role = 'operator'): Answers {
  let kept = { ...TENANT };
  let origins = ORIGINS;
  return {
    me: () => me(role),
    signIn: () => me(role),
    signInByLink: () => ({ ...me(role), user: { id: 'usr_me', email: 'me@acme.example', hasPassword: false } }),
    signOut: () => undefined,
    changePassword: () => undefined,
    choices: () => CHOICES,
    operators: () => ({
      rows: [user('usr_me', 'me@acme.example', 'operator'), user('usr_2', 'b@b.example', 'operator')],
    }),
    addOperator: ({ body }) => ({ ...user('usr_3', body.email, 'operator'), link: LINK }),
    removeOperator: () => undefined,
    ...busy(),
    relayAudit: () => ({ rows: [entry(1, { made: 'tenant' })] }),
    verifyRelayAudit: () => ({ entries: 1, isWhole: true }),
    tenants: ({ query }) =>
      role === 'operator'
        ? {
            rows: query['after'] === undefined ? [kept, OTHER] : [{ ...OTHER, id: 'ten_3', name: 'Third' }],
            ...(query['limit'] === '50' && query['after'] === undefined && { next: 'more' }),
          }
        : { rows: [kept] },
    createTenant: ({ body }) =>
      body.slug === 'taken'
        ? new Refusal(409, 'conflict', 'Another tenant has this slug.')
        : { ...body, id: 'ten_new', status: 'active', publishableKey: 'pk_new' },
    tenant: () => kept,
    changeTenant: ({ body }) => {
      kept = {
        ...kept,
        ...(body.name !== undefined && { name: body.name }),
        ...(body.status && { status: body.status }),
      };
      kept.settings = { ...kept.settings, ...(body.settings as Partial<typeof kept.settings> | undefined) };
      return kept;
    },
    deleteTenant: () => undefined,
    embed: () => ({
      ...{ src: 'https://relay.example/v/0.1.0/voice-jib-jab.js', integrity: 'sha384-abc', version: '0.1.0' },
      snippet: '<script type="module" src="https://relay.example/v/0.1.0/voice-jib-jab.js"></script>',
    }),
    origins: () => origins,
    putOrigins: ({ body }) => {
      const at = body.origins.findIndex((one) => !/^https?:\/\/[\w.*:-]+$/.test(one));
      if (at !== -1)
        return new Refusal(400, 'bad-request', 'wrong', [{ at: `origins.${at}`, message: 'is not an origin' }]);
      origins = { ...origins, origins: body.origins };
      return origins;
    },
    checkOrigin: ({ body }) =>
      body.url.startsWith('https://www.acme.example')
        ? {
            isAllowed: true,
            origin: 'https://www.acme.example',
            pattern: 'https://www.acme.example',
            reason: null,
            suggestions: [],
          }
        : {
            isAllowed: false,
            origin: null,
            pattern: null,
            reason: 'Nobody allowed it.',
            suggestions: ['https://new.example'],
          },
    limits: () => LIMITS,
    putLimits: ({ body }) => ({ limits: { ...LIMITS.limits, ...body }, own: body }) as AnswerOf<'limits'>,
    exportSubject: ({ body }) => ({
      ...{ subject: body.subject, at: NOW, rows: [DETAIL], deliveries: [], revocations: [] },
      ...(body.after === undefined && { next: 'more' }),
    }),
    eraseSubject: () => ({ sessions: 2, live: 1, deliveries: 3, auditEntries: 1 }),
    publishableKeys: () => ({
      rows: [
        { id: 'pk_2n7jqf2k3acz2mh7atq9eskt', status: 'active', createdAt: NOW },
        { id: 'pk_old', status: 'revoked', createdAt: NOW },
      ],
    }),
    addPublishableKey: () => ({ id: 'pk_new', status: 'active', createdAt: NOW }),
    revokePublishableKey: () => undefined,
    apiKeys: () => ({
      rows: [API_KEY, { ...API_KEY, id: 'api_2', name: 'old', role: 'admin', lastUsedAt: NOW, revokedAt: NOW }],
    }),
    addApiKey: ({ body }) => ({ ...API_KEY, id: 'api_3', name: body.name, secret: 'vjj_secret_once' }),
    revokeApiKey: () => undefined,
    signingKeys: () => ({
      rows: [
        signingKey('key_a', {}),
        signingKey('key_b', { state: 'retiring', notAfter: NOW + 86_400_000 }),
        signingKey('key_c', { state: 'upcoming', kind: 'jwk', alg: 'ES256', notBefore: NOW + 86_400_000 }),
        signingKey('key_d', {
          state: 'revoked',
          kind: 'jwks_url',
          alg: 'RS256',
          url: 'https://login.acme.example/jwks',
        }),
      ],
    }),
    addSigningKey: ({ body }) =>
      body.kind === 'jwk' && body.jwk['kty'] === undefined
        ? new Refusal(400, 'bad-request', 'wrong', [{ at: 'jwk', message: 'is not a public key' }])
        : {
            ...signingKey('key_new', { kind: body.kind }),
            ...(body.kind === 'secret' && { secret: 'signing-secret-once' }),
          },
    retireSigningKey: () => signingKey('key_a', { state: 'retiring' }),
    revokeSigningKey: () => undefined,
    providerKey: () => ({ key: { provider: 'openai', hint: 'ghij', createdAt: NOW } }),
    putProviderKey: () => ({ key: { provider: 'openai', hint: '7890', createdAt: NOW } }),
    removeProviderKey: () => undefined,
    assistants: () => ({ rows: [] }),
    sessions: ({ query }) => {
      if (query['search'] === 'nobody') return { rows: [] };
      if (query['live'] === 'true') return { rows: [session(2)] };
      return query['after'] === undefined
        ? { rows: [session(1), session(2), session(3)], next: 'more' }
        : { rows: [session(4)] };
    },
    session: ({ params }) => ({ ...DETAIL, ...session(Number(params.session.slice(4)), {}), id: params.session }),
    sessionRecord: ({ query }) => {
      const from = Number(query['after'] ?? 0);
      const rows = RECORD.slice(from, from + 10) as unknown as AnswerOf<'sessionRecord'>['rows'];
      const isMore = from + 10 < RECORD.length;
      const config: AnswerOf<'sessionRecord'>['config'] = { ...DEFAULT_CONFIG };
      return {
        session: 'ses_1',
        part: 0,
        parts: 1,
        startedAt: NOW,
        config,
        rows,
        lost: 0,
        ...(isMore && { next: String(from + 10) }),
      };
    },
    endSession: () => ({ isEnded: true }),
    usage: () => USAGE,
    revocations: ({ query }) =>
      query['after'] === undefined
        ? { rows: [revocation('customer-3')], next: 'more' }
        : { rows: [revocation('customer-4')] },
    revoke: ({ body }) => ({ ...revocation(body.value), kind: body.kind }),
    webhooks: () => ({ rows: [WEBHOOK] }),
    addWebhook: ({ body }) => ({ ...WEBHOOK, url: body.url, secret: 'whsec_once' }),
    changeWebhook: ({ body }) => ({ ...WEBHOOK, ...(body.status !== undefined && { status: body.status }) }),
    removeWebhook: () => undefined,
    rotateWebhook: () => ({ ...WEBHOOK, secret: 'whsec_second' }),
    testWebhook: () => ({ id: 'dlv_9' }),
    deliveries: ({ query }) =>
      query['after'] === undefined
        ? {
            rows: [
              delivery('dlv_1', {}),
              delivery('dlv_2', { status: 'pending', attempts: 2, lastResult: '503', nextAt: NOW }),
            ],
            next: 'more',
          }
        : { rows: [delivery('dlv_3', { status: 'dead', attempts: 9, lastResult: 'timeout' })] },
    replayDelivery: () => ({ id: 'dlv_10' }),
    users: () => ({ rows: [user('usr_1', 'a@acme.example', 'admin'), user('usr_2', 'b@acme.example', 'viewer')] }),
    addUser: ({ body }) => ({ ...user('usr_4', body.email, body.role), link: LINK }),
    linkUser: () => LINK,
    removeUser: () => undefined,
    audit: ({ query }) =>
      query['after'] === undefined
        ? { rows: [entry(3, { origins: ['https://a.example'] }), entry(2, {})], next: 'more' }
        : { rows: [entry(1, null)] },
    verifyAudit: () => ({ entries: 3, isWhole: false, brokenAt: 2 }),
  };
}
