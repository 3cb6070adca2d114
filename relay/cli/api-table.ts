/**
 * The commands that speak to a running relay's API, as a table: words, the route, and how options
 * become its body. What is not here is reached with `vjj api ROUTE`.
 */
import type { RouteName } from '../http/api/routes.ts';

type Options = Record<string, string | string[] | boolean | undefined>;

export interface ApiCommand {
  /** `tenant show <tenant>`: words, then the route's parameters or what `body` reads. */
  words: string;
  route: RouteName;
  about: string;
  /** As commander writes them. */
  options?: readonly (readonly [flags: string, about: string])[];
  /** Options that go into the query, by name. */
  query?: readonly string[];
  body?: (given: Record<string, string>, options: Options) => unknown;
  /** Reads the route first, and changes what it read: for If-Match. */
  after?: RouteName;
  /** `--file` names where the answer's bytes go. */
  sound?: true;
  /** Asks for every page, the cursor in the body, and answers with all of them as one. */
  whole?: readonly string[];
}

const PAGE = [
  ['--after <cursor>', 'the page after'],
  ['--limit <n>', 'rows'],
] as const;
const paged = { options: PAGE, query: ['after', 'limit'] };
const truth = (value: unknown) => (value === undefined ? undefined : value === 'true');
const bare = (body: object) => Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
const pairs = (words: unknown) =>
  Object.fromEntries(
    ((words as string[] | undefined) ?? []).map((pair) => {
      const [name = '', value = ''] = pair.split('=');
      return [name, value === 'none' ? null : Number(value)];
    }),
  );
const json = (text: unknown): unknown => (text === undefined ? {} : JSON.parse(text as string));

