/**
 * The lab beside the customer's page. It uses the element's public attributes, methods and events
 * only, as any page could; the script itself is loaded by the page, as by a customer.
 */
import { embedCode, placeControls } from './controls.ts';
import { cutLine, installLine, setLine } from './faults.ts';
import { Figures } from './figures.ts';
import { Knobs } from './knobs.ts';
import { copies, find } from './page.ts';
import { placePreflight } from './preflight.ts';
import { Waveform } from './waveform.ts';
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

/** How long *Ten seconds offline* takes. */
const OFFLINE_MS = 10_000;

await customElements.whenDefined('voice-jib-jab');
const assistant = find('voice-jib-jab', 'assistant');
const drawing = document.querySelector<SVGSVGElement>('#timeline');
if (!drawing) throw new Error('the page has no timeline');
const timeline = new Timeline(drawing);
const figures = new Figures(find('dl', 'figures'));
const waveform = new Waveform(find('canvas', 'waveform'), () => assistant.levels);
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
  const { readyState } = assistant;
  if (readyState >= 2 && readyState <= 4) waveform.run();
  else waveform.stop();
  if (readyState === 2) {
    startMs = performance.now();
    timeline.reset(startMs);
    log.replaceChildren();
  }
  showState();
  note('readystatechange', String(readyState));
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
assistant.addEventListener('consentrequest', () => note('consentrequest'));
assistant.addEventListener('consentchange', ({ state }) => note('consentchange', state));
assistant.addEventListener('permissionchange', ({ state }) => note('permissionchange', state));
assistant.addEventListener('devicechange', () => note('devicechange', `${assistant.inputs.length} microphones`));
assistant.addEventListener('volumechange', () =>
  note('volumechange', assistant.muted ? 'muted' : String(assistant.volume)),
);
assistant.addEventListener('micmutechange', () => note('micmutechange', String(assistant.micMuted)));
assistant.addEventListener('rating', ({ score, comment }) => note('rating', `${score} of 5 ${comment}`));
assistant.addEventListener('handoff', ({ reason }) => note('handoff', reason));
assistant.addEventListener('toggle', () => note('toggle', assistant.open ? 'open' : 'closed'));
assistant.addEventListener('reconnecting', ({ attempt }) => note('reconnecting', `attempt ${attempt}`));
assistant.addEventListener('reconnected', ({ gapMs }) => note('reconnected', `after ${Math.round(gapMs)} ms`));
assistant.addEventListener('debug', ({ detail }) => {
  if (detail.type === 'onset') timeline.begin('you', performance.now());
  if (detail.type === 'offset') timeline.end('you', performance.now());
  if (detail.type === 'session.created' && detail.config) knobs.show(detail.config);
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

// The arbiter's knobs: what this call has, and what the next one will.
const knobs = new Knobs(find('div', 'knobs'), find('p', 'knobs-verdict'), (name, value) =>
  note('knob', `${name} ${value}`),
);
void knobs.load();
find('button', 'knobs-reset').addEventListener('click', () => void knobs.reset());

// Every attribute, and the code for what is set.
const embed = find('code', 'embed');
placeControls(
  assistant,
  {
    often: find('div', 'often'),
    seldom: find('div', 'seldom'),
    flags: find('div', 'flags'),
    texts: find('div', 'texts'),
    accent: find('input', 'accent'),
  },
  () => (embed.textContent = embedCode(assistant, location.origin)),
);
find('input', 'accent').addEventListener('input', () => (embed.textContent = embedCode(assistant, location.origin)));
copies(find('button', 'copy'), () => embed.textContent);
copies(find('button', 'copy-faults'), () => find('code', 'provider-faults').textContent);

// A bad network. It is taken in now, and does nothing until it is set.
installLine();
const knob = (id: string, apply: (value: number) => void) => {
  const control = find('select', id);
  control.addEventListener('change', () => {
    apply(Number(control.value));
    note('fault', `${id} ${control.selectedOptions[0]?.text ?? ''}`);
  });
};
knob('delay', (delayMs) => setLine({ delayMs }));
knob('jitter', (jitterMs) => setLine({ jitterMs }));
knob('loss', (lossShare) => setLine({ lossShare }));
find('button', 'cut').addEventListener('click', () => note('fault', `${cutLine(0)} connection cut`));
find('button', 'offline').addEventListener('click', () => {
  note('fault', `${cutLine(OFFLINE_MS)} connection cut, offline for ten seconds`);
});

placePreflight(() => assistant.checkSupport());

timeline.reset(startMs);
showState();
