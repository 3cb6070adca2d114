/** Lint: the import table of the house, types, and the length of files. */
import tseslint from 'typescript-eslint';

const home = (names, where) =>
  names.map((name) => ({ group: [name, `${name}/*`], message: `${name} is used by ${where} only` }));
const folder = (...names) =>
  names.map((name) => ({
    regex: `^(\\.\\./)+${name}(/|\\.ts$)|^(\\.\\./)+relay/${name}(/|\\.ts$)`,
    message: `this folder may not import ${name}`,
  }));
const LEAVES = [
  ...['auth', 'tenants', 'http', 'bridge', 'policy', 'reflex', 'audit', 'store', 'shared-state'],
  ...['outbound', 'usage', 'webhooks', 'continuity', 'telemetry'],
];
const JOINERS = ['session', 'app', 'main', 'emulator', 'cli', 'console'];
const TESTS = ['**/*.test.ts', '**/testing/**'];
const THIRD = {
  jose: home(['jose'], 'auth'),
  openai: home(['openai'], 'bridge/openai and reflex'),
  pino: home(['pino'], 'log'),
  hono: home(['hono', '@hono/*', 'hono-openapi'], 'app, http and session/upgrade'),
  store: home(['kysely', 'libsql', 'pg'], 'store'),
  widget: home(['lit', '@lit/*'], 'the widget and the console'),
  redis: home(['ioredis', 'rate-limiter-flexible'], 'shared-state'),
  outbound: home(['undici', 'ipaddr.js'], 'outbound and policy'),
  webhooks: home(['standardwebhooks'], 'webhooks'),
  passwords: home(['@node-rs/argon2'], 'auth'),
  telemetry: home(['prom-client', '@opentelemetry/*'], 'telemetry'),
  charts: home(['uplot'], 'the console'),
  reports: home(['@sentry/*'], 'error-tracking'),
};
const third = (...except) =>
  Object.entries(THIRD)
    .filter(([name]) => !except.includes(name))
    .flatMap(([, groups]) => groups);
const leafMayNot = (self, ...may) =>
  folder(...LEAVES.filter((leaf) => leaf !== self && !may.includes(leaf)), ...JOINERS);
const imports = (files, patterns, ignores = TESTS) => ({
  files,
  ignores,
  rules: {
    'no-restricted-imports': [
      'error',
      { patterns: [...patterns, { group: ['zod', 'zod/*'], message: 'valibot is the schema library' }] },
    ],
  },
});

export default tseslint.config(
  { ignores: ['dist/', 'coverage/', '**/node_modules/', 'data/', 'deploy/aws/cdk.out/'] },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      'no-console': 'error',
      eqeqeq: ['error', 'always'],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-invalid-void-type': 'off',
      // Records of ids are the state's own form; a Map is not plain JSON.
      '@typescript-eslint/no-dynamic-delete': 'off',
      '@typescript-eslint/consistent-type-definitions': 'off',
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
      '@typescript-eslint/no-misused-promises': [
        'error',
        { checksVoidReturn: { arguments: false, attributes: false } },
      ],
      '@typescript-eslint/unified-signatures': 'off',
    },
  },
  {
    files: TESTS,
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/no-unused-expressions': 'off',
    },
  },
  { files: ['relay/cli/**', 'scripts/**', 'bench/**'], rules: { 'no-console': 'off' } },
  // The import table: who may import whom.
  imports(
    ['relay/wire/**'],
    [...third(), ...folder(...LEAVES, ...JOINERS, 'arbiter', 'errors', 'clock', 'config', 'log')],
  ),
  imports(['relay/arbiter/**'], [...third(), ...folder(...LEAVES, ...JOINERS, 'errors', 'clock', 'config', 'log')]),
  imports(['relay/auth/**'], [...third('jose', 'passwords'), ...leafMayNot('auth', 'tenants', 'outbound')]),
  imports(['relay/outbound/**'], [...third('outbound'), ...leafMayNot('outbound')]),
  imports(['relay/usage/**'], [...third(), ...leafMayNot('usage', 'tenants')]),
  imports(['relay/webhooks/**'], [...third('webhooks'), ...leafMayNot('webhooks', 'outbound')]),
  imports(
    ['relay/console/**'],
    [
      ...third('widget', 'charts'),
      ...folder(
        ...LEAVES.filter((leaf) => leaf !== 'http'),
        ...JOINERS.filter((joiner) => joiner !== 'console'),
        ...['errors', 'clock', 'config', 'log'],
      ),
      { regex: '^(\\.\\./)+(relay/)?http/(?!api/)', message: 'the console knows of http its contract alone' },
      { group: ['node:*'], message: 'the console runs in a browser' },
    ],
  ),
  imports(['relay/tenants/**'], [...third(), ...leafMayNot('tenants', 'store')]),
  imports(['relay/store/**'], [...third('store'), ...leafMayNot('store')]),
  imports(['relay/shared-state/**'], [...third('redis'), ...leafMayNot('shared-state')]),
  imports(['relay/telemetry/**'], [...third('telemetry'), ...leafMayNot('telemetry')]),
  imports(['relay/continuity/**'], [...third(), ...leafMayNot('continuity', 'shared-state', 'store', 'bridge')]),
  imports(['relay/http/**'], [...third('hono'), ...leafMayNot('http', 'auth', 'tenants', 'shared-state', 'store')]),
  // The API's contract runs in browsers.
  imports(
    ['relay/http/api/**'],
    [
      ...[...third(), ...folder(...LEAVES, ...JOINERS, 'errors', 'clock', 'config', 'log')],
      { group: ['node:*', '../*'], message: 'the contract knows the schema library, #wire and #arbiter' },
    ],
  ),
  imports(['relay/error-tracking/**'], [...third('reports'), ...leafMayNot('error-tracking')]),
  imports(['relay/bridge/**'], [...third('openai'), ...leafMayNot('bridge')]),
  imports(['relay/policy/**'], [...third('outbound'), ...leafMayNot('policy')]),
  imports(['relay/reflex/**'], [...third('openai'), ...leafMayNot('reflex')]),
  imports(['relay/audit/**'], [...third(), ...leafMayNot('audit')]),
  imports(
    ['relay/emulator/**'],
    [...third(), ...folder(...LEAVES, ...JOINERS.filter((joiner) => joiner !== 'emulator'), 'arbiter')],
  ),
  imports(
    ['relay/session/**'],
    [...third(), ...folder('http', 'store', ...JOINERS.filter((joiner) => joiner !== 'session'))],
  ),
  imports(
    ['widget/**'],
    [
      ...third('widget'),
      { group: ['**/relay/**'], message: 'the widget reaches the relay by #wire and #arbiter only' },
      { group: ['node:*'], message: 'the widget runs in a browser' },
    ],
  ),
  imports(
    ['demo/**'],
    [
      {
        group: ['**/relay/**', '**/widget/**', '#wire', '#arbiter'],
        message: 'the demo imports dist/ only, as a customer would',
      },
    ],
  ),
  { files: ['**/*.mjs'], extends: [tseslint.configs.base], rules: { 'max-lines': ['error', 400] } },
);
