/**
 * Every attribute of the element as a control, and the code that a customer would paste for what is
 * set. Reads the element as it is: what it changes by itself (`open`, `muted`) shows here too.
 */
import { make } from './page.ts';

interface Choice {
  name: string;
  title: string;
  /** Values with the words for them; the first one is the default. */
  values: [value: string, words?: string][];
}

const LANGUAGES: [string, string][] = [
  ['', 'the page’s'],
  ['en', 'English'],
  ['de', 'Deutsch'],
  ['fr', 'Français'],
  ['es', 'Español'],
  ['pt', 'Português'],
  ['it', 'Italiano'],
  ['nl', 'Nederlands'],
  ['pl', 'Polski'],
  ['ja', '日本語'],
  ['zh', '中文'],
  ['ko', '한국어'],
  ['hi', 'हिन्दी'],
  ['ar', 'العربية'],
  ['he', 'עברית'],
];

const OFTEN: Choice[] = [
  { name: 'variant', title: 'Form', values: [['launcher'], ['panel'], ['inline'], ['bar'], ['headless']] },
  {
    name: 'turn',
    title: 'Turns',
    values: [
      ['auto', 'by ear'],
      ['hold', 'hold to talk'],
      ['toggle', 'tap to talk'],
    ],
  },
  { name: 'theme', title: 'Colours', values: [['', 'the page’s'], ['auto', 'the device’s'], ['light'], ['dark']] },
  { name: 'lang', title: 'Words', values: LANGUAGES },
  { name: 'mode', title: 'Mode', values: [['voice'], ['text'], ['auto', 'voice, else text']] },
  {
    name: 'placement',
    title: 'Placement',
    values: [['end-bottom'], ['start-bottom'], ['end-top'], ['start-top']],
  },
];

const SELDOM: Choice[] = [
  { name: 'captions', title: 'Captions', values: [['on'], ['off']] },
  { name: 'announce', title: 'Announce', values: [['auto'], ['polite'], ['off']] },
  {
    name: 'mute-policy',
    title: 'Muting',
    values: [
      ['silence', 'silences'],
      ['release', 'lets go of the microphone'],
    ],
  },
  {
    name: 'codec',
    title: 'Sound',
    values: [
      ['pcm', 'PCM'],
      ['opus', 'Opus, where both can'],
    ],
  },
  { name: 'preload', title: 'Preload', values: [['none'], ['intent'], ['auto']] },
  { name: 'consent', title: 'Consent', values: [['', 'not asked'], ['required']] },
  { name: 'storage', title: 'Storage', values: [['session'], ['local'], ['none']] },
  { name: 'resume', title: 'Resume', values: [['none'], ['tab']] },
];

const FLAGS = ['open', 'muted', 'micmuted', 'disabled', 'nohotkeys'] as const;

/** Name and an example. */
const TEXTS: [string, string][] = [
  ['tenant', 'pk_demo'],
  ['assistant', ''],
  ['hotkey', 'ctrl+shift+k'],
  ['controlslist', 'nomute norating'],
  ['src', 'https://relay.example'],
  ['token-src', '/api/voice-token'],
  ['name', 'voice_session'],
  ['worklet-base', '/static/'],
];

const defaults = new Map([...OFTEN, ...SELDOM].map(({ name, values }) => [name, values[0]?.[0] ?? '']));

/** The demo's own, or of no consequence for a customer. */
const NOT_SHOWN = new Set(['open', 'debug']);
const isFlag = (name: string) => (FLAGS as readonly string[]).includes(name);

/** The code to paste, with every attribute that is not at its default. */
export function embedCode(element: HTMLElement, origin: string): string {
  const attributes = ['tenant', ...defaults.keys(), ...FLAGS, ...TEXTS.map(([name]) => name).slice(1)].flatMap(
    (name) => {
      const value = element.getAttribute(name);
      if (value === null || NOT_SHOWN.has(name) || value === defaults.get(name)) return [];
      if (value === '' && !isFlag(name)) return [];
      return [value === '' ? name : `${name}="${value.replaceAll('&', '&amp;').replaceAll('"', '&quot;')}"`];
    },
  );
  const accent = element.style.getPropertyValue('--vjj-accent');
  return [
    `<script type="module" src="${origin}/voice-jib-jab.js"></script>`,
    ...(accent ? [`<style>`, `  voice-jib-jab { --vjj-accent: ${accent}; }`, `</style>`] : []),
    `<voice-jib-jab ${attributes.join(' ')}></voice-jib-jab>`,
  ].join('\n');
}

/** Puts the controls into their places and keeps them and the element alike. */
export function placeControls(
  element: HTMLElement,
  places: { often: HTMLElement; seldom: HTMLElement; flags: HTMLElement; texts: HTMLElement; accent: HTMLInputElement },
  changed: () => void,
): void {
  const shows: (() => void)[] = [];
  const set = (name: string, value: string | null) => {
    if (value === null) element.removeAttribute(name);
    else element.setAttribute(name, value);
  };

  const labelled = (title: string, control: HTMLElement) => {
    const label = make('label', title);
    label.append(control);
    return label;
  };
  const select = ({ name, title, values }: Choice) => {
    const control = make('select');
    control.id = name;
    for (const [value, words = value] of values) control.append(new Option(words, value));
    control.addEventListener('change', () => set(name, control.value === '' ? null : control.value));
    shows.push(() => (control.value = element.getAttribute(name) ?? defaults.get(name) ?? ''));
    return labelled(title, control);
  };
  places.often.append(...OFTEN.map(select));
  places.seldom.append(...SELDOM.map(select));

  for (const name of FLAGS) {
    const control = make('input');
    control.type = 'checkbox';
    control.id = name;
    control.addEventListener('change', () => set(name, control.checked ? '' : null));
    shows.push(() => (control.checked = element.hasAttribute(name)));
    const label = make('label');
    label.append(control, name);
    places.flags.append(label);
  }
  for (const [name, example] of TEXTS) {
    const control = make('input');
    control.id = name;
    control.placeholder = example;
    control.spellcheck = false;
    control.autocomplete = 'off';
    control.addEventListener('change', () => set(name, control.value === '' ? null : control.value));
    shows.push(() => (control.value = element.getAttribute(name) ?? ''));
    places.texts.append(labelled(name, control));
  }
  places.accent.addEventListener('input', () => {
    element.style.setProperty('--vjj-accent', places.accent.value);
  });

  const show = () => {
    for (const one of shows) one();
    changed();
  };
  new MutationObserver(show).observe(element, { attributes: true });
  show();
}
