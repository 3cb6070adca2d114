/**
 * Stands between the console and a relay that is not there: answers what the console's own tests are
 * answered. `?as=` says whose browser it is: `operator`, `admin`, `viewer`, `nobody`, or an admin of a
 * firm where nothing has happened yet (`new`). Says on the document's element when all was answered.
 */
import { NOW, firm } from '../../relay/console/testing/firm.ts';
import { Refusal, fakeRelay } from '../../relay/console/testing/relay.ts';

/** Nothing more was asked for so long: the page is whole. */
const QUIET_MS = 400;

// It is always a little after what happened there.
const aheadMs = NOW + 60_000 - Date.now();
const realNow = Date.now.bind(Date);
Date.now = () => realNow() + aheadMs;

const as = new URLSearchParams(location.search).get('as') ?? 'operator';
const ADA = {
  ...{ id: 'ast_1', version: 3, name: 'Ada', model: 'gpt-realtime-2.1', voice: 'marin', locale: 'en-US' },
  instructions: 'You answer for the Lighthouse Inn. Be brief and kind. Rooms are booked at the desk only.',
  tools: [],
  pageTools: true,
  lanes: { MIN_DELAY_BEFORE_REFLEX_MS: 700 },
  policy: {
    disallowed: ['guaranteed returns'],
    moderation: { input: { 'self-harm': 'escalate' }, output: { hate: 'rewrite' } },
    topics: [{ name: 'medicine', words: ['dose'], action: 'disclaim', disclaimer: 'Ask a doctor.' }],
    required: [{ text: 'Calls are recorded.', when: 'first_answer' }],
    refusal: 'I cannot say that.',
    fallback: 'Please try again.',
  },
};
const CHOICES = {
  models: ['gpt-realtime-2.1', 'gpt-realtime-2.1-mini'],
  voices: ['marin', 'cedar'],
  locales: ['en-US', 'de-DE'],
  moderationCategories: ['hate', 'self-harm'],
  knobs: [
    { name: 'LANE_A_ENABLED', value: true, means: 'Whether a reflex may fill the wait.' },
    { name: 'MIN_DELAY_BEFORE_REFLEX_MS', value: 400, min: 0, max: 10_000, means: 'Until a reflex may start.' },
    { name: 'EXPECTED_FIRST_AUDIO_MS', min: 0, max: 60_000, means: 'Seed of that expectation.' },
    { name: 'POLICY_MODE', value: 'strict', options: ['strict', 'lenient'], means: 'What may be heard.' },
  ],
  webhookEvents: ['session.ended', 'budget.warned'],
};
/** Thirty days as a shop has them: much on Mondays, little on Sundays. */
const DAYS = Array.from({ length: 30 }, (_, back) => {
  const at = NOW - (29 - back) * 86_400_000;
  const busy = 7 - ((new Date(at).getUTCDay() + 6) % 7) + (back % 3);
  const cost = busy * 190_000;
  const day = new Date(at).toISOString().slice(0, 10);
  const costByLane = { A: cost * 0.1, B: cost * 0.86, C: cost * 0.04 };
  return { day, sessions: busy * 4, turns: busy * 18, talkMs: busy * 410_000, cost, costByLane };
});
const total = DAYS.reduce(
  (sum, { sessions, turns, talkMs, cost }) => ({
    ...{ sessions: sum.sessions + sessions, turns: sum.turns + turns, talkMs: sum.talkMs + talkMs },
    cost: sum.cost + cost,
    costByLane: sum.costByLane,
  }),
  { sessions: 0, turns: 0, talkMs: 0, cost: 0, costByLane: { A: 0, B: 0, C: 0 } },
);
const used = firm().usage();
const none = () => ({ rows: [] });
const noBudget = { talkMs: 0, cost: 0, minutes: null, spend: null, used: 0, state: 'ok' };
const NEW = {
  ...Object.fromEntries(
    ['sessions', 'publishableKeys', 'apiKeys', 'signingKeys', 'webhooks', 'deliveries', 'revocations', 'users'].map(
      (name) => [name, none],
    ),
  ),
  assistants: none,
  audit: none,
  origins: () => ({ origins: [], alsoAllowed: [] }),
  providerKey: () => ({ key: null }),
  usage: () => ({
    days: [],
    total: { sessions: 0, turns: 0, talkMs: 0, cost: 0, costByLane: { A: 0, B: 0, C: 0 } },
    budgets: { day: { period: '2026-11-23', ...noBudget }, month: { period: '2026-11', ...noBudget } },
  }),
};
const OUT = { me: () => new Refusal(401, 'signed-out', 'Sign in.') };
const role = as === 'operator' || as === 'viewer' ? as : 'admin';
const relay = fakeRelay({
  ...firm(role),
  choices: () => CHOICES,
  assistants: () => ({ rows: [{ ...ADA, createdAt: Date.UTC(2026, 10, 20) }] }),
  assistant: () => ADA,
  assistantVersions: () => ({
    rows: [3, 2, 1].map((version) => ({ version, createdAt: Date.UTC(2026, 10, version) })),
  }),
  testToken: () => ({ token: 'signed', expiresIn: 600 }),
  usage: () => ({ ...used, days: DAYS, total }),
  ...(as === 'new' && NEW),
  ...(as === 'nobody' && OUT),
});

const real = globalThis.fetch;
let open = 0;
let timer;
function settle() {
  clearTimeout(timer);
  if (open === 0) timer = setTimeout(() => (document.documentElement.dataset.ready = 'yes'), QUIET_MS);
}
globalThis.fetch = async (input, init) => {
  const url = new URL(input instanceof Request ? input.url : input, location.href);
  if (!url.pathname.startsWith('/api/')) return real(input, init);
  open += 1;
  clearTimeout(timer);
  try {
    return await relay.fetcher(url, init);
  } finally {
    open -= 1;
    settle();
  }
};
addEventListener('load', settle);
