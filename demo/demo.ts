/**
 * The lab beside the customer's page. It uses the element's public attributes, methods and events
 * only, as any page could; the script itself is loaded by the page, as by a customer.
 */
import { Figures } from './figures.ts';
import { Timeline, type Row } from './timeline.ts';

const PHRASES = [
  'Hello!',
  'Who are you?',
  'What is the weather in Paris?',
  'Tell me a long story.',
  'Count from one to twenty.',
  'Book a room for tomorrow.',
  'Should I invest my savings in your fund?',
];
/** The log keeps this many lines. */
const LOG_LINES = 200;

/** An element that the page is known to have. */
function find<K extends keyof HTMLElementTagNameMap>(name: K, id: string): HTMLElementTagNameMap[K] {
  const element = document.querySelector<HTMLElementTagNameMap[K]>(`${name}#${id}`);
  if (!element) throw new Error(`the page has no ${name} called ${id}`);
  return element;
}

await customElements.whenDefined('voice-jib-jab');
const assistant = find('voice-jib-jab', 'assistant');
const drawing = document.querySelector<SVGSVGElement>('#timeline');
if (!drawing) throw new Error('the page has no timeline');
const timeline = new Timeline(drawing);
const figures = new Figures(find('dl', 'figures'));
const log = find('ol', 'log');
let startMs = performance.now();

// A function of the page that the model may call.
assistant.defineTool(
  'get_weather',
  {
    description: 'The weather forecast for a place. Use it for every question about weather.',
    parameters: {
      type: 'object',
      properties: { place: { type: 'string', description: 'A town, such as Paris' } },
      required: ['place'],
    },
  },
  ({ place = 'here' }) => {
    return { place, sky: 'sunny with light clouds', celsius: 18, windMetresPerSecond: 4, rain: false };
  },
);

/** One line in the log; the newest is at the bottom and in sight. */
function note(what: string, detail = ''): void {
  const line = document.createElement('li');
  const seconds = ((performance.now() - startMs) / 1_000).toFixed(2);
  for (const [className, words] of [
    ['at', seconds],
    ['what', what],
    ['detail', detail],
  ] as const) {
    const cell = document.createElement('span');
    cell.className = className;
    cell.textContent = words;
    line.append(cell);
  }
  const isAtEnd = log.scrollTop + log.clientHeight > log.scrollHeight - 40;
  log.append(line);
  while (log.childElementCount > LOG_LINES) log.firstElementChild?.remove();
  if (isAtEnd) log.scrollTop = log.scrollHeight;
}

function showState(): void {
  const names = ['No key', 'Ready', 'Connecting', 'Live', 'Reconnecting', 'Ended'];
  const isLive = assistant.readyState === 3;
  find('span', 'state').textContent = isLive ? assistant.phase : (names[assistant.readyState] ?? '');
  find('span', 'session').textContent = assistant.sessionId;
}

const rowOf = (lane: string): Row | null => (lane === 'A' || lane === 'B' || lane === 'C' ? lane : null);

