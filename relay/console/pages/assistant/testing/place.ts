/** The editor on a page of its own, before a relay in memory that answers by the table of routes. */
import { pathOf, ROUTES, type AnswerOf, type BodyOf, type RouteName } from '../../../../http/api/routes.ts';
import { createApi } from '../../../api.ts';
import { placeOf } from '../../../location.ts';
import type { Me } from '../../../page.ts';
import { Copy } from '../../../parts/copy.ts';
import { Dialog } from '../../../parts/dialog.ts';
import { AssistantPage } from '../assistant.ts';
import { TestCall } from '../test-call.ts';
import { VoicePreview } from '../voice-preview.ts';

/** The widget, as far as the console knows it. */
export class Widget extends HTMLElement {
  declare getToken: (signal: AbortSignal) => Promise<string>;
}
class TestCallWithoutScript extends TestCall {
  constructor() {
    super();
    this.load = () => Promise.resolve();
  }
}
customElements.define('voice-jib-jab', Widget);
customElements.define('vjj-assistant-page', AssistantPage);
customElements.define('vjj-test-call-with-script', TestCall);
customElements.define('vjj-test-call', TestCallWithoutScript);
customElements.define('vjj-voice-preview', VoicePreview);
customElements.define('vjj-dialog', Dialog);
customElements.define('vjj-copy', Copy);

type Assistant = AnswerOf<'assistant'>;
export const ADA: Assistant = {
  ...{ id: 'ast_1', version: 3, name: 'Ada', model: 'gpt-realtime-2.1', voice: 'marin', locale: 'en-US' },
  ...{ instructions: 'Be brief.', tools: [], pageTools: false, lanes: { MIN_DELAY_BEFORE_REFLEX_MS: 700 } },
  policy: {
    disallowed: ['guaranteed returns'],
    moderation: { input: { 'self-harm': 'escalate' }, output: { hate: 'rewrite' } },
    topics: [{ name: 'medicine', words: ['dose'], action: 'disclaim', disclaimer: 'Ask a doctor.' }],
    required: [{ text: 'Calls are recorded.', when: 'first_answer' }],
    refusal: 'I cannot say that.',
    fallback: 'Please try again.',
  },
};
const CHOICES: AnswerOf<'choices'> = {
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
  webhookEvents: [],
};
const ME = { role: 'admin', csrf: 'c' } as unknown as Me;

interface Asked {
  name: RouteName;
  path: string;
  body: unknown;
  ifMatch: string | null;
}

/** A relay with one tenant in memory that answers by the table of routes. */
export function relay(assistants: Assistant[] = [ADA]) {
  const asked: Asked[] = [];
  const kept = new Map(assistants.map((one) => [one.id, [one]]));
  /** Answers of the next calls, instead of the usual ones. */
  const refusals: { name: RouteName; status: number; body: object }[] = [];
  const newest = (id: string) => kept.get(id)?.at(-1);
  const json = (body: unknown, status = 200, etag?: string) =>
    new Response(JSON.stringify(body), { status, headers: etag === undefined ? {} : { etag } });
  const versioned = (one: Assistant) => json(one, 200, `"v${one.version}"`);
  const save = (before: Assistant, { reflex, ...change }: BodyOf<'putAssistant'>): Assistant => {
    const next = { ...before, ...change, version: before.version + 1, ...(reflex && { reflex }) } as Assistant;
    kept.get(before.id)?.push(next);
    return next;
  };
  const missing = () => json({ code: 'not-found', detail: 'There is no such thing.' }, 404);

  function answer({ name, path, body, ifMatch }: Asked): Response {
    const [, id = '', part, version] = /assistants\/(\w+)(?:\/([\w-]+))?(?:\/(\d+))?/.exec(path) ?? [];
    const one = newest(id);
    switch (name) {
      case 'choices':
        return json(CHOICES);
      case 'assistants':
        return json({ rows: [...kept.values()].map((all) => ({ ...all.at(-1), createdAt: 1 })) });
      case 'addAssistant': {
        const made = { ...ADA, ...(body as { name: string }), id: `ast_${kept.size + 1}`, version: 1 };
        kept.set(made.id, [made]);
        return json(made, 201);
      }
      case 'assistantVersions': {
        const rows = Array.from({ length: one?.version ?? 0 }, (_, at) => ({ version: at + 1, createdAt: at }));
        return json({ rows: rows.reverse() });
      }
      case 'assistantVersion':
        return json({ ...ADA, name: `Ada ${part}`, version: Number(version) });
      case 'assistant':
        return one === undefined ? missing() : versioned(one);
      case 'putAssistant':
        if (one === undefined) return missing();
        return ifMatch === `"v${one.version}"`
          ? versioned(save(one, body as BodyOf<'putAssistant'>))
          : json({ code: 'changed-meanwhile', detail: 'Somebody changed it.' }, 412);
      case 'previewVoice':
        return new Response(wav(), { headers: { 'content-type': 'audio/wav' } });
      case 'testToken':
        return json({ token: 'signed', expiresIn: 600 }, 201);
      default:
        return missing();
    }
  }
  const fetcher: typeof fetch = (input, init = {}) => {
    const { pathname } = new URL(input instanceof Request ? input.url : input);
    const name = routeOf(init.method ?? 'GET', pathname);
    const body: unknown = typeof init.body === 'string' ? JSON.parse(init.body) : undefined;
    const one = { name, path: pathname, body, ifMatch: new Headers(init.headers).get('if-match') };
    asked.push(one);
    const at = refusals.findIndex((refusal) => refusal.name === name);
    const [refusal] = at === -1 ? [] : refusals.splice(at, 1);
    return Promise.resolve(refusal === undefined ? answer(one) : json(refusal.body, refusal.status));
  };
  return {
    ...{ asked, fetcher, save, newest },
    refuse: (name: RouteName, errors: { at: string; message: string }[]) =>
      refusals.push({ name, status: 400, body: { code: 'bad-request', detail: 'It is wrong.', errors } }),
    puts: () => asked.filter(({ name }) => name === 'putAssistant').map(({ body }) => body),
  };
}