export const API_COMMANDS: readonly ApiCommand[] = [
  { words: 'whoami', route: 'me', about: 'says who the token is' },
  { words: 'setup-link', route: 'setupLink', about: 'prints a one-time link by which the operator signs in' },
  { words: 'tenant list', route: 'tenants', about: 'lists tenants', ...paged },
  { words: 'tenant show <tenant>', route: 'tenant', about: 'shows one, by id or slug' },
  {
    words: 'tenant create <name>',
    route: 'createTenant',
    about: 'makes one, with its first publishable key',
    options: [
      ['--slug <slug>', 'its short name'],
      ['--origin <origin...>', 'pages that may use it'],
    ],
    body: ({ name }, { slug, origin = [] }) => bare({ name, slug, origins: origin }),
  },
  {
    words: 'tenant change <tenant>',
    route: 'changeTenant',
    about: 'changes name and settings',
    options: [
      ['--name <name>', 'new name'],
      ['--transcripts <kept>', 'off, redacted or full'],
      ['--single-use-tokens <yes>', 'true or false'],
    ],
    body: (_, { name, transcripts, singleUseTokens }) =>
      bare({ name, settings: bare({ transcripts, singleUseTokens: truth(singleUseTokens) }) }),
  },
  {
    words: 'tenant suspend <tenant>',
    route: 'changeTenant',
    about: 'stops it, and ends its sessions',
    body: () => ({ status: 'suspended' }),
  },
  {
    words: 'tenant restore <tenant>',
    route: 'changeTenant',
    about: 'lets it go on',
    body: () => ({ status: 'active' }),
  },
  {
    words: 'tenant delete <tenant>',
    route: 'deleteTenant',
    about: 'deletes it with everything it has',
    options: [['--slug <slug>', 'its slug once more, to be sure']],
    body: (_, { slug }) => bare({ slug }),
  },
  { words: 'tenant embed <tenant>', route: 'embed', about: 'prints the lines to paste into a page' },
  { words: 'tenant origins <tenant>', route: 'origins', about: 'lists pages that may use it' },
  {
    words: 'tenant set-origins <tenant> <origins...>',
    route: 'putOrigins',
    about: 'replaces them',
    body: ({ origins }) => ({ origins }),
  },
  {
    words: 'tenant check-origin <tenant> <url>',
    route: 'checkOrigin',
    about: 'says which pattern allows a page, or why none does',
    body: ({ url }) => ({ url }),
  },
  { words: 'tenant limits <tenant>', route: 'limits', about: 'shows limits and budgets' },
  {
    words: 'tenant set-limits <tenant> [limits...]',
    route: 'putLimits',
    about: 'replaces them: name=value, name=none; the rest is the default',
    body: ({ limits }) => pairs(limits),
  },
  {
    words: 'tenant usage <tenant>',
    route: 'usage',
    about: 'use, cost and budgets',
    options: [
      ['--from <day>', 'such as 2026-11-01'],
      ['--to <day>', 'the day after the last'],
    ],
    query: ['from', 'to'],
  },
  { words: 'tenant audit <tenant>', route: 'audit', about: 'who changed what', ...paged },
  { words: 'tenant verify-audit <tenant>', route: 'verifyAudit', about: 'recomputes the chain' },
  {
    words: 'tenant erase <tenant> <subject>',
    route: 'eraseSubject',
    about: 'takes out what one end user said',
    body: ({ subject }) => ({ subject }),
  },
  {
    words: 'subject export <tenant> <subject>',
    route: 'exportSubject',
    about: 'what is kept of one end user, as JSON',
    body: ({ subject }) => ({ subject }),
    whole: ['rows', 'deliveries', 'revocations'],
  },
  {
    words: 'subject erase <tenant> <subject>',
    route: 'eraseSubject',
    about: 'takes out their words and their name, and ends their conversations; figures stay',
    body: ({ subject }) => ({ subject }),
  },
  { words: 'instance list', route: 'operations', about: 'instances, providers, stores and conversations under way' },
  { words: 'instance drain <instance>', route: 'drainInstance', about: 'has one stop, as SIGTERM does' },
  { words: 'latencies', route: 'latencies', about: 'how soon lanes were heard, over five minutes and a day' },
  { words: 'key list <tenant>', route: 'signingKeys', about: 'lists signing keys' },
  {
    words: 'key add <tenant> <name>',
    route: 'addSigningKey',
    about: 'adds a signing key: a secret that is made and shown once, or --jwk, or --jwks-url with --alg',
    options: [
      ['--kid <kid>', 'its name in tokens'],
      ['--jwk <json>', 'a public JWK'],
      ['--jwks-url <url>', 'where a set of them is'],
      ['--alg <alg>', 'ES256, EdDSA or RS256'],
      ['--replaces', 'retires the others after 24 hours'],
    ],
    body: ({ name }, { kid, jwk, jwksUrl, alg, replaces }) =>
      bare({
        ...(jwk !== undefined ? { kind: 'jwk', jwk: json(jwk) } : {}),
        ...(jwksUrl !== undefined ? { kind: 'jwks_url', url: jwksUrl } : {}),
        ...(jwk === undefined && jwksUrl === undefined ? { kind: 'secret' } : {}),
        ...{ name, kid, alg, replaces },
      }),
  },
  {
    words: 'key retire <tenant> <kid>',
    route: 'retireSigningKey',
    about: 'lets it verify for 24 hours more',
    body: () => ({}),
  },
  { words: 'key revoke <tenant> <kid>', route: 'revokeSigningKey', about: 'refuses it, and ends its sessions' },
  { words: 'key list-publishable <tenant>', route: 'publishableKeys', about: 'lists publishable keys' },
  { words: 'key add-publishable <tenant>', route: 'addPublishableKey', about: 'makes a publishable key' },
  { words: 'key revoke-publishable <tenant> <key>', route: 'revokePublishableKey', about: 'revokes one' },
  { words: 'key list-api <tenant>', route: 'apiKeys', about: 'lists keys for the API' },
  {
    words: 'key add-api <tenant> <name>',
    route: 'addApiKey',
    about: 'makes a key for the API; shown once',
    options: [['--role <role>', 'admin or viewer']],
    body: ({ name }, { role = 'viewer' }) => ({ name, role }),
  },
  { words: 'key revoke-api <tenant> <key>', route: 'revokeApiKey', about: 'revokes one' },
  {
    words: 'key set-provider <tenant> <key>',
    route: 'putProviderKey',
    about: "sets the tenant's own key for the model's provider",
    body: ({ key }) => ({ key }),
  },
  { words: 'key remove-provider <tenant>', route: 'removeProviderKey', about: "uses the relay's own again" },
  { words: 'assistant list <tenant>', route: 'assistants', about: 'lists assistants' },
  { words: 'assistant show <tenant> <assistant>', route: 'assistant', about: 'shows the newest version' },
  {
    words: 'assistant change <tenant> <assistant> <json>',
    route: 'putAssistant',
    about: 'makes a new version; what the JSON does not name stays',
    after: 'assistant',
    body: ({ json: text }) => json(text),
  },
  {
    words: 'assistant hear <tenant> <assistant>',
    route: 'previewVoice',
    about: 'a sentence in its voice, as a WAV file',
    options: [
      ['--voice <voice>', 'another voice'],
      ['--text <text>', 'another sentence'],
      ['--file <file>', 'where to write it'],
    ],
    body: (_, { voice, text }) => bare({ voice, text }),
    sound: true,
  },
  {
    words: 'session list <tenant>',
    route: 'sessions',
    about: 'lists conversations',
    options: [
      ...PAGE,
      ['--search <text>', 'part of a subject, an id or what was said'],
      ['--live <yes>', 'true or false'],
    ],
    query: ['after', 'limit', 'search', 'live'],
  },
  { words: 'session show <tenant> <session>', route: 'session', about: 'one with its turns and usage' },
  { words: 'session record <tenant> <session>', route: 'sessionRecord', about: "the arbiter's record of it", ...paged },
  { words: 'session end <tenant> <session>', route: 'endSession', about: 'ends a live one' },
  {
    words: 'revoke <tenant> <kind> <value>',
    route: 'revoke',
    about: 'revokes a token (jti), subject, key (kid) or tenant',
    body: ({ kind, value }) => ({ kind, value }),
  },
  { words: 'webhook list <tenant>', route: 'webhooks', about: 'lists webhooks' },
  {
    words: 'webhook add <tenant> <url>',
    route: 'addWebhook',
    about: 'adds one; its secret is shown once',
    options: [['--event <event...>', 'names; all without it']],
    body: ({ url }, { event }) => bare({ url, events: event }),
  },
  {
    words: 'webhook change <tenant> <webhook>',
    route: 'changeWebhook',
    about: 'changes one',
    options: [
      ['--to <url>', 'new address'],
      ['--event <event...>', 'names'],
      ['--status <status>', 'active or disabled'],
    ],
    body: (_, { to, event, status }) => bare({ url: to, events: event, status }),
  },
  { words: 'webhook remove <tenant> <webhook>', route: 'removeWebhook', about: 'removes one' },
  { words: 'webhook rotate <tenant> <webhook>', route: 'rotateWebhook', about: 'gives it a new secret' },
  { words: 'webhook test <tenant> <webhook>', route: 'testWebhook', about: 'sends a test event' },
  { words: 'webhook deliveries <tenant> <webhook>', route: 'deliveries', about: 'what was sent', ...paged },
  { words: 'webhook replay <tenant> <webhook> <delivery>', route: 'replayDelivery', about: 'sends one again' },
  { words: 'user list <tenant>', route: 'users', about: 'lists people' },
  {
    words: 'user invite <tenant> <email>',
    route: 'addUser',
    about: 'answers with a one-time link to hand over',
    options: [['--role <role>', 'admin or viewer']],
    body: ({ email }, { role = 'viewer' }) => ({ email, role }),
  },
  { words: 'user link <tenant> <user>', route: 'linkUser', about: 'a new one-time link' },
  { words: 'user remove <tenant> <user>', route: 'removeUser', about: 'removes somebody' },
];
