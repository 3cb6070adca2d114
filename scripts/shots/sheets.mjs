/** Which sheets there are, and what stands on each: a cell is a page of its own, as wide as a window. */

const STATES = [
  ...['closed', 'open', 'connecting', 'listening', 'you speak', 'thinking', 'speaking', 'a conversation', 'held'],
  ...['interrupted', 'muted', 'no sound', 'no captions', 'reconnecting', 'hold, at rest', 'hold, pressed', 'typing'],
  ...['settings', 'consent', 'confirmation', 'rating', 'rating, chosen', 'rated', 'ended', 'disabled'],
];
const ERRORS = [
  ...[
    'MIC_DENIED',
    'MIC_DISMISSED',
    'MIC_NOT_FOUND',
    'MIC_IN_USE',
    'POLICY_BLOCKED',
    'INSECURE_CONTEXT',
    'CSP_WORKLET',
  ],
  ...['AUTOPLAY', 'ORIGIN_DENIED', 'TOKEN_EXPIRED', 'QUOTA', 'NETWORK', 'PROTOCOL'],
];
/** What is looked at in every language, and in the system's colours. */
const TELLING = [
  'open',
  'speaking',
  'interrupted',
  'settings',
  'consent',
  'confirmation',
  'rating, chosen',
  'MIC_DENIED',
];
const LANGUAGES = ['de', 'pl', 'fr', 'ja', 'zh', 'ko', 'hi', 'ar', 'he'];
const PAGES = [
  ...['overview', 'assistant', 'origins', 'keys', 'sessions', 'sessions/ses_1', 'usage', 'webhooks', 'people'],
  ...['audit', 'settings'],
];

const address = (path, query) => `${path}?${new URLSearchParams(query)}`;
/** How tall a cell of each form is, and how many stand in a row. */
const FORMS = {
  launcher: { 360: [640, 5], 1440: [640, 4] },
  panel: { 360: [620, 5], 1440: [620, 4] },
  inline: { 360: [480, 5], 1440: [420, 2] },
  bar: { 360: [330, 5], 1440: [240, 2] },
};
/** Of a wide window only the corner is shown where the rest is empty. */
const CROPS = { launcher: { from: 1000, width: 440 }, panel: { from: 0, width: 440 } };

function widgetCell(variant, width, state, more = {}) {
  const [height] = FORMS[variant][width];
  const crop = width === 1440 && CROPS[variant];
  return {
    label: [more.lang, state].filter(Boolean).join(' '),
    address: address('/widget', { variant, state, ...more }),
    ...{ width, height: more.text ? Math.round(height * 1.3) : height },
    ...(crop && { crop }),
  };
}
const THEMES = ['light', 'dark'];

function* widgetSheets() {
  for (const variant of Object.keys(FORMS)) {
    for (const width of [360, 1440]) {
      const [, columns] = FORMS[variant][width];
      for (const theme of THEMES) {
        const sheet = (part, states, more) => ({
          ...{ name: `widget-${variant}-${width}-${theme}-${part}`, theme, columns },
          cells: states.map((state) => widgetCell(variant, width, state, more)),
        });
        yield sheet('states', STATES.slice(0, 13));
        yield sheet('more', STATES.slice(13));
        yield sheet('errors', ERRORS);
      }
    }
    const [, columns] = FORMS[variant][360];
    for (const lang of LANGUAGES)
      yield {
        ...{ name: `widget-${variant}-language-${lang}`, theme: 'light', columns },
        cells: TELLING.map((state) => widgetCell(variant, 360, state, { lang })),
      };
    yield {
      ...{ name: `widget-${variant}-forced`, theme: 'dark', isForced: true, columns },
      cells: ['closed', ...TELLING].map((state) => widgetCell(variant, 360, state)),
    };
    yield {
      ...{ name: `widget-${variant}-twice`, theme: 'light', columns },
      cells: TELLING.map((state) => widgetCell(variant, 360, state, { text: 200 })),
    };
  }
}

const consoleCell = (as, hash, width, height) => ({
  label: `${as} ${hash}`,
  address: `${address('/console/', { as })}#/${hash}`,
  ...{ width, height },
});
function* consoleSheets() {
  const tenant = PAGES.map((page) => ['operator', `ten_acme/${page}`]);
  const operator = ['operations', 'tenants', 'relay', 'account'].map((page) => ['operator', page]);
  const fresh = PAGES.filter((page) => !page.includes('/')).map((page) => ['new', `ten_acme/${page}`]);
  const all = [...tenant, ...operator, ['nobody', ''], ['viewer', 'ten_acme/overview']];
  const by = (size) => all.flatMap((_, at) => (at % size === 0 ? [at] : []));
  for (const theme of THEMES) {
    yield* by(4).map((from) => ({
      ...{ name: `console-1440-${theme}-${from / 4 + 1}`, theme, columns: 2, scale: 0.5 },
      cells: all.slice(from, from + 4).map(([as, hash]) => consoleCell(as, hash, 1440, 1300)),
    }));
    yield* by(8).map((from) => ({
      ...{ name: `console-360-${theme}-${from / 8 + 1}`, theme, columns: 8, scale: 0.62 },
      cells: all.slice(from, from + 8).map(([as, hash]) => consoleCell(as, hash, 360, 2200)),
    }));
  }
  yield {
    ...{ name: 'console-phone-menu', theme: 'light', columns: 4, press: 'button.menu' },
    cells: ['operator', 'admin', 'viewer'].map((as) => consoleCell(as, 'ten_acme/overview', 360, 900)),
  };
  yield {
    ...{ name: 'console-empty', theme: 'light', columns: 4, scale: 0.36 },
    cells: fresh.map(([as, hash]) => consoleCell(as, hash, 1440, 1000)),
  };
  for (const from of by(8))
    yield {
      ...{ name: `console-forced-${from / 8 + 1}`, theme: 'dark', isForced: true, columns: 3, scale: 0.36 },
      cells: all.slice(from, from + 8).map(([as, hash]) => consoleCell(as, hash, 1440, 1000)),
    };
  for (const from of by(8))
    yield {
      ...{ name: `console-zoom-${from / 8 + 1}`, theme: 'light', columns: 4, scale: 0.5 },
      cells: all.slice(from, from + 8).map(([as, hash]) => consoleCell(as, hash, 720, 1400)),
    };
}

/** Pages as they stand in `docs/`, each alone and as large as it is. */
export const PICTURES = [
  { name: 'console-session', hash: 'ten_acme/sessions/ses_1', width: 1440, height: 900, theme: 'light' },
  { name: 'console-usage', hash: 'ten_acme/usage', width: 1440, height: 900, theme: 'light' },
  { name: 'console-operations', hash: 'operations', width: 1440, height: 1500, theme: 'light' },
  { name: 'console-phone', hash: 'ten_acme/sessions', width: 360, height: 740, theme: 'dark' },
].map(({ hash, ...more }) => ({ ...more, address: `${address('/console/', { as: 'operator' })}#/${hash}` }));

/** Every sheet; `name` is its file's. */
export const sheets = () => [...widgetSheets(), ...consoleSheets()];