assistant.addEventListener('readystatechange', () => {
  if (assistant.readyState === 2) {
    startMs = performance.now();
    timeline.reset(startMs);
    log.replaceChildren();
  }
  showState();
  note('readystatechange', String(assistant.readyState));
});
assistant.addEventListener('start', ({ sessionId }) => note('start', sessionId));
assistant.addEventListener('end', ({ reason }) => {
  timeline.endAll(performance.now());
  note('end', reason);
});
assistant.addEventListener('error', ({ error }) => note('error', `${error.code}: ${error.message}`));
assistant.addEventListener('phasechange', ({ phase, from }) => {
  const row = rowOf(assistant.lane) ?? 'B';
  const nowMs = performance.now();
  if (phase === 'held') timeline.begin(row, nowMs, 'hold');
  if (from === 'held') for (const lane of ['A', 'B', 'C'] as const) timeline.end(lane, nowMs, 'hold');
  showState();
  note('phasechange', `${from} → ${phase}`);
});
assistant.addEventListener('lanechange', ({ from, to, cause }) => {
  const nowMs = performance.now();
  const [before, after] = [rowOf(from), rowOf(to)];
  if (before) timeline.end(before, nowMs);
  if (after) timeline.begin(after, nowMs);
  note('lanechange', `${from} → ${to}, ${cause}`);
});
assistant.addEventListener('turnstart', ({ turn, source }) => {
  timeline.mark('you', 'turn', performance.now());
  note('turnstart', `${turn}, by ${source}`);
});
assistant.addEventListener('turnend', ({ turn, outcome, metrics }) => {
  const { A, B } = metrics.firstSentMs;
  if (A !== undefined) figures.add('reflex', A);
  if (B !== undefined) figures.add('answer', B);
  note('turnend', `${turn}, ${outcome}, heard ${Math.round(metrics.heardMs)} ms`);
});
assistant.addEventListener('interrupt', ({ by, heardMs, recovered }) => {
  if (!recovered) timeline.mark('B', 'kill', performance.now());
  note('interrupt', `${recovered ? 'recovered' : `by ${by}`}, heard ${Math.round(heardMs)} ms`);
});
assistant.addEventListener('transcript', ({ entry }) => {
  if (!entry.final) return;
  const said = entry.words.filter(({ state }) => state !== 'cut').map(({ text }) => text);
  const isCut = said.length < entry.words.length;
  note('transcript', `${entry.role === 'user' ? 'you' : 'agent'}: ${said.join('').trim()}${isCut ? ' … cut off' : ''}`);
});
assistant.addEventListener('toolcall', ({ name, args }) => note('toolcall', `${name} ${JSON.stringify(args)}`));
assistant.addEventListener('reconnecting', ({ attempt }) => note('reconnecting', `attempt ${attempt}`));
assistant.addEventListener('reconnected', ({ gapMs }) => note('reconnected', `after ${Math.round(gapMs)} ms`));
assistant.addEventListener('debug', ({ detail }) => {
  if (detail.type === 'onset') timeline.begin('you', performance.now());
  if (detail.type === 'offset') timeline.end('you', performance.now());
  if (detail.type === 'session.created' && detail.config) showKnobs(detail.config);
  if (detail.type === 'state.changed') find('span', 'arbiter-state').textContent = `${detail.state}, ${detail.cause}`;
  if (detail.type === 'policy.applied') {
    const { decision, reason, severity, side } = detail;
    const whose = side === 'input' ? 'what you said' : 'what the agent was about to say';
    note('policy', `${decision}, ${reason}, severity ${severity}: ${whose}`);
  }
  if (detail.type === 'policy.escalated') note('policy', `escalate, ${detail.reason}, severity ${detail.severity}`);
  if (detail.type === 'pause') figures.add('pause', detail.silenceMs);
  if (detail.type === 'round-trip') figures.add('round-trip', detail.ms);
});

for (const phrase of PHRASES) {
  const item = document.createElement('li');
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = phrase;
  button.addEventListener('click', () => assistant.send(phrase));
  item.append(button);
  find('ul', 'phrases').append(item);
}

/** The arbiter's knobs as they hold for this call. */
function showKnobs(config: Record<string, number | string | boolean>): void {
  const rows = Object.entries(config).map(([name, value]) => {
    const row = document.createElement('div');
    const term = document.createElement('dt');
    const detail = document.createElement('dd');
    term.textContent = name;
    detail.textContent = String(value);
    row.append(term, detail);
    return row;
  });
  find('dl', 'knobs').replaceChildren(...rows);
}

/** The code that a customer would paste for what is configured here. */
function showEmbed(): void {
  const shown = ['variant', 'turn', 'theme', 'lang'].flatMap((name) => {
    const value = assistant.getAttribute(name);
    const isDefault = value === null || value === '' || (name === 'turn' && value === 'auto');
    return isDefault ? [] : [`${name}="${value}"`];
  });
  find('code', 'embed').textContent = [
    `<script type="module" src="${location.origin}/voice-jib-jab.js"></script>`,
    `<voice-jib-jab ${['tenant="pk_demo"', ...shown].join(' ')}></voice-jib-jab>`,
  ].join('\n');
}

for (const name of ['turn', 'variant', 'theme', 'lang'] as const) {
  const select = find('select', name);
  select.addEventListener('change', () => {
    if (select.value === '') assistant.removeAttribute(name);
    else assistant.setAttribute(name, select.value);
    showEmbed();
  });
}

find('button', 'copy').addEventListener('click', () => {
  const copied = navigator.clipboard.writeText(find('code', 'embed').textContent);
  const button = find('button', 'copy');
  copied.then(
    () => (button.textContent = 'Copied'),
    () => (button.textContent = 'Select and copy by hand'),
  );
});

timeline.reset(startMs);
showEmbed();
showState();