function routeOf(method: string, path: string): RouteName {
  const fits = (name: RouteName) => {
    const params = Object.fromEntries([...ROUTES[name].path.matchAll(/:(\w+)/g)].map(([, one]) => [one, 'PART']));
    const pattern = new RegExp(`^${pathOf(name, params).replaceAll('PART', '[^/]+')}$`);
    return ROUTES[name].method === method && pattern.test(path);
  };
  const found = (Object.keys(ROUTES) as RouteName[]).find(fits);
  if (found === undefined) throw new Error(`no route ${method} ${path}`);
  return found;
}

/** A hundredth of a second of silence. */
function wav(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(44 + 480);
  const view = new DataView(bytes.buffer);
  const text = (at: number, word: string) => bytes.set(new TextEncoder().encode(word), at);
  text(0, 'RIFF');
  view.setUint32(4, bytes.length - 8, true);
  text(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, 24_000, true);
  view.setUint32(28, 48_000, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, 'data');
  view.setUint32(40, 480, true);
  return bytes;
}

const LONGEST_WAIT_MS = 5_000;
/** Waits until it is so. */
export async function until<T>(get: () => T | undefined | null | false): Promise<T> {
  const endMs = performance.now() + LONGEST_WAIT_MS;
  for (;;) {
    const got = get();
    if (got !== undefined && got !== null && got !== false) return got;
    if (performance.now() > endMs) throw new Error(`never: ${String(get)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export async function place(from = relay(), { role = 'admin', id }: { role?: string; id?: string } = {}) {
  const hash = `#/ten_1/assistant${id === undefined ? '' : `/${id}`}`;
  history.replaceState(null, '', hash);
  const page = new AssistantPage();
  Object.assign(page, { api: createApi(() => undefined, from.fetcher), me: { ...ME, role }, place: placeOf(hash) });
  const main = document.createElement('main');
  main.append(page);
  document.body.append(main);
  const root = await until(() => page.shadowRoot);
  await until(() => root.querySelector('form'));
  const find = (selector: string): HTMLInputElement => {
    const found = root.querySelector<HTMLInputElement>(selector);
    if (found === null) throw new Error(`no ${selector}`);
    return found;
  };
  const field = (name: string) => find(`form[novalidate] [name="${name}"]`);
  const unfold = () => {
    for (const part of root.querySelectorAll('details')) part.open = true;
  };
  const labelled = (text: string): HTMLInputElement => {
    const label = [...root.querySelectorAll('label')].find((one) => one.textContent.trim().startsWith(text));
    const control = label?.control;
    if (!control) throw new Error(`no field ${text}`);
    return control as HTMLInputElement;
  };
  const type = async (control: HTMLInputElement, value: string) => {
    control.value = value;
    control.dispatchEvent(new Event('input', { bubbles: true }));
    control.dispatchEvent(new Event('change', { bubbles: true }));
    await page.updateComplete;
  };
  const tick = async (text: string) => {
    labelled(text).click();
    await page.updateComplete;
  };
  const buttons = () => [...root.querySelectorAll('button')];
  const press = async (text: string) => {
    const button = buttons().find((one) => one.textContent.trim().replaceAll(/\s+/g, ' ').startsWith(text));
    if (!button) throw new Error(`no button ${text}`);
    button.click();
    await page.updateComplete;
  };
  const says = (text: string) => until(() => root.textContent.replaceAll(/\s+/g, ' ').includes(text));
  return { page, root, find, field, labelled, tick, type, press, says, buttons, unfold, from };
}

/** Answers the console's one dialog. */
export async function answer(action: string): Promise<string> {
  const dialog = await until(() => document.querySelector('vjj-dialog')?.shadowRoot?.querySelector('dialog[open]'));
  const text = dialog.textContent;
  [...dialog.querySelectorAll('button')].find((one) => one.textContent.trim() === action)?.click();
  await until(() => document.querySelector('vjj-dialog')?.shadowRoot?.querySelector('dialog') === null);
  return text.replaceAll(/\s+/g, ' ');
}

/** The look of the console; once. */
export async function dress(): Promise<void> {
  document.documentElement.lang = 'en';
  document.title = 'test';
  if (document.querySelector('link') !== null) return;
  const style = document.createElement('link');
  Object.assign(style, { rel: 'stylesheet', href: new URL('../../../console.css', import.meta.url).href });
  const loaded = new Promise((resolve) => style.addEventListener('load', resolve));
  document.head.append(style);
  await loaded;
}
export function clear(): void {
  for (const one of document.querySelectorAll('main, vjj-dialog')) one.remove();
  history.replaceState(null, '', '#');
}
